"""Password authentication (RFC 4252 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mod_sftp.auth.outcome import WORDING, Attempt, Outcome, Result
from pyproftpd.api.auth import Verdict
from pyproftpd.session import login

if TYPE_CHECKING:
    from mod_sftp.wire.ssh import Reader

#: Longest password that is looked at; hashing 100 KiB would be a cheap way to keep us busy (CVE-2016-6515).
MAX_PASSWORD = 1024

@dataclass(frozen=True, slots=True)
class Request:
    """``change`` is true where the client answers a request for a new password; a secret never shows in a repr."""

    change: bool
    password: bytes = field(repr=False)


class Password:
    name = "password"

    def read(self, reader: Reader) -> Request:
        change = reader.boolean()
        password = reader.bytes()
        if change:
            reader.string()
        reader.end()
        return Request(change, password)

    def probe(self, attempt: Attempt, request: Request) -> Outcome | None:
        return None

    def decide(self, attempt: Attempt, request: Request) -> Outcome:
        """Every name costs the same work: ``login.check_password`` hashes for a ghost as well (security.md U3)."""
        if attempt.connection.insecure and "AllowInsecureLogin" not in attempt.conf.options:
            return Outcome(Result.WITHDRAWN, "cipher or MAC algorithm 'none' is in use, password is refused")
        if len(request.password) > MAX_PASSWORD or b"\0" in request.password:
            return Outcome(Result.FAILED, f"password for user '{attempt.user}' is longer than any or holds a NUL")
        if request.change:
            return Outcome(Result.FAILED, f"password change for user '{attempt.user}' is not supported")
        verdict = login.check_password(attempt.session, attempt.candidate, request.password)
        if verdict is Verdict.OK:
            return Outcome(Result.SUCCEEDED)
        if verdict is Verdict.NO_USER or attempt.candidate.account is None:
            return Outcome(Result.FAILED, f"no account for user '{attempt.user}' found")
        wording = WORDING.get(verdict, verdict.value)
        return Outcome(Result.FAILED, f"password authentication for user '{attempt.user}' failed: {wording}")
