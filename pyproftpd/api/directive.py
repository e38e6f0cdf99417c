"""One statement declares a directive: keyword, contexts, arity, value parser, default, merge rule, type and doc.

A :class:`ConfBlock` is a group of directives that one reader uses together::

    class TransferConf(ConfBlock):
        \"\"\"Limits and manners of file transfers.\"\"\"
        timeout_stalled: float = directive(
            "TimeoutStalled", values.duration, where=SERVERS | ANONYMOUS, merge=Merge.DOWN, default=3600.0,
            doc="Longest time without data in the middle of a transfer.")

``scope.get(TransferConf).timeout_stalled`` is then a typed, frozen value; nothing after the parser looks a setting up
by string. The block is declared on the floor that reads it and claimed by the module that owns it in ProFTPD.

An attribute's name follows from its keyword: snake form, without the block's ``prefix`` (``MaxStoreFileSize`` ->
``max_store_file_size``; ``SFTPMaxChannels`` in a block of prefix ``SFTP`` -> ``max_channels``). The class checks it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any, ClassVar

from pyproftpd.errors import Bug, ConfigError, Where


class Context(enum.Flag):
    """Where a directive may stand; the names are those of the reference tables."""

    SERVER = enum.auto()
    VIRTUALHOST = enum.auto()
    GLOBAL = enum.auto()
    ANONYMOUS = enum.auto()
    DIRECTORY = enum.auto()
    LIMIT = enum.auto()
    CLASS = enum.auto()
    FTPACCESS = enum.auto()


SERVERS = Context.SERVER | Context.VIRTUALHOST | Context.GLOBAL
ANYWHERE = SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.LIMIT | Context.CLASS | Context.FTPACCESS


class Merge(enum.Enum):
    """What an inner section (anonymous, directory) does with the value of the section around it."""

    NONE = "read where it stands only"
    DOWN = "merges down unless overridden"
    ALWAYS = "merges down always"


class Repeat(enum.Enum):
    """What a second line of the same keyword in the same section means."""

    FIRST = "first-wins"
    LAST = "last-wins"
    ACCUMULATE = "accumulates"
    MOST_SPECIFIC = "most specific context wins"
    FIRST_MATCH = "first matching expression wins"
    ONCE = "a second one is an error"


class Status(enum.Enum):
    """Whether a directive has its effect; the others are named in one warning at start."""

    HONOURED = ("honoured", "")
    ACCEPTED = ("accepted", "Without effect.")
    FTP = ("accepted", "Concerns FTP alone, which is not served.")

    def __init__(self, word: str, remark: str) -> None:
        self.word, self.remark = word, remark


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What a value parser may know besides its words.

    ``seen`` holds the values already parsed for the *same server* by keyword in lower case (for
    ``InsecureHostKeyPerms`` before ``SFTPHostKey`` and its like); ``context`` is the single flag of the section.
    """

    where: Where
    context: Context
    seen: Mapping[str, Sequence[Any]] = field(default_factory=dict)


#: words (without the keyword) and context in, value out; raises ``ValueError(what was expected)``.
Parser = Callable[[Sequence[str], ParseContext], Any]


