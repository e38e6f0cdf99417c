"""From channel data to whole requests: however a client cuts them, and nothing global (security.md C4, F1, F17)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from mod_sftp.wire.fxp import MAX_MESSAGE, MIN_MESSAGE
from pyproftpd.errors import PeerError

_LENGTH = struct.Struct(">I")
#: First size of the buffer for requests that span packets: a 32 KiB WRITE with its header.
FIRST_BUFFER = 40 * 1024


class Gate(Protocol):
    """The part of a channel that holds input back."""

    @property
    def blocked(self) -> bool: ...

    def unread(self, view: memoryview) -> None: ...


class Framer:
    """``feed`` hands each whole request (without its length word) to ``sink``.

    A request inside one packet is passed as a view of it; one that spans packets is gathered once. Requests behind one
    whose replies filled the channel are given back to it and come again when there is room.
    """

    def __init__(self, sink: Callable[[memoryview], None], gate: Gate) -> None:
        self._sink, self._gate = sink, gate
        self._buffer = memoryview(bytearray(0))
        self._have = 0
        #: size of the request being gathered with its length word; 0 while that is not known
        self._need = 0

    def feed(self, view: memoryview) -> None:
        """Owner: the channel; the view dies with the call.

        Raises: PeerError for a length that no request can have; nothing behind it could be understood.
        """
        pos = self._gather(view) if self._have else 0
        first = pos == 0
        end, unpack = len(view), _LENGTH.unpack_from
        while end - pos >= 4:
            (length,) = unpack(view, pos)
            if not MIN_MESSAGE <= length <= MAX_MESSAGE:
                raise bad_length(length)
            stop = pos + 4 + length
            if stop > end:
                break
            if not first and self._gate.blocked:
                self._gate.unread(view[pos:])
                return
            first = False
            self._sink(view[pos + 4:stop])
            pos = stop
        if pos < end:
            self._keep(view[pos:])

    @property
    def idle(self) -> bool:
        """Nothing of a next request has arrived."""
        return self._have == 0

    def _gather(self, view: memoryview) -> int:
        """Add to the request begun before; returns how many bytes of ``view`` it took, and passes it on when whole."""
        pos = 0
        if not self._need:
            pos = min(4 - self._have, len(view))
            self._append(view[:pos])
            if self._have < 4:
                return pos
            self._need = 4 + request_length(self._buffer, 0)
            self._reserve(self._need)
        take = min(self._need - self._have, len(view) - pos)
        self._append(view[pos:pos + take])
        if self._have == self._need:
            whole = self._buffer[4:self._need]
            self._have = self._need = 0
            self._sink(whole)
        return pos + take

    def _keep(self, rest: memoryview) -> None:
        self._need = 4 + request_length(rest, 0) if len(rest) >= 4 else 0
        self._reserve(self._need)
        self._append(rest)

    def _append(self, data: memoryview) -> None:
        self._buffer[self._have:self._have + len(data)] = data
        self._have += len(data)

    def _reserve(self, size: int) -> None:
        """Room for ``size`` bytes, which passed the length test already."""
        if len(self._buffer) < size or not len(self._buffer):
            larger = memoryview(bytearray(max(size, FIRST_BUFFER)))
            larger[:self._have] = self._buffer[:self._have]
            self._buffer = larger


def request_length(view: memoryview, pos: int) -> int:
    """The length word of a request, tested before anything is allocated for it."""
    length: int = _LENGTH.unpack_from(view, pos)[0]
    if not MIN_MESSAGE <= length <= MAX_MESSAGE:
        raise bad_length(length)
    return length


def bad_length(length: int) -> PeerError:
    return PeerError(f"SFTP request of {length} bytes is outside of {MIN_MESSAGE} to {MAX_MESSAGE}")
