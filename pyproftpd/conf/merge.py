"""Tree to places: Global into servers, Limit names, Directory paths and their nesting; and which line decides a value.

A :class:`Place` is what one section says by itself. The value of a directive at a place follows from the places around
it, innermost first, by the directive's merge and repeat rules (:func:`decide`).
"""

from __future__ import annotations

import fnmatch
import os
import pwd
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyproftpd.api.directive import Context, Directive, Merge, Repeat
from pyproftpd.api.expressions import Conditional
from pyproftpd.api.facts import BindFacts
from pyproftpd.api.module import SessionCondition
from pyproftpd.conf.tree import Node, Setting
from pyproftpd.errors import ConfigError, Where

#: commands that one name in a Limit stands for
TWINS = (("CDUP", "XCUP"), ("CWD", "XCWD"), ("MKD", "XMKD"), ("PWD", "XPWD"), ("RMD", "XRMD"))
IMPLIED = {name: twin for pair in TWINS if pair[0] != "CWD" for name, twin in (pair, pair[::-1])}

#: settings of one section in the order in which they are asked; own lines, then those of each Global
Group = tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class LimitPlace:
    """A ``<Limit>`` as written; names in capitals, twins added."""

    names: frozenset[str]
    settings: Group
    where: Where


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """A ``<Directory>``; ``path`` without a trailing ``/*``, which ``contents_only`` remembers.

    ``deferred``: the path begins with a bare ``~`` or holds ``%u`` and is known once the user is.
    """

    path: str
    contents_only: bool
    deferred: bool
    settings: Group
    limits: tuple[LimitPlace, ...]
    where: Where

    @property
    def text(self) -> str:
        """The path as written."""
        return self.path.rstrip("/") + "/*" if self.contents_only else self.path

    def resolved(self, user: str, home: str) -> DirectoryPlace | None:
        """With the user's name and home put in; ``None`` while they are unknown."""
        if not self.deferred:
            return self
        if not user or (self.path.startswith("~") and not home):
            return None
        path = self.path.replace("%u", user)
        if path == "~" or path.startswith("~/"):
            path = home + path[1:]
        return DirectoryPlace(os.path.normpath(path), self.contents_only, False, self.settings, self.limits, self.where)

    def contains(self, path: str) -> bool:
        """Source: real server, dirtree.c: a name alone also covers what is below; a wildcard matches slashes too."""
        if not any(char in self.path for char in "*?["):
            if path == self.path:
                return not self.contents_only
            return path.startswith(self.path.rstrip("/") + "/")
        if not self.contents_only and fnmatch.fnmatchcase(path, self.path):
            return True
        return fnmatch.fnmatchcase(path, self.path + "/*")

    def begins_in(self, directory: str) -> bool:
        """May this contain an entry of ``directory`` without containing the directory?"""
        fixed, inside = re.split(r"[*?[]", self.path, maxsplit=1)[0], directory.rstrip("/") + "/"
        if fixed != self.path:
            return fixed.startswith(inside) or inside.startswith(fixed)
        return self.contents_only and self.path == directory or os.path.dirname(self.path) == directory


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """A section of mod_ifsession: what it adds to a server for the sessions that it matches."""

    condition: SessionCondition
    rank: int
    place: Place


