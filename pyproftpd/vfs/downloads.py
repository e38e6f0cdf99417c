"""A file on its way out: opened and judged by the View, read by the front end."""

from __future__ import annotations

import contextlib
import os
import stat as _stat
import time
from collections.abc import Callable, Sequence

from pyproftpd.api.command import Command
from pyproftpd.api.transfer import Direction, TransferRecord
from pyproftpd.vfs.resolve import VPath
from pyproftpd.vfs.throttle import Throttle

#: ``report(cmd, record)``: how a transfer is told to the logs, once
Report = Callable[[Command, TransferRecord], None]


class Reader:
    """One file open for reading. The caller closes it."""

    __slots__ = ("fd", "vpath", "bytes", "size", "first", "seekable")

    def __init__(self, fd: int, vpath: VPath, info: os.stat_result) -> None:
        """``info`` of what is open."""
        self.fd, self.vpath = fd, vpath
        self.bytes = 0
        #: lowest offset that was read, ``None`` before the first read
        self.first: int | None = None
        #: at the open; logs show it, reads go on to where the file ends by then
        self.size = info.st_size
        self.seekable = _stat.S_ISREG(info.st_mode)

    def read_at(self, offset: int, into: Sequence[memoryview]) -> int:
        """Fill ``into`` from ``offset``; returns the bytes read, 0 at the end of the file as it is now.

        The end is where the kernel finds it, not the size at open: a growing file can be followed. A FIFO has no
        offsets and gives what comes next; ``BlockingIOError`` while its writer has nothing to say.
        """
        count = os.preadv(self.fd, into, offset) if self.seekable else os.readv(self.fd, into)
        self.bytes += count
        if self.first is None or offset < self.first:
            self.first = offset
        return count

    def stat(self) -> os.stat_result:
        return os.fstat(self.fd)

    def close(self) -> None:
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)


class Download(Reader):
    """A transfer. Ends by exactly one :meth:`finish` or :meth:`abort`; later ones do nothing."""

    __slots__ = ("cmd", "throttle", "started", "_report")

    def __init__(self, fd: int, cmd: Command, vpath: VPath, info: os.stat_result, *, report: Report,
                 throttle: Throttle | None = None) -> None:
        super().__init__(fd, vpath, info)
        self.cmd, self.throttle = cmd, throttle
        self.started = time.monotonic()
        self._report = report

    def finish(self) -> None:
        """Raises ``OSError`` of close(), after the transfer was reported."""
        self._end("")

    def abort(self, failure: str = "") -> None:
        """The client is gone or was told already; as nothing was written, an error of close() tells nobody anything."""
        with contextlib.suppress(OSError):
            self._end(failure or "aborted")

    def _end(self, failure: str) -> None:
        if self.fd < 0:
            return
        cmd = self.cmd
        cmd.bytes = self.bytes
        cmd.transfer = TransferRecord(
            Direction.DOWNLOAD, self.vpath.outside, self.bytes, time.monotonic() - self.started, not failure,
            offset=self.first or None, file_size=self.size, failure=failure, client_path=self.vpath.virtual)
        try:
            self.close()
        finally:
            self._report(cmd, cmd.transfer)
