"""``proftpd --explain``: the settings in force at a place, each with the line that it came from, and what decides there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pyproftpd.api.auth import Account, Identity
from pyproftpd.api.facts import BindFacts
from pyproftpd.conf.scope import Configuration, Scope


class People(Protocol):
    """Who there is, as the sources of AuthOrder know it."""

    def user_name(self, uid: int) -> str | None: ...

    def group_name(self, gid: int) -> str | None: ...

    def user_id(self, user: str) -> int | None: ...

    def group_id(self, group: str) -> int | None: ...

    def account(self, user: str) -> Account | None: ...

    def groups(self, account: Account) -> Sequence[tuple[str, int]]: ...


#: ``(scope, identity, facts, people, path, command) -> lines``: the policy of the floor above, handed down by the command
#: line
Judge = Callable[[Scope, Identity, BindFacts, People, str, str], Iterator[str]]


@dataclass(slots=True)
class _Facts:
    """A session that might be: this user from this machine, logged in."""

    user: str
    groups: tuple[str, ...]
    authenticated: bool
    remote_address: str = "127.0.0.1"
    remote_port: int = 0
    remote_name: str = "localhost"
    local_address: str = "127.0.0.1"
    local_port: int = 0
    connection_class: str = ""


def explain(configuration: Configuration, *, people: People, judge: Judge, user: str = "", path: str = "",
            command: str = "") -> str:
    return "\n".join(lines(configuration, people=people, judge=judge, user=user, path=path, command=command))


def lines(configuration: Configuration, *, people: People, judge: Judge, user: str = "", path: str = "",
          command: str = "") -> Iterator[str]:
    """Every server; ``path`` is absolute and as the kernel knows it; ``command`` limits the verdicts to one."""
    identity = _identity(people, user)
    name = next((one.name for one in configuration.classes if one.matches("127.0.0.1", "localhost")), "")
    facts = _Facts(user, identity.groups, bool(user), connection_class=name)
    if user:
        yield (f"user {user}, groups {' '.join(identity.groups) or '(no such account)'}, "
               f"home {identity.home or '(unknown)'}")
    for server in configuration.servers:
        scope = bound = server.bind(facts, home=identity.home)
        yield ""
        yield f"server {', '.join(address or '*' for address in server.addresses)} ({server.where})"
        if path:
            scope = scope.under(path)
            yield f"  {path} is in " + (f"<Directory {scope.path}> ({scope.where})" if scope.kind == "directory"
                                        else "no <Directory> section")
        yield from (f"  {line}" for line in _settings(configuration, scope))
        yield from (f"  {line}" for line in _limits(scope))
        if path:
            yield from (f"  {line}" for line in judge(bound, identity, facts, people, path, command))


def _identity(people: People, user: str) -> Identity:
    """An account that no source knows is a user without groups, so that a rule can be tried before there is one."""
    account = people.account(user) if user else None
    if account is None:
        return Identity(user, -1, -1, (), (), "", "")
    groups = people.groups(account)
    return Identity(account.name, account.uid, account.gid, tuple(name for name, _ in groups),
                    tuple(gid for _, gid in groups), account.home, account.shell)


def _settings(configuration: Configuration, scope: Scope) -> Iterator[str]:
    """The lines that are in force, in the order of the modules; defaults are in the handbook."""
    for module in configuration.modules:
        for block in module.conf:
            for row in block.directives.values():
                for setting in scope.deciding(row):
                    yield f"{row.keyword} {' '.join(map(_quoted, setting.words))}".rstrip() + f"  ({setting.where})"


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if not word or " " in word else word


def _limits(scope: Scope) -> Iterator[str]:
    for place in scope.limits:
        for section in place:
            yield f"<Limit {' '.join(sorted(section.names))}>  ({section.where})"
