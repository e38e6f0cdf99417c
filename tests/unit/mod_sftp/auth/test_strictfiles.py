"""Which files are believed: security.md A10.22."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mod_sftp.auth.strictfiles import MAX_FILE, Unsafe, read_strictly
from pyproftpd.api.auth import Account
from pyproftpd.unix.privs import Privileges

OTHER = 54321
pytestmark = pytest.mark.root


@pytest.fixture
def privs() -> Privileges:
    privileges = Privileges()
    privileges.connected()
    return privileges


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of uid 54000, reachable by everybody."""
    for directory in (tmp_path, *tmp_path.parents):
        if directory == Path("/tmp"):
            break
        directory.chmod(0o755)
    path = tmp_path / "home"
    path.mkdir(mode=0o755)
    os.chown(path, USER.uid, USER.gid)
    return path


USER = Account(name="someone", uid=54000, gid=54000, home="/", shell="")


def write(path: Path, mode: int = 0o600, owner: int = USER.uid) -> Path:
    path.write_bytes(b"content\n")
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def test_a_private_file_of_the_user(home: Path, privs: Privileges) -> None:
    assert read_strictly(str(write(home / "keys")), USER, privs) == b"content\n"


def test_a_file_that_only_root_may_read_below_directories_of_root(home: Path, privs: Privileges) -> None:
    store = home.parent / "etc"
    store.mkdir(mode=0o700)
    assert read_strictly(str(write(store / "someone", owner=0)), USER, privs) == b"content\n"


def test_a_home_behind_a_link_of_root(home: Path, privs: Privileges) -> None:
    (home.parent / "link").symlink_to(home)
    write(home / "keys")
    assert read_strictly(str(home.parent / "link" / "keys"), USER, privs) == b"content\n"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_writable_by_others(home: Path, privs: Privileges, mode: int) -> None:
    with pytest.raises(Unsafe, match="writable by group or others"):
        read_strictly(str(write(home / "keys", mode)), USER, privs)


def test_a_parent_that_others_may_write(home: Path, privs: Privileges) -> None:
    write(home / "keys")
    home.chmod(0o777)
    with pytest.raises(Unsafe, match="home is writable by group or others"):
        read_strictly(str(home / "keys"), USER, privs)


def test_of_somebody_else(home: Path, privs: Privileges) -> None:
    with pytest.raises(Unsafe, match=f"belongs to uid {OTHER}"):
        read_strictly(str(write(home / "keys", 0o644, OTHER)), USER, privs)


def test_a_parent_of_somebody_else(home: Path, privs: Privileges) -> None:
    write(home / "keys", 0o644)
    os.chown(home, OTHER, OTHER)
    with pytest.raises(Unsafe, match=f"belongs to uid {OTHER}"):
        read_strictly(str(home / "keys"), USER, privs)


def link_to_shadow(path: Path) -> None:
    path.symlink_to("/etc/shadow")


def fifo(path: Path) -> None:
    os.mkfifo(path)
    os.chown(path, USER.uid, USER.gid)


def link_to_own(path: Path) -> None:
    path.symlink_to(write(path.with_name("elsewhere")))


@pytest.mark.parametrize(("make", "why"), [
    (link_to_shadow, "symbolic link"), (fifo, "not a regular file"), (link_to_own, "symbolic link"),
    (Path.mkdir, "not a regular file"),
])
def test_what_is_no_file(home: Path, privs: Privileges, make: Callable[[Path], None], why: str) -> None:
    make(home / "keys")
    with pytest.raises(Unsafe, match=why):
        read_strictly(str(home / "keys"), USER, privs)


def test_a_directory_link_does_not_lead_to_files_of_root(home: Path, privs: Privileges) -> None:
    """The name in the directive is the administrator's, the directory above it the user's."""
    secret = home.parent / "rootonly"
    secret.mkdir(mode=0o700)
    write(secret / "keys", owner=0)
    (home / "ssh").symlink_to(secret)
    with pytest.raises(PermissionError):
        read_strictly(str(home / "ssh" / "keys"), USER, privs)


def test_too_large(home: Path, privs: Privileges) -> None:
    path = write(home / "keys")
    os.truncate(path, MAX_FILE + 1)
    with pytest.raises(Unsafe, match="larger"):
        read_strictly(str(path), USER, privs)


def test_missing(home: Path, privs: Privileges) -> None:
    with pytest.raises(FileNotFoundError):
        read_strictly(str(home / "no" / "keys"), USER, privs)


def test_ids_are_put_back(home: Path, privs: Privileges) -> None:
    before = (os.getresuid(), os.getresgid(), os.getgroups())
    read_strictly(str(write(home / "keys")), USER, privs)
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before
