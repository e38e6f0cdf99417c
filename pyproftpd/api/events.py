"""Typed events: what modules may react to besides commands. One dataclass each, delivered in order of registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyproftpd.api.auth import Identity


@dataclass(frozen=True, slots=True)
class PostParse:
    """A configuration stands and is about to be put into force; raising ``ConfigError`` refuses it. Master, as root."""

    configuration: Any


@dataclass(frozen=True, slots=True)
class Restart:
    """The old configuration is about to be dropped. Master."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A session began: after admission, before the first byte. Child."""


@dataclass(frozen=True, slots=True)
class LoginDone:
    identity: Identity


@dataclass(frozen=True, slots=True)
class LoginFailed:
    user: str
    method: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chrooted:
    path: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The session ends; the last event a child sends, whatever ended it."""

    reason: str


class EventBus:
    """Handlers by event class. Built once per process from the ``On`` rows of the loaded modules."""

    __slots__ = ("_handlers",)

    def __init__(self) -> None:
        self._handlers: dict[type, list[Callable[..., None]]] = {}

    def on(self, event: type, handler: Callable[..., None]) -> None:
        self._handlers.setdefault(event, []).append(handler)

    def handlers(self, event: type) -> tuple[Callable[..., None], ...]:
        """For who must go on where one of them refuses."""
        return tuple(self._handlers.get(event, ()))

    def emit(self, event: object, *context: Any) -> None:
        """Call every handler as ``handler(event, *context)``; an exception stops the rest and reaches the caller."""
        for handler in self._handlers.get(type(event), ()):
            handler(event, *context)
