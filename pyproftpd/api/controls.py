"""Who may use the controls of a running daemon, as the ...ControlsACLs directives say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyproftpd.api.directive import ParseContext


@dataclass(frozen=True, slots=True)
class ControlsAcl:
    """Who may run which actions; ``names`` are of ``kind`` user or group."""

    actions: frozenset[str]
    allow: bool
    kind: str
    names: frozenset[str]


def controls_acl(words: Sequence[str], context: ParseContext) -> ControlsAcl:
    """``actions|all allow|deny user|group list``"""
    return ControlsAcl(frozenset(words[0].split(",")), *_rule(words[1:]))


def socket_acl(words: Sequence[str], context: ParseContext) -> ControlsAcl:
    """``allow|deny user|group list``"""
    return ControlsAcl(frozenset(("all",)), *_rule(words))


def _rule(words: Sequence[str]) -> tuple[bool, str, frozenset[str]]:
    verdict, kind = words[0].lower(), words[1].lower()
    if verdict not in ("allow", "deny") or kind not in ("user", "group"):
        raise ValueError("allow or deny, then user or group, then names")
    return verdict == "allow", kind, frozenset(name for word in words[2:] for name in word.split(",") if name)
