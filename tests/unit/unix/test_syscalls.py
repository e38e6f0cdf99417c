"""The system calls by ctypes, against the kernel that is here."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pyproftpd.unix import syscalls


def test_a_rename_that_may_not_replace_does_not(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "new").write_text("new")
    with pytest.raises(FileExistsError):
        syscalls.renameat2(syscalls.AT_FDCWD, str(tmp_path / "old"), syscalls.AT_FDCWD, str(tmp_path / "new"),
                           syscalls.RENAME_NOREPLACE)
    syscalls.renameat2(syscalls.AT_FDCWD, str(tmp_path / "old"), syscalls.AT_FDCWD, str(tmp_path / "other"),
                       syscalls.RENAME_NOREPLACE)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"new": "new", "other": "old"}


def test_openat2_stays_beneath(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").write_text("here")
    (tmp_path / "secret").write_text("no")
    (inside / "way out").symlink_to("../secret")
    directory = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fd = syscalls.openat2(directory, "file", os.O_RDONLY)
        assert os.read(fd, 9) == b"here"
        assert not os.get_inheritable(fd)
        os.close(fd)
        for path in ("../secret", "way out", "/etc/passwd"):
            with pytest.raises(OSError) as refused:
                syscalls.openat2(directory, path, os.O_RDONLY)
            assert refused.value.errno == errno.EXDEV
        with pytest.raises(ValueError):
            syscalls.openat2(directory, "file\0name", os.O_RDONLY)
        with pytest.raises(OSError) as refused:
            syscalls.openat2(directory, "way out", os.O_RDONLY, 0, syscalls.RESOLVE_NO_SYMLINKS)
        assert refused.value.errno == errno.ELOOP
    finally:
        os.close(directory)
