"""Parsers of directive values: the words of a line in, a typed value out.

A parser is ``(words, context) -> value`` and raises ``ValueError(what was expected)``; the directive's arity has been
checked before. Parsers that only one directive needs stand beside that directive.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from pyproftpd.api.directive import ParseContext, Parser
from pyproftpd.api.expressions import Conditional, Mode, Pattern, parse_expression

#: directories of the compiled-in defaults, as Debian builds the real server
LOCALSTATEDIR, SYSCONFDIR = "/run", "/etc/proftpd"

_TRUE = frozenset(("on", "yes", "true", "1"))
_FALSE = frozenset(("off", "no", "false", "0"))
_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
#: largest byte count that file offsets can express
MAX_SIZE = 2**63 - 1


def to_boolean(word: str) -> bool:
    """``on off yes no true false 1 0``, case ignored."""
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise ValueError("on or off")


def boolean(words: Sequence[str], context: ParseContext) -> bool:
    return to_boolean(words[0])


def flag(words: Sequence[str], context: ParseContext) -> bool:
    """A directive without words: that it stands there is the value."""
    return True


def text(words: Sequence[str], context: ParseContext) -> str:
    return words[0]


def words_of(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    return tuple(words)


def pair(words: Sequence[str], context: ParseContext) -> tuple[str, str]:
    return words[0], words[1]


def to_integer(word: str, least: int = 0, most: int = MAX_SIZE) -> int:
    expected = f"a number from {least} to {most}" if most != MAX_SIZE else f"a number of at least {least}"
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", word) or not least <= int(word) <= most:
        raise ValueError(expected)
    return int(word)


def integer(least: int = 0, most: int = MAX_SIZE) -> Parser:
    def parse(words: Sequence[str], context: ParseContext) -> int:
        return to_integer(words[0], least, most)
    return parse


def count_or_none(words: Sequence[str], context: ParseContext) -> int | None:
    """A count above zero, or ``none``."""
    if words[0].lower() == "none":
        return None
    try:
        return to_integer(words[0], 1)
    except ValueError:
        raise ValueError("a number above 0, or none") from None


def to_duration(word: str) -> float:
    """Seconds: plain, ``H:M:S``, or a number with s, sec, m, min, h or hr."""
    clock = re.fullmatch(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})", word)
    if clock:
        hours, minutes, seconds = map(int, clock.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    plain = re.fullmatch(r"([0-9]{1,12})(|s|sec|m|min|h|hr)", word.lower())
    if not plain:
        raise ValueError("seconds, H:M:S, or a number with s, sec, m, min, h or hr")
    return float(int(plain[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[plain[2][:1]])


def duration(words: Sequence[str], context: ParseContext) -> float:
    return to_duration(words[0])


def positive_duration(words: Sequence[str], context: ParseContext) -> float:
    seconds = to_duration(words[0])
    if not seconds:
        raise ValueError("a time above 0")
    return seconds


def to_size(number: str, unit: str = "B") -> int:
    """Bytes from a number and a unit word (1024 based)."""
    factor = _UNITS.get(unit.upper())
    if factor is None:
        raise ValueError("a unit B, KB, MB, GB or TB")
    size = to_integer(number) * factor
    if size > MAX_SIZE:
        raise ValueError(f"at most {MAX_SIZE} bytes")
    return size


def size(words: Sequence[str], context: ParseContext) -> int:
    return to_size(*words[:2])


def to_octal(word: str, most: int = 0o7777) -> int:
    if not re.fullmatch(r"[0-7]{1,6}", word) or int(word, 8) > most:
        raise ValueError(f"an octal mode up to {most:04o}")
    return int(word, 8)


def octal(words: Sequence[str], context: ParseContext) -> int:
    return to_octal(words[0])


def to_path(word: str) -> str:
    if not word.startswith("/"):
        raise ValueError("an absolute path")
    return os.path.normpath(word)


def path(words: Sequence[str], context: ParseContext) -> str:
    """An absolute path."""
    return to_path(words[0])


def path_or_none(words: Sequence[str], context: ParseContext) -> str | None:
    """An absolute path, or ``none``."""
    return None if words[0].lower() == "none" else to_path(words[0])


def log_path(words: Sequence[str], context: ParseContext) -> str:
    """An absolute path, ``none`` or ``syslog:level``."""
    word = words[0]
    if word.lower() == "none":
        return "none"
    if word.lower().startswith("syslog:"):
        to_syslog_level(word[7:])
        return word.lower()
    return to_path(word)


SYSLOG_LEVELS = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")


def to_syslog_level(word: str) -> str:
    if word.lower() not in SYSLOG_LEVELS:
        raise ValueError("one of " + " ".join(SYSLOG_LEVELS))
    return word.lower()


def enumeration(*names: str) -> Parser:
    """One of a few words, case ignored; the value is the word as declared."""
    def parse(words: Sequence[str], context: ParseContext) -> str:
        for name in names:
            if name.lower() == words[0].lower():
                return name
        raise ValueError("one of " + " ".join(names))
    return parse


def options(*names: str) -> Parser:
    """A set of switches, spelled exactly; the value is a ``frozenset``."""
    def parse(words: Sequence[str], context: ParseContext) -> frozenset[str]:
        for word in words:
            if word not in names:
                raise ValueError(f"options out of {' '.join(names)}, not '{word}'{nearest(word, names)}")
        return frozenset(words)
    return parse


def signed_options(defaults: frozenset[str], *names: str) -> Parser:
    """``+name`` adds to the default set, ``-name`` takes away; the value is the resulting ``frozenset``."""
    def parse(words: Sequence[str], context: ParseContext) -> frozenset[str]:
        chosen = set(defaults)
        for word in words:
            sign, name = word[:1], word[1:]
            if sign not in ("+", "-") or name not in names:
                hint = nearest(name, names) if sign in ("+", "-") else ""
                raise ValueError(f"+ or - before one of {' '.join(names)}, not '{word}'{hint}")
            (chosen.add if sign == "+" else chosen.discard)(name)
        return frozenset(chosen)
    return parse


def names_from(*names: str) -> Parser:
    """An ordered list out of known names, case ignored."""
    known = {name.lower(): name for name in names}

    def parse(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
        for word in words:
            if word.lower() not in known:
                raise ValueError(f"names out of {' '.join(names)}, not '{word}'{nearest(word, names)}")
        return tuple(known[word.lower()] for word in words)
    return parse


def nearest(word: str, names: Sequence[str]) -> str:
    """``, did you mean 'x'?`` or nothing."""
    import difflib  # large, and needed only where there is a fault

    folded = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), folded, 1, 0.6)
    return f"; did you mean '{folded[found[0]]}'?" if found else ""


def to_pattern(word: str, flags: str = "", *, negatable: bool = False) -> Pattern:
    negated = negatable and word.startswith("!")
    if flags and flags.strip("[]").upper() != "NC":
        raise ValueError("the flag [NC]")
    try:
        return Pattern(word[1:] if negated else word, ignore_case=bool(flags), negated=negated)
    except re.error as error:
        raise ValueError(f"a regular expression, but '{word}' has a fault: {error}") from None


def pattern(words: Sequence[str], context: ParseContext) -> Pattern | None:
    """``regex [NC]``; ``none`` cancels an inherited one."""
    if words[0].lower() == "none" and len(words) == 1:
        return None
    return to_pattern(*words[:2])


def negatable_pattern(words: Sequence[str], context: ParseContext) -> Pattern:
    """``[!]regex [NC]``."""
    return to_pattern(*words[:2], negatable=True)


def user_class_condition(words: Sequence[str]) -> Any:
    """The tail ``user|group|class expr`` of a conditional directive, or nothing. Groups evaluate AND, the others OR."""
    if not words:
        return None
    kind = words[0].lower()
    if kind not in ("user", "group", "class"):
        raise ValueError("user, group or class before the expression")
    return parse_expression(words[1:], kind, Mode.AND if kind == "group" else Mode.OR)


def conditional(parse_value: Parser, words_of_value: int = 1) -> Parser:
    """``value... [user|group|class expr]``: the value in the first words, its condition in the rest."""
    def parse(words: Sequence[str], context: ParseContext) -> Conditional[Any]:
        value = parse_value(words[:words_of_value], context)
        return Conditional(value, user_class_condition(words[words_of_value:]))
    return parse


def group_conditional(parse_value: Parser) -> Parser:
    """``value [group-expr]`` as DefaultRoot and DefaultChdir have it: AND over the session's groups."""
    def parse(words: Sequence[str], context: ParseContext) -> Conditional[Any]:
        value = parse_value(words[:1], context)
        return Conditional(value, parse_expression(words[1:], "group", Mode.AND) if len(words) > 1 else None)
    return parse


def expression(kind: str) -> Parser:
    """``[AND|OR|regex] expr`` of a Limit: users and classes evaluate OR, groups AND, unless told otherwise."""
    def parse(words: Sequence[str], context: ParseContext) -> Any:
        return parse_expression(words, kind, Mode.AND if kind == "group" else Mode.OR)
    return parse
