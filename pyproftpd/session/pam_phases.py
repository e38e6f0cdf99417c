"""PAM around a login: the account phase for methods that PAM did not decide, and the session.

A password that PAM found right brings its transaction along. For a key login AuthPAMSession asks for a new one, whose
questions nobody could answer. mod_sftp_pam has opened its session already. Source: real server, mod_auth_pam; sshd(8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyproftpd.api.auth import Account
from pyproftpd.session.rules import LoginRefused, wording
from pyproftpd.session.sources.auth_pam import PamSource
from pyproftpd.unix import pam

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

_LOGIN_TIMER = "TimeoutLogin"


class PamPhases:
    """The PAM session of one login, from its opening to the keeper that will close it."""

    def __init__(self, session: Session, source: PamSource, account: Account, proved: pam.PamHandle | None) -> None:
        self._session, self._source, self._account = session, source, account
        self._handle = proved
        self._proved = proved is not None

    @classmethod
    def of(cls, session: Session, account: Account) -> PamPhases | None:
        """``None`` where PAM has no part in this login, or has played it."""
        if pam.KeptSession in session.store:
            return None
        source = next((source for source in session.sources if isinstance(source, PamSource)), None)
        if source is None:
            return None
        proved = source.take()
        if proved is None and not (source.sessions and source.vouches(account)):
            return None
        return cls(session, source, account, proved)

    def run(self) -> None:
        """Account phase unless the password's check included it; credentials; session. As root. Raises ``Refused``."""
        timers = self._session.timers
        try:
            if self._handle is None:
                self._handle = self._source.start(self._account.name, pam.silent_conversation, self._session.remote_name,
                                                  lambda: timers.left(_LOGIN_TIMER))
            if not self._proved:
                self._handle.account()
            self._handle.conversation = pam.silent_conversation
            self._handle.set_credentials()
            self._handle.open_session()
            self._session.environ.update(self._handle.environment())
        except pam.PamError as error:
            raise LoginRefused(f"{wording(error.verdict)} (PAM service '{self._source.service}': {error})",
                               f"AuthPAMConfig {self._source.service}") from error

    def abandon(self) -> None:
        """A later rule refused the login: close what was opened. As the caller's ids; takes root itself."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with self._session.privs.root():
                handle.end()

    def keep(self) -> None:
        """Hand the open session to a process that closes it as root when this one has gone."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._session.store[pam.KeptSession] = pam.keep_session(handle)
