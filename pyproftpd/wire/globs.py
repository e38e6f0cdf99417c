"""Wildcards: ``* ? [a-z] {one,two}``, matched in time proportional to pattern times name, whatever they hold.

A leading dot in a name is matched only by a dot in the pattern, and no wildcard matches ``/``. Source: glob(7).
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: most patterns that the braces of one pattern may stand for
MAX_ALTERNATIVES = 1024

#: one position of a pattern: does this character match?
_Test = Callable[[str], bool]


def has_magic(text: str) -> bool:
    return any(char in text for char in "*?[{")


def expand_braces(pattern: str) -> list[str]:
    """``a{b,c}d`` as ``abd``, ``acd``; an unmatched brace stands for itself. Raises ``ValueError`` beyond the maximum."""
    done: list[str] = []
    pending = [pattern]
    while pending:
        text = pending.pop(0)
        parts = _first_braces(text)
        if parts is None:
            done.append(text)
        else:
            head, choices, tail = parts
            pending[:0] = [head + choice + tail for choice in choices]
        if len(done) + len(pending) > MAX_ALTERNATIVES:
            raise ValueError("a pattern with fewer alternatives")
    return done


def _first_braces(text: str) -> tuple[str, list[str], str] | None:
    """(text before, choices, text after) of the first closed pair of braces; behind a backslash they are none."""
    seen = _unescaped(text)
    start = seen.find("{")
    while start >= 0:
        depth, cut, choices = 0, start + 1, []
        for at in range(start, len(text)):
            char = seen[at]
            depth += (char == "{") - (char == "}")
            if depth == 1 and char == ",":
                choices.append(text[cut:at])
                cut = at + 1
            if depth == 0:
                return text[:start], [*choices, text[cut:at]], text[at + 1:]
        start = seen.find("{", start + 1)
    return None


def _unescaped(text: str) -> str:
    """The text with blanks in place of every backslash and what stands behind it."""
    return re.sub(r"\\.", "  ", text, flags=re.DOTALL)


def plain(text: str) -> str:
    """A part without wildcards, without the backslashes that mark characters as themselves."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


class Glob:
    """One pattern for one name (no slashes in either)."""

    __slots__ = ("_pieces", "_dot")

    def __init__(self, pattern: str, *, fold: bool = False) -> None:
        """``fold``: letters match in either case."""
        self._pieces = _compile(pattern, fold)
        self._dot = pattern.startswith((".", "\\."))

    def matches(self, name: str) -> bool:
        if name.startswith(".") and not self._dot:
            return False
        pieces = self._pieces
        first, last = pieces[0], pieces[-1]
        if len(pieces) == 1:
            return len(name) == len(first) and _at(first, name, 0)
        end = len(name) - len(last)
        if end < len(first) or not _at(first, name, 0) or not _at(last, name, end):
            return False
        at = len(first)
        for piece in pieces[1:-1]:  # leftmost match of each piece between two stars loses no solution
            while at + len(piece) <= end and not _at(piece, name, at):
                at += 1
            if at + len(piece) > end:
                return False
            at += len(piece)
        return True


def _at(piece: list[_Test], name: str, at: int) -> bool:
    return all(test(name[at + index]) for index, test in enumerate(piece))


def _compile(pattern: str, fold: bool) -> list[list[_Test]]:
    """The pieces between stars."""
    pieces: list[list[_Test]] = [[]]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            pieces.append([])
        elif char == "?":
            pieces[-1].append(lambda other: True)
        elif char == "[" and (end := _class_end(pattern, at)) > 0:
            pieces[-1].append(_class(pattern[at:end], fold))
            at = end + 1
        else:
            if char == "\\" and at < len(pattern):
                char = pattern[at]
                at += 1
            pieces[-1].append(_literal(char, fold))
    return pieces


def _class_end(pattern: str, at: int) -> int:
    """Where the ``]`` of a class stands that begins at ``at``; -1 when there is none. The first character is a member."""
    start = at + 1 if pattern[at:at + 1] in ("!", "^") else at
    return pattern.find("]", start + 1)


def _literal(char: str, fold: bool) -> _Test:
    if fold:
        lower = char.lower()
        return lambda other: other.lower() == lower
    return lambda other: other == char


def _class(text: str, fold: bool) -> _Test:
    negated = text[0] in "!^"
    body = text[1:] if negated else text
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(body):
        if at + 2 < len(body) and body[at + 1] == "-":
            ranges.append((body[at], body[at + 2]))
            at += 3
        else:
            ranges.append((body[at], body[at]))
            at += 1

    def test(char: str) -> bool:
        forms = {char, char.lower(), char.upper()} if fold else {char}
        return any(low <= form <= high for form in forms for low, high in ranges) != negated

    return test
