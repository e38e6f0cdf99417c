"""A configuration file to a :class:`Configuration`: read, checked in full, merged. Nothing outside is changed by it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from pyproftpd.api.directive import Repeat, Status
from pyproftpd.api.registry import Registry
from pyproftpd.conf import addresses, merge
from pyproftpd.conf.conditions import ClassConf, ConnectionClass
from pyproftpd.conf.merge import Layer, Place, Report
from pyproftpd.conf.parser import Parser
from pyproftpd.conf.scope import Configuration, Scope
from pyproftpd.conf.tree import Node, Setting
from pyproftpd.errors import ConfigError, ConfigErrors, Where


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says instead: ``server_address`` (``-S``) in place of DefaultAddress;
    ``check_collisions`` off (``-N``) lets two servers share an address and port."""

    server_address: str = ""
    check_collisions: bool = True


def load(path: str, *, labels: frozenset[str] = frozenset(), overrides: Overrides | None = None) -> Configuration:
    """Raises :class:`ConfigErrors` with every fault found."""
    registry = Registry()
    parser = Parser(registry, labels=labels)
    parser.root.where = Where(path, 0)
    parser.file(path)
    root = parser.finish()
    report = Report(parser.errors, parser.warnings)
    _world_writable(path, report)
    places = merge.servers(root, report)
    scopes = _servers(places, overrides or Overrides(), report)
    classes = _classes(root, report)
    _check(registry, scopes, report)
    if report.errors:
        raise ConfigErrors(tuple(_in_order(report.errors)))
    report.warnings.extend(_without_effect(root, path))
    return Configuration(tuple(scopes), classes, tuple(registry.modules), tuple(report.warnings), path, labels)


def _in_order(errors: list[ConfigError]) -> list[ConfigError]:
    """File by file and line by line, whichever step found them."""
    files = {file: index for index, file in enumerate(dict.fromkeys(error.where.file for error in errors if error.where))}
    return sorted(errors, key=lambda error: (files[error.where.file], error.where.line) if error.where else (-1, 0))


def _world_writable(path: str, report: Report) -> None:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if stat.S_ISREG(mode) and mode & stat.S_IWOTH:
        report.warnings.append(f"{path} can be written by everybody")


#: Port where no line says one; the parser knows no ConfBlock, which stand on higher floors
DEFAULT_PORT = 21


def _servers(places: list[Place], overrides: Overrides, report: Report) -> list[Scope]:
    """Resolve names; an address and port that another server has already is dropped with a warning."""
    taken: dict[tuple[str, int], Place] = {}
    scopes: list[Scope] = []
    for place in places:
        found = _addresses(place, overrides, report)
        if scopes and overrides.check_collisions:
            found = _free(place, found, taken, report)
            if not found:
                continue
        for address in found:
            taken.setdefault((address, _port(place)), place)
        scopes.append(Scope(place, addresses=found, main=scopes[0] if scopes else None))
    _one_default(places, report)
    return scopes


def _addresses(place: Place, overrides: Overrides, report: Report) -> tuple[str, ...]:
    """Numeric addresses of a server; ``""`` = all of this machine, for a main server without DefaultAddress."""
    names = place.words
    if not names:
        said = merge.said(place, "DefaultAddress")
        names = (overrides.server_address,) if overrides.server_address else said[-1].value if said else ()
    found: list[str] = []
    for name in names:
        try:
            found.extend(addresses.resolve(name))
        except ValueError as error:
            report.errors.append(ConfigError(f"unknown address '{name}'", place.where, expected=str(error)))
    return tuple(dict.fromkeys(found)) or ("",)


def _port(place: Place) -> int:
    said = merge.said(place, "Port")
    return int(said[-1].value) if said else DEFAULT_PORT


def _free(place: Place, found: tuple[str, ...], taken: dict[tuple[str, int], Place], report: Report) -> tuple[str, ...]:
    """A server with a ServerAlias may share an address: it is chosen by name."""
    port = _port(place)
    if not port or merge.said(place, "ServerAlias"):
        return found
    kept = []
    for address in found:
        other = taken.get((address, port))
        if other is None:
            kept.append(address)
        else:
            report.warnings.append(f"{place.where}: {address} port {port} belongs to the server at {other.where} already; "
                                   "this server does not get it")
    return tuple(kept)


def _one_default(places: list[Place], report: Report) -> None:
    lines = [setting for place in places for setting in merge.said(place, "DefaultServer") if setting.value]
    report.errors.extend(
        ConfigError("DefaultServer is on for a second server", line.where, hint=f"the first one is at {lines[0].where}")
        for line in lines[1:])


def _classes(root: Node, report: Report) -> tuple[ConnectionClass, ...]:
    found = []
    for node in merge.classes(root):
        layers: tuple[Layer, ...] = ((node.context, (tuple(node.settings),)),)
        rules = {attribute: merge.decide(row, layers, None)[0] for attribute, row in ClassConf.directives.items()}
        conf = ClassConf(rules)
        if not conf.from_:
            report.warnings.append(f"{node.where}: {node.title} is empty")
        found.append(ConnectionClass(node.words[0] if node.words else "", conf.from_, conf.satisfy, node.where))
    return tuple(found)


def _check(registry: Registry, scopes: Iterable[Scope], report: Report) -> None:
    """Rules about settings that stand together: repeated lines that must not be, then the checks of the blocks."""
    blocks = [block for module in registry.modules for block in module.conf]
    for scope in scopes:
        for group in scope.place.groups[:1]:
            _repeated(group, report)
        for block in blocks:
            for fault in block.check(scope):
                if isinstance(fault, ConfigError):
                    report.errors.append(fault)
                else:
                    report.warnings.append(fault)


def _repeated(group: merge.Group, report: Report) -> None:
    first: dict[str, Setting] = {}
    for setting in group:
        keyword = setting.row.directive.keyword
        if setting.row.directive.repeat is Repeat.ONCE and keyword in first:
            report.errors.append(ConfigError(f"{keyword} stands in this server already", setting.where,
                                             hint=f"the first one is at {first[keyword].where}"))
        first.setdefault(keyword, setting)


def _without_effect(root: Node, path: str) -> list[str]:
    """One warning that names every directive that is accepted and does nothing."""
    found: dict[Status, dict[str, Where]] = {Status.ACCEPTED: {}, Status.FTP: {}}
    stack = [root]
    while stack:
        node = stack.pop()
        for setting in node.settings:
            row = setting.row.directive
            if row.status in found:
                found[row.status].setdefault(row.keyword, setting.where)
        stack.extend(node.children)
    said = [f"{remark}: " + ", ".join(f"{keyword} ({_place(where, path)})" for keyword, where in sorted(found[status].items()))
            for status, remark in ((Status.ACCEPTED, "without effect"), (Status.FTP, "of FTP alone, which is not served"))
            if found[status]]
    return [f"{path}: accepted, but {'; '.join(said)}"] if said else []


def _place(where: Where, path: str) -> str:
    return f"line {where.line}" if where.file == path else str(where)
