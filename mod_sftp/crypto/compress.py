"""Packet compression (RFC 4253 6.2): one zlib stream per direction and key exchange, flushed after every packet."""

from __future__ import annotations

import zlib

from mod_sftp.wire.messages import Disconnect
from pyproftpd.errors import PeerError

#: OpenSSH's choice too; level 9 costs three times as much for a few percent.
LEVEL = 6


class Compressor:
    """The sending side."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj(LEVEL)

    def compress(self, data: memoryview | bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_PARTIAL_FLUSH)


class Decompressor:
    """The receiving side; what a packet inflates to is bounded (security.md T7)."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def decompress(self, data: memoryview | bytes, limit: int) -> bytes:
        """Raises: PeerError when the data is broken or inflates to more than ``limit`` bytes."""
        try:
            payload = self._stream.decompress(data, limit + 1)
        except zlib.error:
            raise PeerError("compressed data is broken", Disconnect.COMPRESSION_ERROR) from None
        if len(payload) > limit or self._stream.unconsumed_tail:
            raise PeerError(f"packet inflates to more than {limit} bytes", Disconnect.COMPRESSION_ERROR)
        if self._stream.eof:
            raise PeerError("compressed stream has ended", Disconnect.COMPRESSION_ERROR)
        return payload
