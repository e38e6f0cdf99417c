"""The master and its shared things against sessions that die, floods, reloads and spoilt tables."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.clients.rawsftp import OK, RawSftp
from tests.link.live import Live
from tests.matrix.road import Road
from tests.servers import Server
from tests.waiting import wait_until

RULES = "AllowOverwrite on\nAllowStoreRestart on\nTimeoutLogin 120\n"


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    return start(RULES)


def descriptors(pid: int) -> list[str]:
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def serves(server: Server) -> bool:
    with Live(server.port) as client:
        client.log_in()
        return client.alive()


def working(road: Road) -> RawSftp:
    """A session in the middle of an upload."""
    client = road.sftp(3)
    assert client.write(client.create("half"), 0, b"x" * 1000) == OK
    return client


def test_M2_clients_that_say_nothing_or_nonsense_leave_nothing_in_the_master(server: Server) -> None:
    assert serves(server)
    wait_until(lambda: not server.sessions(), "the first session's end")
    before = sorted(descriptors(server.pid))
    for number in range(120):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            if number % 3:
                client.sendall((b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n" + bytes(range(256)))[number % 2])
        if number % 40 == 39:
            wait_until(lambda: not server.sessions(), "the end of sessions whose clients have gone")
    assert serves(server)  # behind all of them: connections are accepted in order
    wait_until(lambda: sorted(descriptors(server.pid)) == before, lambda: f"{descriptors(server.pid)} to be {before} again")


def test_M2_a_session_holds_one_socket_and_none_of_the_masters(server: Server) -> None:
    with Live(server.port) as client:
        client.log_in()
        (pid,) = server.sessions()
        sockets = {name for name in descriptors(pid) if name.startswith("socket:")}
        assert len(sockets) == 1
        assert not sockets & set(descriptors(server.pid))


def test_M8_reloads_good_and_bad_during_a_session(server: Server) -> None:
    """The session goes on, the configuration that stood stays, and the log says why."""
    road = Road(server)
    client = working(road)
    handle = client.create("whole")
    path = server.site.root / "proftpd.conf"
    good = path.read_text()

    def reload(text: str) -> None:
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").replace(path)
        server.signal(signal.SIGHUP)

    for number in range(50):
        reload(good + "NoSuchDirective on\n" * (number % 2))
        assert client.write(handle, number, b"y") == OK
    reload(good + "NoSuchDirective on\n")
    server.site.wait_for_log("stderr", "NoSuchDirective")
    server.site.wait_for_log("stderr", "configuration not changed")
    assert client.close(handle) == OK
    assert (server.site.accounts["demo"].home / "whole").read_bytes() == b"y" * 50
    assert serves(server)
    road.close()


def test_M8_reloads_during_handshakes_and_from_the_first_moment(server: Server) -> None:
    """A port that is open belongs to a server that lives through HUP."""
    for _ in range(6):
        with Live(server.port) as client:
            server.signal(signal.SIGHUP)
            client.log_in()


def test_M11_places_of_killed_sessions_are_free_again(start: Callable[..., Server]) -> None:
    server = start(RULES + "MaxClients 2\nMaxClientsPerHost 2\n")
    for _ in range(3):
        roads = [Road(server), Road(server)]
        working(roads[0])
        killed = server.sessions()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not set(killed) & set(server.sessions()), "the end of the killed")  # noqa: B023
        for road in roads:
            road.close()
    assert serves(server)


def test_M4_a_spoilt_table_ends_no_session_and_is_rebuilt(server: Server) -> None:
    """Cut to nothing, filled with ones, filled with living process ids, while sessions come and go."""
    road = Road(server)
    client = working(road)
    board = server.site.root / "proftpd.scoreboard"
    size = board.stat().st_size
    for spoilt in (b"", b"\xff" * 4096, os.getpid().to_bytes(4, "little") * 1024, os.urandom(4096)):
        board.write_bytes(spoilt)
        assert client.stat("half").size == 1000
        assert serves(server)
    assert board.stat().st_size == size
    assert client.stat("half").size == 1000
    road.close()
    assert "internal error" not in server.site.log("stderr")


@pytest.fixture
def hiding(start: Callable[..., Server]) -> Server:
    return start(RULES + "HiddenStores on\n")


def names(server: Server) -> set[str]:
    return set(os.listdir(server.site.accounts["demo"].home))


@pytest.fixture
def road(hiding: Server) -> Iterator[Road]:
    road = Road(hiding)
    working(road)
    assert names(hiding) == {".in.half."}
    yield road
    road.close()


def test_M6_nothing_stays_when_the_client_leaves(hiding: Server, road: Road) -> None:
    road.close()
    wait_until(lambda: not names(hiding), "the end of the temporary file")


def test_M6_nothing_stays_after_a_timeout(start: Callable[..., Server]) -> None:
    server = start(RULES + "HiddenStores on\nTimeoutIdle 3\n")
    road = Road(server)
    working(road)
    wait_until(lambda: not names(server), "the end of the temporary file")
    road.close()


def test_M6_nothing_stays_when_the_server_ends_the_session(hiding: Server, road: Road) -> None:
    os.kill(hiding.sessions()[0], signal.SIGTERM)
    wait_until(lambda: not names(hiding), "the end of the temporary file")


def test_M6_what_a_killed_session_left_goes_with_the_next_upload(hiding: Server, road: Road) -> None:
    """Nothing runs in a process that is killed; the final name was never there."""
    os.kill(hiding.sessions()[0], signal.SIGKILL)
    wait_until(lambda: not hiding.sessions(), "the end of the killed")
    assert names(hiding) == {".in.half."}
    again = Road(hiding)
    client = again.sftp(3)
    handle = client.create("half")
    client.write(handle, 0, b"whole")
    assert client.close(handle) == OK
    assert names(hiding) == {"half"}
    again.close()
