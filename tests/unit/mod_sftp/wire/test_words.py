from __future__ import annotations

import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_sftp.wire.words import split


@given(st.text(alphabet="ab '\"\\\\\t*", max_size=20))
def test_words_are_those_of_a_shell(line: str) -> None:
    """shlex knows the same rules, and one bit less: what of them was quoted. Where it differs from a shell is below."""
    expected: list[str] | None = None
    with suppress(ValueError):
        expected = shlex.split(line)
    if expected is None:
        with pytest.raises(ValueError):
            split(line)
    else:
        assert split(line) == expected


@pytest.mark.parametrize(("line", "words"), [
    ('"\\$"', ["$"]), ('"\\`"', ["`"]), ("\\$ '\\$' $", ["$", "\\$", "$"]), ('"a\\$(id)\\`b"', ["a$(id)`b"]), ('"\\a"', ["\\a"])])
def test_what_a_backslash_takes_the_meaning_from(line: str, words: list[str]) -> None:
    """POSIX.1-2017, Shell Command Language, 2.2.3: before ``$`` and a backquote too, which mean nothing here."""
    assert split(line) == words


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2028", "\x0b", "\x0c", "\r", "\x1f"])
def test_what_is_no_blank_to_a_shell_is_part_of_a_name(blank: str) -> None:
    """Names with the wide blank of CJK keyboards, or the one that does not break."""
    assert split(f"scp -f a{blank}b\tc\nd") == ["scp", "-f", f"a{blank}b", "c", "d"]


@pytest.mark.parametrize(("line", "patterns"), [
    ("a b", ["", ""]), ("a*", ["a*"]), ("'a*'", [""]), ("'a*'*", ["a\\**"]), ("'a b'?", ["a b?"]), ("\\*[x]", ["\\*[x]"]),
    ("'[x]'*", ["\\[x\\]*"]), ("'b\\c'*", ["b\\\\c*"])])
def test_patterns_mark_what_was_quoted(line: str, patterns: list[str]) -> None:
    assert [word.pattern for word in split(line)] == patterns
