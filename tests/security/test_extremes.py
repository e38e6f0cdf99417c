"""Numbers that no kernel can hold, handles and records that mean nothing, from a client that has logged in: a refusal, and the
session goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import rawsftp as raw
from tests.clients.rawsftp import EXTENDED, FSETSTAT, OK, SETSTAT, RawSftp, text, u32, u64
from tests.matrix.road import Road, scp_upload
from tests.servers import Server, Site, scratch

SIZE, TIME, SUBSECOND = 0x1, 0x20, 0x100
#: below 2^63 a file system may still say no, which is its own affair
TOO_LARGE = (2**63, 2**64 - 1)


@pytest.fixture(scope="module")
def road(keys: Path) -> Iterator[Road]:
    with scratch() as root:
        server = Server(Site(root, keys)).start("AllowOverwrite on\n")
        try:
            road = Road(server)
            yield road
            road.close()
        finally:
            server.stop()


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


@pytest.mark.parametrize("version", [3, 6])
@pytest.mark.parametrize(("offset", "count"), [(2**63 - 1, 2), (2**63, 1), (2**64 - 1, 1), (1, 2**63 - 1), (1, 2**64 - 1)])
def test_F4_ranges_beyond_the_kernels(road: Road, version: int, offset: int, count: int) -> None:
    """INVALID_PARAMETER, which version 3 calls OP_UNSUPPORTED, or FAILURE."""
    client = road.sftp(version)
    handle, other = client.create("f"), client.create("g")
    client.write(handle, 0, b"content")
    digest, ends = text("md5"), u64(offset) + u64(count) + u32(0)
    requests: list[tuple[int, list[bytes]]] = [
        (EXTENDED, [text("check-file-handle"), text(handle), digest, ends]),
        (EXTENDED, [text("check-file-name"), text("f"), digest, ends]),
        (EXTENDED, [text("copy-data"), text(handle), u64(offset), u64(count), text(other), u64(0)]),
        (EXTENDED, [text("copy-data"), text(handle), u64(0), u64(count), text(other), u64(offset)]),
    ]
    if count < 2**32:
        requests += [(raw.READ, [text(handle), u64(offset), u32(count)]),
                     (raw.WRITE, [text(handle), u64(offset), text(bytes(count))])]
    if version == 6:
        requests += [(raw.BLOCK, [text(handle), u64(offset), u64(count), u32(0x80)]),
                     (raw.UNBLOCK, [text(handle), u64(offset), u64(count)])]
    for kind, parts in requests:
        assert client.status(client.ask(kind, *parts)) in (raw.FAILURE, 23 if version == 6 else raw.OP_UNSUPPORTED), parts
    assert client.read(handle, 0, 100) == b"content" and client.stat("g").size == 0


def test_F13_a_handle_of_another_channel_means_nothing(road: Road) -> None:
    one, other = road.sftp(3), road.sftp(6)
    handle = one.create("f")
    directory = one.expect(one.ask(raw.OPENDIR, text("")), raw.HANDLE).text()
    for kind, name, rest in (
            (raw.READ, handle, u64(0) + u32(1)), (raw.WRITE, handle, u64(0) + text("x")), (raw.CLOSE, handle, b""),
            (raw.FSTAT, handle, u32(1)), (raw.FSETSTAT, handle, u32(1) + b"\1" + u64(9)),
            (raw.BLOCK, handle, u64(0) + u64(1) + u32(0x80)), (raw.READDIR, directory, b"")):
        assert other.status(other.ask(kind, text(name), rest)) == 9
    for extension in ("fsync@openssh.com", "fstatvfs@openssh.com"):
        assert other.status(other.extended(extension, text(handle))) == 9
    assert one.write(handle, 0, b"mine") == OK and one.read(handle, 0, 9) == b"mine" and one.close(handle) == OK


@pytest.mark.parametrize("record", [
    b"C0644 18446744073709551616 f\n", b"C0644 -1 f\n", b"C0644 text f\n", b"C0644 1 ../f\n", b"C0644 1 a/b\n", b"D0755 0 d\n",
    b"E\n", b"nonsense\n", b"C" * 9000])
def test_P1_scp_says_what_is_wrong_and_the_session_lives(road: Road, record: bytes) -> None:
    answer = scp_upload(road, ".", record)
    assert answer.status in (1, 2) and answer.text.startswith(b"scp: ")
    assert scp_upload(road, "f", b"C0644 4 x\n", b"good\0").status == 0
    assert road.sftp(3).stat("f").size == 4
