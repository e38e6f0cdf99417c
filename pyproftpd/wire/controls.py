"""Messages of the controls socket, between ftpdctl and the master.

Request and reply have one shape: status (signed), a count, then for each word its length and its bytes; four bytes each,
in the byte order of the machine. Source: real server, whose ftpdctl and ours may talk to either daemon.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_HEAD = struct.Struct("=iI")
_LENGTH = struct.Struct("=I")


class Malformed(ValueError):
    """The bytes are no message, or more of it than anybody needs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Most words, and most bytes of them together."""

    words: int
    total: int


#: an action and its arguments: a few names; 16 KiB is four paths of PATH_MAX
REQUEST = Limits(64, 16 * 1024)
#: the longest answers list sessions: 16384 slots of about 100 bytes
REPLY = Limits(32 * 1024, 4 * 1024 * 1024)


def encode(status: int, words: Sequence[str]) -> bytes:
    parts = [_HEAD.pack(status, len(words))]
    for word in words:
        raw = word.encode("utf-8", "surrogateescape")
        parts += (_LENGTH.pack(len(raw)), raw)
    return b"".join(parts)


def decode(data: bytes | bytearray, limits: Limits) -> tuple[int, list[str]] | None:
    """Status and words, or ``None`` while some are missing. Raises ``Malformed`` as soon as a limit is announced to break."""
    if len(data) < _HEAD.size:
        return None
    status, count = _HEAD.unpack_from(data)
    if count > limits.words:
        raise Malformed(f"{count} words, at most {limits.words} are taken")
    words: list[str] = []
    offset, total = _HEAD.size, 0
    for _ in range(count):
        if len(data) < offset + _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(data, offset)
        offset, total = offset + _LENGTH.size, total + length
        if total > limits.total:
            raise Malformed(f"{total} bytes, at most {limits.total} are taken")
        if len(data) < offset + length:
            return None
        words.append(bytes(data[offset:offset + length]).decode("utf-8", "surrogateescape"))
        offset += length
    if len(data) > offset:
        raise Malformed("bytes behind the end of the message")
    return status, words
