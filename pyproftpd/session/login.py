"""The only login. Every protocol and every method ends here; a front end asks three questions:

``find``            who is meant by this name (alias, anonymous section, account)
``check_password``  is this the password, at the same price for every name
``establish``       may this account work here now; if so the process becomes its user

``establish`` is a tuple of steps in the real server's order (mod_sftp, mod_auth). Until :data:`COMMIT` a step may raise
``Refused``: nothing has been changed for good, what was begun is undone, and the client gets the answer to a wrong
password. From there on a failure ends the session, as a process that is half a user must not serve anybody.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyproftpd.api.auth import Account, Identity, Verdict
from pyproftpd.api.events import Chrooted, LoginDone
from pyproftpd.errors import Refused
from pyproftpd.session import admission, display, home, pam_phases, places, records, revocation, rules
from pyproftpd.session.conf import LOGIN_TIMER, AuthUnixConf, DisplayConf, LoginConf, ServerConf
from pyproftpd.session.loop import SessionEnd
from pyproftpd.session.rules import LoginRefused
from pyproftpd.unix import crypt
from pyproftpd.unix.users import Names
from pyproftpd.vfs import limits
from pyproftpd.vfs.view import View
from pyproftpd.wire import vpath

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope
    from pyproftpd.session.session import Session

#: UserAlias for every name
ANY = "*"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Whom a client means. ``user`` is the name after aliases, ``account`` ``None`` for one that does not exist."""

    user: str
    account: Account | None
    original_user: str
    #: settings in force: the server's, or those of an anonymous section
    scope: Scope
    anonymous: bool = False


@dataclass(slots=True)
class Login:
    """One login on its way through the steps."""

    session: Session
    candidate: Candidate
    account: Account
    method: str
    #: settings in force, bound to the user from step ``bind`` on
    scope: Scope
    groups: Sequence[tuple[str, int]] = ()
    root: places.Root | None = None
    #: real paths, outside of any root
    home: str = ""
    start: str = ""
    identity: Identity | None = None
    undo: list[Callable[[], None]] = field(default_factory=list)

    @property
    def conf(self) -> LoginConf:
        return self.scope.get(LoginConf)


# Who is meant.


def find(session: Session, user: str) -> Candidate:
    """Resolve a name. One that nobody knows is no error: its candidate has no account and costs what others cost."""
    session.original_user = user
    session.notes["mod_auth.orig-user"] = user
    for section in session.server.anonymous:
        real = _anonymous_user(section, user)
        if real is not None:
            return _candidate(session, real, user, section, anonymous=True)
    conf = session.scope.get(LoginConf)
    alias = _alias(conf.user_alias, user)
    if alias is None and conf.auth_alias_only:
        session.log.notice(f"USER {user} (Login failed): {rules.cited(conf, 'AuthAliasOnly', 'on')}")
        return Candidate(user, None, user, session.scope)
    return _candidate(session, alias or user, user, session.scope, anonymous=False)


def _candidate(session: Session, user: str, original: str, scope: Scope, *, anonymous: bool) -> Candidate:
    """A source that cannot be read is never 'no such user': nobody gets in, and the log says which file."""
    try:
        with session.privs.root():
            account = session.sources.account(user)
    except OSError as error:
        session.log.error(f"USER {user} (Login failed): cannot use {error.filename}: {error.strerror}")
        return Candidate(user, None, original, scope, anonymous)
    if account is None:
        session.log.notice(f"USER {user}: no such user found from {session.remote_name} [{session.remote_address}] "
                           f"to {session.local_address}:{session.local_port}")
    return Candidate(user, account, original, scope, anonymous)


def _alias(aliases: Sequence[tuple[str, str]], user: str) -> str | None:
    """The account that a name stands for: an alias of that very name before ``*``."""
    exact = next((real for alias, real in aliases if alias == user), None)
    return exact or next((real for alias, real in aliases if alias == ANY), None)


def _anonymous_user(section: Scope, user: str) -> str | None:
    """The account of an ``<Anonymous>`` section that this name logs in to; only the section's own aliases count (U12)."""
    alias = _alias(section.own(LoginConf).user_alias, user)
    if alias is not None:
        return alias
    owner = section.own(ServerConf).user
    return owner if owner == user and not section.get(LoginConf).auth_alias_only else None


# Is this the password.

#: verdicts that explain themselves; others come from the state of an account or a fault of the administrator's
_PLAIN = frozenset({Verdict.BAD_PASSWORD, Verdict.NO_USER})


