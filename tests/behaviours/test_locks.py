"""Byte-range locks of version 6 between sessions, and between a session and another program of the machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import rawsftp as raw
from tests.clients.rawsftp import RawSftp, text, u32, u64
from tests.matrix.road import Road
from tests.servers import Server, Site, scratch
from tests.waiting import wait_until

READ, WRITE, ADVISORY = 0x40, 0x80, 0x200
CONFLICT = 25


@pytest.fixture(scope="module")
def server(keys: Path) -> Iterator[Server]:
    with scratch() as root:
        server = Server(Site(root, keys)).start("AllowOverwrite on\n")
        yield server
        server.stop()


@pytest.fixture
def roads(server: Server) -> Iterator[tuple[Road, Road]]:
    """Two sessions of one user, who has a file of 100 bytes."""
    path = server.site.accounts["demo"].home / "f"
    path.write_bytes(bytes(100))
    os.chown(path, server.site.accounts["demo"].uid, server.site.accounts["demo"].gid)
    one, other = Road(server), Road(server)
    yield one, other
    one.close()
    other.close()


def lock(client: RawSftp, handle: bytes, kind: int, offset: int, length: int) -> int:
    return client.status(client.ask(raw.BLOCK, text(handle), u64(offset), u64(length), u32(kind)))


def unlock(client: RawSftp, handle: bytes, offset: int, length: int) -> int:
    return client.status(client.ask(raw.UNBLOCK, text(handle), u64(offset), u64(length)))


def opened(road: Road) -> tuple[RawSftp, bytes]:
    return road.sftp(6), road.sftp(6).open_existing("f", write=True)


def test_ranges_conflict_where_they_meet(roads: tuple[Road, Road]) -> None:
    (one, mine), (other, theirs) = map(opened, roads)
    assert lock(one, mine, WRITE, 10, 10) == raw.OK
    assert lock(other, theirs, WRITE, 0, 10) == lock(other, theirs, READ | ADVISORY, 20, 5) == raw.OK
    for offset, length in ((5, 6), (19, 1), (0, 0), (12, 3)):  # a length of 0 goes to the end, wherever it will be
        assert lock(other, theirs, READ, offset, length) == lock(other, theirs, WRITE, offset, length) == CONFLICT
    assert unlock(one, mine, 10, 5) == raw.OK
    assert lock(other, theirs, WRITE, 10, 5) == raw.OK and lock(other, theirs, WRITE, 15, 5) == CONFLICT


def test_readers_share_and_keep_writers_out(roads: tuple[Road, Road]) -> None:
    (one, mine), (other, theirs) = map(opened, roads)
    assert lock(one, mine, READ, 0, 50) == lock(other, theirs, READ, 0, 50) == raw.OK
    assert lock(one, mine, WRITE, 0, 1) == lock(other, theirs, WRITE, 49, 1) == CONFLICT
    assert unlock(other, theirs, 0, 50) == raw.OK
    assert lock(one, mine, WRITE, 0, 50) == raw.OK and lock(other, theirs, READ, 0, 1) == CONFLICT


@pytest.mark.parametrize("end", ["CLOSE", "the session's end"])
def test_locks_end_with_their_handle(roads: tuple[Road, Road], end: str) -> None:
    (one, mine), (other, theirs) = map(opened, roads)
    second = one.open_existing("f", write=True)
    assert lock(one, mine, WRITE, 0, 0) == raw.OK
    assert one.close(second) == raw.OK and lock(other, theirs, WRITE, 0, 1) == CONFLICT
    if end == "CLOSE":
        assert one.close(mine) == raw.OK
        assert lock(other, theirs, WRITE, 0, 0) == raw.OK
    else:
        roads[0].close()
        wait_until(lambda: lock(other, theirs, WRITE, 0, 0) == raw.OK, "the end of a lock whose session is gone")


def test_other_programs_see_the_locks(roads: tuple[Road, Road], server: Server) -> None:
    client, handle = opened(roads[0])
    with (server.site.accounts["demo"].home / "f").open("r+b") as file:
        assert lock(client, handle, WRITE, 10, 10) == raw.OK
        with pytest.raises(OSError):
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 10)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
        assert lock(client, handle, READ, 9, 1) == CONFLICT
