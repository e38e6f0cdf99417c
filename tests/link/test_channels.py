"""Channels of a whole server (security.md C1 to C9; RFC 4254)."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from tests.link.client import string, u32
from tests.link.live import INIT, VERSION, Live
from tests.servers import Server
from tests.waiting import wait_until

WINDOW = 2 * 1024 * 1024


def memory(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def refused(live: Live, kind: str = "session", *, window: int = 2**20, packet: int = 32768, extra: bytes = b"") -> int:
    """Reason of the OPEN_FAILURE."""
    live.client.messages.clear()
    live.client.send(90, string(kind), u32(99), u32(window), u32(packet), extra)
    payload = live.until(92)
    assert payload[:4] == u32(99)
    return int(struct.unpack(">I", payload[4:8])[0])


def has_come(live: Live, size: int) -> bool:
    """So many bytes of data, and no more."""
    return live.pump(lambda: len(live.received()) == size)


def version(live: Live, peer: int = 0) -> bool:
    """The answer to INIT has come."""
    return live.pump(lambda: VERSION in live.received(peer))


@pytest.mark.parametrize(("window", "packet"), [(0, 32768), (2**20, 0), (0, 0)])
def test_C1_channel_without_window_or_packet_size(server: Server, window: int, packet: int) -> None:
    with Live(server.port) as live:
        assert refused(live.log_in(), window=window, packet=packet) in (1, 4)
        assert live.alive()


def test_C1_packets_of_one_byte_make_progress(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open(packet=1)
        live.sftp(channel)
        live.data(channel, INIT)
        assert version(live)
        assert all(len(payload) == 9 for kind, payload in live.client.messages if kind == 94)


def test_C1_window_of_one_byte_makes_progress(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open(window=1)
        live.sftp(channel)
        live.data(channel, INIT)
        for size in range(1, 10):
            assert has_come(live, size)
            live.client.send(93, u32(channel), u32(1))
        live.client.send(93, u32(channel), u32(10_000))
        assert version(live)


def test_C2_input_behind_a_shut_window_is_bounded(server: Server) -> None:
    """Requests without end from a client that takes no answers: we stop crediting at our own window."""
    with Live(server.port) as live:
        channel = live.log_in().open(window=4096)
        live.sftp(channel)
        live.data(channel, INIT)
        assert version(live)
        pid = server.sessions()[-1]
        before = memory(pid)
        stat = u32(9 + 1) + b"\x11" + u32(1) + string(b"/")
        batch = (stat * 2200)[:32000 // len(stat) * len(stat)]
        live.client.messages.clear()
        credit, sent = WINDOW - len(INIT), 0
        while True:
            credit += sum(struct.unpack(">I", payload[4:8])[0] for kind, payload in live.client.messages if kind == 93)
            live.client.messages[:] = [one for one in live.client.messages if one[0] != 93]
            if credit < len(batch):
                if not live.pump(lambda: any(kind == 93 for kind, _ in live.client.messages), 1.0):
                    break
                continue
            live.data(channel, batch)
            credit, sent = credit - len(batch), sent + len(batch)
            assert sent < 2 * WINDOW, "credit for input that was not answered"
            live.push()
        assert live.alive()
        assert memory(pid) - before < 4 * WINDOW


def test_C2_over_our_window_is_an_error(server: Server) -> None:
    """Behind a shut window of the client nothing is credited; a packet larger than was granted is one, too."""
    refused = [(2, "channel data exceeds the window or packet size that was granted")]
    stat = u32(9 + 1) + b"\x11" + u32(1) + string(b"/")
    with Live(server.port) as live:
        channel = live.log_in().open(window=1)
        live.sftp(channel)
        live.data(channel, INIT)
        for _ in range(WINDOW // 28000 + 2):
            live.data(channel, stat * 2000)
        assert live.ended() == refused
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.data(channel, bytes(32769))
        assert live.ended() == refused


def test_C3_nothing_is_kept_of_closed_channels(server: Server) -> None:
    with Live(server.port) as live:
        live.log_in()
        pid = server.sessions()[-1]

        def churn(count: int) -> None:
            for _ in range(count):
                channel = live.open()
                live.client.send(97, u32(channel))
                live.until(97)

        churn(300)
        before = memory(pid)
        churn(2000)
        assert memory(pid) - before < 512 * 1024


def test_C5_channels_are_limited(server: Server) -> None:
    with Live(server.port) as live:
        live.log_in()
        opened = [live.open(peer) for peer in range(10)]
        assert len(set(opened)) == 10
        assert refused(live) in (1, 4)
        live.client.send(97, u32(opened[3]))
        live.until(97)
        assert live.open(50) == opened[3]


@pytest.mark.parametrize("name", ["KILL", "SEGV", "ABRT", "TERM", "HUP", "USR1"])
def test_C6_signals_do_nothing(server: Server, name: str) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        live.request(channel, "signal", string(name))
        live.data(channel, INIT)
        assert version(live)


def test_C7_second_program_on_a_channel(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        assert not live.request(channel, "exec", string("date"))
        assert not live.request(channel, "subsystem", string("sftp"))
        live.data(channel, INIT)
        assert version(live)


def test_C8_extended_data_is_dropped(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        live.client.send(95, u32(channel), u32(1), string(b"stderr?"))
        live.data(channel, INIT)
        assert version(live)


def test_C8_data_after_eof_is_no_loop(server: Server) -> None:
    """EOF ends the program; what comes behind it is dropped."""
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        live.client.send(96, u32(channel))
        live.until(97)
        live.data(channel, INIT)
        assert live.alive()


def test_C8_data_after_close_ends_the_session(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.client.send(97, u32(channel))
        live.until(97)
        live.data(channel, INIT)
        assert live.ended()[0][0] == 2


def test_C8_window_beyond_the_largest(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open(window=2**32 - 1)
        live.client.send(93, u32(channel), u32(1))
        live.sftp(channel)
        live.data(channel, INIT)
        assert version(live)


@pytest.mark.parametrize("kind", ["direct-tcpip", "forwarded-tcpip", "direct-streamlocal@openssh.com", "x11",
                                  "auth-agent@openssh.com", "tun@openssh.com", ""])
def test_C9_other_channels_are_refused(server: Server, kind: str) -> None:
    with Live(server.port) as live:
        assert refused(live.log_in(), kind, extra=string("host") + u32(1) + string("host") + u32(1)) == 3
        assert live.alive()


@pytest.mark.parametrize(("kind", "data"), [
    ("shell", b""), ("pty-req", string("xterm") + u32(80) * 4 + string("")), ("x11-req", b"\0" + string("") * 2 + u32(0)),
    ("auth-agent-req@openssh.com", b""), ("exec", string("ls")), ("exec", string("scp; id")), ("exec", string("")),
    ("exec", string("'scp")), ("subsystem", string("netconf")), ("break", u32(1000)), ("window-change", u32(1) * 4),
    ("env", string("LD_PRELOAD") + string("x")), ("env", string("PATH") + string("/")), ("env", string("FOO") + string("x"))])
def test_C9_other_requests_are_refused(server: Server, kind: str, data: bytes) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open()
        assert not live.request(channel, kind, data)
        live.sftp(channel)


@pytest.mark.parametrize("kind", ["tcpip-forward", "cancel-tcpip-forward", "streamlocal-forward@openssh.com",
                                  "keepalive@openssh.com"])
def test_C9_global_requests_are_refused(server: Server, kind: str) -> None:
    with Live(server.port) as live:
        live.log_in().client.send(80, string(kind), b"\x01", string("") + u32(0))
        live.until(82)


def test_environment_of_the_default_list(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open()
        assert live.request(channel, "env", string("LANG") + string("C.UTF-8"))


def test_T15_scp_without_arguments(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open()
        assert not live.request(channel, "exec", string("scp")) or live.until(97)
        assert live.alive()


def test_end_of_a_channel_in_order(server: Server) -> None:
    """exit-status, EOF, CLOSE, each once. Source: real server."""
    with Live(server.port) as live:
        channel = live.log_in().open()
        assert live.request(channel, "exec", string("date -u"))
        live.pump(lambda: any(kind == 97 for kind, _ in live.client.messages))
        kinds = [kind for kind, _ in live.client.messages if kind != 93]
        assert kinds == [99, 94, 98, 96, 97]
        assert b"exit-status" in live.client.messages[-3][1]
        assert b" GMT " in live.received()


def test_requests_in_pieces_over_two_channels(server: Server) -> None:
    """C4: what is cut on one channel does not meet what is cut on the other."""
    stat = u32(10) + b"\x11" + u32(7) + string(b"/")
    with Live(server.port) as live:
        channels = [live.log_in().open(0), live.open(1)]
        for channel in channels:
            live.sftp(channel)
        live.client.messages.clear()
        stream = INIT + stat * 50
        for at in range(0, len(stream), 3):
            for channel in channels:
                live.data(channel, stream[at:at + 3])
        attrs = b"\x69" + u32(7)
        assert live.pump(lambda: all(live.received(peer).count(attrs) == 50 for peer in (0, 1)))


def test_message_for_a_channel_that_does_not_exist(server: Server) -> None:
    with Live(server.port) as live:
        live.log_in().client.send(98, u32(77), string("exec"), b"\x01", string("date"))
        assert live.ended()[0][0] == 2


@pytest.mark.parametrize("kind", [80, 90, 94, 95, 96, 97, 98])
def test_T16_messages_cut_short(server: Server, kind: int) -> None:
    """Every cut of a whole message ends the session with a protocol error, or is one that means something whole."""
    whole = {80: string("x@y") + b"\x01", 90: string("session") + u32(0) + u32(9) + u32(9), 94: u32(0) + string("abcd"),
             95: u32(0) + u32(1) + string("abcd"), 96: u32(0), 97: u32(0), 98: u32(0) + string("exec") + b"\x01" + string("date")}
    for cut in range(len(whole[kind])):
        with Live(server.port) as live:
            live.log_in().open()
            live.client.send(kind, whole[kind][:cut])
            assert [reason for reason, _ in live.ended()] == [2]


def test_session_at_rest_costs_no_time(server: Server) -> None:
    with Live(server.port) as live:
        channel = live.log_in().open(packet=1)
        live.sftp(channel)
        pid = server.sessions()[-1]

        def rests() -> bool:
            before = cpu(pid)
            time.sleep(1.0)
            return cpu(pid) - before <= 0.02

        wait_until(rests, "a second without work")
