"""Each time-out ends the session: the client is told by DISCONNECT, the administrator by a line that names the directive."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.clients import rawsftp
from tests.clients.rawsftp import CREAT, OPEN, STAT, WRITE_FLAG, text, u32
from tests.link.live import INIT, Live
from tests.matrix.road import Road
from tests.servers import Server
from tests.waiting import LIMIT

#: SSH_DISCONNECT_BY_APPLICATION (RFC 4253 11.1)
BY_APPLICATION = 11


def packet(kind: int, ident: int, *parts: bytes) -> bytes:
    body = bytes((kind,)) + u32(ident) + b"".join(parts)
    return u32(len(body)) + body


def nothing(live: Live) -> None:
    """Keys exchanged, no login."""
    live.exchange_keys()


def logged_in(live: Live) -> None:
    live.log_in()


def busy_without_transfer(live: Live) -> None:
    """STAT after STAT: packets keep coming, no file is moved."""
    live.log_in()
    channel = live.open()
    live.sftp(channel)
    live.data(channel, INIT)
    end = time.monotonic() + LIMIT
    while not live.closed and time.monotonic() < end:
        live.data(channel, packet(STAT, 1, text(".")))
        live.pump(lambda: False, 0.1)


def stalled_upload(live: Live) -> None:
    """A file is open, other requests go on, no byte of it moves."""
    live.log_in()
    channel = live.open()
    live.sftp(channel)
    live.data(channel, INIT + packet(OPEN, 1, text("stalled"), u32(WRITE_FLAG | CREAT), u32(0)))
    end = time.monotonic() + LIMIT
    while not live.closed and time.monotonic() < end:
        live.data(channel, packet(STAT, 1, text(".")))
        live.pump(lambda: False, 0.1)


def test_session_timeout_is_for_whom_it_names(start: Callable[..., Server]) -> None:
    server = start("TimeoutSession 3 user demo\nTimeoutSession 600 user other\n")
    with Live(server.port) as live:
        logged_in(live)
        assert [reason for reason, _ in live.ended()] == [BY_APPLICATION]


@pytest.mark.parametrize(("directive", "until", "line"), [
    ("TimeoutLogin", nothing, "Login timeout exceeded"),
    ("TimeoutIdle", logged_in, "Idle timeout exceeded"),
    ("TimeoutNoTransfer", busy_without_transfer, "No transfer timeout exceeded"),
    ("TimeoutStalled", stalled_upload, "Data transfer stall timeout: 3 seconds"),
    ("TimeoutSession", busy_without_transfer, "Session timeout exceeded"),
])
def test_a_timeout_ends_the_session_with_a_reason_and_a_line(
        start: Callable[..., Server], directive: str, until: Callable[[Live], None], line: str) -> None:
    server = start(f"{directive} 3\n")
    with Live(server.port) as live:
        until(live)
        assert [reason for reason, _ in live.ended()] == [BY_APPLICATION]
    server.site.wait_for_log("stderr", line)  # where -n puts the SystemLog


def test_an_open_file_whose_bytes_move_is_not_stalled(start: Callable[..., Server]) -> None:
    server = start("TimeoutStalled 4\nTimeoutNoTransfer 4\n")
    road = Road(server)
    try:
        client = road.sftp(3)
        handle = client.open("moving", WRITE_FLAG | CREAT)
        for number in range(9):
            time.sleep(0.6)
            assert client.write(handle, number, b"x") == rawsftp.OK
        assert client.close(handle) == rawsftp.OK
    finally:
        road.close()
