"""Numbers that no kernel can hold, sent by a client that has logged in: a refusal, and the session goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.clients.rawsftp import EXTENDED, FSETSTAT, OK, SETSTAT, RawSftp, text, u32, u64
from tests.matrix.road import Road
from tests.servers import Server

SIZE, TIME, SUBSECOND = 0x1, 0x20, 0x100
#: below 2^63 a file system may still say no, which is its own affair
TOO_LARGE = (2**63, 2**64 - 1)


@pytest.fixture
def road(start: Callable[..., Server]) -> Iterator[Road]:
    server = start("AllowOverwrite on\n")
    road = Road(server)
    yield road
    road.close()


def refused(client: RawSftp, kind: int, *parts: bytes) -> None:
    assert client.status(client.ask(kind, *parts)) != OK
    assert client.stat("f").size == 0


def test_F4_sizes_beyond_the_kernels(road: Road) -> None:
    client = road.sftp(3)
    handle = client.create("f")
    for size in TOO_LARGE:
        refused(client, SETSTAT, text("f"), u32(SIZE), u64(size))
        refused(client, FSETSTAT, text(handle), u32(SIZE), u64(size))
        refused(client, EXTENDED, text("lsetstat@openssh.com"), text("f"), u32(SIZE), u64(size))


def test_F4_times_beyond_the_kernels(road: Road) -> None:
    """The largest second and 2^32 nanoseconds are together more than a second further."""
    for version in (4, 5, 6):
        client = road.sftp(version)
        handle = client.create("f")
        attrs = u32(TIME | SUBSECOND) + b"\1" + u64(2**63 - 1) + u32(2**32 - 1)
        refused(client, SETSTAT, text("f"), attrs)
        refused(client, FSETSTAT, text(handle), attrs)
        client.close(handle)
