"""The data types of SSH2 (RFC 4251 5): a bounded reading cursor and the writers.

A missing or short field is the peer's fault and raises; it never reads as empty (security.md T16).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pyproftpd.errors import PeerError

U32 = struct.Struct(">I")
U64 = struct.Struct(">Q")

#: An mpint of the largest RSA modulus or DH group we compute with, 16384 bits, and its sign byte.
MAX_MPINT = 16384 // 8 + 1
#: A name-list: 32 KiB, four times what any known client sends.
MAX_NAMELIST = 32 * 1024
#: Names in one list; each needs at least two bytes, real lists have below a hundred.
MAX_NAMES = 1024


class Reader:
    """Reads the fields of one message from front to back.

    Views that it hands out live as long as the buffer under them: whoever stores one copies it.

    Raises: PeerError on a field that ends behind the data or breaks its own rules.
    """

    __slots__ = ("view", "pos", "end_at")

    def __init__(self, data: memoryview | bytes | bytearray, pos: int = 0) -> None:
        self.view = data if type(data) is memoryview else memoryview(data)
        self.pos = pos
        self.end_at = len(self.view)

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return self.end_at - self.pos

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes as a view."""
        start, stop = self.pos, self.pos + size
        if size < 0 or stop > self.end_at:
            raise PeerError("message ends in the middle of a field")
        self.pos = stop
        return self.view[start:stop]

    def u8(self) -> int:
        pos = self.pos
        if pos >= self.end_at:
            raise PeerError("message ends in the middle of a field")
        self.pos = pos + 1
        return self.view[pos]

    def boolean(self) -> bool:
        """Every value but 0 is true (RFC 4251 5)."""
        return self.u8() != 0

    def u32(self) -> int:
        pos = self.pos
        if pos + 4 > self.end_at:
            raise PeerError("message ends in the middle of a field")
        self.pos = pos + 4
        value: int = U32.unpack_from(self.view, pos)[0]
        return value

    def u64(self) -> int:
        pos = self.pos
        if pos + 8 > self.end_at:
            raise PeerError("message ends in the middle of a field")
        self.pos = pos + 8
        value: int = U64.unpack_from(self.view, pos)[0]
        return value

    def string(self, limit: int | None = None) -> memoryview:
        """A string as a view; ``limit`` bounds its length."""
        start = self.pos + 4
        if start > self.end_at:
            raise PeerError("message ends in the middle of a field")
        size: int = U32.unpack_from(self.view, start - 4)[0]
        if limit is not None and size > limit:
            raise PeerError(f"string of {size} bytes is over the limit of {limit}")
        stop = start + size
        if stop > self.end_at:
            raise PeerError("message ends in the middle of a field")
        self.pos = stop
        return self.view[start:stop]

    def bytes(self, limit: int | None = None) -> bytes:
        """A string as a copy."""
        return bytes(self.string(limit))

    def text(self, limit: int | None = None) -> str:
        """A string that the protocol calls UTF-8 or ASCII."""
        try:
            return str(self.string(limit), "utf-8")
        except UnicodeDecodeError:
            raise PeerError("text is not valid UTF-8") from None

    def mpint(self, limit: int = MAX_MPINT) -> int:
        """A two's complement integer of at most ``limit`` bytes; may be negative."""
        return int.from_bytes(self.string(limit), "big", signed=True)

    def namelist(self) -> list[str]:
        """A comma-separated list of US-ASCII names. An empty name is not legal, but libssh 0.10 sends one: it is no name."""
        data = self.bytes(MAX_NAMELIST)
        if not data:
            return []
        try:
            names = data.decode("ascii").split(",")
        except UnicodeDecodeError:
            raise PeerError("name-list is not US-ASCII") from None
        if len(names) > MAX_NAMES:
            raise PeerError(f"name-list has more than {MAX_NAMES} names")
        return [name for name in names if name]

    def rest(self) -> memoryview:
        """Everything that is left."""
        return self.take(self.left)

    def end(self) -> None:
        """States that the message must be used up."""
        if self.pos != self.end_at:
            raise PeerError(f"message has {self.left} bytes too many")


def byte(value: int) -> bytes:
    return bytes((value,))


def boolean(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def u32(value: int) -> bytes:
    return U32.pack(value)


def u64(value: int) -> bytes:
    return U64.pack(value)


def string(data: bytes | bytearray | memoryview | str) -> bytes:
    """A string; text goes out as UTF-8."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    return U32.pack(len(data)) + data


def mpint(value: int) -> bytes:
    """An integer in the shortest two's complement form; zero is the empty string (RFC 4251 5)."""
    if value == 0:
        return b"\0\0\0\0"
    size = value.bit_length() // 8 + 1 if value > 0 else (value + 1).bit_length() // 8 + 1
    return U32.pack(size) + value.to_bytes(size, "big", signed=True)


def namelist(names: Iterable[str]) -> bytes:
    return string(",".join(names).encode("ascii"))
