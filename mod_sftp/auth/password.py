"""Password authentication (RFC 4252 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mod_sftp.auth.outcome import WORDING, Attempt, Outcome, Result
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import string
from pyproftpd.api.auth import Verdict
from pyproftpd.session import login

if TYPE_CHECKING:
    from mod_sftp.wire.ssh import Reader

#: Longest password that is looked at; hashing 100 KiB would be a cheap way to keep us busy (CVE-2016-6515).
MAX_PASSWORD = 1024
#: What modules say of a new password is a line or two.
MAX_PROMPT = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """``change`` is true where the client answers a request for a new password; a secret never shows in a repr."""

    change: bool
    password: bytes = field(repr=False)
    new: bytes = field(repr=False, default=b"")


class Password:
    __slots__ = ()

    name = "password"

    def read(self, reader: Reader) -> Request:
        change = reader.boolean()
        password = reader.bytes()
        new = reader.bytes() if change else b""
        reader.end()
        return Request(change, password, new)

    def probe(self, attempt: Attempt, request: Request) -> Outcome | None:
        return None

    def decide(self, attempt: Attempt, request: Request) -> Outcome:
        """Every name costs the same work: ``login.check_password`` hashes for a ghost as well (security.md U3)."""
        if attempt.connection.insecure and "AllowInsecureLogin" not in attempt.conf.options:
            return Outcome(Result.WITHDRAWN, "cipher or MAC algorithm 'none' is in use, password is refused")
        if any(len(text) > MAX_PASSWORD or b"\0" in text for text in (request.password, request.new)):
            return Outcome(Result.FAILED, f"password for user '{attempt.user}' is longer than any or holds a NUL")
        session, candidate, advice = attempt.session, attempt.candidate, ""
        if request.change and attempt.connection.insecure:
            return Outcome(Result.FAILED, "cipher or MAC algorithm 'none' is in use, no password is changed")
        if request.change:
            verdict, advice = login.change_password(session, candidate, request.password, request.new)
        else:
            verdict = login.check_password(session, candidate, request.password)
        if verdict is Verdict.OK:
            return Outcome(Result.SUCCEEDED)
        if verdict is Verdict.NO_USER or candidate.account is None:
            return Outcome(Result.FAILED, f"no account for user '{attempt.user}' found")
        if verdict is Verdict.EXPIRED and not attempt.connection.insecure and login.can_change_password(session, candidate):
            return self._ask_for_another(attempt, advice)
        wording = WORDING.get(verdict, verdict.value)
        return Outcome(Result.FAILED, f"password authentication for user '{attempt.user}' failed: {wording}")

    @staticmethod
    def _ask_for_another(attempt: Attempt, advice: str) -> Outcome:
        """SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252 8); ``advice`` says what was wrong with the last try."""
        prompt = advice[:MAX_PROMPT] or "Your password has expired."
        attempt.connection.send(Msg.USERAUTH_PASSWD_CHANGEREQ, string(prompt), string(""))
        return Outcome(Result.ANSWERED, f"password of user '{attempt.user}' has expired, asking for a new one")
