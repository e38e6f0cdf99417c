"""Long names as the real server writes them; expected lines are those of proftpd 1.3.8 with mod_sftp."""

from __future__ import annotations

import locale

from pyproftpd.wire.listing import Lines

#: Tue 24 Nov 2026 03:37:00 GMT
NOW = 1795491420


def line(**changes: object) -> str:
    given = {"name": "suid", "mode": 0o104755, "links": 1, "owner": "demo", "group": "demo", "size": 4, "mtime": NOW, **changes}
    return Lines(NOW, gmt=True).line(**given)  # type: ignore[arg-type]


def test_columns() -> None:
    assert line() == "-rwsr-xr-x    1 demo     demo            4 Nov 24 03:37 suid"


def test_long_values_push_the_columns() -> None:
    assert line(owner="administrator", size=123456789012, links=1234) == (
        "-rwsr-xr-x  1234 administrator demo     123456789012 Nov 24 03:37 suid")


def test_old_files_show_their_year() -> None:
    assert line(name="old", mode=0o100644, mtime=1000000000) == "-rw-r--r--    1 demo     demo            4 Sep  9  2001 old"


def test_half_a_year_is_180_days() -> None:
    assert "May 28 03:37" in line(mtime=NOW - 180 * 86400)
    assert "May 28  2026" in line(mtime=NOW - 180 * 86400 - 1)


def test_files_of_the_future_show_the_clock() -> None:
    assert line(name="f", mode=0o100644, mtime=4000000000) == "-rw-r--r--    1 demo     demo            4 Oct  2 07:06 f"


def test_times_that_no_calendar_has() -> None:
    assert line(mtime=2**62).endswith("suid")
    assert line(mtime=-(2**62)).endswith("suid")


def test_month_names_are_english_in_any_locale() -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            assert " May 28 " in line(mtime=NOW - 180 * 86400)
    finally:
        locale.setlocale(locale.LC_TIME, before)


def test_kinds_of_files() -> None:
    assert line(mode=0o040755).startswith("drwxr-xr-x ")
    assert line(mode=0o120777).startswith("lrwxrwxrwx ")
    assert line(mode=0o010600).startswith("prw------- ")
