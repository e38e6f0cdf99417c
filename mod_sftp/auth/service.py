"""The authentication service (RFC 4252): requests in, one login out.

Each attempt runs as the pseudo-commands USER and PASS inside USERAUTH_REQUEST, so that hooks of other modules and logs
see an SSH login as they see one by FTP. Source: real server, for codes, texts, log lines and disconnect reasons.

Deliberate differences from the real server:

- A query for a key says PK_OK only for a key that would do (security.md U1), and is not a failed PASS in the logs.
- A login that the rules refuse after the right proof gets the answer of a wrong password, and counts: an empty method
  list would tell a stranger that the password was right.
- A failure is answered after an even time (``_even_out``), whatever the look-up cost.
- A session may send a bounded number of requests that count as nothing (``none``, queries).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mod_sftp.api import Banner
from mod_sftp.auth.chains import Progress
from mod_sftp.auth.methods import ALIASES, available, chains
from mod_sftp.auth.outcome import Attempt, Connection, Method, Outcome, Result
from mod_sftp.log import SftpLog
from mod_sftp.wire.messages import Disconnect, Msg
from mod_sftp.wire.ssh import Reader, boolean, namelist, string
from pyproftpd.api.command import Command, LogClass
from pyproftpd.api.events import LoginFailed
from pyproftpd.errors import PeerError, Refused
from pyproftpd.session import display, login
from pyproftpd.session.conf import LoginConf

if TYPE_CHECKING:
    from mod_sftp.conf import SftpConf
    from pyproftpd.session.session import Session

USERAUTH = "ssh-userauth"
CONNECTION = "ssh-connection"

#: Longest user name: LOGIN_NAME_MAX of Linux, which no source exceeds.
MAX_NAME = 256
#: Longest name of a service or method in RFC 4250 4.6.1 is 64.
MAX_WORD = 64
#: Requests of a session that count as no attempt; an agent holds tens of keys, not hundreds.
MAX_UNCOUNTED = 200
#: MaxLoginAttempts where no line sets it. Source: real server, mod_sftp keeps its own default.
DEFAULT_ATTEMPTS = 6
#: Least seconds before a failure is answered: hides what a key file more or less costs (security.md U3; sshd's own figure).
LEAST_FAILURE = 0.005
#: The same where PAM decides: its modules compute a hash for some accounts and none for others (locked, unknown), and a
#: costly one takes tens of milliseconds. pam_unix itself waits for 2 seconds unless it is told not to.
LEAST_FAILURE_OF_PAM = 0.1
#: The text of a display banner at most; RFC 4252 5.4 sets no bound, one packet does.
MAX_BANNER = 16 * 1024

#: classes of the messages that come here
_CLASSES = LogClass.AUTH | LogClass.SSH


class AuthService:
    """Everything between the first NEWKEYS and USERAUTH_SUCCESS, for one session."""

    __slots__ = ("_session", "_connection", "_conf", "_methods", "_progress", "_log", "_candidate", "_name", "_requested",
                 "_done", "_failures", "_uncounted", "_limit", "_unevenness")

    def __init__(self, session: Session, connection: Connection, conf: SftpConf) -> None:
        self._session, self._connection, self._conf = session, connection, conf
        self._methods: Mapping[str, Method] = available(session, conf)
        self._progress = Progress(chains(conf, self._methods))
        self._log = session.state(SftpLog)
        session.store[Banner] = Banner(self._send_banner)
        self._candidate: login.Candidate | None = None
        self._name: bytes | None = None
        self._requested = self._done = False
        self._failures = self._uncounted = 0
        self._limit = _attempt_limit(session)
        self._unevenness = 1 + int.from_bytes(os.urandom(2), "big") / 65536

    def handle(self, message: int, payload: memoryview) -> None:
        """A SERVICE_REQUEST or a USERAUTH_REQUEST, without its number. Owner: ``payload`` dies with the call."""
        if message == Msg.SERVICE_REQUEST:
            self._service_request(Reader(payload))
        else:
            self._userauth_request(Reader(payload))

    def _service_request(self, reader: Reader) -> None:
        """May be repeated before the login, paramiko does (RFC 4253 10)."""
        service = reader.text(MAX_WORD)
        reader.end()
        if self._done:
            raise PeerError("service request after login")
        if service != USERAUTH:
            raise PeerError(f"client requested unsupported '{service}' service", Disconnect.SERVICE_NOT_AVAILABLE)
        with self._session.phases(Command("SERVICE_REQUEST", classes=_CLASSES)):
            self._connection.send(Msg.SERVICE_ACCEPT, string(service))
            if self._requested:
                self._count_free()
            else:
                self._requested = True
                self._display_banner()

    def _display_banner(self) -> None:
        """SFTPDisplayBanner, once, before the first request is answered."""
        path = self._conf.display_banner
        if path is None:
            return
        try:
            with self._session.privs.root():
                text = display.read(path).render(self._session)
        except OSError as error:
            self._log.line(f"unable to open SFTPDisplayBanner '{path}': {error.strerror}")
            return
        self._send_banner(text)

    def _send_banner(self, text: str) -> None:
        if not text or not self._connection.banners:
            return
        self._log.line("sending userauth banner")
        self._connection.send(Msg.USERAUTH_BANNER, string(text[:MAX_BANNER]), string(""))

    def _userauth_request(self, reader: Reader) -> None:
        if self._done:  # RFC 4252 5.1: ignored in silence
            return
        if not self._requested:
            raise PeerError("authentication request before the service was requested")
        name, service, word = reader.bytes(), reader.text(MAX_WORD), reader.text(MAX_WORD)
        self._check(name, service)
        user = name.decode("utf-8", "surrogateescape")
        started = time.monotonic()
        request = Command("USERAUTH_REQUEST", f"{user} {word}", classes=_CLASSES)
        with self._session.phases(request):
            outcome = self._run(name, user, word, reader)
            if word != "none" and outcome.result in (Result.FAILED, Result.DECLINED, Result.WITHDRAWN):
                self._even_out(started, word)
            self._answer(user, word, outcome)

    def _even_out(self, started: float, word: str) -> None:
        """Wait until the answer is as late as a step of a doubling scale, which begins at random for each session."""
        by_pam = word == "keyboard-interactive" or (word == "password" and self._session.sources.vouched)
        step = self._unevenness * (LEAST_FAILURE_OF_PAM if by_pam else LEAST_FAILURE)
        while (left := started + step - time.monotonic()) < 0:
            step *= 2
        while left > 0:
            self._session.loop.wait(timeout=left)
            left = started + step - time.monotonic()

    def _check(self, name: bytes, service: str) -> None:
        """User and service may not change between requests (RFC 4252 5 allows us to disconnect)."""
        if service != CONNECTION:
            raise PeerError(f"authentication for service '{service}'", Disconnect.SERVICE_NOT_AVAILABLE)
        if not name or len(name) > MAX_NAME or b"\0" in name:
            raise PeerError("user name is empty, holds a NUL or is longer than any", Disconnect.ILLEGAL_USER_NAME)
        if self._name is None:
            self._name = name
        elif name != self._name:
            used, was = (part.decode("utf-8", "surrogateescape") for part in (name, self._name))
            self._log.line(f"client used different user name '{used}' in USERAUTH_REQUEST (was '{was}'), disconnecting")
            raise PeerError("user name changed between authentication requests")

    def _run(self, name: bytes, user: str, word: str, reader: Reader) -> Outcome:
        """USER, then the question, or the attempt as PASS."""
        try:
            candidate = self._user(user)
        except Refused as refusal:
            return Outcome(Result.FAILED, f"USER {user} refused: {refusal.rule}")
        except OSError as error:  # a source that cannot be read is a refusal, never "no such user"
            return Outcome(Result.FAILED, f"account of user '{user}' cannot be looked up: {error.strerror}")
        if word == "none":
            reader.end()
            return Outcome(Result.DECLINED)
        method = self._methods.get(word)
        if method is None or method.name not in self._progress.offered():
            return Outcome(Result.FAILED, f"method '{word}' is not offered")
        attempt = Attempt(self._session, self._connection, self._conf, self._progress, name, word, candidate)
        request = method.read(reader)
        self._publish({"SFTP_USER_AUTH_METHOD": method.name})
        outcome = method.probe(attempt, request)
        self._publish(attempt.facts)
        if outcome is not None:
            return outcome
        return self._attempt(method, attempt, request)

    def _user(self, user: str) -> login.Candidate:
        command = Command("USER", user, limits=("USER",), group="LOGIN", classes=LogClass.AUTH)
        with self._session.phases(command):
            command.code, command.text = "331", f"Password required for {command.arg}"
        if self._candidate is None:
            self._session.original_user = user
            self._candidate = login.find(self._session, command.arg)
        return self._candidate

    def _attempt(self, method: Method, attempt: Attempt, request: object) -> Outcome:
        """PASS: decide and, when that ends a chain, log in."""
        command = Command("PASS", "(hidden)", limits=("PASS",), group="LOGIN", classes=LogClass.AUTH)
        outcome = Outcome(Result.FAILED)
        try:
            with self._session.phases(command):
                outcome = method.decide(attempt, request)
                self._publish(attempt.facts)
                finished = outcome.result is Result.SUCCEEDED and self._progress.succeed(method.name, outcome.proof)
                if finished:
                    login.establish(self._session, attempt.candidate, method.name)
                    command.code, command.text = "230", f"User {attempt.user} logged in"
                    if self._session.chroot:
                        self._session.notes["mod_sftp.chroot-path"] = self._session.chroot
                else:
                    command.code, command.text, command.errno = "530", "Login incorrect.", errno.EACCES
                    command.note("mod_sftp.nonfatal-attempt", method.name)
        except Refused as refusal:
            self._progress.restart()
            return Outcome(Result.FAILED, f"login of user '{attempt.user}' refused: {refusal.rule}")
        self._done = finished
        return outcome

    def _publish(self, facts: Mapping[str, str]) -> None:
        """Into environment and notes, of failed attempts too."""
        self._session.environ.update(facts)
        self._session.notes.update(facts)

    def _answer(self, user: str, word: str, outcome: Outcome) -> None:
        """The message that ends a request, and the count."""
        if outcome.reason:
            self._log.line(outcome.reason)
        if outcome.result in (Result.DECLINED, Result.ANSWERED, Result.ABANDONED):
            self._count_free()
        if self._done:
            self._log.line("sending userauth success")
            self._connection.send(Msg.USERAUTH_SUCCESS)
            self._log.line(f"user '{user}' authenticated via '{ALIASES.get(word, word)}' method")
            self._connection.authenticated()
            return
        if outcome.result is Result.WITHDRAWN:
            self._progress.withdraw(ALIASES.get(word, word))
        if outcome.result in (Result.ANSWERED, Result.ABANDONED):
            return
        self._send_failure(outcome.result)
        if outcome.result in (Result.FAILED, Result.WITHDRAWN):
            self._session.emit(LoginFailed(user, word, outcome.reason))
            self._failures += 1
            if self._limit and self._failures >= self._limit:
                self._refuse(user)

    def _send_failure(self, result: Result) -> None:
        """``partial success`` only right after a link of a chain succeeded (RFC 4252 5.1)."""
        names = ",".join(self._progress.offered())
        if result is Result.DECLINED:
            self._log.line(f"sending acceptable userauth methods: {names}")
        else:
            self._log.line(f"sending userauth failure; remaining userauth methods: {names}")
        self._connection.send(Msg.USERAUTH_FAILURE, namelist(self._progress.offered()),
                              boolean(result is Result.SUCCEEDED))

    def _count_free(self) -> None:
        self._uncounted += 1
        if self._uncounted > MAX_UNCOUNTED:
            raise PeerError("too many authentication requests", Disconnect.BY_APPLICATION)

    def _refuse(self, user: str) -> None:
        """The last attempt: hooks see one more failed PASS, without the note that says 'not final' (real server)."""
        self._log.line(f"Maximum login attempts ({self._limit}) exceeded, refusing connection for user '{user}'")
        self._session.log.notice(f"Maximum login attempts ({self._limit}) exceeded, connection refused")
        command = Command("PASS", "(hidden)", classes=LogClass.AUTH)
        command.code, command.text, command.errno = "530", "Login incorrect.", errno.EACCES
        self._session.finished(command)
        self._connection.disconnect(Disconnect.BY_APPLICATION, "Application disconnected")


def _attempt_limit(session: Session) -> int:
    """0 = no limit."""
    conf = session.scope.get(LoginConf)
    if conf.source("max_login_attempts") is None:
        return DEFAULT_ATTEMPTS
    return conf.max_login_attempts or 0
