"""AuthOrder: which source is asked for an account, and which may vouch for it.

Two questions, two answers. *Who is this?* is answered by the first source, in order, that knows the name; a source with
``*`` ends the search. *Is this the password?* is answered by the source that supplied the account and by no other
(security.md U19); where PAM is in use it answers for the accounts of the system in place of shadow, because a PAM
refusal that another check could turn into a login would be less checking than was configured. For the same reason
``mod_auth_pam.c*`` refuses the passwords of accounts that come from sources behind it and that PAM does not speak for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from pyproftpd.api.auth import Account, AuthSource, Verdict
from pyproftpd.errors import ConfigError
from pyproftpd.session.conf import LoginConf
from pyproftpd.session.sources import decoy

if TYPE_CHECKING:
    from pyproftpd.api.facts import ConnectionFacts
    from pyproftpd.conf.scope import Configuration, Scope
    from pyproftpd.log.system import ServerLogger

T = TypeVar("T")

#: seconds that may still pass inside a library that blocks, ``None`` for no limit
Limit = Callable[[], "float | None"]


@runtime_checkable
class Voucher(Protocol):
    """A source that has no accounts of its own but checks the passwords of others' (PAM)."""

    name: str

    @property
    def complaint(self) -> str:
        """Why the last check failed, for the log."""
        ...

    def vouches(self, account: Account) -> bool: ...

    def check_for(self, account: Account, password: bytes, remote: str,
                  limit: Limit = ...) -> Verdict: ...


@runtime_checkable
class Changer(Protocol):
    """A source that can replace an expired password; ``advice`` is what it has against a new one."""

    advice: str

    def change_password(self, account: Account, old: bytes, new: bytes, remote: str, limit: Limit = ...) -> Verdict: ...


class Sources:
    """The sources of one server in their order. Callers are root; every method may raise ``OSError``: then refuse."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[tuple[AuthSource, bool]]) -> None:
        self._rows = tuple(rows)

    def __iter__(self) -> Iterator[AuthSource]:
        return (source for source, _ in self._rows)

    def source(self, name: str) -> AuthSource | None:
        return next((source for source, _ in self._rows if source.name == name), None)

    def account(self, user: str) -> Account | None:
        for source, authoritative in self._rows:
            account = source.account(user)
            if account is not None:
                return account
            if authoritative and not isinstance(source, Voucher):
                return None
        return None

    def groups(self, account: Account) -> Sequence[tuple[str, int]]:
        """Groups as the account's own source knows them; none at all: the primary gid alone (never root's, U13)."""
        source = self.source(account.source)
        known = list(source.groups(account)) if source else []
        if not known or known[0][1] != account.gid:
            known.insert(0, (self.group_name(account.gid) or str(account.gid), account.gid))
        return known

    def check(self, account: Account | None, user: str, password: bytes, remote: str = "",
              limit: Limit = lambda: None) -> tuple[Verdict, str]:
        """The verdict over a password, and the name of the source that spoke it."""
        if account is None:
            return self._check_ghost(user, password, remote, limit)
        voucher = self._voucher(account)
        if voucher:
            return voucher.check_for(account, password, remote, limit), voucher.name
        final = self._final(account)
        if final:
            self._check_ghost(user, password, remote, limit)
            return Verdict.REFUSED, final.name
        own = self.source(account.source)
        return (own.check(account, password), own.name) if own else (Verdict.NO_USER, "")

    def _check_ghost(self, user: str, password: bytes, remote: str, limit: Limit) -> tuple[Verdict, str]:
        """Spend what the first source of accounts would have spent on one of its own (U3)."""
        first = next((source for source, _ in self._rows if not isinstance(source, Voucher)), None)
        if first is not None:
            ghost = decoy.ghost(user)
            voucher = self._voucher(replace(ghost, source=first.name))
            if voucher:
                voucher.check_for(ghost, password, remote, limit)
            else:
                first.check(ghost, password)
        return Verdict.NO_USER, ""

    @property
    def vouched(self) -> bool:
        """Does PAM decide about passwords of this server?"""
        return any(isinstance(source, Voucher) for source, _ in self._rows)

    def _voucher(self, account: Account) -> Voucher | None:
        vouchers = (source for source, _ in self._rows if isinstance(source, Voucher))
        return next((voucher for voucher in vouchers if voucher.vouches(account)), None)

    def _final(self, account: Account) -> Voucher | None:
        """The voucher with a ``*`` that stands before the account's own source."""
        for source, authoritative in self._rows:
            if source.name == account.source:
                return None
            if authoritative and isinstance(source, Voucher):
                return source
        return None

    def reason(self, account: Account) -> str:
        """What who checked the last password has to say of its refusal."""
        voucher = self._voucher(account)
        if voucher:
            return voucher.complaint
        final = self._final(account)
        return (f"AuthOrder: mod_{final.name}.c* is final, and does not speak for accounts of mod_{account.source}.c"
                if final else "")

    def changer(self, account: Account) -> Changer | None:
        """Who could replace the password of this account, if anybody."""
        voucher = self._voucher(account)
        return voucher if isinstance(voucher, Changer) else None

    def authorize(self, account: Account) -> Verdict:
        source = self.source(account.source)
        return source.authorize(account) if source else Verdict.NO_USER

    def enclose(self) -> None:
        for source, _ in self._rows:
            source.enclose()

    def user_name(self, uid: int) -> str | None:
        return _first(source.user_name(uid) for source, _ in self._rows)

    def group_name(self, gid: int) -> str | None:
        return _first(source.group_name(gid) for source, _ in self._rows)

    def user_id(self, user: str) -> int | None:
        return _first(source.user_id(user) for source, _ in self._rows)

    def group_id(self, group: str) -> int | None:
        return _first(source.group_id(group) for source, _ in self._rows)


def _first(answers: Iterable[T | None]) -> T | None:
    return next((answer for answer in answers if answer is not None), None)


def build(scope: Scope, configuration: Configuration, facts: ConnectionFacts | None, log: ServerLogger) -> Sources:
    """The sources of one server: AuthOrder's, or those of all modules, later-loaded first. Raises ``ConfigError``."""
    rows = {row.name: row for module in configuration.modules for row in module.auth}
    conf = scope.get(LoginConf)
    order: Sequence[tuple[str, bool]] = conf.auth_order or [(name, False) for name in reversed(rows)]
    made: list[tuple[AuthSource, bool]] = []
    for name, authoritative in order:
        row = rows.get(name)
        if row is None:
            raise ConfigError(f"AuthOrder: mod_{name}.c provides no accounts", conf.source("auth_order"),
                              expected=", ".join(f"mod_{known}.c" for known in rows))
        source = row.make(scope, facts)
        if source is not None:
            made.append((source, authoritative))
    log.debug(3, f"accounts come from {', '.join(source.name for source, _ in made) or 'nowhere'}")
    return Sources(made)
