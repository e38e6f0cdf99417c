"""Directories that become somebody's, and what a jail protects: security.md U15."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyproftpd.errors import Refused
from pyproftpd.session.conf import HomeCreation
from tests.clients import openssh
from tests.servers import Server, Site, scratch
from tests.unit.session.test_home import create

pytestmark = pytest.mark.root
Start = Callable[..., Server]

#: homes made under attack; the exchange below wins a race in most runs of some hundred without our care
TRIES = 300


@contextlib.contextmanager
def attacker(home: Path, outside: Path) -> Iterator[None]:
    """A process that exchanges the home for a link to ``outside`` as soon as it appears, again and again."""
    child = os.fork()
    if child == 0:
        while True:
            with contextlib.suppress(OSError):
                os.rename(home, f"{home}.taken")
                os.symlink(outside, home)
            with contextlib.suppress(OSError):
                os.rename(home, f"{home}.link")
    try:
        yield
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_u15_a_home_that_is_exchanged_while_it_is_made_gives_nothing_away(tmp_path: Path) -> None:
    """The attacker's loop owns the parent; whatever it puts in place, the target of its link keeps owner, mode, content."""
    skel, outside = tmp_path / "skel", tmp_path / "outside"
    (skel / "inner").mkdir(parents=True)
    (skel / "inner" / "file").write_text("from the skeleton")
    outside.mkdir(mode=0o711)
    (outside / "inner").mkdir(mode=0o711)
    before = [(path, path.stat().st_uid, path.stat().st_mode) for path in (outside, outside / "inner")]
    made = 0
    with attacker(tmp_path / "eve", outside):
        for _ in range(TRIES):
            with contextlib.suppress(Refused, OSError):
                create(tmp_path / "eve", HomeCreation(mode=0o777, skel=str(skel)))
                made += 1
    assert made, "the loop never met a home being made"
    assert [(path, path.stat().st_uid, path.stat().st_mode) for path in (outside, outside / "inner")] == before
    assert os.listdir(outside / "inner") == []


#: what a client inside a jail tries; each line must leave /etc and /lib as they are
CHANGES = ("put {up} /etc/new", "put {up} /etc/kept", "put {up} lib/new", "put {up} /link/new", "mkdir /etc/sub", "rm /etc/kept",
           "chmod 777 /etc/kept", "chmod 777 /etc", "rename /etc/kept /mine", "rename /mine /etc/mine", "rename /etc /other",
           "rmdir /lib", "symlink /mine /etc/ours", "ln /etc/kept /second", "ln /mine /etc/second")


@pytest.fixture(scope="module")
def furnished(keys: Path) -> Iterator[Site]:
    """One site and one server for all the tries: whatever may not be done leaves nothing behind."""
    with scratch() as root:
        site = Site(root, keys)
        furnish(site)
        yield site


def furnish(site: Site) -> None:
    home, owner = site.accounts["demo"].home, site.accounts["demo"]
    for name in ("etc", "lib", "etcetera"):
        (home / name).mkdir()
    (home / "etc" / "kept").write_text("kept")
    (home / "mine").write_text("mine")
    (home / "link").symlink_to("etc")
    (site.root / "up").write_text("up")
    for path in home.rglob("*"):
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def state(home: Path) -> list[tuple[str, int, bytes]]:
    return sorted((str(path), path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
                  for name in ("etc", "lib") for path in (home / name, *(home / name).rglob("*")))


@pytest.mark.parametrize("change", CHANGES)
def test_u15_etc_and_lib_of_a_jail_stay_as_they_are(furnished: Site, jailed: Server, change: str) -> None:
    before = state(furnished.accounts["demo"].home)
    done = openssh.sftp(jailed, change.format(up=furnished.root / "up") + "\n")
    assert done.returncode != 0 and state(furnished.accounts["demo"].home) == before


@pytest.fixture(scope="module")
def jailed(furnished: Site) -> Iterator[Server]:
    server = Server(furnished)
    yield server.start("AllowOverwrite on\n", prologue="DefaultRoot ~\n")
    server.stop()


def test_the_rest_of_a_jail_is_the_users(furnished: Site, jailed: Server) -> None:
    home = furnished.accounts["demo"].home
    done = openssh.sftp(jailed, f"get /etc/kept {furnished.root}/got\nput {furnished.root}/up /etcetera/new\nmkdir /lib64\n"
                                "ls /etc\n")
    assert done.returncode == 0 and (home / "etcetera" / "new").exists() and (furnished.root / "got").read_text() == "kept"


@pytest.mark.parametrize("extra", ["DefaultRoot ~\nRLimitChroot off\n", ""])
def test_where_it_is_not_asked_for_they_are_plain_directories(site: Site, start: Start, extra: str) -> None:
    furnish(site)
    server = start("AllowOverwrite on\n", prologue=extra)
    assert openssh.sftp(server, f"put {site.root}/up etc/new\nrm etc/kept\n").returncode == 0
