"""Cryptography of SSH2: everything that touches the ``cryptography`` package, and the algorithms that it lacks."""

from __future__ import annotations

from pyproftpd.errors import PeerError


class BadTag(PeerError):
    """A packet failed its integrity check (RFC 4253 11.1: SSH_DISCONNECT_MAC_ERROR)."""

    def __init__(self) -> None:
        super().__init__("packet integrity error", 5)
