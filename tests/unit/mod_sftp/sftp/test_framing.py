"""Requests however cut, and requests that are none (security.md F1 to F4, F13, F17, C4, A10.18; bad input of every kind)."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest

from mod_sftp.sftp.terms import Terms
from pyproftpd.errors import PeerError
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32, u64
from tests.unit.mod_sftp.desk import Desk, Desks, pieces

VERSIONS = range(1, 7)


def packet(kind: int, ident: int, *parts: bytes) -> bytes:
    body = bytes((kind,)) + u32(ident) + b"".join(parts)
    return u32(len(body)) + body


def test_requests_split_at_every_byte_and_interleaved_over_channels(root: Path) -> None:
    desks = [Desk(root, version=None) for _ in range(3)]
    streams = []
    for number in range(len(desks)):
        name = f"file{number}"
        streams.append(u32(5) + b"\1" + u32(3) + packet(raw.OPEN, 1, text(name), u32(0x1A), u32(0))
                       + packet(raw.MKDIR, 2, text(f"dir{number}"), u32(0)))
    for position in range(max(map(len, streams))):
        for desk, stream in zip(desks, streams, strict=True):
            if position < len(stream):
                desk.feed(stream[position:position + 1])
    for number, desk in enumerate(desks):
        assert desk.client.reply().kind == raw.VERSION
        opened, made = desk.client.reply(), desk.client.reply()
        assert (opened.kind, opened.ident, made.kind, made.ident) == (raw.HANDLE, 1, raw.STATUS, 2)
        assert (root / f"file{number}").exists() and (root / f"dir{number}").is_dir()


def test_a_large_write_arrives_whole_from_any_cuts(root: Path) -> None:
    desk = Desk(root)
    handle = desk.client.create("big")
    chance = random.Random(4)
    data = chance.randbytes(511 * 1024)
    request = packet(raw.WRITE, 77, text(handle), u64(0), text(data)) + packet(raw.CLOSE, 78, text(handle))
    for part in pieces(request, sorted(chance.randrange(len(request)) for _ in range(40))):
        desk.feed(part)
    first, second = desk.client.reply(), desk.client.reply()
    assert (first.ident, desk.client.status(first), second.ident, desk.client.status(second)) == (77, 0, 78, 0)
    assert (root / "big").read_bytes() == data


def test_a_full_channel_gets_its_input_back(root: Path) -> None:
    desk = Desk(root)
    (root / "f").write_bytes(b"x" * 10)
    handle = desk.client.open_existing("f")
    one = packet(raw.READ, 5, text(handle), u64(0), u32(10))
    desk.channel.blocked = True
    desk.feed(one + one + one)
    assert desk.channel.kept == [one + one]
    assert desk.client.reply().kind == raw.DATA
    assert not desk.channel.output


def test_the_largest_write_byte_by_byte(root: Path) -> None:
    desk = Desk(root)
    handle = desk.client.create("big")
    data = random.Random(5).randbytes(511 * 1024)
    feed = desk.server.feed
    for byte in packet(raw.WRITE, 77, text(handle), u64(0), text(data)):
        feed(memoryview(bytes((byte,))))
    assert desk.client.status(desk.client.reply()) == raw.OK
    assert (root / "big").read_bytes() == data


@pytest.mark.parametrize("refuse", [False, True])
@pytest.mark.parametrize("count", [1, 986, 987, 988, 1000, 5000])
def test_replies_cross_packet_borders_and_end_with_the_file(root: Path, count: int, refuse: bool) -> None:
    """986 + 13 bytes of header is just under one packet of the channel."""
    (root / "f").write_bytes(bytes(range(250)) * 12)
    desk = Desk(root)
    desk.channel.refuse_reservations = refuse
    handle = desk.client.open_existing("f")
    assert desk.client.read(handle, 0, count) == (bytes(range(250)) * 12)[:count]
    assert desk.client.read(handle, 2999, count) == bytes((249,))


def test_F3_read_sizes_are_capped(root: Path) -> None:
    (root / "f").write_bytes(bytes(600 * 1024))
    desk = Desk(root)
    handle = desk.client.open_existing("f")
    assert len(desk.client.read(handle, 0, 2**32 - 1)) == 511 * 1024
    assert desk.client.read(handle, 0, 0) == b""


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 512 * 1024 + 1, 0x7FFFFFFF, 2**31, 2**32 - 1])
@pytest.mark.parametrize("cut", [False, True])
def test_lengths_that_no_request_can_have_end_the_session(root: Path, length: int, cut: bool) -> None:
    desk = Desk(root)
    tracemalloc.start()
    try:
        with pytest.raises(PeerError):
            for part in pieces(u32(length) + b"\5", [2] if cut else []):
                desk.feed(part)
        assert tracemalloc.get_traced_memory()[1] < 256 * 1024
    finally:
        tracemalloc.stop()


def test_a_request_before_init_ends_the_session(root: Path) -> None:
    desk = Desk(root, version=None)
    with pytest.raises(PeerError):
        desk.feed(packet(raw.STAT, 1, text("/")))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [0, 1 + 100, 24, 25, 99, 150, 201, 255])
def test_unknown_types_are_unsupported(desk: Desks, version: int, kind: int) -> None:
    client = desk(version=version).client
    assert client.status(client.ask(kind, text("x"))) == raw.OP_UNSUPPORTED
    assert client.stat("").size >= 0


#: Requests of version 3 as their fields; each is cut at every byte.
WHOLE = {
    raw.OPEN: text("f") + u32(1), raw.CLOSE: text("h" * 16), raw.READ: text("h" * 16) + u64(0) + u32(1),
    raw.WRITE: text("h" * 16) + u64(0) + text("data"), raw.LSTAT: text("f"), raw.FSTAT: text("h" * 16),
    raw.SETSTAT: text("f") + u32(1) + u64(5), raw.FSETSTAT: text("h" * 16) + u32(4) + u32(0o644), raw.OPENDIR: text("d"),
    raw.READDIR: text("h" * 16), raw.REMOVE: text("f"), raw.MKDIR: text("d"), raw.RMDIR: text("d"), raw.REALPATH: text("f"),
    raw.STAT: text("f"), raw.RENAME: text("f") + text("g"), raw.READLINK: text("f"), raw.SYMLINK: text("f") + text("g"),
    raw.EXTENDED: text("posix-rename@openssh.com") + text("f") + text("g"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_truncated_requests_are_bad_messages(root: Path, kind: int) -> None:
    (root / "f").write_bytes(b"unchanged")
    client = Desk(root).client
    for size in range(len(WHOLE[kind])):
        assert client.status(client.ask(kind, WHOLE[kind][:size])) == raw.BAD_MESSAGE, size
    assert (root / "f").read_bytes() == b"unchanged" and sorted(path.name for path in root.iterdir()) == ["f"]


@pytest.mark.parametrize("kind", [raw.STAT, raw.REMOVE, raw.OPENDIR, raw.CLOSE, raw.READ])
def test_strings_longer_than_their_request(desk: Desks, kind: int) -> None:
    client = desk().client
    for size in (5, 2**31, 2**32 - 1):
        assert client.status(client.ask(kind, u32(size) + b"abcd")) == raw.BAD_MESSAGE


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", [b"a\0b", b"\0", b"/etc\0/x"])
def test_nul_in_a_name(desk: Desks, root: Path, version: int, path: bytes) -> None:
    client = desk(version=version).client
    expected = 20 if version == 6 else raw.FAILURE
    for kind, rest in ((raw.STAT, u32(0)), (raw.REMOVE, b""), (raw.MKDIR, client.no_attrs()), (raw.OPENDIR, b"")):
        assert client.status(client.ask(kind, text(path), rest)) == expected
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [256, 4095, 4096, 4097, 100_000])
def test_names_that_are_too_long(desk: Desks, version: int, size: int) -> None:
    client = desk(version=version).client
    expected = 20 if version == 6 else raw.FAILURE
    assert client.status(client.ask(raw.STAT, text("n" * size), u32(0))) == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("count", "rest"), [
    (2**32 - 1, b""), (65, b""), (1, text("n" * 256) + text("")), (1, text("n") + text(bytes(65537)))])
def test_extended_attributes_are_bounded(desk: Desks, root: Path, version: int, count: int, rest: bytes) -> None:
    (root / "f").touch()
    client = desk(version=version).client
    attrs = u32(0x80000000) + (b"\1" if version >= 4 else b"") + u32(count) + rest
    assert client.status(client.ask(raw.SETSTAT, text("f"), attrs)) == raw.BAD_MESSAGE


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("offset", [2**63 - 1, 2**63, 2**64 - 1])
def test_offsets_of_the_kernel_end_at_2_63(desk: Desks, root: Path, version: int, offset: int) -> None:
    client = desk(version=version).client
    handle = client.create("f")
    expected = 23 if version == 6 else raw.OP_UNSUPPORTED
    assert client.write(handle, offset, b"xy") == expected
    assert client.status(client.ask(raw.READ, text(handle), u64(offset), u32(10))) == expected
    assert (root / "f").stat().st_size == 0


def test_handles_are_bounded(root: Path) -> None:
    (root / "f").touch()
    client = Desk(root, terms=Terms(max_handles=3)).client
    handles = [client.open_existing("f") for _ in range(3)]
    assert client.status(client.ask(raw.OPEN, text("f"), u32(1), u32(0))) == raw.FAILURE
    assert client.status(client.ask(raw.OPENDIR, text(""))) == raw.FAILURE
    client.close(handles[0])
    client.open_existing("f")


def test_handles_cannot_be_guessed(root: Path) -> None:
    (root / "f").touch()
    client = Desk(root).client
    names = {client.open_existing("f") for _ in range(50)}
    assert len(names) == 50
    assert all(len(bytes.fromhex(name.decode())) == 8 for name in names)


@pytest.mark.parametrize(("asked", "spoken"), [(1, 1), (3, 3), (6, 6), (7, 6), (2**32 - 1, 6)])
def test_the_version_is_the_lower_one(root: Path, asked: int, spoken: int) -> None:
    assert Desk(root, version=None).client.init(asked) == spoken


def test_limits_of_the_version_hold(root: Path) -> None:
    assert Desk(root, version=None, terms=Terms(lowest=2, highest=3)).client.init(6) == 3
    with pytest.raises(PeerError) as caught:
        Desk(root, version=None, terms=Terms(lowest=4)).client.init(3)
    assert caught.value.reason == 8


def test_a_second_init_changes_nothing(root: Path) -> None:
    desk = Desk(root, version=3)
    assert desk.client.init(6) == 3
    assert len(desk.client.stat("").values) == 6


def test_nothing_of_a_packet_is_kept(root: Path) -> None:
    """The desk wipes each packet after it was fed: a name or handle kept as a view would be wiped with it."""
    desk = Desk(root)
    handle = desk.client.create("name")
    desk.client.write(handle, 0, b"kept")
    assert desk.client.close(handle) == raw.OK
    assert (root / "name").read_bytes() == b"kept"
