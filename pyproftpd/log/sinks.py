"""Where log lines go: a file, a FIFO, or syslog. Opened as root before any chroot; a write never blocks a transfer.

A path is refused when it is a symbolic link, or lies in a directory that everybody may write to (unless that directory is
sticky and the file is there already and root's own): somebody else could decide where root's log goes. Source: real server.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import Protocol

from pyproftpd.errors import ProftpdError

#: names of the syslog levels as ProFTPD spells them, most severe first (RFC 5424 6.2.1 severities 0-7)
LEVELS = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")

#: RFC 5424 6.2.1 facility codes by the names that SyslogFacility takes
FACILITIES = {
    "KERN": 0, "USER": 1, "MAIL": 2, "DAEMON": 3, "AUTH": 4, "SYSLOG": 5, "LPR": 6, "NEWS": 7, "UUCP": 8, "CRON": 9,
    "AUTHPRIV": 10, "FTP": 11, "LOCAL0": 16, "LOCAL1": 17, "LOCAL2": 18, "LOCAL3": 19, "LOCAL4": 20, "LOCAL5": 21,
    "LOCAL6": 22, "LOCAL7": 23,
}

SYSLOG_SOCKET = "/dev/log"

#: longest line written to any log; the rest is cut, so that a client cannot fill a disk with one request
MAX_LINE = 16 * 1024


class UnsafePath(ProftpdError):
    """A log path that somebody other than root controls."""


class Sink(Protocol):
    """Takes whole lines. ``failures`` counts the lines that could not be written."""

    failures: int

    def write(self, line: str) -> None: ...

    def close(self) -> None: ...


class FileSink:
    """One descriptor with O_APPEND, one ``write`` a line, so that the lines of several processes never mix.

    A disk that fills up, or a FIFO, may take a part of a line: that line is lost, and the next one begins a line of its own.
    """

    def __init__(self, fd: int, path: str) -> None:
        self.fd, self.path, self.failures = fd, path, 0
        self._torn = False

    def write(self, line: str) -> None:
        data = line.encode("utf-8", "surrogateescape")
        if len(data) >= MAX_LINE:
            data = data[: MAX_LINE - 1]
        if b"\n" in data:
            data = data.replace(b"\n", b" ")
        data = b"\n" + data + b"\n" if self._torn else data + b"\n"
        try:
            done = os.write(self.fd, data)
        except OSError:
            self.failures += 1
        else:
            self._torn = done < len(data)
            self.failures += self._torn

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class SyslogSink:
    """Datagrams to the local syslog; kept connected, so it works from inside a chroot.

    A syslog that was started anew has another socket: it is looked for again when the old one is gone, but not in a chroot,
    where its name is for whoever owns the place to give.
    """

    def __init__(self, facility: str = "DAEMON", level: str = "info", ident: str = "proftpd",
                 root: tuple[int, int] | None = None) -> None:
        """``root``: where syslog's name may be believed; none given, where the process is now."""
        self.priority = FACILITIES[facility.upper()] * 8 + LEVELS.index(level)
        self.facility, self.ident, self.failures = facility, ident, 0
        self._socket: socket.socket | None = None
        self._root = root or root_directory()
        with contextlib.suppress(OSError):
            self._connect()

    def _connect(self) -> socket.socket:
        """Raises ``OSError``."""
        self.close()
        if root_directory() != self._root:
            raise ConnectionError("syslog is outside of the chroot")
        found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            found.connect(SYSLOG_SOCKET)
        except OSError:
            found.close()
            raise
        self._socket = found
        return found

    def write(self, line: str, level: str | None = None) -> None:
        priority = self.priority if level is None else (self.priority & ~7) | LEVELS.index(level)
        data = f"<{priority}>{self.ident}[{os.getpid()}]: {line}".encode("utf-8", "surrogateescape")[:MAX_LINE]
        try:
            try:
                (self._socket or self._connect()).send(data)
            except (ConnectionError, FileNotFoundError):
                self._connect().send(data)
        except OSError:
            self.failures += 1

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def root_directory() -> tuple[int, int]:
    """Which directory is ``/`` now."""
    found = os.stat("/")
    return found.st_dev, found.st_ino


class StderrSink:
    """The terminal of ``proftpd -n``."""

    failures = 0

    def write(self, line: str) -> None:
        try:
            os.write(2, line.encode("utf-8", "surrogateescape")[:MAX_LINE] + b"\n")
        except OSError:
            self.failures += 1

    def close(self) -> None:
        """Descriptor 2 stays open."""


def check_path(path: str, *, allow_symlinks: bool = False) -> None:
    """Raise :class:`UnsafePath` when ``path`` is a link or somebody other than root could put one there."""
    if not allow_symlinks and os.path.islink(path):
        raise UnsafePath(f"{path} is a symbolic link; AllowLogSymlinks on permits that")
    parent = os.path.dirname(path) or "/"
    status = os.stat(parent)
    if status.st_mode & stat.S_IWOTH and not (status.st_mode & stat.S_ISVTX and _own(path)):
        raise UnsafePath(f"{parent} is writable by everybody; put the log into a directory of root's")


def _own(path: str) -> bool:
    """Is it there, and root's alone? In a sticky directory nobody else can then move it away; a second name of a file of
    root's could have been put there by anybody."""
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return False
    return info.st_uid in (0, os.geteuid()) and info.st_nlink == 1


def open_sink(target: str, *, allow_symlinks: bool = False, mode: int = 0o640, facility: str = "DAEMON") -> Sink:
    """``target`` is an absolute path, a FIFO, or ``syslog:level``; the caller holds the rights that opening needs.

    Raises ``UnsafePath``, ``OSError`` (a FIFO nobody reads is ENXIO: never waited for), ``ValueError`` for an unknown level.
    """
    if target.startswith("syslog:"):
        level = target[len("syslog:"):]
        if level not in LEVELS:
            raise ValueError(f"one of {', '.join(LEVELS)} after syslog:")
        return SyslogSink(facility, level)
    check_path(target, allow_symlinks=allow_symlinks)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    if not allow_symlinks:
        flags |= os.O_NOFOLLOW
    return FileSink(os.open(target, flags, mode), target)
