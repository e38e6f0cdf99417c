"""What a transfer touched goes back to the kernel when the session rests."""

from __future__ import annotations

import ctypes
import mmap
import struct

from mod_sftp.transport.buffers import Buffer
from tests.link.pair import Pair

SIZE = 1 << 20
PRESENT = 1 << 63


def resident(view: memoryview) -> int:
    """Pages of memory behind a view, by what the kernel says (proc(5), pagemap)."""
    first = ctypes.addressof(ctypes.c_char.from_buffer(view)) // mmap.PAGESIZE
    count = len(view) // mmap.PAGESIZE
    with open("/proc/self/pagemap", "rb") as pagemap:
        pagemap.seek(first * 8)
        return sum(bool(entry & PRESENT) for entry in struct.unpack(f"={count}Q", pagemap.read(count * 8)))


def test_a_buffer_at_rest_has_no_memory() -> None:
    buffer = Buffer(SIZE)
    assert resident(buffer.view) == 0
    buffer.view[:] = b"x" * SIZE
    assert resident(buffer.view) == SIZE // mmap.PAGESIZE
    buffer.rest()
    assert resident(buffer.view) == 0
    assert bytes(buffer.view[:64]) == bytes(64)


def test_a_transport_at_rest_keeps_nothing_of_what_it_read() -> None:
    pair = Pair().run()
    pair.feed(pair.client.packet(b"\xc0" + b"secret" * 5000))
    space = pair.server.space()
    assert b"secret" in bytes(space) or any(space)
    pair.server.rest()
    assert not any(pair.server.space())
