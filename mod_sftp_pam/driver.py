"""Keyboard-interactive by PAM: the questions of a PAM stack become the questions of RFC 4256, one round for each call.

Sequence, all as root before the session gives root up: authenticate, account, a change of an expired password,
open_session, setcred. Source: real server, mod_sftp_pam. Different on purpose:

- answers go to the questions they belong to, also where text stands between them (security.md U6);
- echo flags are honoured, an expired password can be changed, PAM's environment is taken over;
- a name without an account is asked the same questions by the same stack, then refused (security.md U2).

Text of a stack is shown with the next question; what follows the last question is a banner. Error text goes to the log
until the user has proved who he is: it may tell a stranger that an account is locked, and so that it exists.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from typing import Any

from mod_sftp.api import Banner, Exchange, Prompt
from mod_sftp_pam.conf import SftpPamConf
from pyproftpd.api.auth import Account, Verdict
from pyproftpd.session.conf import LOGIN_TIMER, LoginConf
from pyproftpd.unix import pam
from pyproftpd.unix.pam_keeper import KeptSession, keep_session

#: what stands before the lines of this module in the server log (real server, 1.3.8)
LOG_NAME = "mod_sftp_pam/0.3"
#: text shown in one round; RFC 4256 sets no bound, a terminal does
MAX_TEXT = 8192


class PamDriver:
    """A PAM session that it opened belongs to the login: ``session.store[KeptSession]``."""

    __slots__ = ()

    name = "pam"

    def available(self, scope: Any) -> bool:
        """Without being asked for by name: on by default, as the real server's; but a server whose AuthOrder leaves PAM and
        the system's accounts out, and that says nothing of this module, has no account that PAM could vouch for, and
        clients that spend their one password on the question (PuTTY, asyncssh) could not log in."""
        conf = scope.get(SftpPamConf)
        if conf.source("engine") is not None or conf.source("service_name") is not None:
            return bool(conf.engine)
        order = scope.get(LoginConf).auth_order
        return not order or any(name in ("auth_pam", "auth_unix") for name, _ in order)

    def authenticate(self, session: Any, user: str, account: Account | None, exchange: Exchange) -> Verdict:
        """Raises: Abandoned, once PAM has been wound up."""
        if len(os.fsencode(user)) > os.sysconf("SC_LOGIN_NAME_MAX") - 1:
            return Verdict.DECLINED
        conf = session.scope.get(SftpPamConf)
        talk = _Conversation(session, exchange, conf.options)
        phase = "start"
        with session.privs.root():
            handle: pam.PamHandle | None = None
            try:
                handle = pam.PamHandle(
                    conf.service_name, user, talk.converse, rhost=session.remote_name, ruser=user,
                    tty="" if "NoTTY" in conf.options else f"/dev/ftpd{os.getpid()}",
                    limit=lambda: session.timers.left(LOGIN_TIMER))
                phase = "authentication"
                handle.authenticate()
                if account is None or handle.user() != user:
                    session.log.notice(f"{LOG_NAME}: no account for user '{user}' found")
                    return Verdict.NO_USER
                if _is_anothers(account):
                    session.log.notice(f"{LOG_NAME}: the account of user '{user}' comes from mod_{account.source}.c, PAM speaks "
                                       "for the system's account of that name")
                    return Verdict.NO_USER
                talk.proven = True
                phase = "account"
                self._account(handle)
                phase = "session"
                self._open(session, handle)
            except pam.PamError as error:
                session.log.notice(f"{LOG_NAME}: PAM {phase} error ({error.code}) for user '{user}': {error.text}")
                return error.verdict
            finally:
                if handle is not None:
                    handle.end()
            talk.flush()
        return Verdict.OK

    @staticmethod
    def _account(handle: pam.PamHandle) -> None:
        """An expired password is changed in the same conversation; whoever does not change it does not come in."""
        try:
            handle.account()
        except pam.PamError as error:
            if error.code != pam.Code.NEW_AUTHTOK_REQD:
                raise
            handle.change_password()

    @staticmethod
    def _open(session: Any, handle: pam.PamHandle) -> None:
        """Open the session and leave its end to a process that stays root; a former one is closed first."""
        former = session.store.pop(KeptSession, None)
        if former is not None:
            former.close()
        handle.open_session()
        handle.set_credentials()
        session.environ.update(handle.environment())
        session.store[KeptSession] = keep_session(handle)


def _is_anothers(account: Account) -> bool:
    """Does the system have an account of this name, and is it another one? Then what PAM found right may be the other one's
    password (security.md U19). A name that only the user file has may be vouched for by any stack, a token's for one."""
    if account.source != "auth_file" or account.hash == "x":
        return False
    try:
        pwd.getpwnam(account.name)
    except KeyError:
        return False
    return True


class _Conversation:
    """PAM's messages on one side, rounds of questions on the other."""

    def __init__(self, session: Any, exchange: Exchange, options: frozenset[str]) -> None:
        self._session, self._exchange = session, exchange
        self._silenced = {style for option, style in (("NoInfoMsgs", pam.Style.TEXT_INFO),
                                                      ("NoRadioMsgs", pam.Style.RADIO_TYPE)) if option in options}
        self._text: list[str] = []
        #: the user has authenticated: errors are shown too
        self.proven = False

    def converse(self, messages: Sequence[pam.Message]) -> list[bytes | bytearray | None]:
        """One call of a PAM module: at most one round with the client, none when nothing is asked."""
        for message in messages:
            self._hear(message)
        questions = [message for message in messages if message.asks]
        if not questions:
            return [None for _ in messages]
        prompts = [Prompt(message.text, message.style == pam.Style.PROMPT_ECHO_ON) for message in questions]
        with self._session.privs.user():
            answers = iter([bytearray(answer) for answer in self._exchange("", self._take_text(), prompts)])
        return [next(answers) if message.asks else None for message in messages]

    def flush(self) -> None:
        """Text that no question followed (the message of the day, the last login)."""
        text = self._take_text()
        banner = self._session.store.get(Banner)
        if text and banner is not None:
            banner.send(text + "\n")

    def _hear(self, message: pam.Message) -> None:
        if message.asks or message.style in self._silenced:
            return
        if message.style == pam.Style.ERROR_MSG:
            self._session.log.notice(f"{LOG_NAME}: PAM error message: {message.text}")
            if not self.proven:
                return
        elif message.style not in (pam.Style.TEXT_INFO, pam.Style.RADIO_TYPE):
            raise pam.PamError(pam.Code.CONV_ERR, f"PAM message of style {message.style} cannot be shown")
        self._text.append(message.text)

    def _take_text(self) -> str:
        text, self._text = "\n".join(self._text), []
        return text[:MAX_TEXT]
