"""Floods, slow clients, bombs and signals against a running server (security.md T7, T14, T17, T18), bounded for a test run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import socket
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.link.client import Choice, string
from tests.link.live import INIT, Live
from tests.servers import Server, Site
from tests.waiting import LIMIT, wait_until

IGNORE, PING = 2, 192


def cpu(pid: int) -> float:
    """Seconds of processor time; of a process that is gone, none."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


# T14: the login timer.

#: seconds that a client goes on: many times the limit, so that a timer that activity puts off shows itself
PERSEVERANCE = 20.0


def silent(live: Live) -> None:
    """(a) not a byte, and no answer to KEXINIT either."""
    live.client.auto = False
    live.client.out.clear()


def drip(live: Live) -> None:
    """(b) the version line, a byte now and then."""
    silent(live)
    end = time.monotonic() + PERSEVERANCE
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            live.socket.send(b"S")
            if live.pump(lambda: live.closed, 0.2):
                return


def stall(live: Live) -> None:
    """(c) keys, and then nothing."""
    live.exchange_keys()


def chatter(live: Live) -> None:
    """(d) keys, and then now and then a message without a meaning."""
    live.exchange_keys()
    end = time.monotonic() + PERSEVERANCE
    while not live.closed and time.monotonic() < end:
        live.client.send(IGNORE, string("x"))
        live.pump(lambda: live.closed, 0.2)


@pytest.mark.parametrize("behave", [silent, drip, stall, chatter])
def test_T14_every_way_to_wait_ends_at_the_login_limit(start: Callable[..., Server],
                                                       behave: Callable[[Live], object]) -> None:
    """Counted from the connection: whatever a client does it is cut off while it is still at it. (Key exchanges without
    end are cut off by their number, T17.)"""
    server = start("TimeoutLogin 4\n")
    begun = time.monotonic()
    with Live(server.port) as live:
        behave(live)
        assert live.ended() == [(11, "TimeoutLogin")]
        assert time.monotonic() - begun >= 4 - 0.1


def test_nobody_draws_out_the_farewell(start: Callable[..., Server]) -> None:
    """A client that is told to go, and one that is turned away, have a moment to read why; a byte now and then is no more."""
    server = start("MaxConnectionsPerHost 1\n")
    wait_until(lambda: not server.sessions(), "the end of the session that saw whether the server listens")

    def drip_until(live: Live, left: int) -> None:
        def gone() -> bool:
            with contextlib.suppress(OSError):
                live.socket.send(b"S")
            return len(server.sessions()) == left
        wait_until(gone, f"{left} sessions in spite of a client that drips")

    with Live(server.port) as live:
        live.exchange_keys()
        with Live(server.port) as refused:
            silent(refused)
            refused.pump(lambda: bool(refused.said))
            drip_until(refused, 1)
        live.client.send(200, b"out of place")
        live.push()
        drip_until(live, 0)


# T17: what costs a client little and us more.

def test_T17_kexinits_without_end(server: Server) -> None:
    with Live(server.port) as live:
        live.exchange_keys()
        (pid,) = server.sessions()
        live.client.auto = False
        with contextlib.suppress(OSError):
            for _ in range(1000):
                live.client.begin()
        live.push()
        assert cpu(pid) < 1.0
        assert [reason for reason, _ in live.ended()] in ([2], [])


@pytest.mark.parametrize(("kind", "body"), [
    (IGNORE, string(b"x" * 100)), (PING, string(b"x" * 100)), (4, b"\0" + string("x") + string(""))])
def test_T17_small_talk_before_login(server: Server, kind: int, body: bytes) -> None:
    """100 000 of them: the first few are read."""
    with Live(server.port, Choice(strict=False)) as live:
        live.exchange_keys()
        (pid,) = server.sessions()
        before = memory(pid)
        packets = b"".join(live.client.packet(bytes((kind,)) + body) for _ in range(5000))
        with contextlib.suppress(OSError):
            for _ in range(20):
                live.socket.sendall(packets)
        assert cpu(pid) < 1.0
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            assert memory(pid) - before < 4 << 20
        live.ended()


@contextlib.contextmanager
def half_open(port: int, sources: list[str], limit: float = LIMIT) -> Iterator[list[socket.socket]]:
    """A connection from each address, none of which says anything."""
    connections: list[socket.socket] = []
    try:
        for source in sources:
            with contextlib.suppress(OSError):
                connections.append(socket.create_connection(("127.0.0.1", port), LIMIT, (source, 0)))
        yield connections
    finally:
        for connection in connections:
            connection.close()


