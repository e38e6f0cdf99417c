"""mod_delay: failed logins take as long as failed logins usually do, so that their time says nothing. Source: real server.

The table is a file shared by all sessions: for each server the times of its last 256 failed attempts. An attempt that
failed faster than their median waits for the rest. Different on purpose: a login that succeeds is not held up, as its
client learns everything anyway. DelayOnEvent adds waits of the administrator's choosing.
"""

from __future__ import annotations

import mmap
import os
import random
import stat
import struct
import time
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.session.conf import DaemonConf, DelayConf

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

#: attempts remembered for each server, and servers told apart (by port; two that collide share their times)
REMEMBERED = 256
ROWS = 64

#: Nobody waits longer than this because of others: an attack with slow failures must not become everybody's.
LONGEST = 3.0

_MAGIC = 0x70794459
_HEADER = struct.Struct("=II")
_ROW = struct.Struct(f"=I{REMEMBERED}I")
SIZE = _HEADER.size + ROWS * _ROW.size


class DelayTable:
    """The shared file, mapped; values are microseconds. A lost update costs one sample, so nothing is locked."""

    def __init__(self, path: str) -> None:
        """Raises ``OSError``; as root. A file of another size or kind is begun anew."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(22, "not a regular file", path)
            if found.st_size != SIZE:
                os.ftruncate(fd, 0)
                os.ftruncate(fd, SIZE)
            self._map = mmap.mmap(fd, SIZE)
        finally:
            os.close(fd)
        if _HEADER.unpack_from(self._map) != (_MAGIC, REMEMBERED):
            self._map[:] = bytes(SIZE)
            _HEADER.pack_into(self._map, 0, _MAGIC, REMEMBERED)

    def usual(self, row: int) -> float:
        """Median of the samples in seconds, 0 while there are none."""
        known = self.samples(row)
        return min(LONGEST, known[len(known) // 2] / 1e6) if known else 0.0

    def samples(self, row: int) -> list[int]:
        """In order of size."""
        count, *samples = _ROW.unpack_from(self._map, self._offset(row))
        return sorted(samples[:min(count, REMEMBERED)])

    def reset(self) -> None:
        """Forget every attempt."""
        self._map[_HEADER.size:] = bytes(SIZE - _HEADER.size)

    def add(self, row: int, seconds: float) -> None:
        offset = self._offset(row)
        count, *_ = _ROW.unpack_from(self._map, offset)
        sample = min(int(seconds * 1e6), int(LONGEST * 1e6))
        struct.pack_into("=I", self._map, offset + 4 * (1 + count % REMEMBERED), sample)
        # past the end it only has to stay above it and keep its place
        struct.pack_into("=I", self._map, offset, count + 1 if count + 1 < 1 << 31 else REMEMBERED)

    @staticmethod
    def _offset(row: int) -> int:
        return _HEADER.size + row % ROWS * _ROW.size


class Delays:
    """What one session keeps: the table, and when the attempt under way began."""

    def __init__(self) -> None:
        self.table: DelayTable | None = None
        self.began = 0.0


def open_table(session: Session) -> None:
    """At the start of a session. Without a table nobody waits, and the log says why."""
    if not session.scope.get(DelayConf).delay_engine:
        return
    path = session.configuration.servers[0].get(DelayConf).delay_table
    if path is None or session.configuration.servers[0].get(DaemonConf).server_type == "inetd":
        return
    try:
        with session.privs.root():
            session.state(Delays).table = DelayTable(path)
    except OSError as error:
        session.log.notice(f"DelayTable {path}: {error.strerror}; login times are not evened out")


def connected(event: object, session: Session) -> None:
    _on_event(session, "Connect")


def before_user(session: Session, cmd: Command) -> None:
    _on_event(session, "USER")


def before_pass(session: Session, cmd: Command) -> None:
    session.state(Delays).began = time.monotonic()
    _on_event(session, "PASS")


def after_failure(session: Session, cmd: Command) -> None:
    """Wait out what is missing to the usual time, then count this attempt."""
    delays = session.state(Delays)
    if delays.table is not None and delays.began:
        elapsed = time.monotonic() - delays.began
        missing = delays.table.usual(session.local_port) - elapsed
        delays.table.add(session.local_port, elapsed)
        if missing > 0:
            session.loop.wait(timeout=missing)
    delays.began = 0.0
    _on_event(session, "FailedLogin")


def _on_event(session: Session, name: str) -> None:
    """DelayOnEvent: a wait in the session's own loop, which timeouts and signals end."""
    for rule in session.scope.get(DelayConf).delay_on_event:
        if rule.event == name and rule.most:
            session.loop.wait(timeout=random.SystemRandom().uniform(rule.least, rule.most) / 1000)
