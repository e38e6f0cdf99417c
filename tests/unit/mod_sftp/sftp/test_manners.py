"""Smaller statements about requests, each with its number in the list of behaviours."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from mod_sftp.sftp.status import code_for, describe
from mod_sftp.sftp.terms import Terms
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32, u64
from tests.unit.mod_sftp.desk import EVERYTHING, Desk, Desks

VERSIONS = range(1, 7)


@pytest.mark.parametrize(("number", "codes"), [
    (errno.ENOENT, [2, 2, 2, 2, 2, 2]), (errno.EBADF, [2, 2, 2, 2, 2, 2]), (errno.ENXIO, [2, 2, 2, 2, 2, 2]),
    (errno.EACCES, [3, 3, 3, 3, 3, 3]), (errno.EPERM, [3, 3, 3, 3, 3, 3]),
    (errno.EEXIST, [4, 4, 4, 11, 11, 11]), (errno.EROFS, [4, 4, 4, 12, 12, 12]),
    (errno.ENOSPC, [4, 4, 4, 4, 14, 14]), (errno.EFBIG, [4, 4, 4, 4, 14, 14]), (errno.EDQUOT, [4, 4, 4, 4, 15, 15]),
    (errno.ENOTEMPTY, [4, 4, 4, 4, 4, 18]), (errno.ENOTDIR, [4, 4, 4, 4, 4, 19]), (errno.ELOOP, [4, 4, 4, 4, 4, 21]),
    (errno.EISDIR, [4, 4, 4, 4, 4, 24]), (errno.EINVAL, [8, 8, 8, 8, 8, 23]), (errno.ENOSYS, [8, 8, 8, 8, 8, 8]),
    (errno.EIO, [4, 4, 4, 4, 4, 4])])
def test_127_errors_of_the_kernel_by_version(number: int, codes: list[int]) -> None:
    status, _ = describe(OSError(number, os.strerror(number)))
    assert [code_for(status, version) for version in VERSIONS] == codes


@pytest.mark.parametrize("version", VERSIONS)
def test_128_a_wrong_handle_has_a_code_that_the_version_knows(desk: Desks, version: int) -> None:
    client = desk(version=version).client
    for kind, rest in ((raw.CLOSE, b""), (raw.READ, u64(0) + u32(1)), (raw.READDIR, b""), (raw.FSTAT, u32(0))):
        assert client.status(client.ask(kind, text("0123456789abcdef"), rest)) == (4 if version < 4 else 9)


def test_130_long_names_look_like_ls(desk: Desks, root: Path) -> None:
    """Widths of links, owners and size; the year in place of the time for what is older than 180 days."""
    for name, size, age in (("new", 5, 0), ("old", 12345678, 200 * 86400)):
        with (root / name).open("wb") as file:
            file.truncate(size)
        (root / name).chmod(0o640)
        os.utime(root / name, (0, time.time() - age))
    lines = {entry.name.decode(): entry.long_name.decode() for entry in desk(version=3).client.listing("")}
    for name, width in (("new", "       5"), ("old", "12345678")):
        line = lines[name]
        when = time.localtime((root / name).stat().st_mtime)
        stamp = time.strftime("%H:%M", when) if name == "new" else f" {when.tm_year}"
        month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][when.tm_mon - 1]
        assert line.startswith("-rw-r-----    1 ") and line.endswith(f"{width} {month} {when.tm_mday:2} {stamp} {name}"), line
        owner, group = line[16:].split()[:2]
        assert line[16:].startswith(f"{owner:8} {group:8} ")


@pytest.mark.parametrize("version", [4, 5, 6])
def test_135_times_that_nobody_asked_for(root: Path, version: int) -> None:
    (root / "f").touch()
    plain = Desk(root, version=version).client.stat("f", mask=1)
    assert set(plain.values) == {"size"}
    included = Desk(root, version=version, terms=Terms(options=frozenset({"IncludeSFTPTimes"}))).client.stat("f", mask=1)
    assert {"atime", "mtime"} < set(included.values)


@pytest.mark.parametrize("version", VERSIONS)
def test_136_the_empty_path_is_where_the_login_began(desk: Desks, root: Path, version: int) -> None:
    client = desk(version=version).client
    assert client.names(client.ask(raw.REALPATH, text("")))[0].name == os.fsencode(root)


@pytest.mark.parametrize("version", [3, 6])
def test_138_fifos_do_not_hang_and_may_be_refused(root: Path, version: int) -> None:
    os.mkfifo(root / "fifo")
    ends = os.open(root / "fifo", os.O_RDWR | os.O_NONBLOCK)
    try:
        client = Desk(root, version=version).client
        handle = client.open_existing("fifo")
        os.write(ends, b"through")
        assert client.read(handle, 0, 100) == b"through"
        refusing = Desk(root, version=version, terms=Terms(options=frozenset({"IgnoreFIFOs"}), extensions=EVERYTHING)).client
        with pytest.raises(raw.SftpStatus) as caught:
            refusing.open_existing("fifo")
        assert caught.value.code == raw.PERMISSION_DENIED
    finally:
        os.close(ends)


@pytest.mark.parametrize("version", VERSIONS)
def test_146_a_write_of_nothing_is_a_write(desk: Desks, root: Path, version: int) -> None:
    client = desk(version=version).client
    handle = client.create("f")
    assert client.write(handle, 0, b"") == client.write(handle, 1000, b"") == raw.OK
    assert client.close(handle) == raw.OK and (root / "f").read_bytes() == b""


def test_155_remove_is_for_files_and_rmdir_for_directories(desk: Desks, root: Path) -> None:
    (root / "d").mkdir()
    (root / "f").touch()
    (root / "link").symlink_to("d")
    client = desk(version=6).client
    assert client.status(client.ask(raw.REMOVE, text("d"))) in (22, 24) and (root / "d").is_dir()
    assert client.status(client.ask(raw.RMDIR, text("f"))) == 19 and (root / "f").exists()
    assert client.status(client.ask(raw.REMOVE, text("link"))) == raw.OK
    assert not (root / "link").is_symlink() and (root / "d").is_dir()


def test_167_fsetstat_of_size_0_empties_a_file(desk: Desks, root: Path) -> None:
    (root / "f").write_text("content")
    client = desk(version=3).client
    handle = client.open_existing("f", write=True)
    assert client.status(client.ask(raw.FSETSTAT, text(handle), u32(1) + u64(0))) == raw.OK
    assert (root / "f").read_bytes() == b""
