"""Listings: which names, what is shown of them, in bounded memory."""

from __future__ import annotations

import os
import stat
import tracemalloc
from collections.abc import Callable

import pytest

from tests.unit.vfs.windows import Window, request

Make = Callable[..., Window]


def entries(here: Window, path: str = "") -> dict[str, tuple[str, str, int]]:
    with here.view.listing(request("OPENDIR", "DIRS"), path) as listing:
        return {entry.name: listing.shown(entry.info)[:3] for entry in listing if entry.info is not None}


def test_every_name_once_and_the_directory_itself_first(window: Make) -> None:
    here = window()
    for name in ("b", "a", ".c"):
        here.keep(name)
    with here.view.listing(request("OPENDIR", "DIRS"), "") as listing:
        names = [entry.name for entry in listing.read(100)]
        assert listing.read(100) == []
    assert names[:2] == [".", ".."] and sorted(names[2:]) == [".c", "a", "b"]


def test_batches(window: Make) -> None:
    here = window()
    for index in range(25):
        here.keep(f"f{index}")
    with here.view.listing(request("OPENDIR", "DIRS"), "") as listing:
        sizes = [len(listing.read(10)) for _ in range(4)]
    assert sizes == [10, 10, 7, 0]


def test_names_that_are_no_text(window: Make) -> None:
    here = window()
    with open(os.fsencode(here.root) + b"/\xff\xfe\n", "w"):
        pass
    name = os.fsdecode(b"\xff\xfe\n")
    assert name in here.names()
    assert here.view.stat(request("STAT", "READ"), name).st_size == 0
    here.view.remove(request("DELE", "WRITE"), name)
    assert os.listdir(here.root) == []


def test_what_vanishes_meanwhile_does_no_harm(window: Make) -> None:
    here = window()
    for index in range(300):
        here.keep(f"f{index}")
    with here.view.listing(request("OPENDIR", "DIRS"), "") as listing:
        first = listing.read(10)
        for index in range(300):
            (here.root / f"f{index}").unlink()
        rest = [entry for entry in listing]
    assert len(first) == 10
    assert all(entry.info is None for entry in rest)
    with here.view.listing(request("OPENDIR", "DIRS"), "") as listing:
        assert all(isinstance(listing.long_name(entry), str) for entry in [*rest, *first])


def test_a_file_is_not_listed(window: Make) -> None:
    here = window()
    here.keep("f")
    with pytest.raises(NotADirectoryError):
        here.names("f")
    with pytest.raises(FileNotFoundError):
        here.names("none")


def test_links_show_themselves_or_what_they_lead_to(window: Make) -> None:
    here = window()
    here.keep("f")
    (here.root / "l").symlink_to("f")
    (here.root / "dangling").symlink_to("none")
    assert stat.S_ISLNK(entries(here)["l"][2])
    here = window("ShowSymlinks off\n")
    shown = entries(here)
    assert stat.S_ISREG(shown["l"][2]) and stat.S_ISLNK(shown["dangling"][2])


def test_fakes(window: Make) -> None:
    here = window("<Directory {root}/d>\nDirFakeUser on ghost\nDirFakeGroup on ~\nDirFakeMode 0440\n</Directory>\n")
    here.keep("d/f")
    (here.root / "d" / "e").mkdir()
    shown = entries(here, "d")
    assert shown["f"] == ("ghost", "staff", stat.S_IFREG | 0o440)
    assert shown["e"] == ("ghost", "staff", stat.S_IFDIR | 0o551)
    assert entries(here)["d"][0] != "ghost"


@pytest.mark.root
def test_owners_have_names_or_numbers(window: Make) -> None:
    here = window()
    os.chown(here.keep("f"), 4002, 5002)
    os.chown(here.keep("g"), 123456, 123457)
    shown = entries(here)
    assert shown["f"][:2] == ("bob", "guests") and shown["g"][:2] == ("123456", "123457")
    with here.view.listing(request("OPENDIR", "DIRS"), "") as listing:
        lines = {entry.name: listing.long_name(entry) for entry in listing}
    assert lines["f"].startswith("-rw-r--r--    1 bob      guests          0 ")


def test_a_large_directory_takes_little_memory(window: Make) -> None:
    here = window()
    for index in range(5000):
        os.close(os.open(here.root / f"a-rather-long-name-of-a-file-{index}", os.O_CREAT | os.O_WRONLY))
    tracemalloc.start()
    with here.view.listing(request("OPENDIR", "DIRS"), "") as listing:
        seen = 0
        while batch := listing.read(100):
            seen += len(batch)
            del batch
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == 5002 and peak < 1 << 20


def test_wildcards(window: Make) -> None:
    here = window()
    for name in ("a.txt", "b.txt", "c.bin", ".d.txt", "sub/e.txt", "sub/[x].txt"):
        here.keep(name)
    base = str(here.root)
    assert here.view.glob("*.txt") == [f"{base}/a.txt", f"{base}/b.txt"]
    assert here.view.glob("{a,c}.*") == [f"{base}/a.txt", f"{base}/c.bin"]
    assert here.view.glob("*/e.txt") == [f"{base}/sub/e.txt"]
    assert here.view.glob("sub/\\[x\\].txt") == [f"{base}/sub/[x].txt"]
    assert here.view.glob("*.none") == []
    assert here.view.glob("plain") == [f"{base}/plain"]


def test_f11_wildcards_show_no_hidden_names(window: Make) -> None:
    """Nor what lies in a hidden directory."""
    here = window("<Directory {root}>\nHideFiles ^secret\n</Directory>\n")
    for name in ("secret.txt", "open.txt", "secret.d/in.txt", "open.d/in.txt"):
        here.keep(name)
    base = str(here.root)
    assert here.view.glob("*.txt") == [f"{base}/open.txt"]
    assert here.view.glob("*/in.txt") == [f"{base}/open.d/in.txt"]


def test_wildcards_switched_off(window: Make) -> None:
    here = window("UseGlobbing off\n")
    here.keep("a.txt")
    assert here.view.glob("*.txt") == [f"{here.root}/*.txt"]
