"""Scopes: the settings in force at one place, typed and frozen. A reader asks ``scope.get(Block)`` and then attributes.

A scope of a configuration knows nothing of a session; :meth:`Scope.bind` makes one that does: conditional values decided,
sections of mod_ifsession put in, ``~`` and ``%u`` in Directory paths replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pyproftpd.api.directive import ConfBlock, Context, Directive
from pyproftpd.api.expressions import Pattern
from pyproftpd.api.facts import BindFacts
from pyproftpd.api.module import Module
from pyproftpd.conf.conditions import Conditional, ConnectionClass
from pyproftpd.conf.limit import LimitConf
from pyproftpd.conf.merge import DirectoryPlace, Layer, LimitPlace, Nested, Place, decide, deciding, limit, nearest, nest
from pyproftpd.conf.tree import Node, Setting
from pyproftpd.errors import Where

B = TypeVar("B", bound=ConfBlock)

#: paths whose Directory is remembered; a client cannot make the memory grow beyond it
MAX_REMEMBERED = 2048


class LimitSection:
    """A Limit: the commands and groups that it is about, and its rules."""

    __slots__ = ("names", "where", "allow_filter", "deny_filter", "_layers", "_blocks")

    def __init__(self, place: LimitPlace) -> None:
        self.names, self.where = place.names, place.where
        #: AllowFilter and DenyFilter written inside of the section
        self.allow_filter: Pattern | None = _first(place.settings, "AllowFilter")
        self.deny_filter: Pattern | None = _first(place.settings, "DenyFilter")
        self._layers: tuple[Layer, ...] = ((Context.LIMIT, (place.settings,)),)
        self._blocks: dict[type[ConfBlock], ConfBlock] = {}

    @property
    def conf(self) -> LimitConf:
        return self.get(LimitConf)

    def get(self, block: type[B]) -> B:
        """What stands in the section itself."""
        return _built(block, self._layers, None, self._blocks)

    def __repr__(self) -> str:
        return f"<Limit {' '.join(sorted(self.names))}> at {self.where}"


class Scope:
    """The settings of one place; immutable (what it remembers are answers it has given)."""

    __slots__ = ("kind", "path", "where", "server", "main", "addresses", "anonymous", "limits", "place", "facts",
                 "home", "_layers", "_directories", "_nested_directories", "_blocks", "_under", "_nests", "_written",
                 "_conditional", "_owner", "_chain", "__weakref__")

    def __init__(self, place: Place, *, addresses: tuple[str, ...] = (), outer: Scope | None = None,
                 main: Scope | None = None, facts: BindFacts | None = None, home: str = "",
                 written: Scope | None = None) -> None:
        """A server, or with ``outer`` an anonymous login on one. A virtual host has the ``main`` server behind it, for
        what can be said there only (the daemon's settings, LogFormat). A bound scope shares with the one that was
        ``written`` all that no condition touches: sessions would each copy what their master has already."""
        self.kind, self.path, self.where, self.place = place.kind, place.path, place.where, place
        self.server: Scope = outer or self
        #: for the scope of a directory: the place that its sections stand in, and these, innermost first
        self._owner: Scope = self
        self._chain: tuple[DirectoryPlace, ...] = ()
        self.addresses, self.facts, self.home = addresses, facts, home
        matched, sectioned = _matching(place, facts)
        self.main: Scope = (outer.main if outer else main) or self
        context = Context.ANONYMOUS if outer else Context.VIRTUALHOST if main else Context.SERVER
        groups = (*(group for one in matched for group in one.groups), *place.groups)
        self._layers: tuple[Layer, ...] = ((context, groups), *(outer._layers if outer else main._layers if main else ()))
        self._written: Scope | None = written if not matched and (outer is None or outer._written) else None
        #: what has a line for some sessions only
        self._conditional: frozenset[type[ConfBlock]] = (
            self._written._conditional if self._written is not None else _conditional(self._layers))
        self._blocks: dict[type[ConfBlock], ConfBlock] = {}
        if self._written is not None:
            self.limits: tuple[tuple[LimitSection, ...], ...] = self._written.limits
        else:
            limits = tuple(LimitSection(limit) for one in (*sectioned, place) for limit in one.limits)
            self.limits = (limits, *(outer.limits if outer else ()))
        if self._written is not None and not any(one.deferred for one in place.directories):
            self._directories: tuple[DirectoryPlace, ...] = self._written._directories
            self._nested_directories: tuple[Nested, ...] = self._written._nested_directories
        else:
            self._directories = self._resolved([one for source in (*sectioned, place) for one in source.directories])
            self._nested_directories = nest(self._directories)
        self._under: dict[tuple[str, str], Scope] = {}
        #: by the Directory sections that hold, innermost first: all paths in them share one scope and its blocks
        self._nests: dict[tuple[int, ...], Scope] = {}
        self.anonymous: tuple[Scope, ...] = () if outer else tuple(
            Scope(one, outer=self, facts=facts, home=home, written=written.anonymous[index] if written else None)
            for index, one in enumerate(place.anonymous))

    def _resolved(self, directories: Sequence[DirectoryPlace]) -> tuple[DirectoryPlace, ...]:
        user = self.facts.user if self.facts else ""
        found = (one.resolved(user, self.home) for one in directories)
        return tuple(one for one in found if one is not None)

    def get(self, block: type[B]) -> B:
        """The settings of a block in force here."""
        made = self._blocks.get(block)
        if made is not None:
            return made  # type: ignore[return-value]
        if self._written is not None and block not in self._conditional:
            shared = self._blocks[block] = self._written.get(block)
            return shared
        return _built(block, self._layers, self.facts, self._blocks)

    def own(self, block: type[B]) -> B:
        """What is written in this place itself: User, Group and UserAlias of an anonymous section are its own."""
        return _built(block, self._layers[:1], self.facts, {})

    def deciding(self, row: Directive) -> list[Setting]:
        """The lines that make the value of a directive here; for explanations."""
        return deciding(row, self._layers, self.facts)

    def bind(self, facts: BindFacts, *, home: str = "") -> Scope:
        """This place as a session sees it; ``home`` is the user's, once there is one. Bound again after each change."""
        if self.kind == "directory":
            return self.server.bind(facts, home=home).under(self.path)
        main = None if self.server is self.main else self.main
        written = self.server if self.server.facts is None else None
        server = Scope(self.server.place, addresses=self.server.addresses, main=main, facts=facts, home=home,
                       written=written)
        if self.kind == "server":
            return server
        return next(one for one in server.anonymous if one.place is self.place)

    @property
    def directories(self) -> tuple[Scope, ...]:
        """Every Directory of this place, for questions about all of them (is there a UserOwner anywhere)."""
        return tuple(self._nested((one,)) for one in self._directories)

    def under(self, real_path: str, client_path: str | None = None) -> Scope:
        """The scope of the innermost Directory that contains an absolute path; this one when there is none.

        With both paths given (they differ where symbolic links are followed) the longer Directory decides.
        """
        key = (real_path, client_path or "")
        known = self._under.get(key)
        if known is None:
            if len(self._under) >= MAX_REMEMBERED:
                self._under.clear()
            known = self._under[key] = self._find(real_path, client_path)
        return known

    def _find(self, real_path: str, client_path: str | None) -> Scope:
        for owner in (self, self.server) if self.server is not self else (self,):
            chain = nearest(owner._nested_directories, real_path)
            if client_path is not None and client_path != real_path:
                other = nearest(owner._nested_directories, client_path)
                if other and (not chain or len(other[0].path) > len(chain[0].path)):
                    chain = other
            if chain:
                key = tuple(map(id, chain))
                if key not in self._nests:
                    self._nests[key] = self._nested(chain)
                return self._nests[key]
        return self

    def _nested(self, chain: tuple[DirectoryPlace, ...], files: Sequence[tuple[str, Node]] = ()) -> Scope:
        """Directory sections around each other, ``chain`` innermost first, and ``.ftpaccess`` files, outermost first.

        A file lies upon the sections that contain its directory, and below those that begin further in: who may write it
        has no say in what the configuration says of a place inside. Source: real server.
        """
        inner, waiting = self, list(files)
        for directory in reversed(chain):
            while waiting and not directory.contains(waiting[0][0]):
                inner = inner._topped(waiting.pop(0)[1])
            inner = inner._inner(directory.path, directory.where, directory.settings, directory.limits)
        for _, root in waiting:
            inner = inner._topped(root)
        if inner is not self:
            inner._owner, inner._chain = self, chain
        return inner

    def _inner(self, path: str, where: Where, settings: tuple[Setting, ...],
               limits: tuple[LimitPlace, ...]) -> Scope:
        scope = Scope.__new__(Scope)
        scope.kind, scope.path, scope.where, scope.place = "directory", path, where, self.place
        scope.server, scope.main, scope.addresses, scope.anonymous = self.server, self.main, (), ()
        scope.facts, scope.home = self.facts, self.home
        scope._layers = ((Context.DIRECTORY, (settings,)), *self._layers)
        scope.limits = (tuple(LimitSection(limit) for limit in limits), *self.limits)
        scope._directories = scope._nested_directories = ()
        scope._blocks, scope._under, scope._nests, scope._written = {}, {}, {}, None
        scope._owner, scope._chain, scope._conditional = scope, (), self._conditional
        return scope

    def _topped(self, root: Node) -> Scope:
        """This place with an ``.ftpaccess`` file on top. In a Directory the file joins its section, so that a DenyAll of
        the section holds on until the file says AllowAll."""
        settings = tuple(root.settings)
        scope = self._inner(self.path, root.where, settings, tuple(limit(one) for one in root.of("limit")[::-1]))
        if self.kind == "directory":
            (context, groups), *outer = self._layers
            scope._layers = ((context, (settings, *groups)), *outer)
        return scope

    def overlay(self, files: Sequence[tuple[str, Node]]) -> Scope:
        """This place with ``.ftpaccess`` files: the directory that each lies in, named from outside of any chroot, and what
        it says; the outermost first."""
        return self._owner._nested(self._chain, files)

    def divides(self, directory: str) -> bool:
        """May a section begin among the entries of ``directory``, so that they are not all judged alike?"""
        return any(one.begins_in(directory) for one in (*self._directories, *self.server._directories))

    def __repr__(self) -> str:
        return f"Scope({self.kind} {self.path or ','.join(self.addresses)} at {self.where})"


def _first(settings: Sequence[Setting], keyword: str) -> Any:
    return next((one.value for one in settings if one.row.directive.keyword == keyword), None)


def _matching(place: Place, facts: BindFacts | None) -> tuple[list[Place], list[Place]]:
    """The sections for some sessions that match, twice: in the order in which their settings are asked, the highest rank
    first and of one rank the later before the earlier; and their Limits and Directories, the other way round.

    Source: real server, verified live: values are replaced by each merge in turn, sections are put in front.
    """
    if facts is None:
        return [], []
    matching = sorted((one for one in place.sessions if one.condition.matches(facts)), key=lambda one: one.rank)
    return [one.place for one in reversed(matching)], [one.place for one in matching]


def _conditional(layers: Sequence[Layer]) -> frozenset[type[ConfBlock]]:
    """The blocks of which a line is for some sessions only."""
    return frozenset(setting.row.block for _, groups in layers for group in groups for setting in group
                     if isinstance(setting.value, Conditional) and setting.value.expression is not None)


def _built(block: type[B], layers: Sequence[Layer], facts: BindFacts | None, known: dict[type[ConfBlock], ConfBlock]) -> B:
    made = known.get(block)
    if made is None:
        values, sources = {}, {}
        for attribute, row in block.directives.items():
            values[attribute], setting = decide(row, layers, facts)
            if setting is not None:
                sources[attribute] = setting.where
        made = known[block] = block(values, sources)
    return made  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that a configuration says. ``servers[0]`` is the main server; ``warnings`` are said once at start."""

    servers: tuple[Scope, ...]
    classes: tuple[ConnectionClass, ...]
    modules: tuple[Module, ...]
    warnings: tuple[str, ...]
    path: str
    #: what ``-D`` named
    labels: frozenset[str] = frozenset()
