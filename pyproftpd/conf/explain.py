"""``proftpd --explain``: the settings in force at a place, each with the line that it came from, and what decides there."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pyproftpd.conf.scope import Configuration, Scope

#: ``(scope, names, group, facts) -> verdict``: the policy of the floor above, handed down by the command line
Evaluate = Callable[[Scope, tuple[str, ...], str, Any], Any]


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


def explain(configuration: Configuration, *, user: str = "", path: str = "", command: str = "",
            evaluate: Evaluate | None = None) -> str:
    return "\n".join(lines(configuration, user=user, path=path, command=command, evaluate=evaluate))


def lines(configuration: Configuration, *, user: str = "", path: str = "", command: str = "",
          evaluate: Evaluate | None = None) -> Iterator[str]:
    """Every server; ``path`` is absolute and as the kernel knows it; ``command`` limits the verdicts to one."""
    facts, home = _session(configuration, user)
    if user:
        yield f"user {user}, groups {' '.join(facts.groups) or '(none known to the system)'}, home {home or '(unknown)'}"
    for server in configuration.servers:
        scope = server.bind(facts, home=home)
        yield ""
        yield f"server {', '.join(address or '*' for address in server.addresses)} ({server.where})"
        if path:
            scope = scope.under(path)
            yield f"  {path} is in " + (f"<Directory {scope.path}> ({scope.where})" if scope.kind == "directory"
                                        else "no <Directory> section")
        yield from (f"  {line}" for line in _settings(configuration, scope))
        yield from (f"  {line}" for line in _limits(scope, facts, command, evaluate))


def _session(configuration: Configuration, user: str) -> tuple[_Facts, str]:
    groups: tuple[str, ...] = ()
    home = ""
    try:
        account = pwd.getpwnam(user)
        home = account.pw_dir
        groups = tuple(_group_name(gid) for gid in os.getgrouplist(user, account.pw_gid))
    except KeyError:
        pass  # an account of another source: nothing is known of its groups here
    name = next((one.name for one in configuration.classes if one.matches("127.0.0.1", "localhost")), "")
    return _Facts(user, groups, bool(user), connection_class=name), home


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


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


def _limits(scope: Scope, facts: _Facts, command: str, evaluate: Evaluate | None) -> Iterator[str]:
    named = sorted({name for place in scope.limits for section in place for name in section.names})
    for place in scope.limits:
        for section in place:
            yield f"<Limit {' '.join(sorted(section.names))}>  ({section.where})"
    if evaluate is None:
        return
    for name in [command.upper()] if command else named:
        verdict = evaluate(scope, (name,), "", facts)
        yield f"{name}: {'allowed' if verdict.allowed else 'refused'}{f' by {verdict.reason}' if verdict.reason else ''}"
