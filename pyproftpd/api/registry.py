"""Names to modules, directives and sections. Nothing registers itself: the tables of the modules are read here.

``mod_x.c`` is looked for as ``pyproftpd.modules.x``, as the sibling package ``mod_x``, and as an entry point ``x`` of
the group ``pyproftpd.modules``. Each holds an attribute ``module``.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from pyproftpd import API
from pyproftpd.api.directive import ConfBlock, Directive
from pyproftpd.api.module import Module, Section
from pyproftpd.errors import ConfigError

#: loaded always, in the order of the real server; the last two are separate packages that need not be installed
COMPILED_IN = ("core", "xfer", "rlimit", "auth_unix", "auth_file", "auth", "ls", "log", "facts", "site", "delay", "dso",
               "auth_pam", "cap", "ctrls", "lang", "ident", "sftp", "sftp_pam")
ENTRY_POINTS = "pyproftpd.modules"

#: modules of ProFTPD's distribution and Debian's packages that have no counterpart here
ELSEWHERE = frozenset((
    "auth_otp", "ban", "copy", "deflate", "digest", "dnsbl", "dynmasq", "exec", "facl", "geoip", "ldap", "load",
    "log_forensic", "memcache", "procfs", "qos", "quotatab", "quotatab_file", "quotatab_ldap", "quotatab_radius",
    "quotatab_sql", "radius", "ratio", "readme", "redis", "rewrite", "sftp_sql", "shaper", "site_misc", "snmp", "sql",
    "sql_mysql", "sql_odbc", "sql_passwd", "sql_postgres", "sql_sqlite", "statcache", "systemd", "tls", "tls_fscache",
    "tls_memcache", "tls_redis", "tls_shmcache", "unique_id", "vroot", "wrap", "wrap2", "wrap2_file", "wrap2_redis",
    "wrap2_sql"))


@dataclass(frozen=True, slots=True)
class Row:
    """A directive and the block that holds its value."""

    block: type[ConfBlock]
    attribute: str
    directive: Directive

    @property
    def module(self) -> str:
        return self.directive.module or self.block.module


def find(name: str) -> Module | None:
    """The module of that name, without ``mod_`` and ``.c``; ``None`` where nobody provides it."""
    for place in (f"pyproftpd.modules.{name}", f"mod_{name}.module"):
        if _exists(place):
            return _checked(importlib.import_module(place).module, name)
    from importlib.metadata import entry_points  # slow, and only for modules of third parties

    for point in entry_points(group=ENTRY_POINTS, name=name):
        return _checked(point.load(), name) if _exists(point.module) else None
    return None


def _exists(place: str) -> bool:
    try:
        return importlib.util.find_spec(place) is not None
    except ModuleNotFoundError:
        return False


def _checked(module: Module, name: str) -> Module:
    if module.api != API:
        raise ConfigError(f"mod_{name}.c was built for module interface {module.api}, not {API}")
    return module


class Registry:
    """The modules of one configuration, in load order."""

    def __init__(self) -> None:
        self.modules: list[Module] = []
        self._directives: dict[str, list[Row]] = {}
        self._sections: dict[str, Section] = {}
        for name in COMPILED_IN:
            module = _sibling(name) if name in ("sftp", "sftp_pam") else find(name)
            if module is not None:
                self.add(module)

    def add(self, module: Module) -> None:
        self.modules.append(module)
        for block in module.conf:
            for attribute, row in block.directives.items():
                self._directives.setdefault(row.keyword.lower(), []).append(Row(block, attribute, row))
        for section in module.sections:
            self._sections[section.keyword.lower()] = section

    def load(self, file_name: str) -> bool:
        """``LoadModule mod_x.c``: ``False`` = it was there already. Raises ``ConfigError``."""
        if not (file_name.startswith("mod_") and file_name.endswith(".c")):
            raise ConfigError(f"'{file_name}' is not the name of a module", expected="a name such as mod_ifsession.c")
        name = file_name[4:-2]
        if self.module(name) is not None:
            return False
        module = find(name) if name.isidentifier() else None
        if module is None:
            raise _unknown_module(name)
        missing = [needed for needed in module.requires if self.module(needed) is None]
        if missing:
            raise ConfigError(f"{file_name} needs mod_{missing[0]}.c", hint=f"put LoadModule mod_{missing[0]}.c before it")
        self.add(module)
        return True

    def module(self, name: str) -> Module | None:
        return next((module for module in self.modules if module.name == name), None)

    def directive(self, keyword: str) -> tuple[Row, ...]:
        return tuple(self._directives.get(keyword.lower(), ()))

    def section(self, keyword: str) -> Section | None:
        return self._sections.get(keyword.lower())

    def rows(self) -> Iterator[Row]:
        for rows in self._directives.values():
            yield from rows

    def sections(self) -> tuple[Section, ...]:
        return tuple(self._sections.values())


def _sibling(name: str) -> Module | None:
    place = f"mod_{name}.module"
    return _checked(importlib.import_module(place).module, name) if _exists(place) else None


def loadable() -> tuple[str, ...]:
    """Names that LoadModule can add to the compiled-in ones."""
    import pkgutil

    return tuple(found.name for found in pkgutil.iter_modules(importlib.import_module("pyproftpd.modules").__path__)
                 if found.name not in COMPILED_IN)


def _unknown_module(name: str) -> ConfigError:
    if name in ELSEWHERE:
        return ConfigError(f"mod_{name}.c is a module of ProFTPD that pyproftpd does not have",
                           hint="comment the line out; directives of that module will be refused as unknown")
    return ConfigError(
        f"mod_{name}.c is not a known module: there is neither pyproftpd.modules.{name}, nor a package mod_{name}, nor "
        f"an entry point '{name}' in {ENTRY_POINTS}",
        expected="one of " + " ".join(f"mod_{one}.c" for one in loadable()) + ", or a module that is always there")
