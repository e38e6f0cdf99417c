"""Virtual paths are text: what they mean does not depend on any disk."""

from __future__ import annotations

import pytest

from pyproftpd.wire import vpath


@pytest.mark.parametrize(("given", "meant"), [
    ("/", "/"), ("//", "/"), ("/a", "/a"), ("/a/", "/a"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"),
    ("/..", "/"), ("/../../etc", "/etc"), ("/a/b/..", "/a"), ("/...", "/..."), ("/.hidden", "/.hidden"), ("/a/..b", "/a/..b"),
])
def test_normalise(given: str, meant: str) -> None:
    assert vpath.normalise(given) == meant


@pytest.mark.parametrize(("given", "meant"), [
    ("", "/cwd"), (".", "/cwd"), ("x", "/cwd/x"), ("../x", "/x"), ("~", "/home/me"), ("~/x", "/home/me/x"),
    ("~/../you", "/home/you"), ("~other", "/cwd/~other"), ("/x", "/x"), ("x/~", "/cwd/x/~"),
])
def test_absolute(given: str, meant: str) -> None:
    assert vpath.absolute(given, "/cwd", "/home/me") == meant


@pytest.mark.parametrize("given", ["a\0b", "\0", "x" * 5000])
def test_what_no_file_can_be_called_is_refused(given: str) -> None:
    with pytest.raises(vpath.BadPath):
        vpath.absolute(given, "/", "/")


@pytest.mark.parametrize(("path", "parts"), [("/", ("/", ".")), ("/a", ("/", "a")), ("/a/b", ("/a", "b"))])
def test_split(path: str, parts: tuple[str, str]) -> None:
    assert vpath.split(path) == parts


def test_a_sibling_whose_name_begins_alike_is_not_within() -> None:
    assert vpath.within("/a/b", "/a") and vpath.within("/a", "/a") and vpath.within("/x", "/")
    assert not vpath.within("/ab", "/a")


def test_names_outside_and_inside_of_a_chroot() -> None:
    assert vpath.outside("/jail", "/x") == "/jail/x"
    assert vpath.outside("/jail", "/") == "/jail"
    assert vpath.outside("", "/x") == "/x"
    assert vpath.inside("/jail", "/jail/x") == "/x"
    assert vpath.inside("/jail", "/jail") == "/"
    assert vpath.inside("/jail", "/jailed/x") == "/jailed/x"
    assert vpath.inside("/jail", "relative") == "relative"
