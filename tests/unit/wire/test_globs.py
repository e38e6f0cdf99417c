"""Wildcards match what glob(7) says, in bounded time."""

from __future__ import annotations

import pytest

from pyproftpd.wire.globs import Glob, expand_braces, has_magic


@pytest.mark.parametrize(("pattern", "name", "matches"), [
    ("a", "a", True), ("a", "b", False), ("*", "anything", True), ("*", "", True), ("*", ".hidden", False),
    (".*", ".hidden", True), ("?", "x", True), ("?", "xy", False), ("?", "", False), ("a*b", "ab", True),
    ("a*b", "axxb", True), ("a*b", "axxc", False), ("a*b*c", "abc", True), ("a*b*c", "a1b2b3c", True),
    ("*a*", "banana", True), ("*ab", "aab", True), ("ab*ba", "aba", False), ("[abc]x", "bx", True),
    ("[!abc]x", "bx", False), ("[^abc]x", "dx", True), ("[a-c]", "b", True), ("[a-c]", "d", False),
    ("[]x]", "]", True), ("[!]]", "]", False), ("[a-]", "-", True), ("[a", "[a", True), ("a\\*b", "a*b", True),
    ("a\\*b", "axb", False), ("?", "\n", True), ("*.txt", "a.txt", True), ("*.txt", "a.txt.gz", False),
])
def test_matches(pattern: str, name: str, matches: bool) -> None:
    assert Glob(pattern).matches(name) is matches


def test_case_folding_is_a_choice() -> None:
    assert Glob("Re[A-C]d*", fold=True).matches("rEbDme")
    assert not Glob("Read*").matches("readme")


def test_many_stars_do_not_multiply() -> None:
    assert not Glob("*a" * 200 + "b").matches("a" * 4000)


@pytest.mark.parametrize(("pattern", "alternatives"), [
    ("a", ["a"]), ("{a,b}", ["a", "b"]), ("x{a,b}y", ["xay", "xby"]), ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
    ("{a,{b,c}}", ["a", "b", "c"]), ("{a", ["{a"]), ("a}", ["a}"]), ("{,x}", ["", "x"]),
])
def test_braces(pattern: str, alternatives: list[str]) -> None:
    assert expand_braces(pattern) == alternatives


def test_braces_are_bounded() -> None:
    with pytest.raises(ValueError, match="fewer"):
        expand_braces("{a,b}" * 20)


def test_magic() -> None:
    assert has_magic("a*") and has_magic("{a}") and not has_magic("plain name.txt")
