"""The program's own tables, for ``proftpd --describe`` and the handbook: ``python -m pyproftpd.conf.describe``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pyproftpd.api.directive import Merge, Repeat, Status
from pyproftpd.api.module import Section, Table
from pyproftpd.api.registry import Registry, Row, loadable
from pyproftpd.conf.tree import context_names
from pyproftpd.errors import ConfigError

HEADER = ("directive", "module", "syntax", "default", "contexts", "arity", "repeat", "summary", "status")


def everything() -> Registry:
    """A registry with all modules that there are, also those that wait for LoadModule."""
    registry = Registry()
    waiting = [f"mod_{name}.c" for name in loadable()]
    for name in waiting:
        registry.load(name)
    return registry


def directives() -> Table:
    registry = everything()
    rows: list[tuple[str, ...]] = [
        (f"<{one.keyword}>", f"mod_{_owner(registry, one)}", one.syntax, "none", context_names(one.where), one.arity,
         one.repeat, one.doc, Status.HONOURED.word) for one in registry.sections()]
    rows += [_described(row) for row in registry.rows()]
    return HEADER, sorted(rows, key=lambda row: row[0].lower())


def _owner(registry: Registry, section: Section) -> str:
    return next(module.name for module in registry.modules if section in module.sections)


def _described(row: Row) -> tuple[str, ...]:
    one = row.directive
    return (one.keyword, f"mod_{row.module}", one.syntax, one.default_text, context_names(one.where), str(one.arity),
            _repeat(one.repeat, one.merge), f"{one.doc} {one.status.remark}".rstrip(), one.status.word)


def _repeat(repeat: Repeat, merge: Merge) -> str:
    return repeat.value if merge is Merge.NONE else f"{repeat.value}, {merge.value}"


def table(name: str) -> Table:
    """Header and rows of one table. Raises ``ConfigError`` for a name that there is none of."""
    if name == "directives":
        return directives()
    modules = Registry().modules
    made = [module.describe[name]() for module in modules if name in module.describe]
    if not made:
        known = sorted({"directives"} | {one for module in modules for one in module.describe})
        raise ConfigError(f"there is no table '{name}'", expected=f"one of {' '.join(known)}")
    return made[0][0], [row for _, rows in made for row in rows]


def handbook() -> Iterator[str]:
    """``docs/directives.md``."""
    _, rows = directives()
    honoured = sum(row[-1] == Status.HONOURED.word for row in rows)
    yield "# Directives"
    yield ""
    yield ("Made from the tables of the program by `python -m pyproftpd.conf.describe > docs/directives.md`. "
           f"{honoured} of {len(rows)} directives and sections do what they say; the others are *accepted*: parsed, checked "
           "and named in one warning at start.")
    for module in sorted({row[1] for row in rows}):
        yield ""
        yield f"## {module}"
        for row in (row for row in rows if row[1] == module):
            yield from _entry(row)


def _entry(row: tuple[str, ...]) -> Iterator[str]:
    keyword, _, syntax, default, contexts, _, repeat, doc, status = row
    name = keyword.strip("<>")
    usage = name if syntax in ("-", "(none)") else f"{name} {syntax}"
    yield ""
    yield f"### {name if keyword == name else f'`{keyword}`'}"
    yield ""
    yield doc if status == Status.HONOURED.word else f"*{status.capitalize()}:* {doc}"
    yield ""
    yield f"- Syntax: `{f'<{usage}>' if keyword != name else usage}`"
    if keyword == name:
        yield f"- Default: {default}"
    yield f"- Context: {contexts.replace(',', ', ')}"
    yield f"- Repeated: {repeat}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(handbook()) + "\n")
