"""Downloads: what is read, and what may not be."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from pyproftpd.errors import Refused
from tests.unit.vfs.windows import Window, request

Make = Callable[..., Window]


def test_reading_into_several_pieces(window: Make) -> None:
    here = window()
    here.keep("f", b"0123456789")
    download = here.view.open_download(request("RETR", "READ"), "f")
    one, two = bytearray(4), bytearray(4)
    assert download.read_at(1, [memoryview(one), memoryview(two)]) == 8
    assert one == b"1234" and two == b"5678"
    assert download.read_at(10, [memoryview(one)]) == 0
    assert download.read_at(2**62, [memoryview(one)]) == 0
    download.finish()
    assert here.records[0].bytes == 8 and here.records[0].offset == 1 and here.records[0].complete


def test_a_growing_file_is_followed(window: Make) -> None:
    """The real server remembers the size at open and says end of file to whoever follows a log."""
    here = window()
    path = here.keep("log", b"one")
    download = here.view.open_download(request("RETR", "READ"), "log")
    space = memoryview(bytearray(10))
    assert download.read_at(3, [space]) == 0
    with path.open("ab") as file:
        file.write(b"two")
    assert download.read_at(3, [space]) == 3 and bytes(space[:3]) == b"two"
    download.finish()


def test_an_aborted_download_is_incomplete(window: Make) -> None:
    here = window()
    here.keep("f", b"x")
    download = here.view.open_download(request("RETR", "READ"), "f")
    download.abort("connection lost")
    download.finish()
    assert len(here.records) == 1
    assert not here.records[0].complete and here.records[0].failure == "connection lost"


def test_directories_and_devices_are_no_files(window: Make) -> None:
    here = window()
    with pytest.raises(IsADirectoryError):
        here.get("")
    with pytest.raises(Refused):
        here.get("/dev/zero")
    with pytest.raises(FileNotFoundError):
        here.get("none")


def test_a_fifo_without_a_writer_does_not_hang(window: Make) -> None:
    here = window()
    os.mkfifo(here.root / "p")
    download = here.view.open_download(request("RETR", "READ"), "p")
    assert download.read_at(0, [memoryview(bytearray(10))]) == 0
    download.finish()


def test_max_retrieve_file_size(window: Make) -> None:
    here = window("MaxRetrieveFileSize 4 B\n")
    here.keep("small", b"1234")
    here.keep("large", b"12345")
    assert here.get("small") == b"1234"
    with pytest.raises(Refused) as caught:
        here.get("large")
    assert caught.value.errno == errno.EFBIG and "MaxRetrieveFileSize" in caught.value.rule


def test_transfer_rate_by_command(window: Make) -> None:
    here = window("TransferRate RETR 2\nTransferRate STOR 1:1000 user bob\n")
    here.keep("f", b"x")
    download = here.view.open_download(request("RETR", "READ"), "f")
    assert download.throttle is not None and download.throttle.rate == 2048
    download.finish()
    upload = here.open("g")
    assert upload.throttle is None
    upload.finish()


def test_f12_a_download_leaves_the_file_as_it_was(window: Make) -> None:
    here = window()
    before = here.keep("f", b"x").stat()
    here.get("f")
    after = (here.root / "f").stat()
    assert (before.st_mode, before.st_mtime_ns, before.st_size) == (after.st_mode, after.st_mtime_ns, after.st_size)


def test_a_quiet_reader_is_no_transfer(window: Make) -> None:
    here = window()
    here.keep("f", b"data")
    reader = here.view.open_quietly(request("RETR", "READ"), "f")
    space = memoryview(bytearray(10))
    assert reader.read_at(0, [space]) == 4
    reader.close()
    reader.close()
    assert here.records == []
