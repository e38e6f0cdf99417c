"""Configuration for some versions only (mod_ifversion.c). The version is that of the compatibility level."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from pyproftpd import API, COMPATIBILITY
from pyproftpd.api.directive import ANYWHERE
from pyproftpd.api.expressions import translate_posix
from pyproftpd.api.module import Known, Module, Section

OPERATORS: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
    ("=", operator.eq), ("==", operator.eq), (">", operator.gt), (">=", operator.ge), ("<", operator.lt),
    ("<=", operator.le))
#: a release candidate comes before its release, a maintenance letter after it
_SUFFIX_RANK = {"rc": 0, "": 1, "letter": 2}


def version_key(text: str) -> tuple[int, int, int, int, int]:
    """``1.3.10rc5`` as a tuple in the order of releases. Raises ``ValueError``."""
    found = re.fullmatch(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?(?:(rc)(\d{1,4})|([a-z]))?", text)
    if not found:
        raise ValueError("a version such as 1.3.9rc2")
    numbers = [int(found[part] or 0) for part in (1, 2, 3)]
    if found[4]:
        return numbers[0], numbers[1], numbers[2], _SUFFIX_RANK["rc"], int(found[5])
    if found[6]:
        return numbers[0], numbers[1], numbers[2], _SUFFIX_RANK["letter"], ord(found[6])
    return numbers[0], numbers[1], numbers[2], _SUFFIX_RANK[""], 0


def _holds(words: Sequence[str], known: Known) -> bool:
    """``[[!]op] version``; ``~ pattern`` or ``= /pattern/`` match as a regular expression."""
    sign, text = (words[0], words[1]) if len(words) > 1 else ("=", words[0])
    negated, sign = sign.startswith("!"), sign.removeprefix("!") or "="
    slashed = re.fullmatch(r"/(.*)/", text)
    if sign == "~" or (slashed and sign in ("=", "==")):
        try:
            pattern = re.compile(translate_posix(slashed[1] if slashed else text))
        except re.error as error:
            raise ValueError(f"a regular expression, but '{text}' has a fault: {error}") from None
        return (pattern.search(COMPATIBILITY) is not None) != negated
    compare = dict(OPERATORS).get(sign)
    if compare is None:
        raise ValueError("one of = == > >= < <= ~, with ! before it or without")
    return compare(version_key(COMPATIBILITY), version_key(text)) != negated


module = Module(
    name="ifversion", api=API, sections=(
        Section(keyword="IfVersion", kind="choice", where=ANYWHERE, arity="1..2", syntax="[[!]operator] version",
                holds=_holds, doc="Read the content only if the version compares."),))
