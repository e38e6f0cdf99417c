"""CreateHome makes what is missing, gives it to the user, and never follows a link on the way (security.md U15)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyproftpd.api.auth import Identity
from pyproftpd.errors import Refused
from pyproftpd.session import home
from pyproftpd.session.conf import HomeCreation
from pyproftpd.session.rules import LoginRefused
from tests.unit.vfs.windows import as_user

pytestmark = pytest.mark.root

UID, GID = 54001, 54002
USER = Identity("eve", UID, GID, ("eve",), (GID,), "/home/eve", "/bin/sh")


@dataclass
class Lines:
    """The log of the session, as a list."""

    said: list[str] = field(default_factory=list)

    def debug(self, level: int, text: str) -> None:
        self.said.append(text)


class Ids:
    """Root already; borrowing really changes the effective ids of this process."""

    @contextmanager
    def root(self) -> Iterator[None]:
        yield

    @contextmanager
    def borrowed(self, uid: int, gid: int, gids: tuple[int, ...] = ()) -> Iterator[None]:
        with as_user(uid, gid):
            yield


@dataclass
class Client:
    privs: Ids = field(default_factory=Ids)
    log: Lines = field(default_factory=Lines)


def create(path: Path, rules: HomeCreation) -> None:
    home.create(Client(), rules, USER, str(path))  # type: ignore[arg-type]


def shape(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for part in (tmp_path, *tmp_path.parents):
        if part.stat().st_uid == 0 and part != Path("/tmp"):
            part.chmod(part.stat().st_mode | 0o055)
    return tmp_path


def test_the_home_is_the_users_and_its_parents_are_roots(base: Path) -> None:
    create(base / "a" / "b" / "eve", HomeCreation())
    assert shape(base / "a") == shape(base / "a" / "b") == (0o711, 0, 0)
    assert shape(base / "a" / "b" / "eve") == (0o700, UID, GID)


def test_modes_and_owners_of_the_directive(base: Path) -> None:
    create(base / "a" / "eve", HomeCreation(mode=0o2750, dirmode=0o755, uid="~", gid=54009, homegid=54008))
    assert shape(base / "a") == (0o755, UID, 54009)
    assert shape(base / "a" / "eve") == (0o2750, UID, 54008)


def test_an_existing_home_is_left_alone(base: Path) -> None:
    (base / "eve").mkdir(mode=0o755)
    create(base / "eve", HomeCreation(mode=0o700))
    assert shape(base / "eve") == (0o755, 0, 0)


def test_the_skeleton_is_copied_with_its_modes_and_given_to_the_user(base: Path) -> None:
    skel = base / "skel"
    (skel / "inner").mkdir(parents=True)
    (skel / "inner").chmod(0o750)
    (skel / "inner" / "file").write_bytes(b"x" * 300000)
    (skel / "inner" / "file").chmod(0o4755)
    (skel / "link").symlink_to("/etc/shadow")
    os.mkfifo(skel / "pipe")
    create(base / "eve", HomeCreation(skel=str(skel)))
    made = base / "eve"
    assert shape(made / "inner") == (0o750, UID, GID)
    assert (made / "inner" / "file").read_bytes() == b"x" * 300000
    assert shape(made / "inner" / "file") == (0o755, UID, GID)
    assert os.readlink(made / "link") == "/etc/shadow" and (made / "link").lstat().st_uid == UID
    assert not (made / "pipe").exists()
    assert os.stat("/etc/shadow").st_uid == 0


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_place_of_a_parent_ends_the_login(base: Path, dangling: bool) -> None:
    outside = base / "outside"
    if not dangling:
        outside.mkdir()
    (base / "homes").symlink_to(outside)
    with pytest.raises(Refused):
        create(base / "homes" / "eve", HomeCreation())
    assert not (outside / "eve").exists()


def test_a_dangling_link_in_place_of_the_home_ends_the_login(base: Path) -> None:
    (base / "eve").symlink_to(base / "target")
    with pytest.raises(Refused):
        create(base / "eve", HomeCreation())
    assert not (base / "target").exists()


def test_logins_that_come_together_find_one_whole_home(base: Path) -> None:
    """Clients open several connections at once; no half of it is to be seen, of the directories above neither."""
    skel = base / "skel"
    for number in range(10):
        (skel / f"inner{number}").mkdir(parents=True)
        (skel / f"inner{number}" / "file").write_text("from the skeleton")
    for attempt in range(8):
        above = base / f"homes{attempt}"
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    create(above / "below" / "eve", HomeCreation(skel=str(skel)))
                    whole = len(list((above / "below" / "eve").rglob("file"))) == 10
                    shapes = [shape(above), shape(above / "below"), shape(above / "below" / "eve")]
                    status = 0 if whole and shapes == [(0o711, 0, 0)] * 2 + [(0o700, UID, GID)] else 2
                finally:
                    os._exit(status)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        assert os.listdir(above) == ["below"] and os.listdir(above / "below") == ["eve"]


def test_a_home_that_cannot_be_finished_leaves_nothing_in_the_way(base: Path) -> None:
    deep, skel = base / "deep", base / "skel"
    (deep / "file").parent.mkdir()
    (deep / "file").write_text("x")
    (deep / "/".join(["d"] * (home.MAX_DEPTH + 1))).mkdir(parents=True)
    (base / "homes").mkdir()
    with pytest.raises(Refused):
        create(base / "homes" / "eve", HomeCreation(skel=str(deep)))
    assert os.listdir(base / "homes") == []
    skel.mkdir()
    create(base / "homes" / "eve", HomeCreation(skel=str(skel)))
    assert shape(base / "homes" / "eve") == (0o700, UID, GID)


def test_without_root_the_user_makes_the_home_where_he_may(base: Path) -> None:
    (base / "open").mkdir()
    os.chown(base / "open", UID, GID)
    create(base / "open" / "eve", HomeCreation(no_root_privs=True))
    assert shape(base / "open" / "eve") == (0o700, UID, GID)
    (base / "closed").mkdir(mode=0o755)
    for path in (base / "closed" / "eve", base / "closed" / "above" / "eve"):
        with pytest.raises(LoginRefused) as refused:
            create(path, HomeCreation(no_root_privs=True))
        assert "Permission denied" in refused.value.told
