"""Directories, removal, renaming, links, copies, attributes, locks: what is on disk afterwards."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyproftpd.api.transfer import Direction
from pyproftpd.errors import Refused
from pyproftpd.vfs import replace
from tests.unit.vfs.windows import Window, as_user, request

Make = Callable[..., Window]

OPEN = "AllowOverwrite on\nAllowStoreRestart on\n"


def set_attributes(here: Window, subject: object, **change: object) -> None:
    here.view.set_attributes(request("SETSTAT", "WRITE"), subject, **change)  # type: ignore[arg-type]


# -- directories and removal --------------------------------------------------------------------------------------------

def test_making_a_directory_that_is_there_is_success(window: Make) -> None:
    here = window()
    for _ in range(2):
        here.view.mkdir(request("MKD", "WRITE"), "d", 0o750)
    assert stat.S_IMODE((here.root / "d").stat().st_mode) == 0o750


def test_making_a_directory_over_a_file_is_not(window: Make) -> None:
    here = window()
    here.keep("f")
    with pytest.raises(FileExistsError):
        here.view.mkdir(request("MKD", "WRITE"), "f")


def test_the_umask_takes_from_a_mode_that_a_client_names_for_a_directory(window: Make) -> None:
    """As with the real server, 1.3.8."""
    here = window("Umask 022 077\n")
    here.view.mkdir(request("MKD", "WRITE"), "d", 0o777)
    assert stat.S_IMODE((here.root / "d").stat().st_mode) == 0o700


@pytest.mark.root
def test_u15_the_target_of_a_link_in_place_of_a_new_directory_is_not_given_away(window: Make) -> None:
    here = window("<Directory {root}>\nUserOwner bob\n</Directory>\n")
    (here.root.parent / "victim").mkdir()
    (here.root / "d").symlink_to(here.root.parent / "victim")
    with pytest.raises(FileExistsError):
        here.view.mkdir(request("MKD", "WRITE"), "d")
    assert (here.root.parent / "victim").stat().st_uid == 0


def test_removing_directories(window: Make) -> None:
    here = window()
    here.keep("full/f")
    (here.root / "empty").mkdir()
    (here.root / "link").symlink_to("empty")
    here.view.rmdir(request("RMD", "WRITE"), "empty")
    with pytest.raises(OSError) as caught:
        here.view.rmdir(request("RMD", "WRITE"), "full")
    assert caught.value.errno == errno.ENOTEMPTY
    with pytest.raises(NotADirectoryError):
        here.view.rmdir(request("RMD", "WRITE"), "link")
    with pytest.raises(FileNotFoundError):
        here.view.rmdir(request("RMD", "WRITE"), "none")


def test_removing_takes_the_name_and_tells_the_transfer_log(window: Make) -> None:
    here = window()
    here.keep("f", b"12345")
    (here.root / "l").symlink_to("f")
    here.view.remove(request("DELE", "WRITE"), "l")
    assert os.listdir(here.root) == ["f"]
    here.view.remove(request("DELE", "WRITE"), "f")
    assert os.listdir(here.root) == []
    assert [record.direction for record in here.records] == [Direction.DELETE] * 2
    assert here.records[1].path == f"{here.root}/f" and here.records[1].bytes == 5


def test_a_directory_is_not_removed_like_a_file(window: Make) -> None:
    here = window()
    (here.root / "d").mkdir()
    with pytest.raises(IsADirectoryError):
        here.view.remove(request("DELE", "WRITE"), "d")
    assert here.records == []


# -- renaming -----------------------------------------------------------------------------------------------------------

def test_renaming(window: Make) -> None:
    here = window()
    here.keep("a", b"x")
    (here.root / "d").mkdir()
    here.rename("a", "d/b")
    assert (here.root / "d" / "b").read_bytes() == b"x" and not (here.root / "a").exists()
    here.rename("d", "e")
    assert (here.root / "e" / "b").exists()


def test_renaming_replaces_only_by_wish_and_by_leave(window: Make) -> None:
    here = window(OPEN + "<Directory {root}/no>\nAllowOverwrite off\n</Directory>\n")
    for name in ("a", "b", "no/b"):
        here.keep(name, name.encode())
    with pytest.raises(FileExistsError):
        here.rename("a", "b")
    with pytest.raises(Refused) as caught:
        here.rename("a", "no/b", overwrite=True)
    assert "AllowOverwrite" in caught.value.rule
    assert (here.root / "no" / "b").read_bytes() == b"no/b" and (here.root / "b").read_bytes() == b"b"
    here.rename("a", "b", overwrite=True)
    assert (here.root / "b").read_bytes() == b"a"


def test_a_name_is_not_renamed_to_itself(window: Make) -> None:
    here = window(OPEN)
    here.keep("a", b"x")
    (here.root / "way").symlink_to(".")
    for target in ("a", "./a", "way/a"):
        with pytest.raises(FileExistsError):
            here.rename("a", target, overwrite=True)
    assert (here.root / "a").read_bytes() == b"x"


def test_a10_12_a_target_that_appears_at_the_last_moment_is_not_replaced(window: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses, not a test before the call."""
    here = window(OPEN)
    here.keep("a", b"mine")
    real = replace.move

    def move(*args: object, **wanted: object) -> None:
        here.keep("b", b"theirs")
        real(*args, **wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(replace, "move", move)
    with pytest.raises(FileExistsError):
        here.rename("a", "b")
    assert (here.root / "b").read_bytes() == b"theirs" and (here.root / "a").read_bytes() == b"mine"


@pytest.fixture
def other_disk(root: Path) -> Iterator[Path]:
    """A directory on another file system than ``root``."""
    for place in ("/dev/shm", "/run", "/var/tmp"):
        if os.path.isdir(place) and os.stat(place).st_dev != root.stat().st_dev and os.access(place, os.W_OK):
            with tempfile.TemporaryDirectory(prefix="pyproftpd-", dir=place) as directory:
                yield Path(directory)
            return
    pytest.skip("all directories lie on one disk")


def test_promise_3_across_disks_a_copy_appears_whole(window: Make, other_disk: Path) -> None:
    here = window(OPEN)
    here.keep("f", b"x" * 300000).chmod(0o640)
    os.utime(here.root / "f", ns=(10**18, 10**18 + 5))
    here.rename("f", f"{other_disk}/g")
    info = (other_disk / "g").stat()
    assert (info.st_size, stat.S_IMODE(info.st_mode), info.st_mtime_ns) == (300000, 0o640, 10**18 + 5)
    assert os.listdir(here.root) == [] and os.listdir(other_disk) == ["g"]


def test_f7_across_disks_links_are_moved_as_links(window: Make, other_disk: Path) -> None:
    here = window(OPEN)
    secret = here.keep("secret", b"secret")
    (here.root / "l").symlink_to(secret)
    (other_disk / "g").symlink_to(secret)
    here.rename("l", f"{other_disk}/h")
    assert os.readlink(other_disk / "h") == str(secret)
    here.keep("f", b"new")
    here.rename("f", f"{other_disk}/g", overwrite=True)
    assert not (other_disk / "g").is_symlink() and (other_disk / "g").read_bytes() == b"new"
    assert secret.read_bytes() == b"secret"


def test_across_disks_directories_stay(window: Make, other_disk: Path) -> None:
    here = window(OPEN)
    (here.root / "d").mkdir()
    with pytest.raises(Refused) as caught:
        here.rename("d", f"{other_disk}/d")
    assert caught.value.errno == errno.EXDEV and (here.root / "d").is_dir() and os.listdir(other_disk) == []


@pytest.mark.root
def test_promise_3_a_copy_that_fails_leaves_the_source_and_nothing_else(window: Make, root: Path) -> None:
    small = root.parent / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], check=True)
    try:
        here = window(OPEN)
        here.keep("f", b"x" * 200000)
        with pytest.raises(OSError) as caught:
            here.rename("f", f"{small}/f")
        assert caught.value.errno == errno.ENOSPC
        assert (here.root / "f").stat().st_size == 200000 and os.listdir(small) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


