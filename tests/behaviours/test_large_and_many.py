"""Files, directories and connections of sizes at which a server that keeps something falls over. The full 20 GiB in one piece
are in tests/soak."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.behaviours.measure import MIB, Memory
from tests.clients import openssh
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import RawSftp, read_attrs, text, u32, u64
from tests.link.client import string
from tests.link.live import INIT, Live
from tests.matrix.road import Road
from tests.servers import Server, Site

GIB = 1 << 30
FAR = 20 * GIB
#: what buffers of a few requests may come to; far below any of the sizes here
FLAT = 24 * MIB

pytestmark = pytest.mark.root  # the kernel's peak counters are reset by root alone


@pytest.fixture
def road(server: Server) -> Iterator[Road]:
    road = Road(server)
    yield road
    road.close()


@pytest.mark.parametrize("version", [3, 6])
def test_a_file_of_20_gib_at_every_place(server: Server, road: Road, version: int) -> None:
    """Written with holes from its end to its beginning, then read where there is data and where there is none."""
    client = road.sftp(version)
    memory = Memory(server)
    handle = client.create("big")
    places = [FAR - 5, 16 * GIB, 4 * GIB - 2, 2 * GIB - 2, 0]
    for place in places:
        assert client.write(handle, place, b"piece") == raw.OK
    assert client.stat("big").size == FAR
    for place in places:
        assert client.read(handle, place, 5) == b"piece"
    assert client.read(handle, 12 * GIB, 100_000) == bytes(100_000)
    assert client.status(client.ask(raw.READ, text(handle), u64(FAR), u32(1))) == raw.EOF
    answer = client.extended("copy-data", text(handle), u64(16 * GIB), u64(5), text(handle), u64(FAR))
    assert client.status(answer) == raw.OK
    assert client.read(handle, FAR, 10) == b"piece"
    assert client.close(handle) == raw.OK
    info = (server.site.accounts["demo"].home / "big").stat()
    assert info.st_size == FAR + 5 and info.st_blocks * 512 < MIB
    assert memory.grown() < FLAT


def test_a_client_goes_on_at_the_end_of_20_gib_both_ways(server: Server, tmp_path: Path) -> None:
    """OpenSSH's reget and reput: what is there already is a hole on either side."""
    home = server.site.accounts["demo"].home
    end = os.urandom(8 * MIB)
    for directory, whole, part in ((home, "down", "up"), (tmp_path, "up", "down")):
        for name, content in ((whole, end), (part, b"")):
            with (directory / name).open("wb") as file:
                file.seek(FAR)
                file.write(content)
                file.truncate(FAR + len(content))
    for name in ("up", "down"):
        os.chown(home / name, 63000, 63000)
    done = openssh.sftp(server, f"reput {tmp_path}/up up\nreget down {tmp_path}/down\n", limit=120)
    assert done.returncode == 0, done.stderr
    for path in (home / "up", tmp_path / "up", home / "down", tmp_path / "down"):
        with path.open("rb") as file:
            file.seek(FAR)
            assert file.read() == end, path


def test_memory_is_flat_however_much_goes_through(start: Callable[..., Server], site: Site, tmp_path: Path) -> None:
    """F16: with every log on."""
    server = start("AllowOverwrite on\n" f"ExtendedLog {site.root}/log/ext ALL\nTraceLog {site.root}/log/trace\n"
                   "Trace DEFAULT:10 ssh2:10 sftp:10\n")
    home = site.accounts["demo"].home
    with (tmp_path / "up").open("wb") as file:
        file.truncate(192 * MIB)
    road = Road(server)
    try:
        client = road.sftp(3)
        memory = Memory(server)
        handle = client.create("up")
        block = bytes(32768)
        window, sent, answered = 64, 0, 0
        while answered < 192 * MIB // len(block) // 4:
            while sent - answered < window:
                client.post(raw.WRITE, text(handle), u64(sent * len(block)), text(block))
                sent += 1
            assert client.status(client.reply()) == raw.OK
            answered += 1
        while answered < sent:
            assert client.status(client.reply()) == raw.OK
            answered += 1
        for number in range(answered):
            client.post(raw.READ, text(handle), u64(number * len(block)), u32(len(block)))
            if number >= window:
                assert client.reply().kind == raw.DATA
        for _ in range(min(window, answered)):
            assert client.reply().kind == raw.DATA
        assert memory.grown() < FLAT
    finally:
        road.close()
    assert (home / "up").stat().st_size == sent * len(block)


