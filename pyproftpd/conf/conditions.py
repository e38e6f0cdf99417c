"""Connection classes: clients by address and name, named once and used in conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyproftpd.api import values
from pyproftpd.api.directive import ConfBlock, Context, ParseContext, Repeat, directive
from pyproftpd.api.expressions import Conditional, Expression, HostRule, HostRules
from pyproftpd.conf.limit import host_rules
from pyproftpd.errors import Where

__all__ = ["ClassConf", "Conditional", "ConnectionClass", "Expression", "HostRule", "HostRules"]


def _from(words: Sequence[str], context: ParseContext) -> HostRules:
    return host_rules(words, context) if words else HostRules(())


class ClassConf(ConfBlock, module="core"):
    """The rules of one Class section."""

    from_: tuple[HostRules, ...] = directive(
        "From", _from, where=Context.CLASS, arity="0..*", syntax="[all|none]|ACL[,ACL...] ...", default=(),
        repeat=Repeat.ACCUMULATE, doc="Clients that belong to the class.")
    satisfy: str = directive(
        "Satisfy", values.enumeration("any", "all"), where=Context.CLASS, arity="1..*", syntax="any|all",
        default="any", default_text="any", repeat=Repeat.LAST, doc="Whether one From line must match, or all of them.")


@dataclass(frozen=True, slots=True)
class ConnectionClass:
    """A ``<Class>``: its name and who is in it."""

    name: str
    rules: tuple[HostRules, ...]
    satisfy: str
    where: Where

    def matches(self, address: str, hostname: str) -> bool:
        verdicts = [rules.matches(address, hostname) for rules in self.rules]
        return bool(verdicts) and (all(verdicts) if self.satisfy == "all" else any(verdicts))
