"""Files to logical lines, lines to words: continuation, comments, quotes, ``%{env:NAME}``, the files of an Include.

Rules of the real server's parser; the places where they surprise are named at the functions.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyproftpd.conf.language import ALLOW_SYMLINKS, IGNORE_TEMP_FILES, IGNORE_WILDCARDS
from pyproftpd.errors import ConfigError, Where

#: largest configuration file read, and largest logical line
MAX_FILE = 16 << 20
MAX_LINE = 64 << 10
#: directory components of an Include that may hold wildcards
MAX_WILDCARD_DEPTH = 64
#: a word must be longer than this to be searched for variables (source: real server)
SHORTEST_VARIABLE = 7

_VARIABLE = re.compile(r"%\{env:([^}]*)\}")
_TEMPORARY = re.compile(r"(~|\.sw.)$")


@dataclass(frozen=True, slots=True)
class Line:
    """A logical line; ``where`` is its last physical line, as the real server counts."""

    text: str
    where: Where


def read(path: str) -> str:
    """Raises ``OSError``; ``ConfigError`` for a file that is not one, or too large."""
    # a FIFO would keep whoever waits for the file, which may be the master at a reload
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY)) as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise ConfigError(f"{path} is not a regular file")
        data = source.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ConfigError(f"{path} is larger than {MAX_FILE} bytes")
    return data.decode("utf-8", "surrogateescape")


def logical_lines(text: str, file: str) -> Iterator[Line]:
    """Comments and empty lines left out. A comment does not continue, even with a backslash at its end."""
    pending = ""
    number = 0
    for number, raw in enumerate(text.split("\n"), 1):
        raw = raw.removesuffix("\r")
        if not pending and raw.lstrip().startswith("#"):
            continue
        if raw.endswith("\\"):
            pending += raw[:-1]
            if len(pending) > MAX_LINE:
                raise ConfigError(f"line longer than {MAX_LINE} bytes", Where(file, number))
            continue
        line, pending = pending + raw, ""
        if len(line) > MAX_LINE:
            raise ConfigError(f"line longer than {MAX_LINE} bytes", Where(file, number))
        if line.strip():
            yield Line(line.strip(), Where(file, number))
    if pending.strip():
        yield Line(pending.strip(), Where(file, number))


def split(text: str) -> list[str]:
    """Words of a line.

    Only a double quote at the beginning of a word groups, and only inside of it does a backslash escape (any byte, no C
    escapes). An unclosed quote takes the rest; the byte right after a closing quote is lost. Source: real server.
    """
    words: list[str] = []
    place, end = 0, len(text)
    while True:
        while place < end and text[place].isspace():
            place += 1
        if place >= end or text[place] == "#":
            return words
        if text[place] == '"':
            word, place = _quoted(text, place + 1)
        else:
            start = place
            while place < end and not text[place].isspace():
                place += 1
            word = text[start:place]
        words.append(word)


def _quoted(text: str, place: int) -> tuple[str, int]:
    out = []
    while place < len(text) and text[place] != '"':
        if text[place] == "\\" and place + 1 < len(text):
            place += 1
        out.append(text[place])
        place += 1
    return "".join(out), place + 2


def substitute(words: list[str], environ: Mapping[str, str]) -> list[str]:
    """Put in ``%{env:NAME}``, repeatedly; a word in which one was resolved is split again at blanks."""
    out: list[str] = []
    for word in words:
        if len(word) <= SHORTEST_VARIABLE or "%{env:" not in word:
            out.append(word)
            continue
        resolved = _VARIABLE.sub(lambda found: environ.get(found[1], ""), word)
        out.extend(resolved.split() or [""])
    return out


def included(pattern: str, options: frozenset[str], where: Where) -> list[str]:
    """The files that an Include names, in byte order. Raises ``ConfigError``; a missing plain file is returned as it is."""
    if not pattern.startswith("/"):
        raise ConfigError(f"Include of a relative path '{pattern}'", where, expected="an absolute path")
    parts = pattern.split("/")[1:]
    wild = [any(char in part for char in "*?[") for part in parts]
    if IGNORE_WILDCARDS in options and any(wild[:-1]):
        raise ConfigError(f"Include with a wildcard in a directory of '{pattern}'", where,
                          hint="IncludeOptions IgnoreWildcards allows them in the last part only")
    if sum(wild) > MAX_WILDCARD_DEPTH:
        raise ConfigError("Include with too many wildcards", where)
    if not any(wild):
        if os.path.isdir(pattern):
            return _entries(pattern, "*", options, where, last=True)
        return [pattern]
    places = [""]
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if wild[index]:
            places = [found for place in places for found in _entries(place or "/", part, options, where, last=last)]
        else:
            places = [f"{place}/{part}" for place in places if not last or os.path.lexists(f"{place}/{part}")]
    return places


def _entries(directory: str, pattern: str, options: frozenset[str], where: Where, *, last: bool) -> list[str]:
    """Names in ``directory`` that match. A link is refused, not followed, unless the options say otherwise."""
    try:
        names = sorted(os.listdir(directory), key=os.fsencode)
    except OSError:
        return []
    found = []
    for name in names:
        if not fnmatch.fnmatchcase(name, pattern) or (name.startswith(".") and not pattern.startswith(".")):
            continue
        path = os.path.join(directory, name)
        if last and IGNORE_TEMP_FILES in options and _TEMPORARY.search(name):
            continue
        if os.path.islink(path) and ALLOW_SYMLINKS not in options:
            raise ConfigError(f"Include of the symbolic link {path}", where,
                              hint="IncludeOptions AllowSymlinks would follow it")
        if os.path.isdir(path) != last:
            found.append(path)
    return found
