"""What a password check costs for a name that does not exist: as much as for one that does (security.md U3)."""

from __future__ import annotations

from collections.abc import Iterable

from pyproftpd.api.auth import Account
from pyproftpd.unix import crypt

#: Ids of an account that is none: the kernel's overflow ids, never given to a session.
_NOBODY = 65534


def ghost(user: str) -> Account:
    """An account to check passwords against when there is none; every source answers ``NO_USER`` to it."""
    return Account(user, _NOBODY, _NOBODY, "/", "", hash=None, source="")


def typical(hashes: Iterable[str]) -> str:
    """The hash whose kind and cost is the most frequent in a source, to be computed in place of one that is missing."""
    by_method: dict[str, str] = {}
    counts: dict[str, int] = {}
    for stored in hashes:
        if crypt.usable(stored):
            kind = crypt.method(stored)
            counts[kind] = counts.get(kind, 0) + 1
            by_method.setdefault(kind, stored)
    return by_method[max(counts, key=counts.__getitem__)] if counts else crypt.FALLBACK


def matches(password: bytes, stored: str | None, stand_in: str) -> bool:
    """:func:`crypt.verify`, at the price of ``stand_in`` where there is nothing to compare with."""
    if stored is None or not crypt.usable(stored):
        crypt.verify(password, stand_in)
        return False
    return crypt.verify(password, stored)
