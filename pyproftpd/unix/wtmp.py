"""wtmp and lastlog: who logged in, from where, until when. Layout: utmp(5), <bits/utmp.h> of glibc on 64-bit Linux.

The files are opened while root is there; a session that has given root up still writes its logout through the
descriptor. Neither file is ever created: a host without one keeps no such records.
"""

from __future__ import annotations

import os
import socket
import struct
import time

WTMP = "/var/log/wtmp"
LASTLOG = "/var/log/lastlog"

_USER_PROCESS, _DEAD_PROCESS = 7, 8

#: type, pid, line[32], id[4], user[32], host[256], exit (two shorts), session, tv_sec, tv_usec, addr[4], unused[20]
_ENTRY = struct.Struct("=hxxi32s4s32s256shhiii16s20s")

#: time, line[32], host[256]; one record per uid
_LASTLOG = struct.Struct("=i32s256s")

#: Largest uid whose record is written: the file is sparse, but tools that copy it are not always.
_MAX_LASTLOG_UID = 1 << 24


class WtmpRecord:
    """The entry of one session; ``login`` once, ``logout`` once."""

    def __init__(self, path: str = WTMP) -> None:
        """Raises ``OSError``."""
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._line = f"ftpd{os.getpid()}"
        self._open = False

    def login(self, user: str, host: str, address: str) -> None:
        self._open = True
        self._write(_USER_PROCESS, user, host, address)

    def logout(self) -> None:
        """An entry without a user on the same line ends the session for last(1)."""
        if self._open:
            self._open = False
            self._write(_DEAD_PROCESS, "", "", "")
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, kind: int, user: str, host: str, address: str) -> None:
        now = time.time_ns()
        os.write(self._fd, _ENTRY.pack(
            kind, os.getpid(), self._line.encode(), b"ftp", _text(user), _text(host), 0, 0, 0,
            now // 10**9 & 0x7FFFFFFF, now % 10**9 // 1000, _packed(address), b""))


def write_lastlog(uid: int, host: str, path: str = LASTLOG) -> None:
    """Raises ``OSError``."""
    if uid > _MAX_LASTLOG_UID:
        return
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        record = _LASTLOG.pack(int(time.time()) & 0x7FFFFFFF, f"ftpd{os.getpid()}".encode(), _text(host))
        os.pwrite(fd, record, uid * _LASTLOG.size)
    finally:
        os.close(fd)


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _packed(address: str) -> bytes:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, address)
        except OSError:
            continue
    return b""
