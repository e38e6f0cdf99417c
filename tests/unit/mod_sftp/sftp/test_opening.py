"""What an OPEN of each version asks for, and what its handle then gives."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

import pytest

from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32, u64
from tests.unit.mod_sftp.desk import Desks
from tests.unit.mod_sftp.sftp.test_requests import set_3


def test_open_dispositions_of_version_6(desk: Desks, root: Path) -> None:
    (root / "old").write_bytes(b"old")
    client = desk(version=6).client

    def attempt(name: str, disposition: int) -> int:
        answer = client.ask(raw.OPEN, text(name), u32(0x2), u32(disposition), client.no_attrs())
        if answer.kind == raw.HANDLE:
            client.close(answer.cursor.text())
            return 0
        return client.status(answer)

    assert attempt("old", 0) == 11
    assert attempt("new", 2) == 2
    assert attempt("new", 4) == 2
    assert attempt("old", 3) == 0 and (root / "old").read_bytes() == b"old"
    assert attempt("old", 4) == 0 and (root / "old").read_bytes() == b""
    assert attempt("fresh", 0) == 0 and (root / "fresh").exists()
    assert attempt("other", 1) == 0 and (root / "other").exists()
    assert attempt("x", 5) == raw.BAD_MESSAGE
    assert not (root / "x").exists()


@pytest.mark.parametrize("access", [0x8, 0x10, 0x20000, 0x40000, 0x80000])
def test_access_that_is_not_supported(desk: Desks, root: Path, access: int) -> None:
    (root / "f").touch()
    client = desk(version=5).client
    assert client.status(client.ask(raw.OPEN, text("f"), u32(access | 1), u32(2), client.no_attrs())) == raw.OP_UNSUPPORTED


@pytest.mark.parametrize("flag", [0x40, 0x80, 0x100, 0x1000])
def test_locks_at_open_are_not_supported(desk: Desks, root: Path, flag: int) -> None:
    client = desk(version=6).client
    assert client.status(client.ask(raw.OPEN, text("f"), u32(2), u32(1 | flag), client.no_attrs())) == raw.OP_UNSUPPORTED
    assert os.listdir(root) == []


def test_delete_on_close_and_nofollow(desk: Desks, root: Path) -> None:
    (root / "real").write_bytes(b"x")
    (root / "link").symlink_to("real")
    client = desk(version=6).client
    assert client.status(client.ask(raw.OPEN, text("link"), u32(1), u32(2 | 0x400), client.no_attrs())) == 21
    handle = client.open("gone", 1 | 0x800, access=0x2)
    assert (root / "gone").exists()
    assert client.close(handle) == raw.OK
    assert not (root / "gone").exists()


def test_delete_on_close_holds_for_what_its_client_never_closed(desk: Desks, root: Path) -> None:
    (root / "old").write_bytes(b"x")
    here = desk(version=6)
    here.client.write(here.client.open("gone", 1 | 0x800, access=0x2), 0, b"half")
    here.client.open("old", 2 | 0x800, access=0x1)
    here.client.open("stays", 1, access=0x2)
    here.server.close("connection lost")
    assert os.listdir(root) == ["stays"]


@pytest.mark.parametrize(("access", "reads", "writes"), [
    (0x1, True, False), (0x2, False, True), (0x3, True, True), (0x4, False, True), (0x20, True, False), (0x80, False, False),
    (0x100, False, False), (0x10000, False, False), (0, False, False)])
@pytest.mark.parametrize("version", [5, 6])
def test_a_handle_gives_what_its_access_mask_asked_for(desk: Desks, root: Path, version: int, access: int, reads: bool,
                                                       writes: bool) -> None:
    (root / "f").write_bytes(b"content")
    client = desk(version=version).client
    handle = client.open("f", 2, access=access)
    answer = client.ask(raw.READ, text(handle), u64(0), u32(100))
    assert answer.kind == raw.DATA if reads else client.status(answer) == raw.PERMISSION_DENIED
    assert client.write(handle, 0, b"C") == (raw.OK if writes else raw.PERMISSION_DENIED)
    assert client.expect(client.ask(raw.FSTAT, text(handle), u32(1)), raw.ATTRS).u32() == 1
    assert client.close(handle) == raw.OK
    assert (root / "f").read_bytes() == (b"Content" if writes else b"content")


@pytest.mark.parametrize("version", [4, 5, 6])
def test_text_mode_has_no_offsets(desk: Desks, root: Path, version: int) -> None:
    """Draft 04, 6.3; draft 13, 8.1.1.3 and 8.2: whatever offset comes, reading goes on and writing goes behind the end."""
    client = desk(version=version).client

    def opened(name: str, *, new: bool) -> bytes:
        if version == 4:
            return client.open(name, raw.READ_FLAG | raw.WRITE_FLAG | 0x40 | (raw.CREAT | raw.TRUNC if new else 0))
        return client.open(name, (1 if new else 2) | 0x20, access=0x3)

    handle = opened("f", new=True)
    for offset, line in ((0, b"one\n"), (0, b"two\n"), (1000, b"three\n")):
        assert client.write(handle, offset, line) == raw.OK
    assert [client.read(handle, offset, 4) for offset in (0, 500, 0)] == [b"one\n", b"two\n", b"thre"]
    digest = client.extended("check-file-handle", text(handle), text("crc32"), u64(4), u64(4), u32(0))
    assert client.expect(digest, raw.EXTENDED_REPLY).data[-4:] == zlib.crc32(b"two\n").to_bytes(4, "big")
    assert client.close(handle) == raw.OK
    handle = opened("f", new=False)
    assert client.write(handle, 0, b"four\n") == raw.OK
    assert client.read(handle, 7, 100) == b"one\ntwo\nthree\nfour\n"
    assert client.status(client.ask(raw.READ, text(handle), u64(0), u32(1))) == raw.EOF
    assert (root / "f").read_bytes() == b"one\ntwo\nthree\nfour\n"


def test_version_3_has_no_text_mode(desk: Desks, root: Path) -> None:
    client = desk(version=3).client
    handle = client.open("f", raw.WRITE_FLAG | raw.CREAT | 0x40)
    assert client.write(handle, 0, b"one") == client.write(handle, 0, b"two") == raw.OK
    assert (root / "f").read_bytes() == b"two"


@pytest.mark.parametrize("version", [3, 6])
def test_append_ignores_the_offset(desk: Desks, root: Path, version: int) -> None:
    (root / "log").write_bytes(b"one ")
    client = desk(version=version).client
    handle = (client.open("log", 3 | 0x8, access=0x6) if version == 6
              else client.open("log", raw.WRITE_FLAG | raw.APPEND_FLAG | raw.CREAT))
    assert client.write(handle, 0, b"two") == raw.OK
    client.close(handle)
    assert (root / "log").read_bytes() == b"one two"


def test_attributes_of_an_open_are_for_new_files_only(desk: Desks, root: Path) -> None:
    client = desk(version=3).client
    client.close(client.create("new", attrs=set_3(0o700, 5)))
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o700 and (root / "new").stat().st_size == 0
    client.close(client.create("plain", attrs=set_3(0)))
    assert stat.S_IMODE((root / "plain").stat().st_mode) == 0o644
    client.close(client.create("new", attrs=set_3(0o777)))
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o700
    handle = client.open("new", raw.READ_FLAG, attrs=set_3(0o777, 0, (1, 1)))
    client.close(handle)
    info = (root / "new").stat()
    assert stat.S_IMODE(info.st_mode) == 0o700 and info.st_mtime > 1
