"""Hash functions by name, each made once and copied: finding one in the crypto library costs twenty times as much."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any


def new_hash(name: str) -> Any:
    """As ``hashlib.new(name)``."""
    return _empty(name).copy()


@cache
def _empty(name: str) -> Any:
    return hashlib.new(name)
