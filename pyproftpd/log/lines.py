"""What every plain log line shares: the time at its head, and nothing unprintable behind it."""

from __future__ import annotations

import time
from functools import lru_cache


def stamp(now: float | None = None) -> str:
    """``2026-11-24 03:17:38,519`` in local time, as every plain log of the real server begins."""
    now = time.time() if now is None else now
    return f"{_second(int(now))},{int(now * 1000) % 1000:03d}"


@lru_cache(maxsize=1)
def _second(now: int) -> str:
    """Lines come in bursts, and a calendar is slow."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))


def printable(text: str) -> str:
    """Control characters become ``\\ooo``, so that a client cannot forge a log line or drive a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or "\udc80" <= char <= "\udcff" else f"\\{ord(char):03o}" for char in text)
