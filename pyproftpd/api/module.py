"""What a module is: a table at the foot of its file, nothing registered by importing it. After ProFTPD's modules.h."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyproftpd.api.auth import AuthSource
from pyproftpd.api.command import Phase
from pyproftpd.api.directive import ConfBlock
from pyproftpd.api.frontend import FrontEnd


@dataclass(frozen=True, slots=True)
class Hook:
    """``handler(session, command)`` in a phase; ``command`` is a name or ``*``. PRE may raise ``Refused``."""

    phase: Phase
    command: str
    handler: Callable[..., None]


@dataclass(frozen=True, slots=True)
class AuthRow:
    """``make(scope, facts)`` builds the source of one server, or ``None`` where the server does not use it."""

    name: str
    make: Callable[..., AuthSource | None]


@dataclass(frozen=True, slots=True)
class Control:
    """An action of ftpdctl: ``handler(master, words) -> (status, lines)``."""

    action: str
    doc: str
    handler: Callable[..., tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class On:
    """``handler(event, *context)`` for an event class of :mod:`pyproftpd.api.events`."""

    event: type
    handler: Callable[..., None]


@dataclass(frozen=True, slots=True)
class Section:
    """A section that belongs to this module (``<IfUser>`` of mod_ifsession); the parser keeps it as a node of ``kind``."""

    keyword: str
    kind: str
    contexts: Any
    arity: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """``name`` without ``mod_`` and ``.c``; ``frontends`` and ``auth`` are import paths (``package.module:attribute``)
    so that naming a module costs no import of its machinery (``proftpd -V`` must stay fast)."""

    name: str
    api: int
    conf: tuple[type[ConfBlock], ...] = ()
    requires: tuple[str, ...] = ()
    hooks: tuple[Hook, ...] = ()
    auth: tuple[AuthRow, ...] = ()
    controls: tuple[Control, ...] = ()
    on: tuple[On, ...] = ()
    sections: tuple[Section, ...] = ()
    frontends: tuple[FrontEnd, ...] = ()
    #: ``session_init(session)`` runs in the child after ``Connected``; an exception ends the session
    session_init: Callable[[Any], None] | None = None
    #: tables printed by ``proftpd --describe``: name -> () -> (header, rows)
    describe: dict[str, Callable[[], tuple[tuple[str, ...], list[tuple[str, ...]]]]] = field(default_factory=dict)
