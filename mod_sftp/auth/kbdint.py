"""Keyboard-interactive (RFC 4256): hands the conversation of a driver to the client. Drivers belong to sibling modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mod_sftp.api import Abandoned, KbdintDriver, Prompt
from mod_sftp.auth.outcome import WORDING, Attempt, Outcome, Result
from mod_sftp.wire.ssh import Reader as SshReader
from mod_sftp.wire.ssh import boolean, string, u32
from pyproftpd.api.auth import Verdict
from pyproftpd.errors import PeerError

if TYPE_CHECKING:
    from mod_sftp.wire.ssh import Reader

#: Answers in one response; the real server's own bound (security.md T5).
MAX_ANSWERS = 500
#: Language tag and submethods are hints; longer ones are nonsense.
MAX_HINT = 1024
#: All answers of one response: what fits one packet, since no real answer comes near it.
MAX_RESPONSE = 256 * 1024


def info_request(name: str, instruction: str, prompts: Sequence[Prompt]) -> bytes:
    """The body of SSH_MSG_USERAUTH_INFO_REQUEST (RFC 4256 3.2)."""
    parts = [string(name), string(instruction), string(""), u32(len(prompts))]
    for prompt in prompts:
        parts += [string(prompt.text), boolean(prompt.echo)]
    return b"".join(parts)


def info_response(payload: memoryview, asked: int) -> list[bytes]:
    """The answers of SSH_MSG_USERAUTH_INFO_RESPONSE, copied (RFC 4256 3.4).

    Raises: PeerError when the count is not that of the questions; a wrong count cannot be matched to anything.
    """
    reader = SshReader(payload)
    count = reader.u32()
    if count > MAX_ANSWERS:
        raise PeerError(f"keyboard-interactive response with {count} answers, over the limit of {MAX_ANSWERS}")
    if count != asked:
        raise PeerError(f"keyboard-interactive response has {count} answers to {asked} questions")
    answers = [reader.bytes(MAX_RESPONSE) for _ in range(count)]
    reader.end()
    return answers


class KeyboardInteractive:
    """Asks the drivers that serve this session, each at most once in a chain."""

    name = "keyboard-interactive"

    def __init__(self, drivers: Sequence[KbdintDriver]) -> None:
        self._drivers = drivers

    def read(self, reader: Reader) -> None:
        """Language tag and submethods are only hints (RFC 4256 3.1)."""
        reader.string(MAX_HINT)
        reader.string(MAX_HINT)

    def probe(self, attempt: Attempt, request: None) -> Outcome | None:
        return None

    def decide(self, attempt: Attempt, request: None) -> Outcome:
        if attempt.connection.insecure and "AllowInsecureLogin" not in attempt.conf.options:
            return Outcome(Result.WITHDRAWN, "cipher or MAC algorithm 'none' is in use, keyboard-interactive is refused")
        outcome = Outcome(Result.WITHDRAWN, "no driver is left to ask")
        for driver in self._drivers:
            if driver.name in attempt.progress.used:
                continue
            outcome = self._ask(driver, attempt)
            if outcome.result is not Result.DECLINED:
                return outcome
        return outcome if outcome.result is Result.WITHDRAWN else Outcome(Result.FAILED, outcome.reason)

    @staticmethod
    def _ask(driver: KbdintDriver, attempt: Attempt) -> Outcome:
        candidate = attempt.candidate
        try:
            verdict = driver.authenticate(attempt.session, candidate.user, candidate.account,
                                          attempt.connection.exchange)
        except Abandoned:
            return Outcome(Result.ABANDONED, "conversation abandoned by the client")
        if verdict is Verdict.OK and candidate.account is not None:
            return Outcome(Result.SUCCEEDED, proof=driver.name)
        if verdict is Verdict.DECLINED:
            return Outcome(Result.DECLINED, f"driver '{driver.name}' declines user '{attempt.user}'")
        if candidate.account is None:
            return Outcome(Result.FAILED, f"no account for user '{attempt.user}' found")
        return Outcome(Result.FAILED, f"keyboard-interactive authentication for user '{attempt.user}' failed: "
                                      f"{WORDING.get(verdict, verdict.value)}")
