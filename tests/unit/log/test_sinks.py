"""Where log lines go, and which places are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyproftpd.log.sinks import MAX_LINE, UnsafePath, open_sink


def test_lines_are_appended_whole(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    sink = open_sink(str(tmp_path / "log"))
    sink.write("one")
    sink.write("two\nthree")
    sink.close()
    assert (tmp_path / "log").read_text() == "before\none\ntwo three\n"


def test_a_new_log_is_not_readable_by_everybody(tmp_path: Path) -> None:
    open_sink(str(tmp_path / "log")).close()
    assert (tmp_path / "log").stat().st_mode & 0o027 == 0


def test_a_symbolic_link_is_refused_unless_allowed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(UnsafePath, match="AllowLogSymlinks"):
        open_sink(str(tmp_path / "link"))
    assert not (tmp_path / "target").exists()
    open_sink(str(tmp_path / "link"), allow_symlinks=True).close()
    assert (tmp_path / "target").exists()


def test_a_directory_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(UnsafePath, match="writable by everybody"):
        open_sink(str(tmp_path / "open" / "log"))
    assert not (tmp_path / "open" / "log").exists()


def test_a_fifo_that_nobody_reads_is_an_error_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError):
        open_sink(str(tmp_path / "fifo"))


def test_a_fifo_whose_reader_stops_loses_lines_but_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    sink = open_sink(str(tmp_path / "fifo"))
    for _ in range(5000):
        sink.write("x" * 100)
    assert sink.failures > 0
    os.close(reader)


def test_a_line_is_bounded(tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "log"))
    sink.write("x" * (4 * MAX_LINE))
    assert (tmp_path / "log").stat().st_size == MAX_LINE


def test_an_unknown_syslog_level_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="emerg, alert"):
        open_sink("syslog:loud")
