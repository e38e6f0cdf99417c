"""The one way in which tests wait: for a condition, never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

#: after so many seconds a test fails. A wait that ends costs nothing, and a machine that runs tests may have much to do
LIMIT = 60.0
PAUSE = 0.02

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found | None], what: str | Callable[[], str], limit: float = LIMIT) -> Found:
    """The first value of ``condition`` that is true; ``what`` is said when none comes."""
    end = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {limit} s for {what() if callable(what) else what}"
        time.sleep(PAUSE)
    return found