@dataclass(frozen=True, slots=True)
class Place:
    """A server, an anonymous login or a section for some sessions."""

    kind: str
    path: str
    where: Where
    groups: tuple[Group, ...]
    limits: tuple[LimitPlace, ...] = ()
    directories: tuple[DirectoryPlace, ...] = ()
    anonymous: tuple[Place, ...] = ()
    sessions: tuple[SessionPlace, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """Faults found on the way."""

    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def servers(root: Node, report: Report) -> list[Place]:
    """The main server first, then the virtual hosts in file order."""
    shared = [node for owner in (root, *root.of("virtualhost")) for node in owner.of("global")]
    return [_place(node, shared, _account_files((node, *shared)), report) for node in (root, *root.of("virtualhost"))]


def said(place: Place, keyword: str) -> list[Setting]:
    """The lines of a server by keyword, the place's own before those of a Global."""
    return [setting for group in place.groups for setting in group if setting.row.directive.keyword == keyword]


def classes(root: Node) -> list[Node]:
    return [node for owner in (root, *root.of("global")) for node in owner.of("class")]


def _account_files(parts: Sequence[Node]) -> list[str]:
    """Each AuthUserFile of a server: ``~user`` may name somebody whom the system does not know."""
    return [one.value.path for part in parts for one in part.settings if one.row.directive.keyword == "AuthUserFile"]


def _place(node: Node, shared: Sequence[Node], users: Sequence[str], report: Report) -> Place:
    """``users``: the account files in which ``~user`` is looked up besides the system's."""
    parts = (node, *shared)
    anonymous_root = _anonymous_root(node, users, report) if node.kind == "anonymous" else ""
    directories = [_directory(child, anonymous_root, users, report) for part in parts
                   for child in _latest(part, "directory")]
    if node.kind != "anonymous":
        _refuse_twice(node, report)
    return Place(
        kind="server" if node.kind == "virtualhost" else node.kind,
        path=anonymous_root, where=node.where,
        groups=tuple(tuple(part.settings) for part in parts),
        limits=tuple(limit(child) for part in parts for child in _latest(part, "limit")),
        directories=tuple(one for one in directories if one is not None),
        anonymous=tuple(_place(child, (), users, report) for part in parts for child in part.of("anonymous")
                        if _has_root(child, users, report)),
        sessions=tuple(SessionPlace(child.condition, child.section.rank, _place(child, (), users, report))
                       for part in parts for child in part.of("session") if child.condition and child.section),
        words=node.words)


def _latest(node: Node, kind: str) -> list[Node]:
    """Sections in the order in which they are asked: a later one precedes an earlier one, but not in a section of
    mod_ifsession, whose merging turns the order round again (source: real server, verified live)."""
    found = node.of(kind)
    return found if node.kind == "session" else found[::-1]


def _refuse_twice(node: Node, report: Report) -> None:
    seen: dict[str, Where] = {}
    for child in node.of("directory"):
        path = child.words[0] if child.words else ""
        if path in seen:
            report.errors.append(ConfigError(f"<Directory {path}> stands in this server already", child.where,
                                             hint=f"the first one is at {seen[path]}"))
        seen.setdefault(path, child.where)


def limit(node: Node) -> LimitPlace:
    names = {name.upper() for word in node.words for name in word.split(",") if name}
    return LimitPlace(frozenset(names | {IMPLIED[name] for name in names if name in IMPLIED}),
                      tuple(node.settings), node.where)


def _directory(node: Node, anonymous_root: str, users: Sequence[str], report: Report) -> DirectoryPlace | None:
    path = node.words[0] if node.words else ""
    contents_only = path.endswith("/*")
    path = path[:-2] if contents_only else path
    if not path.startswith(("/", "~")) and not (contents_only and not path):
        if not anonymous_root:
            report.errors.append(ConfigError(f"{node.title} is relative", node.where,
                                             expected="an absolute path, or one that begins with ~"))
            return None
        path = os.path.join(anonymous_root, path)
    if path.startswith("~") and path != "~" and not path.startswith("~/"):
        expanded = _expand_user(path, users)
        if expanded is None:
            report.warnings.append(_nobody(node, path))
            return None
        path = expanded
    deferred = path.startswith("~") or "%u" in path
    return DirectoryPlace(path if path.startswith("~") else os.path.normpath(path or "/"), contents_only, deferred,
                          tuple(node.settings), tuple(limit(child) for child in _latest(node, "limit")), node.where)


def _anonymous_root(node: Node, users: Sequence[str], report: Report) -> str:
    path = node.words[0] if node.words else ""
    if any(char in path for char in "*?[") or path == "/" or not path.startswith(("/", "~")):
        report.errors.append(ConfigError(f"{node.title} cannot be the root of anonymous logins", node.where,
                                         expected="an absolute path or ~user, not / and without wildcards"))
        return "/"
    if not any(setting.row.directive.keyword == "User" for setting in node.settings):
        report.warnings.append(f"{node.where}: {node.title} does not say which User it is for: nobody can log in there")
    return os.path.normpath((_expand_user(path, users) or "/") if path.startswith("~") else path)


def _has_root(node: Node, users: Sequence[str], report: Report) -> bool:
    """An anonymous section below the home of nobody is left out with a warning: the real server starts with it, too."""
    path = node.words[0] if node.words else ""
    if not path.startswith("~") or _expand_user(path, users) is not None:
        return True
    report.warnings.append(_nobody(node, path))
    return False


def _nobody(node: Node, path: str) -> str:
    return f"{node.where}: {node.title} has no effect: there is no user '{path[1:].partition('/')[0]}'"


def _expand_user(path: str, users: Sequence[str]) -> str | None:
    """``~user/rest`` below that user's home, ``None`` when there is no such user."""
    name, slash, rest = path[1:].partition("/")
    home = next((found for file in users if (found := _home_in(file, name))), "")
    try:
        return (home or pwd.getpwnam(name).pw_dir) + slash + rest
    except KeyError:
        return None


def _home_in(file: str, user: str) -> str:
    """A user's home by a file in the format of passwd(5), ``""`` for none. Whether he may log in is no question here."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            entries = (line.rstrip("\n").split(":") for line in lines)
            return next((entry[5] for entry in entries if entry[0] == user and len(entry) == 7), "")
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Nested:
    """A Directory and those inside of it."""

    place: DirectoryPlace
    inner: tuple[Nested, ...]


def nest(directories: Sequence[DirectoryPlace]) -> tuple[Nested, ...]:
    """Directories put into each other by the text of their paths, in the order in which they are asked."""
    inside: dict[int, list[DirectoryPlace]] = {}
    outermost: list[DirectoryPlace] = []
    for one in directories:
        around = [other for other in directories if other is not one and _inside(one, other)]
        if around:
            inside.setdefault(id(max(around, key=lambda other: len(other.text))), []).append(one)
        else:
            outermost.append(one)

    def build(place: DirectoryPlace) -> Nested:
        return Nested(place, tuple(map(build, inside.get(id(place), ()))))
    return tuple(map(build, outermost))


def _inside(one: DirectoryPlace, other: DirectoryPlace) -> bool:
    return one.text.startswith(other.path.rstrip("/") + "/") and one.text != other.text


def nearest(nested: Iterable[Nested], path: str) -> tuple[DirectoryPlace, ...]:
    """The Directory for ``path`` and those around it, innermost first.

    The first that contains the path decides, whichever is longer; only what is nested in it is asked after it.
    Source: real server, dirtree.c; order verified live with 1.3.8.
    """
    for one in nested:
        if one.place.contains(path):
            return (*nearest(one.inner, path), one.place)
    return ()


# -- which line decides -------------------------------------------------------------------------------------------------

#: one section's groups, and the context that it stands for
Layer = tuple[Context, tuple[Group, ...]]


def decide(row: Directive, layers: Sequence[Layer], facts: BindFacts | None) -> tuple[Any, Setting | None]:
    """The value of a directive, and the line that it came from (``None`` = the default)."""
    found = deciding(row, layers, facts)
    if not found:
        return row.default, None
    if row.repeat is Repeat.ACCUMULATE or row.collect:
        return _together(row, [_plain(row, one) for one in found]), found[0]
    return _plain(row, found[0]), found[0]


def deciding(row: Directive, layers: Sequence[Layer], facts: BindFacts | None) -> list[Setting]:
    """The lines that make the value: one, or all that accumulate, the most specific first.

    ``layers`` are the places, innermost first; ``facts`` ``None`` = only what holds for everybody.
    """
    chosen = [_applying(row, groups, facts) for groups in _reach(row, layers)]
    if row.repeat is Repeat.ACCUMULATE or row.collect:
        if row.merge is Merge.DOWN and row.repeat is Repeat.ACCUMULATE:
            chosen = next(([groups] for groups in chosen if any(groups)), [])
        return [setting for groups in chosen for group in groups for setting in group]
    for groups in chosen:
        for group in groups:
            if group:
                return [group[-1] if row.repeat is Repeat.LAST else group[0]]
    return []


def _reach(row: Directive, layers: Sequence[Layer]) -> list[tuple[Group, ...]]:
    """The places that a directive is looked for in, innermost first.

    One that does not merge down begins at the innermost place that may hold it, and in a Directory ends there. A
    virtual host is the end for whatever it may hold itself: the main server behind it has a say in nothing else.
    """
    reached: list[tuple[Group, ...]] = []
    for context, groups in layers:
        if row.merge is Merge.NONE and not reached and context not in row.where:
            continue
        reached.append(groups)
        if context in row.where and (context is Context.VIRTUALHOST
                                     or (context is Context.DIRECTORY and row.merge is Merge.NONE)):
            break
    return reached


def _applying(row: Directive, groups: Sequence[Group], facts: BindFacts | None) -> list[list[Setting]]:
    return [[setting for setting in group if setting.row.directive is row and _holds(row, setting, facts)]
            for group in groups]


def _holds(row: Directive, setting: Setting, facts: BindFacts | None) -> bool:
    return not row.conditional or not isinstance(setting.value, Conditional) or setting.value.applies(facts)


def _plain(row: Directive, setting: Setting) -> Any:
    return setting.value.value if row.conditional and isinstance(setting.value, Conditional) else setting.value


def _together(row: Directive, found: list[Any]) -> Any:
    if not row.joined:
        return tuple(found)
    if isinstance(found[0], frozenset):
        return frozenset().union(*found)
    return tuple(part for value in found for part in value)
