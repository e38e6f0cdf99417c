"""Payloads to bytes for the peer: packet layout, padding, sealing, and the queue while keys change (RFC 4253 6).

Packets are laid out one behind the other in ``plain`` and sealed to ``wire`` when the driver asks for output, so that

- data of one channel shares packets: replies to everything that one ``recv`` brought leave in few, full ones;
- file data is read by the kernel straight to its final place: ``reserve`` hands out the pieces of a reply scattered over
  packet borders, ``commit`` says how much of it was used.

A sequence number belongs to a packet from its layout on; sealers change between packets, not between calls.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol

from mod_sftp.crypto.suites import Sealer
from mod_sftp.transport.buffers import Buffer
from mod_sftp.wire.messages import Msg
from pyproftpd.errors import Bug, PeerError

#: output that waits for the socket beyond which no more input is handled; also what one ``send`` carries
#: (128 KiB to 1 MiB measured the same)
HIGH_WATER = 256 * 1024
#: room for HIGH_WATER, one reply of the largest size (256 KiB) and the packets around it
BUFFER_SIZE = 1024 * 1024
#: longest tag: HMAC-SHA2-512
MAX_TAG = 64
#: headers and padding of one packet at most: 5 + 9 + 4 + 16, rounded up
PACKET_COST = 64
#: what payloads kept while keys change may come to as packets: they must all fit behind what waits already. A peer that
#: asks for more than this in the meantime is not sane
MAX_QUEUED = 384 * 1024
MIN_PADDING = 4
#: a reservation's first piece holds at least this much, so that a reply's header lies in one piece
HEADER_ROOM = 64
#: as a plain number: it is written with every packet of data
_CHANNEL_DATA = int(Msg.CHANNEL_DATA)
#: messages up to here are the transport's own and may be sent while keys change (RFC 4253 7.1)
LAST_KEX = 49

_PACKET = struct.Struct(">IB")
_DATA = struct.Struct(">IBBII")
#: type, recipient channel, length of the string (RFC 4254 5.2)
_DATA_HEADER = 9
_FIRST_PAYLOAD = 5


class Compressor(Protocol):
    """``crypto.compress``: a stream over all payloads of one direction, flushed after each."""

    def compress(self, data: bytes) -> bytes: ...


def _alignment(sealer: Sealer) -> tuple[int, int]:
    """Where the length field is not encrypted with the rest, it does not count."""
    return (1 if sealer.clear_length else _FIRST_PAYLOAD), sealer.block


class Outbound:
    """The sending half of a connection."""

    def __init__(self, sealer: Sealer, random: Callable[[int], bytes]) -> None:
        self._plain_buffer, self._wire_buffer = Buffer(BUFFER_SIZE), Buffer(BUFFER_SIZE)
        self._plain, self._wire = self._plain_buffer.view, self._wire_buffer.view
        self._random = random
        self._sealer = sealer
        self._compressor: Compressor | None = None
        self._random_padding = bytes(256)
        #: bytes ahead of the payload that count towards the alignment, and its unit
        self._ahead, self._unit = _alignment(sealer)
        #: laid out and not sealed: (start, end, sealer, sequence number)
        self._laid: list[tuple[int, int, Sealer, int]] = []
        self._at = 0
        #: the data packet that may still grow: its start, the channel of the peer, the end of its room
        self._open_start = self._open_peer = -1
        self._open_end = 0
        #: before the last reservation: what to go back to when less was used
        self._before: tuple[int, int, int, int, int, int] | None = None
        self._sent = self._sealed = 0
        #: payloads that wait for the end of a key exchange
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self.held = False
        #: gives a dummy message, or ``None``, to go ahead of the first data of a batch (SFTPTrafficPolicy)
        self.before_data: Callable[[], bytes | None] | None = None
        #: is told the message number and the size of every packet, for a trace
        self.watch: Callable[[int, int], None] | None = None
        self.sequence = 0
        #: bytes and packets since the keys changed
        self.bytes = self.packets = 0

    @property
    def pending(self) -> int:
        """Bytes that wait for the socket; what waits for new keys is not among them."""
        return self._at + self._sealed - self._sent

    def full(self) -> bool:
        """Does so much wait that no more input should be handled?"""
        return self._at + self._sealed - self._sent >= HIGH_WATER

    def crowded(self) -> bool:
        """Can no reply leave now: keys change, or too much waits already?"""
        return self.held or self._at + self._sealed - self._sent >= HIGH_WATER

    def raw(self, text: bytes) -> None:
        """Bytes that are no packet: the version line ahead of all packets, or a farewell to who does not speak SSH."""
        self._seal()
        self._wire[self._sealed:self._sealed + len(text)] = text
        self._sealed += len(text)

    def send(self, kind: int, *parts: bytes) -> None:
        """Queue one message. While keys change it waits, unless it is one of the transport's own."""
        payload = b"".join((bytes((kind,)), *parts))
        if self.held and (kind > LAST_KEX or kind == Msg.SERVICE_ACCEPT):
            self._queue.append(payload)
            self._queued_bytes += len(payload) + PACKET_COST
            if self._queued_bytes > MAX_QUEUED:
                raise PeerError("too many requests during a key exchange")
            return
        self._lay(payload)

    def data(self, peer: int, limit: int, data: bytes | memoryview) -> None:
        """CHANNEL_DATA for a channel of the peer in packets of at most ``limit`` bytes; the caller asked ``capacity`` first."""
        if self._compressor is not None:
            self._close_open()
            view = memoryview(data)
            for start in range(0, len(view), limit):
                piece = view[start:start + limit]
                self.send(Msg.CHANNEL_DATA, struct.pack(">II", peer, len(piece)), bytes(piece))
            return
        self._begin_batch()
        done = 0
        for piece in self._extend(peer, limit, len(data), 1):
            piece[:] = data[done:done + len(piece)]
            done += len(piece)

    def join(self, peer: int, limit: int, data: bytes | memoryview) -> bool:
        """Add a short message to the open data packet of a channel, or begin one with it. False: it does not fit in whole,
        or something is in the way of it."""
        size = len(data)
        at = self._at
        if self._open_peer != peer:
            if size > limit or self.held or self._compressor is not None or (self.before_data is not None and not at):
                return False
            if at + size + 3 * PACKET_COST > BUFFER_SIZE:
                return False
            self._open(peer, limit)
            at = self._at
        end = at + size
        if end > self._open_end or end + 2 * PACKET_COST > BUFFER_SIZE:
            return False
        self._plain[at:end] = data
        self._at = end
        return True

    def capacity(self, limit: int) -> int:
        """How many bytes of channel data in packets of ``limit`` can be laid out now."""
        if self.held:
            return 0
        free = BUFFER_SIZE - self._at - 2 * PACKET_COST
        return max(0, free * limit // (limit + PACKET_COST))

    def reserve(self, peer: int, limit: int, count: int) -> list[memoryview] | None:
        """Lay out ``count`` bytes of channel data and return their places, or ``None`` when they cannot be laid out now.

        The first piece has at least ``min(count, HEADER_ROOM)`` bytes. Where not all is used, ``commit`` must follow
        before anything else.
        """
        if self._compressor is not None or self.held or limit < HEADER_ROOM:
            return None
        if count * (limit + PACKET_COST) > (BUFFER_SIZE - self._at - 2 * PACKET_COST) * limit:
            return None
        if self.before_data is not None:
            self._begin_batch()
        before = (len(self._laid), self._at, self._open_start, self._open_peer, self._open_end, self.sequence)
        pieces = self._extend(peer, limit, count, min(count, HEADER_ROOM))
        self._before = before
        return pieces

    def commit(self, peer: int, limit: int, reserved: int, used: int) -> None:
        """``used`` of the ``reserved`` bytes were written, from the front; the rest is given back."""
        before, self._before = self._before, None
        if before is None or used > reserved:
            raise Bug("commit without a reservation of that size")
        if used == reserved:
            return
        laid, self._at, self._open_start, self._open_peer, self._open_end, self.sequence = before
        del self._laid[laid:]
        if used:
            self._extend(peer, limit, used, min(reserved, HEADER_ROOM))

    def output(self) -> memoryview:
        """Everything sealed and not yet sent; seals what is laid out as far as there is room."""
        if self._at:
            self._seal()
        return self._wire[self._sent:self._sealed]

    def sent(self, count: int) -> bool:
        """The socket took ``count`` bytes of the last ``output``. True when that was all of it, and there is more by now."""
        self._sent += count
        if self._sent < self._sealed:
            return False
        self._sent = self._sealed = 0
        return self._at > 0

    def change_keys(self, sealer: Sealer, compressor: Compressor | None, *, reset: bool) -> None:
        """NEWKEYS was laid out; everything behind it goes under new keys. ``reset``: strict key exchange."""
        self._close_open()
        self._sealer, self._compressor = sealer, compressor
        #: one draw per key: padding needs no secrecy, only to differ from what the peer can predict (RFC 4253 6)
        self._random_padding = self._random(256)
        self._ahead, self._unit = _alignment(sealer)
        self.bytes = self.packets = 0
        if reset:
            self.sequence = 0

    def compress(self, compressor: Compressor) -> None:
        """From the next packet on payloads are compressed."""
        self._close_open()
        self._compressor = compressor

    def hold(self) -> None:
        """Our KEXINIT is out: nothing but the key exchange may follow (RFC 4253 7.1)."""
        self.held = True

    def release(self) -> None:
        """The key exchange is over: what waited goes out in its order."""
        self.held = False
        queue, self._queue, self._queued_bytes = self._queue, deque(), 0
        for payload in queue:
            self._lay(payload)

    def rest(self) -> None:
        """Give the pages of an idle session back to the kernel."""
        if not self.pending and self._open_start < 0:
            self._wire_buffer.rest()
            self._plain_buffer.rest()

    def _lay(self, payload: bytes) -> None:
        """One whole packet."""
        self._close_open()
        kind = payload[0]
        if self._compressor is not None:
            payload = self._compressor.compress(payload)
        size = len(payload)
        if self._at + size + PACKET_COST > BUFFER_SIZE:
            self._make_room(size)
        start = self._at
        end = start + _FIRST_PAYLOAD + size
        self._plain[start + _FIRST_PAYLOAD:end] = payload
        padding = self._record(kind, start, end)
        _PACKET.pack_into(self._plain, start, 1 + size + padding, padding)

    def _make_room(self, size: int) -> None:
        """Control messages alone outgrew the buffer: seal what is there. A peer cannot get here while HIGH_WATER is kept."""
        self._seal()
        if self._at + size + PACKET_COST > BUFFER_SIZE:
            raise Bug("the send buffer is full: input was handled in spite of HIGH_WATER")

    def _begin_batch(self) -> None:
        """Ahead of the first data of a batch, once: what ``commit`` lays out anew must come to lie where it lay."""
        if self.before_data is not None and not self._at:
            dummy = self.before_data()
            if dummy is not None:
                self._lay(dummy)

    def _extend(self, peer: int, limit: int, count: int, least: int) -> list[memoryview]:
        """Grow the open data packet of ``peer`` by ``count`` bytes, opening more as they fill up."""
        plain = self._plain
        pieces: list[memoryview] = []
        if self._open_peer != peer or self._open_end - self._at < least:
            self._open(peer, limit)
        left = count
        while left:
            room = self._open_end - self._at
            if not room:
                self._open(peer, limit)
                room = limit
            take = left if left < room else room
            at = self._at
            pieces.append(plain[at:at + take])
            self._at = at + take
            left -= take
        return pieces

    def _open(self, peer: int, limit: int) -> None:
        if self._open_start >= 0:
            self._close_open()
        self._open_start, self._open_peer = self._at, peer
        self._at += _FIRST_PAYLOAD + _DATA_HEADER
        self._open_end = self._at + limit

    def _close_open(self) -> None:
        """Write the header of the open data packet; an empty one is taken back."""
        start, peer = self._open_start, self._open_peer
        if start < 0:
            return
        self._open_start = self._open_peer = -1
        self._open_end = 0
        size = self._at - start - _FIRST_PAYLOAD - _DATA_HEADER
        if not size:
            self._at = start
            return
        padding = self._record(_CHANNEL_DATA, start, self._at)
        _DATA.pack_into(self._plain, start, 1 + _DATA_HEADER + size + padding, padding, _CHANNEL_DATA, peer, size)

    def _record(self, kind: int, start: int, end: int) -> int:
        """The payload ends at ``end``: write the padding behind it and number the packet.

        Returns the length of the padding, the least that is legal (RFC 4253 6).
        """
        padding = -(self._ahead + end - start - _FIRST_PAYLOAD) % self._unit
        if padding < MIN_PADDING:
            padding += self._unit
        stop = end + padding
        self._plain[end:stop] = self._random_padding[:padding]
        self._laid.append((start, stop, self._sealer, self.sequence))
        if self.watch is not None:
            self.watch(kind, stop - start + self._sealer.tag)
        self._at = stop
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        return padding

    def _seal(self) -> None:
        """Encrypt what is laid out to the wire buffer, as far as it has room."""
        if self._open_start >= 0:
            self._close_open()
        plain, wire, at = self._plain, self._wire, self._sealed
        laid = self._laid
        if BUFFER_SIZE - at < self._at + len(laid) * MAX_TAG and self._sent:
            self._wire_buffer.move(0, self._sent, at - self._sent)
            at, self._sent = at - self._sent, 0
        done = 0
        for start, end, sealer, sequence in laid:
            stop = at + end - start + sealer.tag
            if stop > BUFFER_SIZE:
                break
            sealer.seal(sequence, plain[start:end], wire[at:stop])
            self.bytes += stop - at
            at = stop
            done += 1
        self.packets += done
        self._sealed = at
        if done == len(laid):
            laid.clear()
            self._at = 0
        else:
            del laid[:done]
