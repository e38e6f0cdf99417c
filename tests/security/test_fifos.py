"""A FIFO whose other end is silent: its reader waits, the session does not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.rawsftp import CLOSE, DATA, READ, READ_FLAG, STATUS, WRITE, WRITE_FLAG, text, u32, u64
from tests.matrix.road import Road
from tests.servers import Server
from tests.waiting import LIMIT, wait_until


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    return start("AllowOverwrite on\nAllowStoreRestart on\n")


@pytest.fixture
def fifo(server: Server) -> Iterator[tuple[Path, int]]:
    """Its path, and both its ends in our hands."""
    account = server.site.accounts["demo"]
    path = account.home / "fifo"
    os.mkfifo(path)
    if os.geteuid() == 0:
        os.chown(path, account.uid, account.gid)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    yield path, fd
    os.close(fd)


def waiting(server: Server) -> Road:
    """A session whose client has asked for what nobody writes."""
    road = Road(server)
    client = road.sftp(3)
    client.post(READ, text(client.open("fifo", READ_FLAG)), u64(0), u32(100))
    time.sleep(0.3)  # it must have got there
    return road


def test_T14_a_silent_fifo_does_not_outlive_its_client(server: Server, fifo: tuple[Path, int]) -> None:
    waiting(server).close()
    wait_until(lambda: not server.sessions(), "the end of the session")


def test_T18_a_session_that_waits_for_a_fifo_ends_by_term(server: Server, fifo: tuple[Path, int]) -> None:
    road = waiting(server)
    os.kill(server.sessions()[0], signal.SIGTERM)
    wait_until(lambda: not server.sessions(), "the end of the session")
    road.close()


def test_what_is_written_to_a_fifo_is_read(server: Server, fifo: tuple[Path, int]) -> None:
    road = waiting(server)
    os.write(fifo[1], b"late news")
    answer = road.sftp(3).reply()
    assert answer.kind == DATA and answer.cursor.text() == b"late news"
    road.close()


def emptied(fd: int, count: int) -> bytes:
    """What comes out of a FIFO, until it is ``count`` bytes."""
    found, end = b"", time.monotonic() + LIMIT
    while len(found) < count and time.monotonic() < end:
        try:
            found += os.read(fd, 65536)
        except BlockingIOError:
            time.sleep(0.01)
    return found


def test_a_fifo_takes_more_than_it_holds_as_it_is_emptied(server: Server, fifo: tuple[Path, int]) -> None:
    road, sent = Road(server), os.urandom(200_000)
    client = road.sftp(3)
    handle = client.open("fifo", WRITE_FLAG)
    client.post(WRITE, text(handle), u64(0), text(sent))
    assert emptied(fifo[1], len(sent)) == sent
    assert client.reply().kind == STATUS
    assert client.status(client.ask(CLOSE, text(handle))) == 0
    road.close()


def test_scp_fills_a_fifo_as_it_is_emptied(server: Server, fifo: tuple[Path, int]) -> None:
    road, sent = Road(server), os.urandom(200_000)
    channel = road.exec("scp -t fifo")
    assert channel.recv(1) == b"\0"
    channel.sendall(b"C0644 200000 fifo\n")
    assert channel.recv(1) == b"\0"
    channel.sendall(sent + b"\0")
    assert emptied(fifo[1], len(sent)) == sent and channel.recv(1) == b"\0"
    channel.shutdown_write()
    assert channel.recv_exit_status() == 0
    road.close()
