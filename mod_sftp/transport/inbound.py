"""Bytes of the peer to payloads: version line, framing, decryption, sequence numbers, limits (RFC 4253 4.2 and 6).

Two buffers, both anonymous mappings so that pages exist only once touched: ``wire`` takes what the socket gives,
``plain`` holds the one packet that was opened last. They never alias (a shifted overlap silently corrupts in some
versions of the crypto library), and opening always to the front of ``plain`` keeps it in the processor's cache.
"""

from __future__ import annotations

from typing import Protocol

from mod_sftp.crypto import BadTag
from mod_sftp.crypto.suites import Opener
from mod_sftp.transport.buffers import Buffer
from mod_sftp.wire.messages import Disconnect
from mod_sftp.wire.ssh import U32
from pyproftpd.errors import Bug, PeerError

#: packet_length field, without the MAC. RFC 4253 6.1 asks for 35,000; the real server takes 256 KiB
MAX_PACKET = 256 * 1024
#: padding_length byte, one byte of payload, four of padding, less the length field itself (RFC 4253 6: at least 16 bytes
#: or the block in all; older clients send less, so only the parts are asked for)
MIN_PACKET = 1 + 1 + 4
MIN_PADDING = 4
#: two packets of the largest size with their length fields and tags
WIRE_SIZE = 2 * MAX_PACKET + 1024
#: the tail must offer this much to ``recv`` before the rest is moved to the front
MIN_SPACE = 64 * 1024
#: version line with its prefix; RFC 4253 4.2 says 255 with CR LF
MAX_VERSION_LINE = 255


class Decompressor(Protocol):
    """``crypto.compress``: raises ``PeerError`` when the data inflates over ``limit`` (security.md T7)."""

    def decompress(self, data: memoryview, limit: int) -> bytes: ...


class Inbound:
    """The receiving half of a connection. ``next`` returns one payload at a time, valid until the next call."""

    def __init__(self, opener: Opener) -> None:
        self._wire_buffer, self._plain_buffer = Buffer(WIRE_SIZE), Buffer(MAX_PACKET + 4096)
        self._wire, self._plain = self._wire_buffer.view, self._plain_buffer.view
        self._head = self._tail = 0
        self._take(opener)
        self._decompressor: Decompressor | None = None
        #: packet_length of the packet at the head once it is known
        self._length: int | None = None
        #: bytes still to be thrown away before a MAC failure is told; None = nothing is wrong
        self._discard: int | None = None
        #: sequence number of the next packet
        self.sequence = 0
        #: bytes and packets since the keys changed
        self.bytes = self.packets = 0

    def _take(self, opener: Opener) -> None:
        """Open what comes with ``opener``."""
        self._opener, self._open = opener, opener.open
        self._need, self._readable, self._block, self._tag = opener.need, opener.readable, opener.block, opener.tag
        #: what of the length field counts towards the alignment of a packet
        self._counted = 0 if opener.clear_length else 4

    def space(self) -> memoryview:
        """Where the socket may write; never empty."""
        if self._head == self._tail:
            self._head = self._tail = 0
        elif WIRE_SIZE - self._tail < MIN_SPACE and self._head:
            kept = self._tail - self._head
            self._wire_buffer.move(0, self._head, kept)
            self._head, self._tail = 0, kept
        if self._tail == WIRE_SIZE:
            raise Bug("the receive buffer is full: packets were not taken")
        return self._wire[self._tail:]

    def filled(self, count: int) -> None:
        """``count`` bytes were put into ``space()``."""
        self._tail += count

    @property
    def waiting(self) -> int:
        """Bytes received and not yet taken as packets."""
        return self._tail - self._head

    def version_line(self) -> bytes | None:
        """The line up to LF, without CR LF; ``None`` while it is incomplete. Raises ``PeerError`` when it is too long."""
        view = bytes(self._wire[self._head:min(self._tail, self._head + MAX_VERSION_LINE)])
        end = view.find(b"\n")
        if end < 0:
            if len(view) == MAX_VERSION_LINE:
                raise PeerError("version line is too long", Disconnect.PROTOCOL_VERSION_NOT_SUPPORTED)
            return None
        self._head += end + 1
        return view[:end].rstrip(b"\r")

    def next(self) -> memoryview | None:
        """The payload of the next packet, or ``None`` until more has arrived. Raises ``PeerError``.

        Owner: the view dies with the next call of any method.
        """
        head = self._head
        have = self._tail - head
        if self._discard is not None:
            self._throw_away()
            return None
        length = self._length
        if length is None:
            if have < self._need:
                return None
            if self._readable:
                (length,) = U32.unpack_from(self._wire, head)
            else:
                length = self._opener.length(self.sequence, self._wire[head:head + self._need])
            if not MIN_PACKET <= length <= MAX_PACKET or (length + self._counted) % self._block:
                self._bad_length()
                return None
            self._length = length
        end = 4 + length
        total = end + self._tag
        if have < total:
            return None
        plain = self._plain
        try:
            self._open(self.sequence, self._wire[head:head + total], plain[:end])
        except BadTag:
            self._bad_packet()
            return None
        self._length = None
        self._head = head + total
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        self.packets += 1
        self.bytes += total
        padding = plain[4]
        if padding < MIN_PADDING or padding > length - 2:
            raise PeerError("padding is longer than the packet" if padding >= MIN_PADDING else "padding is too short")
        payload = plain[5:end - padding]
        if self._decompressor is not None:
            payload = memoryview(self._decompressor.decompress(payload, MAX_PACKET))
            if not payload:
                raise PeerError("packet inflates to nothing", Disconnect.COMPRESSION_ERROR)
        return payload

    def change_keys(self, opener: Opener, decompressor: Decompressor | None, *, reset: bool) -> None:
        """The peer's NEWKEYS was the last packet under the old keys. ``reset``: strict key exchange."""
        self._take(opener)
        self._decompressor = decompressor
        self.bytes = self.packets = 0
        if reset:
            self.sequence = 0

    def compress(self, decompressor: Decompressor) -> None:
        """From the next packet on payloads are compressed (``zlib@openssh.com`` after login)."""
        self._decompressor = decompressor

    def rest(self) -> None:
        """Give the pages of an idle session back to the kernel, when nothing of worth lies in them."""
        if self._head == self._tail:
            self._head = self._tail = 0
            self._wire_buffer.rest()
            self._plain_buffer.rest()

    def _bad_length(self) -> None:
        """A length that cannot be right: before the first keys a protocol error, later it says that the MAC would fail.

        With encrypt-and-MAC the length is decrypted before anything is verified, so the answer must not depend on it:
        as much as the largest packet is read before the failure is told (security.md T10).
        """
        if not self._opener.tag:
            raise PeerError("packet length is out of bounds")
        self._bad_packet()

    def _bad_packet(self) -> None:
        if self._opener.clear_length:
            raise BadTag
        self._discard = 4 + MAX_PACKET + self._opener.tag
        self._throw_away()

    def _throw_away(self) -> None:
        """Take what has come towards the amount to be discarded; at its end tell of a MAC failure."""
        assert self._discard is not None
        self._discard -= self._tail - self._head
        self._head = self._tail
        if self._discard <= 0:
            raise BadTag