# -- links --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", ["f", "../x", "./d/../f", "/absolute/missing", "dangling"])
def test_the_text_of_a_link_stays_as_it_was_sent(window: Make, text: str) -> None:
    here = window()
    here.view.symlink(request("SYMLINK"), text, "l")
    assert os.readlink(here.root / "l") == text
    assert here.view.readlink(request("READLINK", "READ"), "l") == text


def test_reading_what_is_no_link(window: Make) -> None:
    here = window()
    here.keep("f")
    with pytest.raises(OSError) as caught:
        here.view.readlink(request("READLINK", "READ"), "f")
    assert caught.value.errno == errno.EINVAL


def test_hard_links(window: Make) -> None:
    here = window(OPEN)
    here.keep("f", b"x")
    here.view.link(request("LINK"), "g", "f")
    assert os.path.samefile(here.root / "f", here.root / "g")
    with pytest.raises(FileExistsError):
        here.view.link(request("LINK"), "g", "f")
    (here.root / "l").symlink_to("f")
    here.view.link(request("LINK"), "m", "l")
    assert (here.root / "m").is_symlink(), "the link itself gets a second name, not what it points to"


# -- copies -------------------------------------------------------------------------------------------------------------

def test_copying(window: Make) -> None:
    here = window(OPEN + "Umask 027\n")
    data = os.urandom(1 << 20)
    here.keep("f", data)
    here.copy("f", "g")
    assert (here.root / "g").read_bytes() == data and stat.S_IMODE((here.root / "g").stat().st_mode) == 0o640
    assert here.records[0].bytes == 1 << 20 and here.records[0].complete
    with pytest.raises(FileExistsError):
        here.copy("f", "g")
    here.keep("f", b"less")
    here.copy("f", "g", overwrite=True)
    assert (here.root / "g").read_bytes() == b"less"


