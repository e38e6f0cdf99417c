"""Conditions, host rules and patterns; none of them takes for ever (security.md M9)."""

from __future__ import annotations

import signal
import time
import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from pyproftpd.api.expressions import (
    MATCH_SECONDS,
    MAX_SUBJECT,
    HostRules,
    Mode,
    Pattern,
    parse_expression,
    parse_host_rule,
)
from pyproftpd.api.values import to_pattern
from pyproftpd.errors import Refused


def facts(user: str = "", groups: tuple[str, ...] = (), connection_class: str = "") -> Any:
    return SimpleNamespace(user=user, groups=groups, connection_class=connection_class)


@pytest.mark.parametrize(("words", "groups", "matches"), [
    (["a,b"], ("a", "b"), True), (["a,b"], ("a",), False), (["OR", "a,b"], ("a",), True), (["a,!b"], ("a",), True),
    (["a,!b"], ("a", "b"), False), (["!a"], (), True), (["*"], ("x",), False), (["regex", "^ad"], ("users", "admins"), True),
    (["regex", "^ad"], ("bad",), False)])
def test_groups_evaluate_and(words: list[str], groups: tuple[str, ...], matches: bool) -> None:
    assert parse_expression(words, "group", Mode.AND).matches(facts(groups=groups)) is matches


def test_users_evaluate_or() -> None:
    expression = parse_expression(["bob,!eve"], "user", Mode.OR)
    assert expression.matches(facts("bob")) and expression.matches(facts("carl")) and not expression.matches(facts("eve"))


@pytest.mark.parametrize(("rule", "address", "name", "verdict"), [
    ("all", "192.0.2.1", "x", 1), ("none", "192.0.2.1", "x", -1), ("192.0.2.0/24", "192.0.2.9", "x", 1),
    ("192.0.2.0/24", "::ffff:192.0.2.9", "x", 1),
    ("::ffff:192.0.2.9", "192.0.2.9", "x", 1), ("::ffff:192.0.2.0/120", "192.0.2.9", "x", 1),
    ("::ffff:192.0.2.0/120", "192.0.3.9", "x", 0), ("192.0.2.", "192.0.2.9", "x", 1), ("192.0.2.", "192.0.20.9", "x", 0),
    (".example.com", "192.0.2.1", "a.Example.com", 1), ("*.example.com", "192.0.2.1", "a.example.com", 1),
    ("a.example.com", "192.0.2.1", "a.example.com", 1), ("!192.0.2.1", "192.0.2.1", "x", -1), ("!192.0.2.1", "192.0.2.2", "x", 1),
    ("2001:db8::/32", "2001:db8::1", "x", 1), ("2001:db8::/32", "192.0.2.1", "x", 0)])
def test_host_rules(rule: str, address: str, name: str, verdict: int) -> None:
    assert parse_host_rule(rule).verdict(address, name) == verdict


def test_a_negated_rule_excludes_even_where_another_matches() -> None:
    rules = HostRules((parse_host_rule("192.0.2.0/24"), parse_host_rule("!192.0.2.1")))
    assert rules.matches("192.0.2.2", "x") and not rules.matches("192.0.2.1", "x")


def test_patterns_speak_posix() -> None:
    assert Pattern("^[[:alpha:]]+$").search("abc")
    assert not Pattern("^[[:alpha:]]+$").search("abc\n")
    assert Pattern(r"[]x]").search("]")
    assert Pattern(r"\*.*/").search("*a/")
    assert Pattern("A", ignore_case=True).search("a")
    assert not Pattern("a", negated=True).search("a")


@pytest.mark.parametrize("text", ["(" * 2000 + ")" * 2000, "a{99999999999}", "[[:letters:]]", "[[.a.]]", "[[=a=]]", "*a", "(a",
                                  "[a"])
def test_what_is_no_expression_is_said_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="a regular expression, but"):
        to_pattern(text)


def test_sets_hold_what_they_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(Pattern("^[a&&b||c~~]$").search(char) for char in "a&b|c~") and not Pattern("[a&&b]").search("c")


def test_an_endless_subject_matches_nothing() -> None:
    assert not Pattern("a").search("a" * (MAX_SUBJECT + 1))


@pytest.mark.parametrize(("text", "subject"), [
    ("^(a+)+$", "a" * 40 + "!"), ("(x|xx)*y", "x" * 60), (".*.*.*.*=.*.*q", "a" * 4000),
])
def test_an_expression_that_never_ends_is_stopped_and_refuses(text: str, subject: str) -> None:
    began = time.process_time()
    with pytest.raises(Refused) as caught:
        Pattern(text).search(subject)
    assert text in caught.value.rule
    assert time.process_time() - began < 20 * MATCH_SECONDS
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_the_bound_changes_no_answer() -> None:
    assert Pattern("^(a+)+$").search("aaaa") and not Pattern("^(a+)+$").search("b")
    assert Pattern("(x|xx)*y", negated=True).search("xxx")
