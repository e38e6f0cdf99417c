"""Directives that steer the reading of the configuration."""

from __future__ import annotations

from collections.abc import Sequence

from pyproftpd.api import values
from pyproftpd.api.directive import ANYWHERE, SERVERS, ConfBlock, Context, ParseContext, Repeat, Status, directive

ALLOW_SYMLINKS, IGNORE_TEMP_FILES, IGNORE_WILDCARDS = "AllowSymlinks", "IgnoreTempFiles", "IgnoreWildcards"
INCLUDE_OPTIONS = values.options(ALLOW_SYMLINKS, IGNORE_TEMP_FILES, IGNORE_WILDCARDS)


def _regex_options(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    """Checked as if it had its effect. Source: real server."""
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "Engine":
            values.enumeration("POSIX", "PCRE", "PCRE2")((value,), context)
        elif name in ("MatchLimit", "MatchLimitRecursion"):
            values.to_integer(value, 1)
        else:
            raise ValueError(f"Engine, MatchLimit or MatchLimitRecursion, not '{name}'"
                             f"{values.nearest(name, ('Engine', 'MatchLimit', 'MatchLimitRecursion'))}")
    return tuple(words)


class LanguageConf(ConfBlock, module="core"):
    """Directives that the parser itself obeys, kept here for the handbook."""

    define: tuple[str, ...] = directive(
        "Define", values.text, where=ANYWHERE, arity="1..*", syntax="label", default=(), repeat=Repeat.ACCUMULATE,
        doc="Set a label that IfDefine asks for.")
    include: tuple[str, ...] = directive(
        "Include", values.text, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.LIMIT, arity="1..*",
        syntax="path|glob", default=(), repeat=Repeat.ACCUMULATE,
        doc="Read another file, a directory, or all that a wildcard names.")
    include_options: frozenset[str] = directive(
        "IncludeOptions", INCLUDE_OPTIONS, where=Context.SERVER, arity="1..*", syntax="opt ...", default=frozenset(),
        repeat=Repeat.LAST, doc="What Include reads and refuses.")
    regex_options: tuple[str, ...] = directive(
        "RegexOptions", _regex_options, where=SERVERS, arity="2..* even",
        syntax="Engine POSIX|PCRE|PCRE2 | MatchLimit n | MatchLimitRecursion n", default=(),
        default_text="best engine built in", status=Status.ACCEPTED,
        doc="Bounds of PCRE. Here each question to an expression has one bound, 0.25 s of CPU, and refuses beyond it.")