def test_a_copy_keeps_to_the_rules_of_uploads(window: Make) -> None:
    here = window("MaxStoreFileSize 10 B\nHiddenStores on\n")
    here.keep("f", b"x" * 11)
    with pytest.raises(OSError) as caught:
        here.copy("f", "g")
    assert caught.value.errno == errno.EFBIG and os.listdir(here.root) == ["f"]
    here.keep("f", b"x" * 10)
    here.copy("f", "g")
    assert (here.root / "g").read_bytes() == b"x" * 10


def test_a_file_is_not_copied_onto_itself(window: Make) -> None:
    here = window(OPEN)
    here.keep("f", b"x")
    os.link(here.root / "f", here.root / "g")
    (here.root / "l").symlink_to("f")
    for target in ("f", "g", "l"):
        with pytest.raises(Refused):
            here.copy("f", target, overwrite=True)
    assert (here.root / "f").read_bytes() == b"x"


# -- attributes ---------------------------------------------------------------------------------------------------------

def test_mode_size_and_times(window: Make) -> None:
    here = window(OPEN)
    here.keep("f", b"0123456789")
    set_attributes(here, "f", mode=0o600, size=4, atime_ns=10**18 + 1, mtime_ns=10**18 + 2)
    info = (here.root / "f").stat()
    assert (stat.S_IMODE(info.st_mode), info.st_size) == (0o600, 4)
    assert (info.st_atime_ns, info.st_mtime_ns) == (10**18 + 1, 10**18 + 2)


def test_one_time_leaves_the_other(window: Make) -> None:
    here = window()
    os.utime(here.keep("f"), ns=(10**18, 10**18))
    set_attributes(here, "f", mtime_ns=5)
    info = (here.root / "f").stat()
    assert (info.st_atime_ns, info.st_mtime_ns) == (10**18, 5)


def test_attributes_of_an_open_upload(window: Make) -> None:
    here = window(OPEN + "MaxStoreFileSize 100 B\n")
    here.keep("f", b"0123456789")
    upload = here.open("f", truncate=False)
    set_attributes(here, upload, size=0, mode=0o600)
    assert (here.root / "f").stat().st_size == 0
    with pytest.raises(Refused):
        set_attributes(here, upload, size=101)
    upload.abort()


def test_a_download_is_not_cut(window: Make) -> None:
    here = window(OPEN)
    here.keep("f", b"x")
    download = here.view.open_download(request("RETR", "READ"), "f")
    with pytest.raises(OSError) as caught:
        set_attributes(here, download, size=0)
    assert caught.value.errno == errno.EACCES
    download.finish()


def test_links_keep_their_own_times_and_have_no_mode(window: Make) -> None:
    here = window()
    here.keep("f")
    before = (here.root / "f").stat().st_mtime_ns
    (here.root / "l").symlink_to("f")
    set_attributes(here, "l", mtime_ns=7, follow=False)
    assert (here.root / "l").lstat().st_mtime_ns == 7 and (here.root / "f").stat().st_mtime_ns == before
    with pytest.raises(OSError) as caught:
        set_attributes(here, "l", mode=0o600, follow=False)
    assert caught.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize(("limit", "change"), [("SITE_CHMOD", {"mode": 0o600}), ("SITE_CHGRP", {"gid": 0})])
