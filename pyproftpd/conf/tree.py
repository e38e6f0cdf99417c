"""The configuration as it was written: sections in sections, settings in them, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyproftpd.api.directive import Context
from pyproftpd.api.module import Section, SessionCondition
from pyproftpd.api.registry import Row
from pyproftpd.errors import Where


@dataclass(frozen=True, slots=True)
class Setting:
    """One line that set a value."""

    row: Row
    value: Any
    where: Where
    words: tuple[str, ...]


@dataclass(slots=True)
class Node:
    """A section; the root is the main server, or an ``.ftpaccess`` file. Filled by the parser, read by ``merge``."""

    kind: str
    context: Context
    where: Where
    words: tuple[str, ...] = ()
    section: Section | None = None
    condition: SessionCondition | None = None
    settings: list[Setting] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    @property
    def title(self) -> str:
        """As it stands in the file, for messages."""
        if self.section is None:
            return ".ftpaccess" if self.kind == "ftpaccess" else "the main server"
        return f"<{' '.join((self.section.keyword, *self.words))}>"

    def of(self, kind: str) -> list[Node]:
        return [child for child in self.children if child.kind == kind]


def context_names(contexts: Context) -> str:
    """``server,virtualhost,global``: as the handbook and messages write contexts."""
    return ",".join(flag.name.lower() for flag in Context if flag in contexts and flag.name)