def check_password(session: Session, candidate: Candidate, password: bytes) -> Verdict:
    """The verdict over a password; one log line when it is not OK. Raises ``OSError`` when a source cannot be read."""
    try:
        verdict, source = _judge(session, candidate, password)
    except OSError as error:
        if candidate.account is not None:  # else the look-up met the same, and said so
            session.log.error(f"USER {candidate.user} (Login failed): cannot use {error.filename}: {error.strerror}")
        return Verdict.REFUSED
    if verdict is Verdict.OK:
        session.log.debug(2, f"user '{candidate.user}' authenticated by mod_{source}.c")
    elif candidate.account is not None:
        why = session.sources.reason(candidate.account) if verdict not in _PLAIN else ""
        session.log.notice(f"USER {candidate.user} (Login failed): {rules.wording(verdict)}{why and f' [{why}]'}")
    return verdict


def _judge(session: Session, candidate: Candidate, password: bytes) -> tuple[Verdict, str]:
    conf = candidate.scope.get(LoginConf)
    if len(password) > conf.max_password_size or b"\0" in password:
        return Verdict.BAD_PASSWORD, ""
    if not password and not conf.allow_empty_passwords:
        return Verdict.BAD_PASSWORD, ""
    if candidate.anonymous and not conf.anon_require_password:
        return _judge_anonymous(session, conf, password), "auth"
    name = candidate.original_user if candidate.anonymous and conf.auth_using_alias else candidate.user
    stored = next((stored for user, stored in conf.user_password if user == name), None)
    if stored is not None and candidate.account is not None:
        return (Verdict.OK if crypt.verify(password, stored) else Verdict.BAD_PASSWORD), "auth"
    with session.privs.root():
        account = candidate.account if name == candidate.user else session.sources.account(name)
        return session.sources.check(account, name, password, session.remote_name,
                                     lambda: session.timers.left(LOGIN_TIMER))


def _judge_anonymous(session: Session, conf: LoginConf, password: bytes) -> Verdict:
    """Anything is taken for a mail address, but what AnonRejectPasswords matches."""
    text = password.decode("utf-8", "surrogateescape")
    if conf.anon_reject_passwords is not None and conf.anon_reject_passwords.search(text):
        return Verdict.BAD_PASSWORD
    session.notes["mod_auth.anon-passwd"] = text
    return Verdict.OK


# An expired password.


def can_change_password(session: Session, candidate: Candidate) -> bool:
    """May this client be told that its password was right but has expired? Only where a new one would let it in: to
    everybody else an expired password is a wrong one."""
    account, conf = candidate.account, candidate.scope.get(LoginConf)
    if account is None or candidate.anonymous or any(user == candidate.user for user, _ in conf.user_password):
        return False
    trial = Login(session, candidate, account, "password", candidate.scope)
    try:
        for step in (groups, bind):
            step(trial)
        rules.standing(account, trial.conf)
    except (Refused, OSError):
        return False
    finally:
        _take_back(trial)
    return session.sources.changer(account) is not None


def change_password(session: Session, candidate: Candidate, old: bytes, new: bytes) -> tuple[Verdict, str]:
    """Replace an expired password (RFC 4252 8). ``OK`` is as good as :func:`check_password`'s; ``EXPIRED`` = the old one is
    right and the new one was not taken, with the modules' words about it."""
    account = candidate.account
    changer = session.sources.changer(account) if account and can_change_password(session, candidate) else None
    if account is None or changer is None or not new:
        verdict = check_password(session, candidate, old)  # at the usual price; what is not changed is not a login
        return (Verdict.REFUSED if verdict is Verdict.OK else verdict), ""
    if len(old) > candidate.scope.get(LoginConf).max_password_size or b"\0" in old:
        return Verdict.BAD_PASSWORD, ""
    with session.privs.root():
        verdict = changer.change_password(account, old, new, session.remote_name,
                                          lambda: session.timers.left(LOGIN_TIMER))
    if verdict is Verdict.OK:
        session.log.notice(f"USER {candidate.user}: expired password changed")
    else:
        said = f" (new password not taken: {changer.advice})" if changer.advice else ""
        session.log.notice(f"USER {candidate.user} (Login failed): {rules.wording(verdict)}{said}")
    return verdict, changer.advice


# The steps.


def establish(session: Session, candidate: Candidate, method: str) -> None:
    """Make the session the user's. Raises ``Refused`` (nothing changed), ``TooMany`` or ``SessionEnd``."""
    if candidate.account is None:
        raise LoginRefused(rules.wording(Verdict.NO_USER))
    login = Login(session, candidate, candidate.account, method, candidate.scope)
    try:
        for step in BEFORE:
            step(login)
    except BaseException as error:
        _take_back(login)
        pam_phases.discard(session)
        if isinstance(error, LoginRefused):
            session.log.notice(f"USER {candidate.user} (Login failed): {error.told}")
        if isinstance(error, OSError):
            text = f"{error.filename or step.__name__}: {error.strerror}"
            session.log.notice(f"USER {candidate.user} (Login failed): {text}")
            raise Refused(text) from error
        raise
    try:
        for step in COMMIT:
            step(login)
    except (OSError, ValueError) as error:
        session.log.error(f"USER {candidate.user} (Login failed): {step.__name__}: {error}")
        raise SessionEnd(f"login could not be completed: {step.__name__}") from error


