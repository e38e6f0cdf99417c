"""Controls of a running daemon: who may use them, and what an action sees of the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pyproftpd.api.directive import ParseContext

if TYPE_CHECKING:
    from pyproftpd.api.module import Control

#: what an action answers: status (0, or negative for a failure) and lines
Answer = tuple[int, list[str]]
FAILED = -1


@dataclass(frozen=True, slots=True)
class ControlsAcl:
    """Who may run which actions; ``names`` are of ``kind`` user or group."""

    actions: frozenset[str]
    allow: bool
    kind: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Presence:
    """A session as the daemon's administrator sees it. ``since_ns`` is wall-clock time."""

    pid: int
    user: str
    address: str
    name: str
    connection_class: str
    protocol: str
    since_ns: int
    doing: str


class Daemon(Protocol):
    """The running daemon, for the handlers of :class:`~pyproftpd.api.module.Control` rows. Nothing here waits."""

    #: wall-clock seconds of the start, and how often the configuration was read again
    started: float
    restarts: int
    #: of ``addresses``, those that take no new connections
    disabled: set[tuple[str, int]]

    @property
    def configuration(self) -> Any:
        """``conf.scope.Configuration`` in force."""
        ...

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Host and port of every server, in the order of the configuration."""
        ...

    def actions(self) -> list[tuple[str, Control]]:
        """Module name and row of every action that is switched on by configuration."""
        ...

    def switch(self, action: str, *, on: bool) -> None: ...

    def reload(self) -> bool:
        """Read the configuration again; false = it is faulty and the old one stays (the log says why)."""
        ...

    def retire(self, seconds: float | None) -> None:
        """End the daemon: at once, or after the transfers under way but at the latest in ``seconds``."""
        ...

    def sessions(self) -> list[Presence]: ...

    def end_session(self, pid: int) -> None: ...

    def scrub(self) -> None:
        """Remove scoreboard entries of processes that have gone."""
        ...

    def set_debug_level(self, level: int | None) -> int:
        """``None`` = what the configuration says. Returns the level now in force."""
        ...

    def set_trace(self, channel: str, low: int, high: int) -> None: ...

    def trace_levels(self) -> list[tuple[str, int, int]]: ...

    def set_reverse_dns(self, on: bool) -> None: ...

    def root(self) -> AbstractContextManager[None]:
        """Root inside the block, for a file that only root may open."""
        ...


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
