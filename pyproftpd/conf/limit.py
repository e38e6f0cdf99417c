"""What stands inside ``<Limit>``: who may, who may not, in which order the two are asked."""

from __future__ import annotations

from collections.abc import Sequence

from pyproftpd.api import values
from pyproftpd.api.directive import ConfBlock, Context, Merge, ParseContext, Repeat, directive
from pyproftpd.api.expressions import Expression, HostRules, parse_host_rule


def host_rules(words: Sequence[str], context: ParseContext) -> HostRules:
    """``[from] rule[,rule...] ...``"""
    rest = list(words[1:] if words and words[0].lower() == "from" else words)
    names = [name.strip() for word in rest for name in word.split(",") if name.strip()]
    if not names:
        raise ValueError("addresses, networks, names, 'all' or 'none'")
    return HostRules(tuple(parse_host_rule(name) for name in names))


def _order(words: Sequence[str], context: ParseContext) -> str:
    """``allow,deny`` or ``deny,allow``, also as two words."""
    order = ",".join(part.strip() for part in " ".join(words).replace(",", " ").lower().split())
    if order not in ("allow,deny", "deny,allow"):
        raise ValueError("allow,deny or deny,allow")
    return order


class LimitConf(ConfBlock, module="core"):
    """The rules of one Limit section, or AllowAll and DenyAll of a place."""

    allow: tuple[HostRules, ...] = directive(
        "Allow", host_rules, where=Context.LIMIT, arity="1..*", syntax="[from] all|none|ACL[,ACL...] ...", default=(),
        default_text="allow from all (implicit)", repeat=Repeat.ACCUMULATE, doc="Let in clients by address or name.")
    deny: tuple[HostRules, ...] = directive(
        "Deny", host_rules, where=Context.LIMIT, arity="1..*", syntax="[from] all|none|ACL[,ACL...] ...", default=(),
        default_text="unset", repeat=Repeat.ACCUMULATE, doc="Keep out clients by address or name.")
    allow_all: bool = directive(
        "AllowAll", values.flag, where=Context.ANONYMOUS | Context.DIRECTORY | Context.LIMIT | Context.FTPACCESS,
        arity="0..0", syntax="-", default=False, default_text="off", doc="Let everybody.")
    deny_all: bool = directive(
        "DenyAll", values.flag, where=Context.ANONYMOUS | Context.DIRECTORY | Context.LIMIT | Context.FTPACCESS,
        arity="0..0", syntax="-", default=False, default_text="off", doc="Let nobody.")
    allow_user: tuple[Expression, ...] = directive(
        "AllowUser", values.expression("user"), where=Context.LIMIT, arity="1..*", syntax="[AND|OR|regex] expr",
        default=(), default_text="unset", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE, doc="Let users.")
    deny_user: tuple[Expression, ...] = directive(
        "DenyUser", values.expression("user"), where=Context.LIMIT, arity="1..*", syntax="[AND|OR|regex] expr",
        default=(), default_text="unset", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE, doc="Refuse users.")
    allow_group: tuple[Expression, ...] = directive(
        "AllowGroup", values.expression("group"), where=Context.LIMIT, arity="1..*", syntax="[AND|OR|regex] expr",
        default=(), default_text="unset", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE, doc="Let members of groups.")
    deny_group: tuple[Expression, ...] = directive(
        "DenyGroup", values.expression("group"), where=Context.LIMIT, arity="1..*", syntax="[AND|OR|regex] expr",
        default=(), default_text="unset", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE,
        doc="Refuse members of groups.")
    allow_class: tuple[Expression, ...] = directive(
        "AllowClass", values.expression("class"), where=Context.LIMIT, arity="1..*", syntax="[AND|OR|regex] expr",
        default=(), default_text="unset", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE,
        doc="Let clients of connection classes.")
    deny_class: tuple[Expression, ...] = directive(
        "DenyClass", values.expression("class"), where=Context.LIMIT, arity="1..*", syntax="[AND|OR|regex] expr",
        default=(), default_text="unset", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE,
        doc="Refuse clients of connection classes.")
    order: str = directive(
        "Order", _order, where=Context.LIMIT, arity="1..2", syntax="allow,deny|deny,allow", default="allow,deny",
        default_text="allow,deny", doc="Which rules are asked first; the other kind is the answer when none matches.")
    ignore_hidden: bool = directive(
        "IgnoreHidden", values.boolean, where=Context.LIMIT, arity="1..*", syntax="on|off", default=False,
        default_text="off", doc="Answer as if a hidden name did not exist.")