def test_a_directory_of_100_000_entries(server: Server, road: Road) -> None:
    """Listed in answers of bounded size; what a session holds does not grow with the directory."""
    home = server.site.accounts["demo"].home
    many = home / "many"
    many.mkdir()
    names = [f"{number:06}" for number in range(100_000)]
    for number, name in enumerate(names):  # names of a few files: quicker than files, and there may be 65,000 of each
        if number % 50_000 == 0:
            (many / name).touch()
        else:
            os.link(many / names[number // 50_000 * 50_000], many / name)
    expected = {*names, ".", ".."}
    client = road.sftp(3)
    client.listing("")
    memory = Memory(server)
    handle = client.expect(client.ask(raw.OPENDIR, text("many")), raw.HANDLE).text()
    found: set[str] = set()
    while True:
        answer = client.ask(raw.READDIR, text(handle))
        if answer.kind == raw.STATUS:
            assert client.status(answer) == raw.EOF
            break
        assert len(answer.body) < 256 * 1024
        found |= names_of(client, answer)
    assert found == expected
    assert memory.grown() < FLAT


def names_of(client: RawSftp, answer: raw.Reply) -> set[str]:
    """The names alone of a NAME reply of version 3."""
    cur = client.expect(answer, raw.NAME)
    found = set()
    for _ in range(cur.u32()):
        found.add(cur.text().decode())
        cur.text()
        read_attrs(cur, 3)
    return found


def test_as_many_handles_as_limits_announces(start: Callable[..., Server]) -> None:
    """Behaviours 172: an upload takes two descriptors, and requests that open nothing for long go on beside all of them."""
    road = Road(start("RLimitOpenFiles session 150 150\n"))
    try:
        client = road.sftp(3)
        most, = struct.unpack(">24xQ", client.extended("limits@openssh.com").body)
        assert most == (150 - 24) // 2
        handles = [client.create(f"file{number}") for number in range(most)]
        assert client.status(client.ask(raw.OPEN, text("more"), u32(0x1A), u32(0))) == raw.FAILURE
        assert client.stat("file0").size == 0 and client.status(client.ask(raw.REMOVE, text("file0"))) == raw.OK
        for handle in handles:
            assert client.close(handle) == raw.OK
        assert len(client.listing("")) == most + 1
    finally:
        road.close()


def test_C3_10_000_channels_on_one_connection(server: Server) -> None:
    """Each with an SFTP program that opened a directory and left it open."""
    request = u32(5 + 4 + 1) + b"\x0b" + u32(1) + string(b"/")
    with Live(server.port) as live:
        live.log_in()

        def churn(rounds: int) -> None:
            for _ in range(rounds):
                for peer in range(10):
                    live.client.send(90, string("session"), u32(peer), u32(1 << 20), u32(32768))
                for channel in range(10):
                    live.client.send(98, u32(channel), string("subsystem"), b"\0", string("sftp"))
                    live.data(channel, INIT + request)
                    live.client.send(97, u32(channel))
                assert live.pump(lambda: sum(kind == 97 for kind, _ in live.client.messages) == 10)
                messages = live.client.messages
                assert sum(kind == 91 for kind, _ in messages) == 10 and not any(kind == 92 for kind, _ in messages)
                answers = [payload[8:] for kind, payload in messages if kind == 94]
                assert sum(answer.count(b"\x66" + u32(1) + u32(16)) for answer in answers) == 10
                messages.clear()

        churn(50)
        memory = Memory(server)
        files = len(os.listdir(f"/proc/{memory.pid}/fd"))
        churn(950)
        assert memory.grown() < 2 * MIB
        assert len(os.listdir(f"/proc/{memory.pid}/fd")) == files


def test_C4_10_channels_with_requests_cut_everywhere_and_interleaved(server: Server) -> None:
    """10,000 requests, a thousand on each channel, in pieces of 1 to 12 bytes; every answer is right and on its channel."""
    home = server.site.accounts["demo"].home
    for number in range(10):
        (home / f"file{number}").write_bytes(b"x" * (number + 1))
    with Live(server.port) as live:
        live.log_in()
        channels = [live.open(peer, window=2**31) for peer in range(10)]
        for channel in channels:
            live.sftp(channel)
        for channel in channels:
            live.data(channel, INIT)
        assert live.pump(lambda: all(live.received(peer) for peer in range(10)))
        live.client.messages.clear()
        streams = []
        for number in range(10):
            stats = b"".join(u32(9 + 5) + b"\x11" + u32(ident) + string(f"file{number}") for ident in range(1000))
            streams.append(stats)
        positions, turn = [0] * 10, 0
        while any(position < len(stream) for position, stream in zip(positions, streams, strict=True)):
            for number, channel in enumerate(channels):
                size = 1 + (turn + number) % 12
                piece = streams[number][positions[number]:positions[number] + size]
                if piece:
                    live.data(channel, piece)
                positions[number] += size
            turn += 1
            if turn % 200 == 0:
                live.pump(lambda: True)
                live.push()
        def came() -> int:
            return sum(len(payload) - 8 for kind, payload in live.client.messages if kind == 94)

        assert live.pump(lambda: came() >= 10 * 1000 * ANSWER, 60)
        for peer in range(10):
            check(live.received(peer), peer + 1)


#: an ATTRS of version 3: length, type, id, flags, size, owners, permissions, times
ANSWER = 4 + 1 + 4 + 4 + 8 + 8 + 4 + 8


def check(stream: bytes, size: int) -> None:
    """ATTRS with the size for the ids in order."""
    assert len(stream) == 1000 * ANSWER
    for ident in range(1000):
        length, kind, answered, flags, told = struct.unpack_from(">IBIIQ", stream, ident * ANSWER)
        assert (length, kind, answered, flags & 1, told) == (ANSWER - 4, 105, ident, 1, size)