def _take_back(login: Login) -> None:
    """The session is again that of a client who has not logged in."""
    for undo in reversed(login.undo):
        undo()
    session = login.session
    session.user, session.groups, session.authenticated = "", (), False


def account_rules(login: Login) -> None:
    """RootLogin, RequireValidShell, UseFtpUsers, then the source's own word (expiry, locks)."""
    conf = login.conf
    rules.standing(login.account, conf)
    with login.session.privs.root():
        verdict = login.session.sources.authorize(login.account)
    rules.authorized(login.account, verdict)


def groups(login: Login) -> None:
    """The user's own groups and no others (security.md U13); an anonymous section may name its own."""
    session = login.session
    with session.privs.root():
        login.groups = list(session.sources.groups(login.account))
        name = login.scope.own(ServerConf).group if login.candidate.anonymous else None
        if name is not None:
            gid = session.sources.group_id(name)
            if gid is None:
                raise LoginRefused(f"no such group '{name}'", rules.cited(login.scope.own(ServerConf), "Group", name))
            login.account = replace(login.account, gid=gid)
            login.groups = [(name, gid)]
    if len(login.groups) == 1:
        session.log.debug(2, f"no supplemental groups found for user '{login.account.name}', using primary group "
                             f"{login.groups[0][0]} (GID {login.groups[0][1]})")


def bind(login: Login) -> None:
    """Conditions on user and groups are decided from here on."""
    session = login.session
    session.user, session.groups = login.candidate.user, tuple(name for name, _ in login.groups)
    session.authenticated = True
    source = login.candidate.scope if login.candidate.anonymous else session.server
    login.scope = source.bind(session, home=_home(login))
    login.identity = Identity(
        user=login.account.name, uid=login.account.uid, gid=login.account.gid, groups=session.groups,
        gids=tuple(gid for _, gid in login.groups), home=login.account.home, shell=login.account.shell,
        original_user=login.candidate.original_user, anonymous=login.candidate.anonymous, source=login.account.source)


def limit_login(login: Login) -> None:
    """<Limit LOGIN> of the settings that now hold for this user."""
    verdict = limits.evaluate(login.scope, ("LOGIN",), "", login.session)
    if not verdict.allowed:
        raise LoginRefused("Limit configuration denies login", verdict.reason)


def admit(login: Login) -> None:
    """A planned shutdown, then the MaxClients family: show the session as logged in, and count."""
    session, slot = login.session, login.session.slot
    closing = admission.planned_shutdown(session)
    if closing is not None:
        raise closing
    if slot is not None:
        slot.update(user=session.user, uid=login.account.uid, gid=login.account.gid, authenticated=True)
        login.undo.append(lambda: slot.update(user="(none)", uid=0, gid=0, authenticated=False))
        refusal = admission.admit_login(session, login.scope, slot.board.entries())
        if refusal is not None:
            raise refusal


def pam(login: Login) -> None:
    """Account and session phases, where a PAM session is asked for; before home, as pam_mkhomedir makes homes."""
    with login.session.privs.root():
        pam_phases.run(login.session, login.account)


def make_home(login: Login) -> None:
    """CreateHome; the section's own directory is the home of an anonymous login."""
    login.home = _home(login)
    if login.candidate.anonymous:
        return
    creation = login.conf.create_home
    if creation is not None and login.identity is not None:
        home.create(login.session, creation, login.identity, login.home)


def _home(login: Login) -> str:
    """The account's home; for an anonymous login the directory of the section, or with UserDirRoot the one below it
    that is named after the user."""
    if not login.candidate.anonymous:
        return vpath.normalise(login.account.home)
    path = places.expand(login.candidate.scope.path, login.account.name, login.account.home)
    if login.conf.user_dir_root:
        name = login.candidate.original_user.split("@", 1)[0]
        if "/" in name or name in ("", ".", ".."):
            raise LoginRefused(f"'{name}' cannot name a directory", rules.cited(login.conf, "UserDirRoot", "on"))
        path = f"{path}/{name}"
    return vpath.normalise(path)


def find_root(login: Login) -> None:
    """DefaultRoot, or the anonymous root: looked at as the user, who must be able to enter it."""
    conf, account = login.conf, login.account
    wanted = login.home if login.candidate.anonymous else conf.default_root
    magic = not login.candidate.anonymous and _magic_root(login)
    if magic:
        wanted = magic
    if wanted is None:
        return
    path = places.expand(wanted, account.name, login.home)
    try:
        login.root = _look_at_root(login, path, conf.allow_chroot_symlinks)
    except OSError as error:
        keyword = "Anonymous" if login.candidate.anonymous else "DefaultRoot"
        culprit = f"{error.filename} " if isinstance(error, places.BadPlace) else ""
        raise LoginRefused(f"chroot to '{wanted}' (resolved to '{path}') failed: {culprit}{error.strerror}",
                           f"{keyword} {wanted} ({conf.source('default_root') or login.candidate.scope.where})") from error


