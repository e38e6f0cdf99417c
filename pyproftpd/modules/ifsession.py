"""Settings for some sessions only: by user, group, class, or once logged in (mod_ifsession.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Repeat, Status, directive
from pyproftpd.api.expressions import Expression, Mode, parse_expression
from pyproftpd.api.facts import BindFacts
from pyproftpd.api.module import Module, Section, SessionCondition


class IfSessionConf(ConfBlock, module="ifsession"):
    """When the sections are asked."""

    if_session_options: frozenset[str] = directive(
        "IfSessionOptions", values.options("PerUnauthenticatedUser"), where=SERVERS, arity="1..*",
        syntax="PerUnauthenticatedUser ...", default=frozenset(), repeat=Repeat.ACCUMULATE, joined=True,
        status=Status.ACCEPTED, doc="Ask IfUser with the name that has not yet been proved.")


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """``<IfAuthenticated>``"""

    def matches(self, facts: BindFacts) -> bool:
        return facts.authenticated


@dataclass(frozen=True, slots=True)
class Proven:
    """An expression over names that mean something only after the login."""

    expression: Expression

    def matches(self, facts: BindFacts) -> bool:
        return facts.authenticated and self.expression.matches(facts)


def _expression(kind: str, mode: Mode) -> Callable[[Sequence[str]], SessionCondition]:
    def parse(words: Sequence[str]) -> SessionCondition:
        expression = parse_expression(words, kind, mode)
        return expression if kind == "class" else Proven(expression)
    return parse


def _authenticated(words: Sequence[str]) -> SessionCondition:
    return LoggedIn()


def _section(keyword: str, rank: int, condition: Callable[[Sequence[str]], SessionCondition], doc: str) -> Section:
    return Section(keyword=keyword, kind="session", where=SERVERS, arity="1..*",
                   syntax="[AND|OR] expr | regex pattern", condition=condition, rank=rank, doc=doc)


#: the ranks are the real server's (1.3.8, verified live)
module = Module(
    name="ifsession", api=API, conf=(IfSessionConf,), sections=(
        _section("IfUser", 0, _expression("user", Mode.OR), "Settings for users."),
        _section("IfGroup", 1, _expression("group", Mode.AND), "Settings for members of groups."),
        Section(keyword="IfAuthenticated", kind="session", where=SERVERS, arity="0..0", syntax="(none)",
                condition=_authenticated, rank=2, doc="Settings for every session that is logged in."),
        _section("IfClass", 3, _expression("class", Mode.OR), "Settings for clients of a connection class.")))
