"""What publickey and hostbased ask of any key before they look for it: algorithm, type, size, names for the logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mod_sftp.auth import blacklist
from mod_sftp.crypto.algorithms import signature_algorithm
from mod_sftp.crypto.offer import offer
from mod_sftp.wire.keyblob import (
    Certificate,
    PublicKey,
    fingerprint,
    key_type,
    parse_certificate,
    parse_key,
)
from pyproftpd.errors import PeerError

if TYPE_CHECKING:
    from mod_sftp.conf import SftpConf

#: Longest algorithm name of any table is below 64 (RFC 4251 6).
MAX_ALGORITHM = 64


class Unfit(Exception):
    """The key cannot be used; the text is for the log, the client gets a plain failure (security.md T4)."""


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A key that passed; ``certificate`` is the paper it came in, if it came in one."""

    algorithm: str
    blob: bytes
    key: PublicKey
    certificate: Certificate | None

    @property
    def proof(self) -> str:
        """What makes two keys the same key, whatever algorithm or certificate they are shown with."""
        return fingerprint(self.key.blob) if self.key.blob else fingerprint(self.blob)


def examine(conf: SftpConf, algorithm: str, blob: bytes, *, fips: bool) -> OfferedKey:
    """Before any look-up: known and allowed algorithm, a blob of its type, a size within SFTPKeyLimits. Raises: Unfit."""
    row = signature_algorithm(algorithm)
    if row is None:
        raise Unfit(f"unsupported public key algorithm '{algorithm}' requested")
    if algorithm not in offer("pubkey", conf.auth_public_keys, profile=conf.security_profile, fips=fips):
        raise Unfit(f"public key algorithm '{algorithm}' is not allowed by SFTPAuthPublicKeys")
    try:
        if key_type(blob) != row.key_type:
            raise Unfit(f"public key is not of the type that algorithm '{algorithm}' names")
        certificate = parse_certificate(blob) if row.certificate else None
        key = certificate.key if certificate is not None else parse_key(blob)
    except PeerError as error:
        raise Unfit(f"malformed public key: {error.text}") from None
    limits = conf.key_limits
    if not key.at_least(limits.rsa, limits.dsa, limits.ec):
        raise Unfit(f"public key of {key.bits} bits is smaller than SFTPKeyLimits allows")
    return OfferedKey(algorithm, bytes(blob), key, certificate)


def shown(conf: SftpConf, blob: bytes) -> tuple[str, str]:
    """Hash and fingerprint as SFTPKeyFingerprints wants them: ``("SHA256", "...")``."""
    hash_name, encoding = conf.key_fingerprints
    return hash_name.upper(), fingerprint(blob, hash_name, encoding)


def check_blacklist(conf: SftpConf, blob: bytes) -> None:
    """Raises: Unfit for a known weak key, and where a configured list cannot be read (failing closed).

    Without the directive the default file is used if it is there: not every installation has one.
    """
    path = conf.key_blacklist or blacklist.DEFAULT_PATH
    if path == "none":
        return
    try:
        weak = blacklist.listed(path, blob)
    except FileNotFoundError as error:
        if conf.key_blacklist is None:
            return
        raise Unfit(f"unable to open SFTPKeyBlacklist '{path}': {error.strerror}") from None
    except OSError as error:
        raise Unfit(f"unable to open SFTPKeyBlacklist '{path}': {error.strerror}") from None
    except ValueError as error:
        raise Unfit(f"SFTPKeyBlacklist '{path}': {error}") from None
    if weak:
        raise Unfit("public key is blacklisted: it is one of the known weak keys of CVE-2008-0166")