def _look_at_root(login: Login, path: str, allow_symlinks: bool) -> places.Root | None:
    """As the user; where the way is closed to him, as root under stricter rules (the real server refuses there)."""
    try:
        with _as_user(login):
            return places.resolve_root(path, allow_symlinks=allow_symlinks)
    except PermissionError as closed:
        try:
            with login.session.privs.root():
                return places.guarded_root(path, _as_user(login))
        except OSError:
            raise closed from None  # why the user's own way ended is what the administrator can do something about


def _magic_root(login: Login) -> str:
    """``/jail/./inside`` as home, where AuthUnixOptions MagicTokenChroot says so."""
    token = "MagicTokenChroot" in login.scope.get(AuthUnixConf).auth_unix_options
    return login.account.home.partition(places.MAGIC_TOKEN)[0] if token and places.MAGIC_TOKEN in login.account.home else ""


def find_start(login: Login) -> None:
    """DefaultChdir, else home. Without a jail it, or at least the home, must exist; a jail itself is always there."""
    wanted = login.conf.default_chdir
    path = places.expand(wanted, login.account.name, login.home) if wanted else login.home
    login.start = vpath.join(login.home, path)
    if login.root is not None:
        return
    with _as_user(login):
        if places.can_enter(login.start):
            return
        if not places.can_enter(login.home):
            raise LoginRefused(f"home directory '{login.home}' cannot be entered", f"home of {login.account.source}")
    login.start = login.home


def _as_user(login: Login) -> AbstractContextManager[None]:
    account = login.account
    return login.session.privs.borrowed(account.uid, account.gid, tuple(gid for _, gid in login.groups))


def open_records(login: Login) -> None:
    """wtmp, lastlog, TransferLog, ExtendedLogs and DisplayLogin, while root and the real root directory are there."""
    if login.identity is not None:
        with login.session.privs.root():
            records.open_all(login.session, login.scope, login.identity)
            display.keep_login_text(login.session, login.scope.get(DisplayConf).display_login)


# From here on there is no way back.


def enclose(login: Login) -> None:
    """Names must be known before the files that hold them are out of reach."""
    session = login.session
    with session.privs.root():
        session.sources.enclose()
    session.names = Names(session.sources)
    session.scope, session.identity = login.scope, login.identity


def become(login: Login) -> None:
    """Groups, ids, then the jail, which must be the directory that was looked at."""
    session, privs = login.session, login.session.privs
    if login.identity is None:
        raise SessionEnd("login without an identity")
    privs.log_in(login.identity)
    if login.root is not None:
        privs.enter_root(login.root.path)
        found = os.stat("/")
        if (found.st_dev, found.st_ino) != (login.root.device, login.root.inode):
            raise SessionEnd(f"root directory {login.root.path} was exchanged during login")
        session.chroot = login.root.path
        session.emit(Chrooted(login.root.path))
    kept = revocation.decide(login.scope)
    if kept is not None:
        privs.revoke(kept)
        session.log.debug(1, "RootRevoke in effect, dropped root privs")


def open_view(login: Login) -> None:
    """chdir as the user, and the user's window on the disk."""
    session = login.session
    assert login.identity is not None and session.names is not None
    virtual_home = places.within_root(session.chroot, login.home)
    start = places.within_root(session.chroot, login.start)
    for path in dict.fromkeys((start, virtual_home, "/")):
        try:
            os.chdir(path)
        except OSError:
            continue
        start = path
        break
    session.view = View(
        identity=login.identity, scope=login.scope, facts=session, privs=session.privs, names=session.names,
        chroot=session.chroot, cwd=start, home=virtual_home, report=records.report_to(session), log=session.log,
        trace=session.trace, admit_transfer=admission.Transfers(session).admit)


def announce(login: Login) -> None:
    """The log line, and the event by which timers, scoreboard and master learn of the login."""
    session = login.session
    assert login.identity is not None
    kind = "ANON" if login.candidate.anonymous else "USER"
    session.log.info(f"{kind} {login.candidate.user}: Login successful.")
    session.emit(LoginDone(login.identity))


BEFORE: tuple[Callable[[Login], None], ...] = (
    groups, bind, account_rules, limit_login, admit, pam, make_home, find_root, find_start, open_records)
COMMIT: tuple[Callable[[Login], None], ...] = (enclose, become, open_view, announce)
