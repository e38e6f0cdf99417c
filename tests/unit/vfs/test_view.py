"""Paths as clients see them, inside and outside of a chroot."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from tests.unit.vfs.windows import Window, request

Make = Callable[..., Window]


def test_a_path_begins_where_the_session_is(window: Make) -> None:
    here = window()
    here.view.cwd, here.view.home = "/work/place", "/home/alice"
    assert here.view.absolute("") == "/work/place"
    assert here.view.absolute("x/../y") == "/work/place/y"
    assert here.view.absolute("~/x") == "/home/alice/x"


def test_a_command_learns_its_names(window: Make) -> None:
    here = window()
    here.keep("f")
    cmd = request("STAT", "READ")
    here.view.stat(cmd, "f")
    assert cmd.path == cmd.real_path == f"{here.root}/f"


def test_a_path_that_a_hook_chose_is_kept(window: Make) -> None:
    here = window()
    here.keep("f")
    cmd = Command("STAT", "f", path="/as/logged")
    here.view.stat(cmd, "f")
    assert cmd.path == "/as/logged"


def test_realpath_resolves_links(window: Make) -> None:
    """As seen on 1.3.8; a missing name is an error only where the protocol says so."""
    here = window()
    here.keep("d/f")
    (here.root / "l").symlink_to("d")
    cmd = request("REALPATH", "DIRS")
    assert here.view.realpath(cmd, "l/f", must_exist=True) == f"{here.root}/d/f"
    assert here.view.realpath(cmd, ".", must_exist=True) == str(here.root)
    with pytest.raises(FileNotFoundError):
        here.view.realpath(cmd, "d/none", must_exist=True)
    assert here.view.realpath(cmd, "l/none", must_exist=False) == f"{here.root}/d/none"
    assert here.view.realpath(cmd, "none/none", must_exist=False) == f"{here.root}/none/none"


def test_stat_follows_and_lstat_does_not(window: Make) -> None:
    here = window()
    here.keep("f", b"12345")
    (here.root / "l").symlink_to("f")
    assert here.view.stat(request("STAT", "READ"), "l").st_size == 5
    assert here.view.lstat(request("LSTAT"), "l").st_size == 1
    assert here.view.statvfs(request("STAT", "READ"), "l").f_bsize > 0


def in_chroot(root: Path, text: str, work: Callable[[Window], None]) -> None:
    """Run ``work`` in a child that has entered ``root``; its failure is ours."""
    here = Window(root, text)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            here.view.privs.enter_root(str(root))
            here.view.chroot = here.view.access._chroot = str(root)
            here.view.cwd = here.view.home = "/"
            work(here)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.root
def test_f10_links_inside_a_chroot(root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "f").write_bytes(b"inside")
    (root / "f").write_bytes(b"top")
    for name, text in {"relative": "d/f", "absolute": "/d/f", "up": "../../../f", "d/back": "../f"}.items():
        (root / name).symlink_to(text)
    (root / "written outside").symlink_to(root / "d" / "f")

    def work(here: Window) -> None:
        assert here.get("relative") == here.get("absolute") == here.get("written outside") == b"inside"
        assert here.get("up") == here.get("d/back") == b"top"
        assert here.view.readlink(request("READLINK", "READ"), "absolute") == "/d/f"
        assert here.view.readlink(request("READLINK", "READ"), "relative") == "d/f"
        assert here.view.readlink(request("READLINK", "READ"), "written outside") == "/d/f"
        assert here.view.realpath(request("REALPATH", "DIRS"), "absolute", must_exist=True) == "/d/f"
        here.put("absolute", b"new")
        assert here.get("d/f") == b"new"

    in_chroot(root, "AllowOverwrite on\n", work)


@pytest.mark.root
def test_rules_and_logs_in_a_chroot_name_places_as_the_administrator_does(root: Path) -> None:
    (root / "no").mkdir()
    (root / "no" / "f").write_bytes(b"x")
    (root / "way").symlink_to("/no")

    def work(here: Window) -> None:
        for path in ("/no/f", "way/f"):
            try:
                here.get(path)
            except Refused:
                continue
            raise AssertionError(f"{path} was not refused")
        here.put("/f", b"data")
        assert here.records[0].path == f"{root}/f" and here.records[0].client_path == "/f"

    in_chroot(root, "<Directory {root}/no>\n<Limit READ>\nDenyAll\n</Limit>\n</Directory>\n", work)