def test_nothing_changes_when_one_part_is_refused(window: Make, limit: str, change: dict[str, int]) -> None:
    here = window(OPEN + f"<Directory {{root}}>\n<Limit {limit}>\nDenyAll\n</Limit>\n</Directory>\n")
    here.keep("f", b"x")
    with pytest.raises(Refused):
        set_attributes(here, "f", mtime_ns=5, size=0, **change)
    assert (here.root / "f").read_bytes() == b"x" and (here.root / "f").stat().st_mtime_ns != 5


@pytest.mark.root
def test_the_kernel_decides_about_owners(window: Make) -> None:
    here = window()
    here.root.chmod(0o777)
    os.chown(here.keep("f"), 4001, 65534)
    with as_user(4001), pytest.raises(PermissionError):
        set_attributes(here, "f", uid=4002)
    assert (here.root / "f").stat().st_uid == 4001


def test_extended_attributes(window: Make) -> None:
    here = window(OPEN)
    here.keep("f")
    try:
        os.setxattr(here.root / "f", "user.probe", b"")
        os.removexattr(here.root / "f", "user.probe")
    except OSError:
        pytest.skip("this disk has no extended attributes")
    set_xattr = request("SETSTAT", "WRITE")
    here.view.set_xattr(set_xattr, "f", "user.a", b"\0value")
    assert here.view.list_xattrs(request("STAT", "READ"), "f") == ["user.a"]
    assert here.view.get_xattr(request("STAT", "READ"), "f", "user.a") == b"\0value"
    with pytest.raises(FileExistsError):
        here.view.set_xattr(set_xattr, "f", "user.a", b"", create=True)
    here.view.remove_xattr(set_xattr, "f", "user.a")
    with pytest.raises(OSError) as caught:
        here.view.get_xattr(request("STAT", "READ"), "f", "user.a")
    assert caught.value.errno == errno.ENODATA


@pytest.mark.parametrize(("name", "value"), [("x" * 300, b""), ("a\0b", b""), ("", b""), ("big", b"x" * 70000)])
def test_f2_extended_attributes_are_bounded(window: Make, name: str, value: bytes) -> None:
    here = window(OPEN)
    here.keep("f")
    with pytest.raises(OSError) as caught:
        here.view.set_xattr(request("SETSTAT", "WRITE"), "f", name, value)
    assert caught.value.errno in (errno.EINVAL, errno.E2BIG)


def test_attributes_of_the_system_are_out_of_reach(window: Make) -> None:
    here = window(OPEN)
    here.keep("f")
    with pytest.raises(OSError):
        here.view.get_xattr(request("STAT", "READ"), "f", "security.selinux")
    with pytest.raises(OSError):
        here.view.set_xattr(request("SETSTAT", "WRITE"), "f", "trusted.x", b"v")
        os.getxattr(here.root / "f", "trusted.x")


# -- locks --------------------------------------------------------------------------------------------------------------

def test_byte_ranges_are_locked_between_handles(window: Make) -> None:
    here = window(OPEN)
    one, two = here.open("f"), here.open("f", truncate=False)
    cmd = request("LOCK", "WRITE")
    here.view.lock(cmd, one, 0, 100, exclusive=True)
    here.view.lock(cmd, two, 100, 100, exclusive=True)
    with pytest.raises(BlockingIOError):
        here.view.lock(cmd, two, 50, 10, exclusive=True)
    here.view.unlock(cmd, one, 0, 100)
    here.view.lock(cmd, two, 50, 10, exclusive=True)


def test_closing_one_handle_keeps_the_locks_of_another(window: Make) -> None:
    here = window(OPEN)
    one, two, three = here.open("f"), here.open("f", truncate=False), here.open("f", truncate=False)
    cmd = request("LOCK", "WRITE")
    here.view.lock(cmd, one, 0, 0, exclusive=True)
    two.finish()
    with pytest.raises(BlockingIOError):
        here.view.lock(cmd, three, 0, 10, exclusive=True)


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (2**62, 2**62), (2**63 - 1, 1)])
def test_ranges_beyond_what_files_have_are_refused(window: Make, offset: int, length: int) -> None:
    here = window(OPEN)
    with pytest.raises(OSError) as caught:
        here.view.lock(request("LOCK", "WRITE"), here.open("f"), offset, length, exclusive=True)
    assert caught.value.errno == errno.EINVAL
