"""``<Limit>``: which section decides about a command, and what it says.

Names are tried in turn: the command (all its names), its group, then ALL. For each, places are asked from the innermost
outwards; the first explicit allow or deny decides. A section that says nothing of this client gives an implicit allow
(``Order allow,deny``), which yields to anything explicit further out, or a deny (``Order deny,allow``).
Source: real server, dirtree.c; configuration grammar, "Limit evaluation".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyproftpd.api.expressions import Pattern
from pyproftpd.api.facts import BindFacts
from pyproftpd.conf.limit import LimitConf
from pyproftpd.vfs.conf import AccessConf

if TYPE_CHECKING:
    from pyproftpd.conf.scope import LimitSection, Scope

#: commands that ``<Limit ALL>`` leaves alone
NOT_IN_ALL = frozenset({"PORT", "PASV", "EPRT", "EPSV", "PROT", "OPTS", "LOGIN"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` names the deciding section and its place. ``ignore_hidden``: hidden names do not exist for this command."""

    allowed: bool
    explicit: bool
    reason: str = ""
    ignore_hidden: bool = False


ALLOWED = Verdict(True, False)


def evaluate(scope: Scope, names: tuple[str, ...], group: str, facts: BindFacts, arg: str = "") -> Verdict:
    """What the Limit sections that hold in ``scope`` say of a command by any of its ``names``."""
    ignore_hidden = False
    for wanted in _rounds(names, group):
        for place in scope.limits:
            for section in place:
                if wanted.isdisjoint(section.names):
                    continue
                ignore_hidden = ignore_hidden or section.conf.ignore_hidden
                answer = ask(section, facts, arg)
                if answer and _shut(scope):
                    return _of_place(scope, ignore_hidden)
                if answer is not None:
                    reason = f"<Limit {' '.join(sorted(section.names & wanted))}> ({section.where})"
                    return Verdict(answer, True, reason, ignore_hidden)
    return _of_place(scope, ignore_hidden)


def _rounds(names: tuple[str, ...], group: str) -> tuple[frozenset[str], ...]:
    rounds = [frozenset({name}) for name in names]
    if group:
        rounds.append(frozenset({group}))
    if (names or group) and not NOT_IN_ALL.intersection((*names, group)):
        rounds.append(frozenset({"ALL"}))
    return tuple(rounds)


def _shut(scope: Scope) -> bool:
    """DenyAll written straight into a directory or anonymous section: no Limit of the same section opens it, only AllowAll
    beside it does. Source: real server."""
    conf = scope.get(LimitConf)
    return conf.deny_all and not conf.allow_all


def _of_place(scope: Scope, ignore_hidden: bool) -> Verdict:
    conf = scope.get(LimitConf)
    if _shut(scope):
        return Verdict(False, True, f"DenyAll ({conf.source('deny_all')})", ignore_hidden)
    return Verdict(True, conf.allow_all, "", ignore_hidden)


def ask(section: LimitSection, facts: BindFacts, arg: str = "") -> bool | None:
    """One section: ``True`` and ``False`` are explicit, ``None`` is silence."""
    if section.conf.order == "deny,allow":
        return not _denies(section, facts, arg) and _allows(section, facts, arg)
    if _allows(section, facts, arg):
        return True
    return False if _denies(section, facts, arg) else None


def _allows(section: LimitSection, facts: BindFacts, arg: str) -> bool:
    """Before login nothing is known of user and groups: rules about them count as matched."""
    conf = section.conf
    if not facts.authenticated and not facts.user and (conf.allow_user or conf.allow_group):
        return True
    return (any(rule.matches(facts) for rule in conf.allow_user)
            or any(rule.matches(facts) for rule in conf.allow_group)
            or any(rule.matches(facts) for rule in conf.allow_class)
            or any(rule.matches(facts.remote_address, facts.remote_name) for rule in conf.allow)
            or _matches(section.get(AccessConf).allow_filter, arg)
            or conf.allow_all)


def _denies(section: LimitSection, facts: BindFacts, arg: str) -> bool:
    """Before login rules about users and groups deny nobody, not even ``!name``. Source: real server."""
    conf = section.conf
    known = bool(facts.authenticated or facts.user)
    return ((known and any(rule.matches(facts) for rule in (*conf.deny_user, *conf.deny_group)))
            or any(rule.matches(facts) for rule in conf.deny_class)
            or any(rule.matches(facts.remote_address, facts.remote_name) for rule in conf.deny)
            or _matches(section.get(AccessConf).deny_filter, arg)
            or conf.deny_all)


def _matches(pattern: Pattern | None, arg: str) -> bool:
    return pattern is not None and pattern.search(arg)


def filtered(scope: Scope) -> bool:
    """Does any section of the scope ask about the argument of a command (AllowFilter, DenyFilter)?"""
    blocks = (section.get(AccessConf) for place in scope.limits for section in place)
    return any(block.allow_filter is not None or block.deny_filter is not None for block in blocks)