@dataclass(frozen=True, slots=True)
class Arity:
    """How many words may follow the keyword: ``least``..``most`` (``None`` = no upper bound), even or odd, but not ``barred``."""

    least: int
    most: int | None
    only: tuple[int, ...] = ()
    parity: str = ""
    barred: int = -1

    @classmethod
    def of(cls, text: str) -> Arity:
        """Read the spelling of the reference table: ``1``, ``1..2``, ``2..*``, ``1,4``, ``3..* odd``, ``1..* except 3``."""
        span, _, parity = text.partition(" ")
        barred = -1
        if parity.startswith("except "):
            barred, parity = int(parity[7:]), ""
        if "," in span:
            only = tuple(int(part) for part in span.split(","))
            return cls(min(only), max(only), only)
        least, _, most = span.partition("..")
        if not most:
            most = least
        return cls(int(least), None if most == "*" else int(most), (), parity, barred)

    def admits(self, count: int) -> bool:
        if count < self.least or (self.most is not None and count > self.most):
            return False
        if count == self.barred or (self.only and count not in self.only):
            return False
        return not self.parity or (count % 2 == 0) == (self.parity == "even")

    def __str__(self) -> str:
        if self.only:
            return ",".join(map(str, self.only))
        text = f"{self.least}..{'*' if self.most is None else self.most}"
        if self.barred >= 0:
            return f"{text} except {self.barred}"
        return f"{text} {self.parity}" if self.parity else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """The row that :func:`directive` makes."""

    keyword: str
    parser: Parser
    where: Context
    arity: Arity
    default: Any
    default_text: str
    syntax: str
    merge: Merge
    repeat: Repeat
    status: Status
    doc: str
    #: the parsed value is a ``Conditional`` or a list of them, decided at ``Scope.bind``
    conditional: bool
    #: every value that applies is kept, the most specific first, where otherwise only the first would be
    collect: bool
    #: ACCUMULATE: the values of the lines become one: sets united, tuples strung together
    joined: bool
    #: owner in ProFTPD where it is not that of the block
    module: str


def directive(
    keyword: str,
    parser: Parser,
    *,
    where: Context,
    arity: str,
    syntax: str,
    doc: str,
    default: Any = None,
    default_text: str = "none",
    merge: Merge = Merge.NONE,
    repeat: Repeat = Repeat.FIRST,
    status: Status = Status.HONOURED,
    conditional: bool = False,
    collect: bool = False,
    joined: bool = False,
    module: str = "",
) -> Any:
    """Declare one directive as a class attribute of a :class:`ConfBlock`.

    ``default`` is the parsed value in force when no line sets it (a tuple for ACCUMULATE), ``default_text`` how the
    handbook writes it. Typed ``Any`` so that the annotation of the attribute is the type of the *value*.
    """
    return Directive(
        keyword=keyword, parser=parser, where=where, arity=Arity.of(arity), default=default, default_text=default_text,
        syntax=syntax, merge=merge, repeat=repeat, status=status, doc=doc, conditional=conditional,
        collect=collect, joined=joined, module=module)


def attribute_name(keyword: str, prefix: str = "") -> str:
    """``MaxStoreFileSize`` -> ``max_store_file_size``; runs of capitals count as one word (``UseReverseDNS``)."""
    if prefix and keyword.startswith(prefix):
        keyword = keyword[len(prefix):]
    keyword = keyword.replace("IPv6", "Ipv6")
    keyword = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", keyword)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", keyword).lower()
    return f"{name}_" if iskeyword(name) else name


class ConfBlock:
    """Frozen settings that one reader uses together; subclasses hold only ``directive(...)`` statements."""

    prefix: ClassVar[str] = ""
    #: name of the ProFTPD module that owns the directives, as in ``mod_<module>.c``
    module: ClassVar[str] = "core"
    directives: ClassVar[Mapping[str, Directive]] = {}

    __slots__ = ("_sources", "__dict__")
    _sources: Mapping[str, Where]

    def __init_subclass__(cls, *, module: str = "core", prefix: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        rows: dict[str, Directive] = {}
        for name, value in list(vars(cls).items()):
            if isinstance(value, Directive):
                if attribute_name(value.keyword, prefix) != name:
                    raise Bug(f"{cls.__name__}.{name} must be called {attribute_name(value.keyword, prefix)}")
                rows[name] = value
                delattr(cls, name)
        cls.directives, cls.module, cls.prefix = rows, module, prefix

    def __init__(self, values: Mapping[str, Any] | None = None, sources: Mapping[str, Where] | None = None) -> None:
        given = values or {}
        self.__dict__.update((name, given.get(name, row.default)) for name, row in self.directives.items())
        object.__setattr__(self, "_sources", dict(sources or {}))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    @classmethod
    def check(cls, scope: Any) -> Iterable[ConfigError | str]:
        """Faults, and warnings as plain text, that only show once the settings of a server stand together (at load)."""
        return ()

    def source(self, attribute: str) -> Where | None:
        """The line that a value came from; ``None`` when it is the default."""
        return self._sources.get(attribute)
