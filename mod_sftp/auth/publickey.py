"""Public key authentication (RFC 4252 7), with OpenSSH's variant that binds the host key (PROTOCOL, hostbound)."""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mod_sftp.api import StoredKey
from mod_sftp.auth import keystores
from mod_sftp.auth.keycheck import MAX_ALGORITHM, OfferedKey, Unfit, check_blacklist, examine, shown
from mod_sftp.auth.keyoptions import Client, Uses, uses
from mod_sftp.auth.outcome import Attempt, Outcome, Result
from mod_sftp.auth.trust import Trust
from mod_sftp.crypto.verify import SigResult, verify
from mod_sftp.log import SftpLog
from mod_sftp.wire.keyblob import MAX_BLOB, MAX_SIGNATURE
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import boolean, byte, string

if TYPE_CHECKING:
    from mod_sftp.wire.ssh import Reader

HOSTBOUND = "publickey-hostbound-v00@openssh.com"


@dataclass(frozen=True, slots=True)
class Request:
    """``signature`` is ``None`` in a query; ``host_key`` only in the host-bound variant."""

    algorithm: str
    blob: bytes
    host_key: bytes | None
    signature: bytes | None


class PublicKey:
    """``name`` is the method that is offered; the host-bound variant is the same method with one more field signed."""

    __slots__ = ("_bound",)

    name = "publickey"

    def __init__(self, bound: bool = False) -> None:
        self._bound = bound

    def read(self, reader: Reader) -> Request:
        signed = reader.boolean()
        algorithm, blob = reader.text(MAX_ALGORITHM), reader.bytes(MAX_BLOB)
        host_key = reader.bytes(MAX_BLOB) if self._bound else None
        signature = reader.bytes(MAX_SIGNATURE) if signed else None
        reader.end()
        return Request(algorithm, blob, host_key, signature)

    def probe(self, attempt: Attempt, request: Request) -> Outcome | None:
        """A query: PK_OK for a key that would let this user in, and for no other (security.md U1)."""
        if request.signature is not None:
            return None
        try:
            self._authorised(attempt, self._examine(attempt, request))
        except Unfit as refusal:
            return Outcome(Result.DECLINED, str(refusal))
        attempt.session.state(SftpLog).line("sending publickey OK")
        attempt.connection.send(Msg.USERAUTH_PK_OK, string(request.algorithm), string(request.blob))
        return Outcome(Result.ANSWERED)

    def decide(self, attempt: Attempt, request: Request) -> Outcome:
        try:
            offered = self._examine(attempt, request)
            check_blacklist(attempt.conf, offered.key.blob or offered.blob)
            entry = self._authorised(attempt, offered)
            result = verify(request.algorithm, request.blob, request.signature or b"", self._signed(attempt, request))
            self._check_signature(attempt, result, entry)
        except Unfit as refusal:
            return Outcome(Result.FAILED, str(refusal))
        return Outcome(Result.SUCCEEDED, proof=offered.proof)

    def _examine(self, attempt: Attempt, request: Request) -> OfferedKey:
        """Says the fingerprint in log, environment and notes first: of refused keys too (real server)."""
        hash_name, text = shown(attempt.conf, request.blob)
        attempt.facts.update({
            "SFTP_USER_PUBLICKEY_ALGO": request.algorithm,
            "SFTP_USER_PUBLICKEY_FINGERPRINT": text,
            "SFTP_USER_PUBLICKEY_FINGERPRINT_ALGO": hash_name,
        })
        attempt.session.state(SftpLog).line(f"public key {hash_name} fingerprint: {text}")
        if request.host_key is not None and request.host_key != attempt.connection.host_key:
            raise Unfit("client is bound to another host key than that of this connection")
        return examine(attempt.conf, request.algorithm, request.blob, fips=attempt.fips)

    def _authorised(self, attempt: Attempt, offered: OfferedKey) -> Uses:
        """What the stores say of the key. A ghost's stores are read as those of a user without keys."""
        candidate = attempt.candidate
        client = Client(attempt.user, attempt.session.remote_address, attempt.session.remote_name, time.time())
        found = list(keystores.candidates(attempt.session, attempt.conf.authorized_user_keys, candidate.user,
                                          candidate.account))
        if candidate.account is None:
            raise Unfit(f"no account for user '{attempt.user}' found")
        if offered.proof in attempt.progress.used:
            raise Unfit(f"public key was used before in this login of user '{attempt.user}'")
        trust = Trust(attempt.session, attempt.conf, candidate.user, candidate.account)
        trust.check_revoked(offered)
        match_subject = "MatchKeySubject" in attempt.conf.options
        entries = [(key, uses(key, client, match_subject=match_subject)) for key in found]
        if offered.certificate is not None:
            return trust.by_certificate(offered, offered.certificate, entries, client)
        return _plain(attempt.user, offered, entries)

    @staticmethod
    def _check_signature(attempt: Attempt, result: SigResult, entry: Uses) -> None:
        options = attempt.conf.options
        if not result.ok:
            raise Unfit(f"failed to verify signature for user '{attempt.user}': {result.reason}")
        if (entry.touch or "FIDOTouchRequired" in options) and not result.touched:
            raise Unfit(f"security key of user '{attempt.user}' was not touched")
        if (entry.verify or "FIDOVerifyRequired" in options) and not result.verified:
            raise Unfit(f"security key of user '{attempt.user}' did not verify its user")

    def _signed(self, attempt: Attempt, request: Request) -> bytes:
        """What the client signed (RFC 4252 7): the name as it was sent."""
        data = b"".join((
            string(attempt.connection.session_id), byte(Msg.USERAUTH_REQUEST), string(attempt.name),
            string("ssh-connection"), string(attempt.method), boolean(True), string(request.algorithm),
            string(request.blob)))
        return data if request.host_key is None else data + string(request.host_key)


def _plain(user: str, offered: OfferedKey, entries: Sequence[tuple[StoredKey, Uses]]) -> Uses:
    """The first entry of the key itself that lets it in; an entry of an authority speaks for certificates only."""
    own = [entry for key, entry in entries if hmac.compare_digest(key.blob, offered.blob) and not entry.authority]
    for entry in own:
        if not entry.refusal:
            return entry
    raise Unfit(f"public key for user '{user}' refused: {own[0].refusal}" if own
                else f"public key is not authorized for user '{user}'")
