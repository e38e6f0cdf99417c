"""Somebody exchanges names while a request is under way: what was judged is what is touched, or nothing is."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyproftpd.errors import Refused
from pyproftpd.unix import syscalls
from tests.unit.vfs.windows import Window, request

#: each try is a request; without protection one of the first few hundred hits
TRIES = 3000

CLOSED = "AllowOverwrite on\n<Directory {root}/closed>\n<Limit ALL>\nDenyAll\n</Limit>\n</Directory>\n"


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """A Window clears it, as a session does."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def here(tmp_path: Path) -> Window:
    root = tmp_path / "root"
    root.mkdir()
    window = Window(root, CLOSED)
    window.keep("closed/secret", b"s").chmod(0o600)
    window.keep("open/file")
    (root / "open/link").symlink_to("../closed/secret")
    return window


@pytest.mark.root
def test_U15_a_file_with_another_name_elsewhere_is_not_given_away(tmp_path: Path) -> None:
    """UserOwner is for what lies here; a hard link that took the place of a file lies there too."""
    (tmp_path / "root").mkdir()
    here = Window(tmp_path / "root", "AllowOverwrite on\n<Directory />\nUserOwner bob\n</Directory>\n")
    secret = here.keep("secret")
    here.keep("open/file")
    os.link(secret, here.root / "open/link")
    with swapping(here.root / "open"):
        for _ in range(TRIES // 3):
            with contextlib.suppress(OSError):
                here.open("open/file", truncate=False).finish()
            if secret.stat().st_uid:
                break
    assert secret.stat().st_uid == 0


@contextlib.contextmanager
def swapping(directory: Path) -> Iterator[None]:
    """``file`` is a file and a link by turns."""
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            syscalls.renameat2(syscalls.AT_FDCWD, str(directory / "file"), syscalls.AT_FDCWD, str(directory / "link"),
                               syscalls.RENAME_EXCHANGE)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def modes_tried(here: Window) -> set[int]:
    secret, seen = here.root / "closed/secret", set()
    with swapping(here.root / "open"):
        for number in range(TRIES):
            with contextlib.suppress(OSError, Refused):
                here.view.set_attributes(request("SETSTAT", "WRITE"), "open/file", mode=0o700 + number % 64)
            seen.add(stat.S_IMODE(secret.stat().st_mode))
            if len(seen) > 1:
                break
    return seen


def test_F8_a_mode_never_goes_through_a_link_that_took_the_place_of_a_file(here: Window) -> None:
    assert modes_tried(here) == {0o600}


def test_F8_nor_where_the_kernel_lacks_the_call(here: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux before 6.6."""
    def missing(dirfd: int, name: str, mode: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(syscalls, "fchmodat2", missing)
    here.view.set_attributes(request("SETSTAT", "WRITE"), "open/file", mode=0o611)
    assert stat.S_IMODE((here.root / "open/file").stat().st_mode) == 0o611
    assert modes_tried(here) == {0o600}


def test_F8_nothing_goes_through_a_directory_that_was_exchanged_for_a_link(here: Window) -> None:
    """``open/file`` is a directory and a link to a closed one by turns."""
    (here.root / "open/file").unlink()
    (here.root / "open/link").unlink()
    (here.root / "open/file").mkdir()
    (here.root / "open/link").symlink_to("../closed")
    view = here.view
    seen: list[bytes | str] = []
    requests: tuple[Callable[[], object], ...] = (
        lambda: view.mkdir(request("MKD", "WRITE"), "open/file/made"),
        lambda: here.put("open/file/put", b"x"),
        lambda: seen.append(here.get("open/file/secret")),
        lambda: seen.extend(name for name in here.names("open/file") if name == "secret"),
        lambda: here.rename("open/file/secret", "open/taken", overwrite=True),
        lambda: view.link(request("HARDLINK"), "open/taken", "open/file/secret"),
        lambda: view.remove(request("DELE", "WRITE"), "open/file/secret"),
        lambda: view.set_attributes(request("SETSTAT", "WRITE"), "open/file/secret", mode=0o666))
    with swapping(here.root / "open"):
        for number in range(TRIES):
            with contextlib.suppress(OSError, Refused):
                requests[number % len(requests)]()
    secret = here.root / "closed/secret"
    assert os.listdir(secret.parent) == ["secret"] and stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert not seen and not (here.root / "open/taken").exists()
