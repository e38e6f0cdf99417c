"""PAM around a login: the account phase for methods that PAM did not decide, and the session.

A password that PAM found right brings its transaction along. For a key login AuthPAMSession asks for a new one, whose
questions nobody could answer. mod_sftp_pam has opened its session already. Source: real server, mod_auth_pam; sshd(8).

An open session is left to its keeper at once: whatever ends the login from there on, it is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyproftpd.api.auth import Account, Verdict
from pyproftpd.session.conf import LOGIN_TIMER
from pyproftpd.session.rules import LoginRefused, wording
from pyproftpd.session.sources.auth_pam import PamSource
from pyproftpd.unix import pam
from pyproftpd.unix.pam_conversations import silent
from pyproftpd.unix.pam_keeper import KeptSession, keep_session

if TYPE_CHECKING:
    from pyproftpd.session.session import Session


def run(session: Session, account: Account) -> None:
    """Account phase unless the password's check included it; credentials; session. As root. Raises ``Refused``."""
    source = _source(session)
    if source is None or KeptSession in session.store:
        return
    handle = source.take()
    proved = handle is not None
    if not (proved or (source.sessions and source.vouches(account))):
        return
    try:
        if handle is None:
            handle = source.start(account.name, silent, session.remote_name,
                                  lambda: session.timers.left(LOGIN_TIMER))
        if not proved:
            handle.account()
        handle.conversation = silent
        handle.set_credentials()
        handle.open_session()
        session.environ.update(handle.environment())
        session.store[KeptSession] = keep_session(handle)
    except (pam.PamError, OSError) as error:
        if handle is not None:
            handle.end()
        verdict = error.verdict if isinstance(error, pam.PamError) else Verdict.REFUSED
        raise LoginRefused(f"{wording(verdict)} (PAM service '{source.service}': {error})",
                           f"AuthPAMConfig {source.service}") from error


def discard(session: Session) -> None:
    """The login was refused: nothing of PAM stays open, and a later attempt is decided anew. Takes root itself."""
    kept = session.store.pop(KeptSession, None)
    if isinstance(kept, KeptSession):
        kept.close()
    source = _source(session)
    handle = source.take() if source else None
    if handle is not None:
        with session.privs.root():
            handle.end()


def _source(session: Session) -> PamSource | None:
    return next((source for source in session.sources if isinstance(source, PamSource)), None)
