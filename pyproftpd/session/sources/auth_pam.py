"""PAM in place of shadow for the passwords of system accounts. Source: real server, mod_auth_pam.

It supplies no accounts. It vouches for those of the system, and for an AuthUserFile entry whose hash is ``x`` ("kept
elsewhere", as in passwd(5)); for other entries of a file PAM would be a second source speaking for the first one's
account (security.md U19). Different on purpose: the real server lets shadow decide after PAM refused.

Where nothing asks for PAM (AuthPAMConfig, AuthPAM, AuthPAMSession, a ``*`` in AuthOrder) and no default service has a file,
PAM is not in use on this host and shadow decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyproftpd.api.auth import Account, Verdict
from pyproftpd.session.conf import AuthPamConf, LoginConf
from pyproftpd.session.sources import auth_unix
from pyproftpd.unix import pam, pam_conversations

NAME = "auth_pam"

#: passwd(5): the password is kept elsewhere
ELSEWHERE = "x"

#: without an AuthPAMConfig line the first that has a file: Debian's proftpd is built with the one, upstream's with the other
DEFAULT_SERVICES = ("proftpd", "ftp")

#: PAM_TTY, which some modules insist on; there is none
TTY = "/dev/ftpd"


class PamSource:
    """The PAM service of one server."""

    __slots__ = ("service", "sessions", "_tty", "_proved", "reason", "advice")

    name = NAME

    def __init__(self, service: str, *, tty: str = TTY, sessions: bool = False) -> None:
        self.service, self.sessions = service, sessions
        self._tty = tty
        self._proved: pam.PamHandle | None = None
        #: why the last check failed, for the log
        self.reason = ""
        #: what a module said of a new password, for the user
        self.advice = ""

    @property
    def complaint(self) -> str:
        return f"AuthPAMConfig {self.service}: {self.reason}" if self.reason else ""

    def vouches(self, account: Account) -> bool:
        return account.source == auth_unix.NAME or account.hash == ELSEWHERE

    def start(self, user: str, conversation: pam.Conversation, remote: str,
              limit: Callable[[], float | None] = lambda: None) -> pam.PamHandle:
        """Raises ``PamError``."""
        return pam.PamHandle(self.service, user, conversation, rhost=remote, tty=self._tty, limit=limit)

    def check_for(self, account: Account, password: bytes, remote: str,
                  limit: Callable[[], float | None] = lambda: None) -> Verdict:
        """authenticate and account phases; the transaction stays open for :meth:`take` when both say yes."""
        self.reason = ""
        handle: pam.PamHandle | None = None
        try:
            handle = self.start(account.name, pam_conversations.password(password), remote, limit)
            handle.authenticate()
            handle.account()
            if handle.user() != account.name:
                raise pam.PamError(pam.Code.PERM_DENIED, f"PAM made '{handle.user()}' of user '{account.name}'")
        except pam.PamError as error:
            self.reason = str(error)
            if handle is not None:
                handle.end()
            return error.verdict
        self._keep(handle)
        return Verdict.OK

    def change_password(self, account: Account, old: bytes, new: bytes, remote: str,
                        limit: Callable[[], float | None] = lambda: None) -> Verdict:
        """Replace a password that has expired, and no other. ``EXPIRED`` = the old one is right, but the modules would not
        have the new one; ``advice`` is what they said."""
        self.reason, self.advice = "", ""
        heard: list[str] = []
        handle: pam.PamHandle | None = None
        proven = False
        try:
            handle = self.start(account.name, pam_conversations.password(old), remote, limit)
            handle.authenticate()
            proven = self._expired(handle)
            handle.conversation = pam_conversations.change(old, new, heard)
            handle.change_password()
            if handle.user() != account.name:
                raise pam.PamError(pam.Code.PERM_DENIED, f"PAM made '{handle.user()}' of user '{account.name}'")
        except pam.PamError as error:
            self.reason, self.advice = str(error), " ".join(heard)
            if handle is not None:
                handle.end()
            return Verdict.EXPIRED if proven else error.verdict
        self._keep(handle)
        return Verdict.OK

    @staticmethod
    def _expired(handle: pam.PamHandle) -> bool:
        """True, or ``PamError``: an account that is well, or that a new password would not help."""
        try:
            handle.account()
        except pam.PamError as error:
            if error.code == pam.Code.NEW_AUTHTOK_REQD:
                return True
            raise
        raise pam.PamError(pam.Code.PERM_DENIED, "the password has not expired")

    def _keep(self, handle: pam.PamHandle) -> None:
        if self._proved is not None:
            self._proved.end()
        self._proved = handle

    def take(self) -> pam.PamHandle | None:
        """The transaction of the last password that was right, once; the taker ends it."""
        handle, self._proved = self._proved, None
        return handle

    def account(self, user: str) -> Account | None:
        return None

    def groups(self, account: Account) -> Sequence[tuple[str, int]]:
        return ()

    def check(self, account: Account, password: bytes) -> Verdict:
        return Verdict.DECLINED

    def authorize(self, account: Account) -> Verdict:
        return Verdict.DECLINED

    def user_name(self, uid: int) -> str | None:
        return None

    def group_name(self, gid: int) -> str | None:
        return None

    def user_id(self, user: str) -> int | None:
        return None

    def group_id(self, group: str) -> int | None:
        return None

    def enclose(self) -> None:
        """Nothing is asked of PAM behind a login but by its keeper, which stays outside."""


def make(scope: Any, facts: Any = None) -> PamSource | None:
    conf = scope.get(AuthPamConf)
    if not conf.auth_pam:
        return None
    found = next((name for name in DEFAULT_SERVICES if pam.service_exists(name)), "")
    asked_for = (conf.source("auth_pam_config") or conf.source("auth_pam") or conf.auth_pam_session
                 or (NAME, True) in scope.get(LoginConf).auth_order)
    if not asked_for and not (found and pam.available()):
        return None
    return PamSource(conf.auth_pam_config or found or DEFAULT_SERVICES[0],
                     tty="" if "NoTTY" in conf.auth_pam_options else TTY, sessions=conf.auth_pam_session)
