"""Whom certificates are believed from, which names they must carry, and what never lets in.

Files: SFTPTrustedUserCAKeys, SFTPAuthorizedPrincipals and SFTPRevokedKeys, and the cert-authority entries of the user's
own stores. The first and the last are the administrator's and read as root's; one that cannot be read refuses every key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mod_sftp.api import StoredKey
from mod_sftp.auth.keycheck import OfferedKey, Unfit
from mod_sftp.auth.keyoptions import Client, Uses
from mod_sftp.auth.keystores import expand
from mod_sftp.auth.strictfiles import read_strictly
from mod_sftp.conf import SftpConf
from mod_sftp.crypto.certificates import Revocations, check_certificate
from mod_sftp.wire import krl
from mod_sftp.wire.keyblob import Certificate
from mod_sftp.wire.keyfiles import KeyFileError, read_public_keys
from pyproftpd.api.auth import Account
from pyproftpd.session.session import Session

#: Whose file the administrator's are: only root may have written them.
_ROOT = Account(name="root", uid=0, gid=0, home="/", shell="")
_FINGERPRINT = b"SHA256:"


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust of one user; files are read when they are asked."""

    session: Session
    conf: SftpConf
    user: str
    account: Account

    def check_revoked(self, offered: OfferedKey) -> None:
        """Raises: Unfit for a revoked key, and when the list cannot be read (failing closed)."""
        revoked = self._revocations()
        if offered.blob in revoked or offered.key.blob in revoked:
            raise Unfit(f"public key of user '{self.user}' is revoked")

    def by_certificate(self, offered: OfferedKey, certificate: Certificate,
                       entries: Iterable[tuple[StoredKey, Uses]], client: Client) -> Uses:
        """The first authority that vouches for this user. Raises: Unfit with the last reason against it."""
        reason = "no authority is trusted"
        for blob, entry, principals in self._authorities(entries):
            if entry.refusal:
                reason = entry.refusal
                continue
            verdict = check_certificate(
                certificate, offered.blob, trusted=(blob,), principals=principals, now=client.now,
                address=client.address, revoked=self._revocations())
            if verdict.ok:
                return replace(entry, touch=entry.touch and verdict.touch, verify=entry.verify or verdict.verification)
            if blob == certificate.authority:
                reason = verdict.reason
        raise Unfit(f"certificate of user '{self.user}' refused: {reason}")

    def _authorities(self, entries: Iterable[tuple[StoredKey, Uses]]) -> Iterable[tuple[bytes, Uses, Sequence[str]]]:
        for key, entry in entries:
            if entry.authority:
                yield key.blob, entry, entry.principals or (self.user,)
        path = self.conf.trusted_user_ca_keys
        if path is not None:
            principals = self._principals()
            for found in read_public_keys(self._read("SFTPTrustedUserCAKeys", path, _ROOT)):
                if isinstance(found, KeyFileError):
                    raise Unfit(f"SFTPTrustedUserCAKeys '{path}': {found}")
                yield found.blob, Uses(), principals

    def _principals(self) -> Sequence[str]:
        """Names of SFTPAuthorizedPrincipals, one a line; without the directive the user's own."""
        if self.conf.authorized_principals is None:
            return (self.user,)
        path = self.conf.authorized_principals
        try:
            text = self._read("SFTPAuthorizedPrincipals", expand(path, self.user, self.account), self.account)
        except ValueError as error:
            raise Unfit(f"SFTPAuthorizedPrincipals '{path}': {error}") from None
        lines = (line.strip() for line in text.decode("utf-8", "surrogateescape").splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))

    def _revocations(self) -> Revocations:
        path = self.conf.revoked_keys
        if path is None:
            return Revocations()
        data = self._read("SFTPRevokedKeys", path, _ROOT)
        if data.startswith(krl.MAGIC):
            try:
                return Revocations(listed=krl.parse_krl(data))
            except ValueError as error:
                raise Unfit(f"SFTPRevokedKeys '{path}': {error}") from None
        lines = data.splitlines()
        marked = [line.strip() for line in lines if line.strip().startswith(_FINGERPRINT)]
        rest = b"\n".join(line for line in lines if not line.strip().startswith(_FINGERPRINT))
        blobs = set()
        for found in read_public_keys(rest):
            if isinstance(found, KeyFileError):
                raise Unfit(f"SFTPRevokedKeys '{path}': {found}")
            blobs.add(found.blob)
        return Revocations(frozenset(blobs), frozenset(_digest(path, line) for line in marked))

    def _read(self, keyword: str, path: str, owner: Account) -> bytes:
        try:
            return read_strictly(path, owner, self.session.privs)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise Unfit(f"{keyword} '{path}' cannot be used: {reason}") from None


def _digest(path: str, line: bytes) -> bytes:
    """``SHA256:base64`` as ssh-keygen -l prints it."""
    encoded = line.removeprefix(_FINGERPRINT).split(None, 1)[0] if line != _FINGERPRINT else b""
    try:
        digest = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise Unfit(f"SFTPRevokedKeys '{path}' holds a fingerprint that is none")
    return digest
