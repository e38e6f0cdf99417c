"""Files to lines and lines to words, with their bounds (security.md M7)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyproftpd.conf import lexer
from pyproftpd.conf.language import ALLOW_SYMLINKS, IGNORE_TEMP_FILES, IGNORE_WILDCARDS
from pyproftpd.errors import ConfigError, Where

HERE = Where("x", 1)
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(("text", "words"), [
    ("a b  c", ["a", "b", "c"]),
    ('a "b c" d', ["a", "b c", "d"]),
    ('a"b c"d', ['a"b', 'c"d']),
    (r'"a\nb"', ["anb"]),
    (r'"a\"b"', ['a"b']),
    (r"a\nb", [r"a\nb"]),
    ("'a b'", ["'a", "b'"]),
    ('"never closed', ["never closed"]),
    ('a "" b', ["a", "", "b"]),
    ("a #b c", ["a"]),
    ("a b#c", ["a", "b#c"]),
    ('a "#b"', ["a", "#b"]),
])
def test_words(text: str, words: list[str]) -> None:
    assert lexer.split(text) == words


def test_a_backslash_at_the_end_joins_with_nothing_in_between() -> None:
    lines = list(lexer.logical_lines("a\\\nb\n  c \\\n  d\n", "x"))
    assert [(line.text, line.where.line) for line in lines] == [("ab", 2), ("c   d", 4)]


def test_a_comment_does_not_continue_and_crlf_is_a_line_end() -> None:
    lines = list(lexer.logical_lines("# no \\\r\nTimeoutIdle 5\r\nlast", "x"))
    assert [line.text for line in lines] == ["TimeoutIdle 5", "last"]


def test_variables() -> None:
    environ = {"A": "one", "B": "two words"}
    assert lexer.substitute(["x%{env:A}y%{env:A}"], environ) == ["xoneyone"]
    assert lexer.substitute(["%{env:B}"], environ) == ["two", "words"]
    assert lexer.substitute(["%{env:NONE}"], environ) == [""]


def test_a_line_has_an_end() -> None:
    with pytest.raises(ConfigError, match="longer than"):
        list(lexer.logical_lines("x" * (lexer.MAX_LINE + 1), "x"))


def test_include_of_wildcards_and_directories(tmp_path: Path) -> None:
    for name in ("b.conf", "a.conf", "c.txt", "old.conf~"):
        (tmp_path / name).write_text("")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.conf").write_text("")
    names = [os.path.basename(path) for path in lexer.included(f"{tmp_path}/*.conf", NONE, HERE)]
    assert names == ["a.conf", "b.conf"]
    every = lexer.included(str(tmp_path), frozenset({IGNORE_TEMP_FILES}), HERE)
    assert [os.path.basename(path) for path in every] == ["a.conf", "b.conf", "c.txt"]
    assert lexer.included(f"{tmp_path}/s*/*.conf", NONE, HERE) == [f"{tmp_path}/sub/d.conf"]
    with pytest.raises(ConfigError, match="wildcard in a directory"):
        lexer.included(f"{tmp_path}/s*/*.conf", frozenset({IGNORE_WILDCARDS}), HERE)


def test_include_does_not_follow_links_unasked(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "link.conf").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="symbolic link"):
        lexer.included(f"{tmp_path}/*.conf", NONE, HERE)
    assert lexer.included(f"{tmp_path}/*.conf", frozenset({ALLOW_SYMLINKS}), HERE) == [f"{tmp_path}/link.conf"]
