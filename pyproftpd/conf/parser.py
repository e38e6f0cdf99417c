"""Lines to tree: sections, contexts, arities and values checked against the registry. Every fault is collected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pyproftpd.api import values
from pyproftpd.api.directive import Arity, Context, ParseContext
from pyproftpd.api.module import Known, Section
from pyproftpd.api.registry import Registry, Row
from pyproftpd.conf import lexer
from pyproftpd.conf.tree import Node, Setting, context_names
from pyproftpd.errors import ConfigError, Where

#: Include inside of Include inside of ...
MAX_INCLUDE_DEPTH = 32
#: after so many faults a file is not this language
MAX_ERRORS = 200
#: how the directives of modules begin that only the C server has
ABSENT = (
    ("tls", "tls"), ("sql", "sql"), ("quota", "quotatab"), ("ban", "ban"), ("rewrite", "rewrite"), ("exec", "exec"),
    ("ldap", "ldap"), ("radius", "radius"), ("wrap", "wrap2"), ("ratio", "ratio"), ("digest", "digest"), ("copy", "copy"),
    ("deflate", "deflate"), ("dynmasq", "dynmasq"), ("facl", "facl"), ("forensic", "log_forensic"), ("qos", "qos"),
    ("shaper", "shaper"), ("sitemisc", "site_misc"), ("uniqueid", "unique_id"), ("geoip", "geoip"), ("snmp", "snmp"),
    ("dnsbl", "dnsbl"), ("memcache", "memcache"), ("redis", "redis"), ("authotp", "auth_otp"), ("statcache", "statcache"),
    ("maxload", "load"), ("vroot", "vroot"))


@dataclass(slots=True)
class _Open:
    """A section whose end has not been seen. ``outer`` goes on after it."""

    section: Section
    where: Where
    outer: Node


@dataclass(slots=True)
class _Skipped:
    """A section whose content is not read: only tags of its own kind are counted."""

    keyword: str
    where: Where
    depth: int = 1


class Parser:
    """Reads one configuration. ``errors`` and ``warnings`` fill up while it does; nothing is raised for a bad line."""

    def __init__(self, registry: Registry, *, labels: frozenset[str] = frozenset(),
                 environ: Mapping[str, str] | None = None, root: Node | None = None) -> None:
        self.registry = registry
        self.root = root or Node("server", Context.SERVER, Where("", 0))
        self.errors: list[ConfigError] = []
        self.warnings: list[str] = []
        self._labels = set(labels)
        self._environ = dict(os.environ if environ is None else environ)
        self._node = self.root
        self._open: list[_Open] = []
        self._skipped: _Skipped | None = None
        self._files: list[str] = []
        self._include_options: frozenset[str] = frozenset()
        #: values by keyword, for each server and for the globals of each
        self._seen: dict[int, dict[str, list[object]]] = {}
        self._actions: dict[str, Callable[[Setting], None]] = {
            "define": self._define, "include": self._include, "includeoptions": self._set_include_options,
            "loadmodule": self._load_module, "moduleorder": self._know_modules,
            "setenv": self._set_environment, "unsetenv": self._unset_environment}

    def file(self, path: str) -> None:
        """Read a file in place. A fault of the file system is a fault of the configuration."""
        try:
            self.text(lexer.read(path), path)
        except OSError as error:
            self._fault(ConfigError(f"cannot be read: {error.strerror}", Where(path, 0)))
        except ConfigError as error:
            self._fault(error)

    def text(self, text: str, file: str) -> None:
        self._files.append(file)
        self.lines(lexer.logical_lines(text, file))
        self._files.pop()

    def lines(self, lines: Iterable[lexer.Line]) -> None:
        for line in lines:
            if len(self.errors) >= MAX_ERRORS:
                return
            try:
                self._line(line)
            except ConfigError as error:
                if error.where is None:
                    error.where = line.where
                self._fault(error)

    def finish(self) -> Node:
        """The end of everything: what is still open is a fault. Returns the root."""
        if self._skipped:
            self._fault(ConfigError(f"<{self._skipped.keyword}> is never closed", self._skipped.where,
                                    expected=f"</{self._skipped.keyword}>"))
        for left in self._open:
            self._fault(ConfigError(f"<{left.section.keyword}> is never closed", left.where,
                                    expected=f"</{left.section.keyword}>"))
        return self.root

    def _fault(self, error: ConfigError) -> None:
        self.errors.append(error)

    def _line(self, line: lexer.Line) -> None:
        if self._skipped:
            self._skip(line.text)
        elif line.text.startswith("</"):
            self._close(line.text[2:].partition(">")[0].strip(), line.where)
        elif line.text.startswith("<"):
            self._begin(line)
        else:
            words = lexer.substitute(lexer.split(line.text), self._environ)
            if words:  # a comment may begin behind a continuation
                self._directive(words[0], tuple(words[1:]), line.where)

    # -- sections ---------------------------------------------------------------------------------------------------

    def _skip(self, text: str) -> None:
        assert self._skipped is not None
        folded, keyword = text.lower(), self._skipped.keyword.lower()
        if folded.startswith(f"</{keyword}>"):
            self._skipped.depth -= 1
            if not self._skipped.depth:
                self._skipped = None
        elif folded.startswith((f"<{keyword} ", f"<{keyword}\t", f"<{keyword}>")):
            self._skipped.depth += 1

    def _begin(self, line: lexer.Line) -> None:
        text = line.text[1:].rstrip()
        if not text.endswith(">"):
            self._fault(ConfigError(f"section tag '{line.text}' without its end", line.where, expected="> at the end"))
        words = lexer.substitute(lexer.split(text.removesuffix(">")), self._environ)
        if not words:
            raise ConfigError("empty section tag")
        section = self.registry.section(words[0])
        if section is None:
            self._skipped = _Skipped(words[0], line.where)
            raise self._unknown_section(words[0])
        arguments = tuple(words[1:])
        if section.holds is not None:
            self._choose(section, arguments, line.where)
            return
        self._push(section, arguments, line.where)

    def _choose(self, section: Section, words: tuple[str, ...], where: Where) -> None:
        """A section that is decided now; what it skips may hold anything."""
        known = Known(frozenset(self._labels), frozenset(module.name for module in self.registry.modules))
        self._skipped = _Skipped(section.keyword, where)
        self._count(f"<{section.keyword}>", Arity.of(section.arity), section.syntax, words)
        try:
            wanted = section.holds is not None and section.holds(words, known)
        except ValueError as error:
            raise ConfigError(f"<{section.keyword} {' '.join(words)}> cannot be decided", expected=str(error)) from None
        if wanted:
            self._skipped = None
            self._open.append(_Open(section, where, self._node))

    def _push(self, section: Section, words: tuple[str, ...], where: Where) -> None:
        outer = self._node
        node = Node(section.kind, section.context or outer.context, where, words, section)
        self._open.append(_Open(section, where, outer))
        self._node = node
        if outer.context not in section.where or (section.kind == outer.kind == "session"):
            raise ConfigError(f"<{section.keyword}> is not allowed in {outer.title}",
                              expected=f"it in {context_names(section.where)}")
        self._count(f"<{section.keyword}>", Arity.of(section.arity), section.syntax, words)
        if section.condition is not None:
            try:
                node.condition = section.condition(words)
            except ValueError as error:
                raise ConfigError(f"bad condition in {node.title}", expected=str(error)) from None
        outer.children.append(node)

    def _close(self, keyword: str, where: Where) -> None:
        depth = next((index for index in range(len(self._open) - 1, -1, -1)
                      if self._open[index].section.keyword.lower() == keyword.lower()), None)
        if depth is None:
            raise ConfigError(f"</{keyword}> without <{keyword}> before it")
        for left in self._open[depth + 1:]:
            self._fault(ConfigError(f"</{keyword}> comes before the end of <{left.section.keyword}> ({left.where})", where,
                                    expected=f"</{left.section.keyword}>"))
        self._node = self._open[depth].outer
        del self._open[depth:]

    # -- directives -------------------------------------------------------------------------------------------------

    def _directive(self, keyword: str, words: tuple[str, ...], where: Where) -> None:
        rows = self.registry.directive(keyword)
        if not rows:
            raise self._unknown_directive(keyword)
        allowed = [row for row in rows if self._node.context in row.directive.where]
        if not allowed:
            raise ConfigError(f"{rows[0].directive.keyword} is not allowed in {self._node.title}",
                              expected=f"it in {context_names(rows[0].directive.where)}")
        for row in allowed:
            self._set(row, words, where)

    def _set(self, row: Row, words: tuple[str, ...], where: Where) -> None:
        directive = row.directive
        self._count(directive.keyword, directive.arity, directive.syntax, words)
        seen = self._seen.setdefault(self._server(), {})
        try:
            value = directive.parser(words, ParseContext(where, self._node.context, seen))
        except ValueError as error:
            said = " ".join(words)
            raise ConfigError(f"{directive.keyword} cannot be '{said}'", expected=str(error)) from None
        setting = Setting(row, value, where, words)
        self._node.settings.append(setting)
        seen.setdefault(directive.keyword.lower(), []).append(value)
        action = self._actions.get(directive.keyword.lower())
        if action is not None:
            action(setting)

    def _server(self) -> int:
        """Which server's values ``seen`` holds: that of the virtual host around, else of the main server."""
        for place in self._open:
            if place.section.kind == "virtualhost":
                return id(place)
        return 0

    @staticmethod
    def _count(name: str, arity: Arity, syntax: str, words: tuple[str, ...]) -> None:
        if arity.admits(len(words)):
            return
        plain = name.strip("<>")
        raise ConfigError(
            f"{name} with {len(words)} word{'' if len(words) == 1 else 's'}",
            expected=plain if syntax in ("-", "(none)") else f"{plain} {syntax}",
            hint="for single users, groups or classes use the sections of mod_ifsession" if len(words) == arity.barred else "")

    # -- directives that the parser obeys ---------------------------------------------------------------------------

    def _define(self, setting: Setting) -> None:
        self._labels.add(setting.value)

    def _set_include_options(self, setting: Setting) -> None:
        self._include_options = setting.value

    def _set_environment(self, setting: Setting) -> None:
        if self._node.context is Context.SERVER:
            self._environ[setting.value[0]] = setting.value[1]

    def _unset_environment(self, setting: Setting) -> None:
        if self._node.context is Context.SERVER:
            self._environ.pop(setting.value, None)

    def _load_module(self, setting: Setting) -> None:
        self.registry.load(setting.value)

    def _know_modules(self, setting: Setting) -> None:
        known = [f"mod_{module.name}.c" for module in self.registry.modules]
        for name in setting.value:
            if name not in known:
                raise ConfigError(f"{setting.row.directive.keyword} names {name}, which is not loaded",
                                  hint=values.nearest(name, known).removeprefix("; "))

    def _include(self, setting: Setting) -> None:
        if len(self._files) >= MAX_INCLUDE_DEPTH:
            raise ConfigError(f"Include nested more than {MAX_INCLUDE_DEPTH} deep",
                              hint="does a file include itself?")
        for path in lexer.included(setting.value, self._include_options, setting.where):
            if path in self._files:
                raise ConfigError(f"{path} includes itself")
            if not os.path.lexists(path):
                self.warnings.append(f"{setting.where}: Include {path}: no such file")
                continue
            self.file(path)

    # -- what the user probably meant -------------------------------------------------------------------------------

    def _unknown_section(self, keyword: str) -> ConfigError:
        known = [section.keyword for section in self.registry.sections()]
        hint = values.nearest(keyword, known).removeprefix("; ")
        if keyword.lower().startswith(("ifuser", "ifgroup", "ifclass", "ifauth", "ifversion")):
            module = "ifversion" if keyword.lower() == "ifversion" else "ifsession"
            hint = f"put LoadModule mod_{module}.c before it"
        return ConfigError(f"unknown section <{keyword}>", hint=hint)

    def _unknown_directive(self, keyword: str) -> ConfigError:
        if not keyword.isascii():
            return ConfigError(f"unknown directive '{keyword}': it holds bytes that are not ASCII",
                               hint="was it copied from a formatted text?")
        known = [row.directive.keyword for row in self.registry.rows()]
        near = values.nearest(keyword, known).removeprefix("; ")
        return ConfigError(f"unknown directive '{keyword}'", hint=_absent_module(keyword) or near)


def _absent_module(keyword: str) -> str:
    """A guess from the beginning of the name, which the directives of most modules share."""
    module = next((module for prefix, module in ABSENT if keyword.lower().startswith(prefix)), "")
    return f"mod_{module}.c knows such directives, but pyproftpd does not have it" if module else ""
