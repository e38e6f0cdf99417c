"""Host-based authentication (RFC 4252 9): the client's host vouches for its user with the host's key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mod_sftp.auth import keystores
from mod_sftp.auth.keycheck import MAX_ALGORITHM, OfferedKey, Unfit, check_blacklist, examine, shown
from mod_sftp.auth.keyoptions import Client, uses
from mod_sftp.auth.outcome import Attempt, Outcome, Result
from mod_sftp.crypto.verify import verify
from mod_sftp.log import SftpLog
from mod_sftp.wire.keyblob import MAX_BLOB, MAX_SIGNATURE
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import byte, string
from pyproftpd.session.conf import DaemonConf

if TYPE_CHECKING:
    from mod_sftp.wire.ssh import Reader

#: A host name has at most 253 characters (RFC 1035 2.3.4), and the final dot that clients send.
MAX_HOST = 254
MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class Request:
    algorithm: str
    blob: bytes
    host: bytes
    host_user: bytes
    signature: bytes


class HostBased:
    name = "hostbased"

    def read(self, reader: Reader) -> Request:
        request = Request(reader.text(MAX_ALGORITHM), reader.bytes(MAX_BLOB), reader.bytes(MAX_HOST),
                          reader.bytes(MAX_NAME), reader.bytes(MAX_SIGNATURE))
        reader.end()
        return request

    def probe(self, attempt: Attempt, request: Request) -> Outcome | None:
        return None

    def decide(self, attempt: Attempt, request: Request) -> Outcome:
        try:
            hash_name, text = shown(attempt.conf, request.blob)
            attempt.session.state(SftpLog).line(f"public key {hash_name} fingerprint: {text}")
            offered = examine(attempt.conf, request.algorithm, request.blob, fips=attempt.fips)
            if offered.certificate is not None:
                raise Unfit("certificates of hosts are not taken")
            check_blacklist(attempt.conf, offered.blob)
            self._check_host(attempt, request)
            self._authorised(attempt, offered)
            result = verify(request.algorithm, request.blob, request.signature, self._signed(attempt, request))
            if not result.ok:
                raise Unfit(f"failed to verify signature for user '{attempt.user}': {result.reason}")
        except Unfit as refusal:
            return Outcome(Result.FAILED, str(refusal))
        return Outcome(Result.SUCCEEDED, proof=offered.proof)

    @staticmethod
    def _check_host(attempt: Attempt, request: Request) -> None:
        """The name must be that of the address, where names of addresses are asked for at all (real server)."""
        session = attempt.session
        if not session.configuration.servers[0].get(DaemonConf).use_reverse_dns:
            return
        host = request.host.decode("ascii", "replace").rstrip(".").lower()
        if host != session.remote_name.rstrip(".").lower():
            raise Unfit(f"client host name '{host}' is not that of its address ('{session.remote_name}')")

    @staticmethod
    def _authorised(attempt: Attempt, offered: OfferedKey) -> None:
        candidate, session = attempt.candidate, attempt.session
        found = keystores.candidates(session, attempt.conf.authorized_host_keys, candidate.user, candidate.account)
        client = Client(attempt.user, session.remote_address, session.remote_name, time.time())
        entries = [uses(key, client) for key in keystores.find(found, offered.blob)]
        if candidate.account is None:
            raise Unfit(f"no account for user '{attempt.user}' found")
        if not any(not entry.refusal and not entry.authority for entry in entries):
            raise Unfit(f"host key is not authorized for user '{attempt.user}'")

    @staticmethod
    def _signed(attempt: Attempt, request: Request) -> bytes:
        return b"".join((
            string(attempt.connection.session_id), byte(Msg.USERAUTH_REQUEST), string(attempt.name),
            string("ssh-connection"), string(attempt.method), string(request.algorithm), string(request.blob),
            string(request.host), string(request.host_user)))
