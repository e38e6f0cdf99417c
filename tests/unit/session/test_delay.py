"""The table of login times: medians, bounds, and files that are not ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyproftpd.session.delay import LONGEST, REMEMBERED, ROWS, SIZE, DelayTable


def test_the_median_of_what_was_added(tmp_path: Path) -> None:
    table = DelayTable(str(tmp_path / "delay"))
    assert table.usual(2222) == 0
    for seconds in (0.010, 0.020, 0.500):
        table.add(2222, seconds)
    assert table.usual(2222) == pytest.approx(0.020)
    assert table.usual(2223) == 0, "another server has its own times"
    assert table.usual(2222 + ROWS) == pytest.approx(0.020)


def test_sessions_share_the_file_and_old_times_fall_out(tmp_path: Path) -> None:
    first, second = DelayTable(str(tmp_path / "delay")), DelayTable(str(tmp_path / "delay"))
    for _ in range(REMEMBERED):
        first.add(22, 1.0)
    assert second.usual(22) == pytest.approx(1.0)
    for _ in range(REMEMBERED):
        second.add(22, 0.002)
    assert first.usual(22) == pytest.approx(0.002)


def test_one_slow_failure_does_not_hold_up_everybody(tmp_path: Path) -> None:
    table = DelayTable(str(tmp_path / "delay"))
    table.add(22, 86400.0)
    assert table.usual(22) == LONGEST


def test_the_file_is_private_and_a_foreign_one_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "delay"
    DelayTable(str(path))
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_size == SIZE
    path.write_bytes(b"\xff" * SIZE)
    assert DelayTable(str(path)).usual(22) == 0
    path.write_bytes(b"short")
    assert DelayTable(str(path)).usual(22) == 0


def test_links_and_devices_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError):
            DelayTable(str(tmp_path / name))
    assert not (tmp_path / "target").exists()