def tries_to_log_in(server: Server, source: str) -> int:
    """How often an OpenSSH client must try, as users do when they are refused at random."""
    for number in range(1, 11):
        done = openssh.ssh(server, "date", arguments=["-b", source])
        if done.returncode == 0:
            return number
    raise AssertionError(done.stderr)


def test_T17_half_open_connections_of_one_address(server: Server) -> None:
    """Its share is 64 (sshd's MaxStartups has a like purpose); another address is served as ever."""
    with half_open(server.port, ["127.0.0.66"] * 200):
        assert tries_to_log_in(server, "127.0.0.2") == 1
        assert len(server.sessions()) <= 64 + 2


def test_T17_half_open_connections_of_many_addresses(server: Server) -> None:
    """A ramp of refusals from 256 on keeps the count bounded and leaves room for who tries again."""
    with half_open(server.port, [f"127.1.{number % 250}.{number // 250 + 1}" for number in range(400)]):
        assert len(server.sessions()) <= 512
        assert tries_to_log_in(server, "127.0.0.2") <= 10
    wait_until(lambda: not server.sessions(), "the end of sessions whose connections are closed")


# T7: what inflates.

@pytest.mark.parametrize(("setting", "compression", "early"), [("on", "zlib", True), ("delayed", "zlib@openssh.com", False)])
def test_T7_a_packet_that_inflates_to_64_mib(start: Callable[..., Server], site: Site, setting: str, compression: str,
                                             early: bool) -> None:
    """The client in memory knows no compression, so what the server says is read in its log."""
    server = start(f"SFTPCompression {setting}\n")
    stream = zlib.compressobj(9)
    bomb = stream.compress(bytes((94,)) + bytes(64 << 20)) + stream.flush(zlib.Z_SYNC_FLUSH)
    with Live(server.port, Choice(compression=compression)) as live:
        if early:
            live.exchange_keys()
        else:
            live.log_in()
        (pid,) = server.sessions()
        before = memory(pid)
        live.socket.sendall(live.client.packet(bomb))
        site.wait_for_log("sftp.log", "inflates to more than")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            assert memory(pid) - before < 16 << 20
    wait_until(lambda: pid not in server.sessions(), "the end of the session")


# T18: signals.

HARMLESS = (signal.SIGHUP, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG, signal.SIGPIPE, signal.SIGCONT)


def test_T18_signals_at_random_during_a_transfer(server: Server, site: Site, tmp_path: Path) -> None:
    data = os.urandom(16 << 20)
    (tmp_path / "up").write_bytes(data)
    command = ["sftp", "-q", "-P", str(server.port), *openssh.options(server), "-b", "-", "demo@127.0.0.1"]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert client.stdin is not None
    client.stdin.write("".join(f"put {tmp_path}/up\nget up {tmp_path}/down\n" for _ in range(6)))
    client.stdin.close()
    chance, sent, end = random.Random(18), 0, time.monotonic() + 4 * LIMIT
    while client.poll() is None and time.monotonic() < end:
        for pid in server.sessions():
            for _ in range(50):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, chance.choice(HARMLESS))
                sent += 1
                time.sleep(0.001)
    assert client.returncode == 0, client.stderr.read() if client.stderr else ""
    assert sent > 50
    assert hashlib.sha256((tmp_path / "down").read_bytes()).digest() == hashlib.sha256(data).digest()


def test_T18_term_at_any_moment_ends_a_session(server: Server) -> None:
    """In the middle of the version line, of keys, of a login and of a channel."""
    chance = random.Random(18)
    for stage in range(12):
        with Live(server.port) as live:
            with contextlib.suppress(AssertionError):
                (lambda: None, live.exchange_keys, live.request_service, live.log_in)[stage % 4]()
            pids = wait_until(server.sessions, "a session")
            time.sleep(chance.random() * 0.02)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            wait_until(lambda pids=pids: not set(pids) & set(server.sessions()),  # type: ignore[misc]
                       f"the end of a session in stage {stage}")


def test_T18_the_master_under_signals_serves_on(server: Server) -> None:
    """HUP (which reads the configuration again) and CHLD at random while clients come and go."""
    chance = random.Random(18)
    for _ in range(12):
        with Live(server.port) as live:
            for _ in range(5):
                server.signal(chance.choice((signal.SIGCHLD, signal.SIGCHLD, signal.SIGHUP)))
                time.sleep(chance.random() * 0.01)
            channel = live.log_in().open()
            live.sftp(channel)
            live.data(channel, INIT)
            assert live.alive()
    assert openssh.sftp(server, "pwd\n").returncode == 0
    assert server.stop() in (0, -signal.SIGTERM)
