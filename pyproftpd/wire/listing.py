"""``ls -l`` text from stat records, as the long names of SFTP (draft-ietf-secsh-filexfer-02 section 7) carry it.

Column widths and the date rule are those of the real server (mod_sftp); month names never follow the locale.
"""

from __future__ import annotations

import stat as _stat
import time

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: a file older than this shows its year in place of the time of day. Source: real server
RECENT_SECONDS = 180 * 24 * 3600

#: most formatted dates and modes remembered; beyond that a directory has few repetitions to gain from
MAX_REMEMBERED = 8192


class Lines:
    """Formats lines for one listing; remembers dates and mode strings, which repeat and are what makes listings slow."""

    __slots__ = ("_now", "_gmt", "_dates", "_modes")

    def __init__(self, now: float, *, gmt: bool) -> None:
        """``now`` in wall seconds; ``gmt`` as TimesGMT."""
        self._now, self._gmt = now, gmt
        self._dates: dict[int, str] = {}
        self._modes: dict[int, str] = {}

    def line(self, name: str, mode: int, links: int, owner: str, group: str, size: int, mtime: int) -> str:
        """``mtime`` in whole wall seconds; ``owner`` and ``group`` are names or numbers as text."""
        shown = self._modes.get(mode)
        if shown is None:
            if len(self._modes) >= MAX_REMEMBERED:
                self._modes.clear()
            shown = self._modes[mode] = _stat.filemode(mode)
        date = self._dates.get(mtime)
        if date is None:
            if len(self._dates) >= MAX_REMEMBERED:
                self._dates.clear()
            date = self._dates[mtime] = self.date(mtime)
        return f"{shown}  {links:3d} {owner:<8s} {group:<8s} {size:8d} {date} {name}"

    def date(self, mtime: int) -> str:
        """``Mar  4 12:30``, or ``Mar  4  2019`` for a file of more than 180 days ago; times in the future show the clock."""
        try:
            when = time.gmtime(mtime) if self._gmt else time.localtime(mtime)
        except (OverflowError, OSError, ValueError):
            when = time.gmtime(0)
        day = f"{_MONTHS[when.tm_mon - 1]} {when.tm_mday:2d}"
        if self._now - mtime > RECENT_SECONDS:
            return f"{day}  {when.tm_year:d}"
        return f"{day} {when.tm_hour:02d}:{when.tm_min:02d}"
