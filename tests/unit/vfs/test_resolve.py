"""The walk: where a path leads, whatever links lie on it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pyproftpd.vfs import resolve
from pyproftpd.vfs.resolve import MAX_LINKS, locate


@pytest.fixture(autouse=True, params=["in one step", "step by step"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way leads to the same place where the kernel, or a seccomp filter, does not know openat2(2)."""
    if request.param == "step by step":
        def unknown(*args: object, **named: object) -> int:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        monkeypatch.setattr(resolve, "openat2", unknown)


def real(path: Path | str, *, follow: bool = True) -> str:
    with locate(str(path), follow=follow) as place:
        return place.path.real


def test_plain_paths(root: Path) -> None:
    (root / "d").mkdir()
    assert real(root / "d") == f"{root}/d"
    assert real(root / "d" / "missing") == f"{root}/d/missing"
    assert real("/") == "/"


def test_directories_below_each_other_and_what_is_wrong_on_the_way(root: Path) -> None:
    deep = root / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    (root / "a" / "f").touch()
    assert real(deep / "e") == f"{deep}/e"
    assert real(deep / ".." / "." / "x") == f"{root}/a/b/c/x"
    for path, number in ((root / "a" / "none" / "c" / "x", errno.ENOENT), (root / "a" / "f" / "c" / "x", errno.ENOTDIR),
                         (root / "a" / ("n" * 300) / "c" / "x", errno.ENAMETOOLONG)):
        with pytest.raises(OSError) as caught:
            real(path)
        assert caught.value.errno == number
    with pytest.raises(ValueError):
        real(f"{deep}\0/../../../a/b/x")


def test_links_on_the_way_and_at_the_end(root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "f").touch()
    (root / "absolute").symlink_to(root / "d")
    (root / "d" / "relative").symlink_to("../d/./f")
    assert real(root / "absolute" / "relative") == f"{root}/d/f"
    assert real(root / "absolute" / "relative", follow=False) == f"{root}/d/relative"
    assert real(root / "absolute", follow=False) == f"{root}/absolute"


def test_dots_in_a_link_are_those_of_the_place_it_lies_in(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "x").touch()
    (root / "short").symlink_to("a/b")
    (root / "a" / "b" / "up").symlink_to("../x")
    assert real(root / "short" / "up") == f"{root}/a/x"


def test_a_link_to_nothing_leads_to_the_missing_name(root: Path) -> None:
    (root / "l").symlink_to("new")
    with locate(f"{root}/l", follow=True) as place:
        assert place.path.real == f"{root}/new"
        assert place.info is None


def test_a_way_above_the_root_ends_there(root: Path) -> None:
    (root / "l").symlink_to("/" + "../" * 30 + "etc")
    assert real(root / "l") == "/etc"


def test_loops_end(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(OSError) as caught:
        real(root / "a" / "x")
    assert caught.value.errno == errno.ELOOP


def test_a_long_chain_ends(root: Path) -> None:
    (root / "l0").touch()
    for index in range(MAX_LINKS + 2):
        (root / f"l{index + 1}").symlink_to(f"l{index}")
    assert real(root / f"l{MAX_LINKS}") == f"{root}/l0"
    with pytest.raises(OSError) as caught:
        real(root / f"l{MAX_LINKS + 1}")
    assert caught.value.errno == errno.ELOOP


def test_many_steps_up_from_deep_down_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty links of eight hundred ``..`` two hundred levels down would have the walk enter millions of directories."""
    deep = root.joinpath(*["d"] * 200)
    (deep / "x").mkdir(parents=True)
    for index in range(39):
        (deep / f"l{index}").symlink_to("x/../" * 800 + f"l{index + 1}")
    (deep / "l39").symlink_to("x")
    entered = 0
    plain = os.open

    def counting(*args: object, **options: object) -> int:
        nonlocal entered
        entered += 1
        return plain(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", counting)
    with pytest.raises(OSError) as caught:
        real(deep / "l0")
    monkeypatch.undo()
    assert caught.value.errno == errno.ELOOP
    assert entered < 50_000
    (root / "near").symlink_to("x/../" * 100 + "x")
    (root / "x").mkdir()
    assert real(root / "near") == f"{root}/x"


def test_a_file_is_no_directory(root: Path) -> None:
    (root / "f").touch()
    with pytest.raises(NotADirectoryError):
        real(root / "f" / "x")
    with pytest.raises(FileNotFoundError):
        real(root / "none" / "x")


@pytest.mark.parametrize("prefix", ["/proc/self/root", "/proc/thread-self/root", "/proc/self/task/../root"])
def test_f8_magic_links_lead_where_their_text_says(root: Path, prefix: str) -> None:
    (root / "f").touch()
    assert real(f"{prefix}{root}/f") == f"{root}/f"


def test_f8_descriptors_of_the_process_are_only_names(root: Path) -> None:
    """A pipe that the server holds cannot be opened through /proc; a file is judged by its own path."""
    reader, writer = os.pipe()
    fd = os.open(root, os.O_RDONLY)
    try:
        with locate(f"/proc/self/fd/{reader}", follow=True) as place:
            assert place.info is None
        assert real(f"/proc/self/fd/{fd}") == str(root)
        assert real(f"/dev/fd/{fd}") == str(root)
    finally:
        for number in (reader, writer, fd):
            os.close(number)


def test_an_open_refuses_a_link_that_was_put_there_after_the_walk(root: Path) -> None:
    (root / "f").touch()
    with locate(f"{root}/f", follow=True) as place:
        (root / "f").unlink()
        (root / "f").symlink_to("/etc/passwd")
        with pytest.raises(OSError) as caught:
            place.open(os.O_RDONLY)
    assert caught.value.errno == errno.ELOOP


def test_a_directory_that_moves_after_the_walk_stays_the_one_that_was_judged(root: Path) -> None:
    (root / "judged").mkdir()
    (root / "judged" / "f").write_text("mine")
    (root / "other").mkdir()
    (root / "other" / "f").write_text("other")
    with locate(f"{root}/judged/f", follow=True) as place:
        (root / "judged").rename(root / "away")
        (root / "other").rename(root / "judged")
        fd = place.open(os.O_RDONLY)
    with os.fdopen(fd) as file:
        assert file.read() == "mine"


def test_a_chroot_is_put_before_names_for_rules_and_logs(root: Path) -> None:
    with locate("/etc", "/srv/jail", follow=True) as place:
        assert place.path.outside == "/srv/jail/etc"
        assert place.path.real == "/etc"
