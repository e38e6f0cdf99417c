"""Requests that take long, and peers that do not take their answers: the session goes on, and holds no more than a window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.behaviours.measure import MIB, Memory
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32, u64
from tests.link.client import string
from tests.link.live import INIT, VERSION, Live
from tests.matrix.road import Road
from tests.servers import Server
from tests.waiting import LIMIT, wait_until

GIB = 1 << 30

#: (extension, its fields for a file named "big"), each over tens of gigabytes: minutes of work
LONG = [
    ("check-file-name", lambda client: text("big") + text("sha256") + u64(0) + u64(0) + u32(0)),
    ("check-file-handle", lambda client: text(client.open_existing("big")) + text("md5") + u64(0) + u64(0) + u32(0)),
    ("copy-data", lambda client: text(client.open_existing("big")) + u64(0) + u64(0) + text(client.create("copy")) + u64(0)),
]


@pytest.fixture
def road(server: Server) -> Iterator[Road]:
    with (server.site.accounts["demo"].home / "big").open("wb") as file:
        file.truncate(40 * GIB)
    road = Road(server)
    yield road
    road.close()


def wait_for_end(pid: int) -> None:
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the session")


@pytest.mark.parametrize(("name", "fields"), LONG, ids=[name for name, _ in LONG])
def test_other_channels_go_on_and_a_disconnect_ends_it(server: Server, road: Road, name: str,
                                                       fields: Callable[[raw.RawSftp], bytes]) -> None:
    busy, other = road.sftp(3), road.sftp(4)
    session, = server.sessions()
    busy.post(raw.EXTENDED, text(name), fields(busy))
    for number in range(20):
        other.close(other.create(f"file{number}"))
    assert len(other.listing("")) >= 23
    road.close()
    wait_for_end(session)


def test_a_session_outlives_the_time_to_log_in(start: Callable[..., Server]) -> None:
    server = start("TimeoutLogin 4\n")
    road = Road(server)
    try:
        client = road.sftp(3)
        time.sleep(5.0)
        assert client.stat("").size > 0
    finally:
        road.close()


def test_timers_run_meanwhile(start: Callable[..., Server]) -> None:
    server = start("TimeoutSession 4\n")
    with (server.site.accounts["demo"].home / "big").open("wb") as file:
        file.truncate(40 * GIB)
    road = Road(server)
    try:
        client = road.sftp(3)
        session, = server.sessions()
        client.post(raw.EXTENDED, text("check-file-name"), text("big") + text("sha512") + u64(0) + u64(0) + u32(0))
        wait_for_end(session)
    finally:
        road.close()


def test_C2_a_peer_that_never_reads(server: Server) -> None:
    """Its window is 2 GiB, so nothing but the socket holds us back: reading stops, and goes on when the client does."""
    home = server.site.accounts["demo"].home
    (home / "f").write_bytes(bytes(32768))
    with Live(server.port) as live:
        channel = live.log_in().open(window=2**31)
        live.sftp(channel)
        live.data(channel, INIT)
        assert live.pump(lambda: VERSION in live.received())
        live.client.messages.clear()
        live.data(channel, u32(5 + 4 + 1 + 8) + b"\x03" + u32(1) + string("f") + u32(1) + u32(0))
        assert live.pump(lambda: bool(live.received()))
        handle = live.received()[-16:]
        memory = Memory(server)
        read = u32(1 + 4 + 20 + 12) + b"\x05" + u32(7) + string(handle) + u64(0) + u32(32768)
        for _ in range(20):  # 2 MiB of requests at most, as our window allows, for 1.5 GiB of answers
            live.data(channel, read * 780)
        live.socket.settimeout(LIMIT)
        try:
            live.socket.sendall(bytes(live.client.out))
        except TimeoutError:
            pytest.fail("the server did not take a window's worth of requests")
        live.client.out.clear()
        time.sleep(1.0)
        assert memory.grown() < 8 * MIB
        live.client.messages.clear()
        came = 0
        for _ in range(40):
            live.pump(lambda: len(live.client.messages) > 100)
            came += sum(payload.count(b"\x67" + u32(7)) for kind, payload in live.client.messages if kind == 94)
            live.client.messages.clear()
        assert came > 500
        assert memory.grown() < 8 * MIB
