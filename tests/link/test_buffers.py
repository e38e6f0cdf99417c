"""What a transfer touched goes back to the kernel when the session rests."""

from __future__ import annotations

import re
from pathlib import Path

from mod_sftp.transport.buffers import Buffer
from tests.link.pair import Pair


def resident(address: int) -> int:
    """KiB of memory behind the mapping that begins at ``address`` or before, of this process."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        place = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
        if place:
            inside = int(place[1], 16) <= address < int(place[2], 16)
        elif inside and line.startswith("Rss:"):
            return int(line.split()[1])
    raise LookupError(hex(address))


def address_of(view: memoryview) -> int:
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(view))


def test_a_buffer_at_rest_has_no_memory() -> None:
    buffer = Buffer(1 << 20)
    place = address_of(buffer.view)
    before = resident(place)
    buffer.view[:] = b"x" * (1 << 20)
    assert resident(place) >= before + 1024
    buffer.rest()
    assert resident(place) <= before + 8
    assert bytes(buffer.view[:64]) == bytes(64)


def test_a_transport_at_rest_keeps_nothing_of_what_it_read() -> None:
    pair = Pair().run()
    pair.feed(pair.client.packet(b"\xc0" + b"secret" * 5000))
    space = pair.server.space()
    assert b"secret" in bytes(space) or any(space)
    pair.server.rest()
    assert not any(pair.server.space())
