"""A directory being listed: in batches, so that the largest one costs a bounded amount of memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from types import TracebackType

from pyproftpd.api.command import Command
from pyproftpd.vfs.fakes import Fakes, Shown
from pyproftpd.vfs.resolve import VPath
from pyproftpd.wire.listing import Lines

#: ``admit(name, info) -> bool``: may this client see this entry?
Admit = Callable[[str, os.stat_result | None], bool]


class Entry:
    """One name in a directory; ``info`` is ``None`` when it vanished or may not be looked at (then only the name is known)."""

    __slots__ = ("name", "info")

    def __init__(self, name: str, info: os.stat_result | None) -> None:
        self.name, self.info = name, info


class Listing:
    """Entries in the order of the disk, ``.`` and ``..`` first. Holds one descriptor until :meth:`close`.

    Names that appear or vanish meanwhile do no harm: each entry is looked at once, when it is read.
    """

    __slots__ = ("cmd", "vpath", "fd", "_admit", "_fakes", "_lines", "_follow", "_pending", "_scan", "denied",
                 "ended")

    def __init__(self, fd: int, cmd: Command, vpath: VPath, *, admit: Admit, fakes: Fakes, lines: Lines,
                 follow: bool = False, denied: str = "") -> None:
        """``follow``: show what links point to (ShowSymlinks off); ``denied``: the rule that refuses LIST here, so that the
        directory looks empty."""
        self.denied = denied
        #: every name has been read
        self.ended = False
        self.fd, self.cmd, self.vpath = fd, cmd, vpath
        self._admit, self._fakes, self._lines, self._follow = admit, fakes, lines, follow
        self._pending: list[str] = [] if denied else ["..", "."]
        self._scan: Iterator[os.DirEntry[str]] | None = None if denied else os.scandir(fd)

    def read(self, most: int, looks: int = sys.maxsize) -> list[Entry]:
        """Up to ``most`` entries that this client may see, from the next ``looks`` names; an empty list is the end, or
        ``ended`` says that there is more.
        """
        found: list[Entry] = []
        while len(found) < most and looks > 0 and (name := self._next()) is not None:
            looks -= 1
            info = self._look(name)
            if self._admit(name, info):
                found.append(Entry(name, info))
        return found

    def _next(self) -> str | None:
        if self._pending:
            return self._pending.pop()
        if self._scan is None:
            self.ended = True
            return None
        entry = next(self._scan, None)
        if entry is None:
            self._scan, self.ended = None, True
            return None
        return entry.name

    def _look(self, name: str) -> os.stat_result | None:
        try:
            if self._follow:
                try:
                    return os.stat(name, dir_fd=self.fd)
                except FileNotFoundError:
                    pass  # a link to nothing is shown as the link
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except OSError:
            return None

    def __iter__(self) -> Iterator[Entry]:
        while batch := self.read(100):
            yield from batch

    def shown(self, info: os.stat_result) -> Shown:
        """Owner, group and mode of an entry, with the fakes of this directory."""
        return self._fakes.show(info)

    def long_name(self, entry: Entry) -> str:
        """The ``ls -l`` line of an entry."""
        info = entry.info
        if info is None:
            return self._lines.line(entry.name, 0, 0, "0", "0", 0, 0)
        owner, group, mode, _, _ = self._fakes.show(info)
        return self._lines.line(entry.name, mode, info.st_nlink, owner, group, info.st_size, int(info.st_mtime))

    def stat(self) -> os.stat_result:
        return os.fstat(self.fd)

    def close(self) -> None:
        if self.fd >= 0:
            fd, self.fd, self._scan, self._pending = self.fd, -1, None, []
            os.close(fd)

    def __enter__(self) -> Listing:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
