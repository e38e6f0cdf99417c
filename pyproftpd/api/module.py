"""What a module is: a table at the foot of its file, nothing registered by importing it. After ProFTPD's modules.h."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pyproftpd import API as API
from pyproftpd.api.auth import AuthSource
from pyproftpd.api.command import Phase
from pyproftpd.api.controls import ControlsAcl
from pyproftpd.api.directive import ConfBlock, Context
from pyproftpd.api.facts import BindFacts
from pyproftpd.api.frontend import FrontEnd

#: header and rows of one table of ``proftpd --describe``
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


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
    """An action of ftpdctl: ``handler(daemon, words) -> (status, lines)``, daemon as ``api.controls.Daemon``.

    ``acls(scope)`` are the access lists that the main server has for it, ``enabled(scope)`` whether it is there at all.
    """

    action: str
    doc: str
    handler: Callable[..., tuple[int, list[str]]]
    acls: Callable[[Any], Sequence[ControlsAcl]]
    enabled: Callable[[Any], bool] = lambda scope: True


@dataclass(frozen=True, slots=True)
class On:
    """``handler(event, *context)`` for an event class of :mod:`pyproftpd.api.events`."""

    event: type
    handler: Callable[..., None]


class SessionCondition(Protocol):
    """What a conditional section asks of a session."""

    def matches(self, facts: BindFacts) -> bool: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What a section that is decided while parsing may ask: labels of ``-D`` and Define, names of modules."""

    labels: frozenset[str]
    modules: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A kind of section, and the module that it belongs to (``<IfUser>`` to mod_ifsession).

    ``context`` is what its content is judged by, ``None`` = as around it. Of the two functions at most one is set:
    ``holds(words, known)`` decides while parsing whether the content is read at all; ``condition(words)`` makes the
    question that every session is asked, the highest ``rank`` having the last word. Both raise ``ValueError(expected)``.
    """

    keyword: str
    kind: str
    where: Context
    arity: str
    syntax: str
    doc: str
    repeat: str = "accumulates"
    context: Context | None = None
    holds: Callable[[Sequence[str], Known], bool] | None = None
    condition: Callable[[Sequence[str]], SessionCondition] | None = None
    rank: int = 0


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
    #: tables printed by ``proftpd --describe``; modules may add rows to one table under one header
    describe: Mapping[str, Callable[[], Table]] = field(default_factory=dict)
