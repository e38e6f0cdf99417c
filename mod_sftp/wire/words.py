"""A command line as a client's user quoted it for a shell: the words, and which of their wildcards were meant as such.

No shell ever sees it (security.md P4). Source: POSIX.1-2017, Shell Command Language, 2.2.
"""

from __future__ import annotations

#: what ends a word: the IFS of a shell; other white space, that of Unicode among it, is part of a name
_BLANKS = frozenset(" \t\n")
#: what a quoted character is marked against in a pattern
_WILD = frozenset("*?[]{},\\")


class Word(str):
    """One word. ``pattern`` is the same with quoted wildcards marked by a backslash; ``""`` where no bare one is."""

    __slots__ = ("pattern",)
    pattern: str

    def __new__(cls, text: str, pattern: str = "") -> Word:
        word = super().__new__(cls, text)
        word.pattern = pattern
        return word


class _Builder:
    """The word being read."""

    def __init__(self) -> None:
        self.begun = False
        self._text: list[str] = []
        self._pattern: list[str] = []
        self._wild = False

    def add(self, char: str, *, quoted: bool) -> None:
        self.begun = True
        self._text.append(char)
        if quoted and char in _WILD:
            self._pattern.append("\\")
        elif char in "*?[{":
            self._wild = True
        self._pattern.append(char)

    def word(self) -> Word:
        return Word("".join(self._text), "".join(self._pattern) if self._wild else "")


def split(line: str) -> list[Word]:
    """The words of a line. Raises: ValueError for a quote that does not end."""
    words: list[Word] = []
    builder, quote = _Builder(), ""
    chars = iter(line)
    for char in chars:
        if quote == "'":
            if char == "'":
                quote = ""
            else:
                builder.add(char, quoted=True)
        elif char == "\\":
            _escaped(builder, next(chars, None), quote)
        elif char == '"' or (char == "'" and not quote):
            quote = "" if quote else char
            builder.begun = True
        elif quote or char not in _BLANKS:
            builder.add(char, quoted=bool(quote))
        elif builder.begun:
            words.append(builder.word())
            builder = _Builder()
    if quote:
        raise ValueError("a quote does not end")
    if builder.begun:
        words.append(builder.word())
    return words


def _escaped(builder: _Builder, char: str | None, quote: str) -> None:
    """A backslash: inside double quotes it is itself but before what keeps a meaning there."""
    if char is None:
        raise ValueError("nothing behind a backslash")
    if quote and char not in '"\\$`':
        builder.add("\\", quoted=True)
    builder.add(char, quoted=True)
