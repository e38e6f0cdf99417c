"""The records of scp's own protocol, both directions. Bytes in, values out; no clock, no files.

``T``imes, ``C`` file, ``D`` directory and ``E``nd of one are lines; a file's bytes and a status byte follow its C record once
it was acknowledged. A status is 0, or 1 (warning: this file is skipped) or 2 (fatal) and a line of text. There is no
document; the source is scp.c of OpenSSH and the rcp that it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: A record: letter, mode, size and a name of PATH_MAX bytes at most.
MAX_LINE = 4096 + 64
#: Longest name that a file can have (NAME_MAX).
MAX_NAME = 255
#: Largest file size of the kernel.
MAX_SIZE = 2**63 - 1

OK = b"\0"
WARNING, FATAL = 1, 2


class BadRecord(Exception):
    """A record that breaks the protocol; the text is for the client."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds and microseconds."""

    mtime: int
    mtime_us: int
    atime: int
    atime_us: int

    @property
    def mtime_ns(self) -> int:
        return (self.mtime * 1_000_000 + self.mtime_us) * 1000

    @property
    def atime_ns(self) -> int:
        return (self.atime * 1_000_000 + self.atime_us) * 1000


@dataclass(frozen=True, slots=True)
class File:
    mode: int
    size: int
    name: bytes


@dataclass(frozen=True, slots=True)
class Directory:
    mode: int
    name: bytes


@dataclass(frozen=True, slots=True)
class Leave:
    """The end of a directory."""


@dataclass(frozen=True, slots=True)
class Status:
    """An acknowledgement, or the other side's trouble in words."""

    code: int
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the file. Owner: ``view`` dies with the feed that it came from."""

    view: memoryview


Record = Times | File | Directory | Leave | Status | Data

_TIMES = re.compile(rb"T(\d{1,19}) (\d{1,6}) (\d{1,19}) (\d{1,6})\Z")
_ENTRY = re.compile(rb"([CD])([0-7]{4,6}) (\d{1,19}) (.+)\Z", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f/]")


def parse(line: bytes) -> Record:
    """One record without its newline. Raises: BadRecord."""
    if line == b"E":
        return Leave()
    if line.startswith(b"T"):
        found = _TIMES.match(line)
        if found is None:
            raise BadRecord("protocol error: bad times record")
        times = Times(*map(int, found.groups()))
        if max(times.mtime, times.atime) >= 2**40 or max(times.mtime_us, times.atime_us) > 999_999:
            raise BadRecord("protocol error: times out of range")
        return times
    found = _ENTRY.match(line)
    if found is None:
        raise BadRecord("protocol error: unexpected record")
    kind, mode, size, name = found.groups()
    require_name(name)
    if int(size) > MAX_SIZE:
        raise BadRecord("protocol error: size out of range")
    if kind == b"D":
        return Directory(int(mode, 8) & 0o7777, name)
    return File(int(mode, 8) & 0o7777, int(size), name)


def require_name(name: bytes) -> None:
    """A record names an entry of the directory at hand, nothing else (security.md P2)."""
    if name in (b"", b".", b"..") or _CONTROL.search(name) or len(name) > MAX_NAME:
        raise BadRecord("error: unexpected filename")


class Decoder:
    """Cuts input into records, however it arrives. ``expect(size)`` makes the next bytes a file's, and a status after."""

    def __init__(self) -> None:
        self._line = bytearray()
        #: bytes of the last feed that its records so far are made of: the rest may be fed again later
        self.taken = 0
        self._left = 0
        self._status = False

    def expect(self, size: int) -> None:
        self._left, self._status = size, True

    def feed(self, view: memoryview) -> Iterator[Record]:
        """Records in order. Whoever iterates may call ``expect`` between two of them. Raises: BadRecord."""
        pos, end = 0, len(view)
        while pos < end:
            if self._left:
                take = min(self._left, end - pos)
                self._left -= take
                self.taken = pos + take
                yield Data(view[pos:pos + take])
                pos += take
            elif not self._line and view[pos] == 0:
                self._status = False
                self.taken = pos = pos + 1
                yield Status(0)
            else:
                stop = _newline(view, pos)
                self._line += view[pos:stop]
                if len(self._line) > MAX_LINE:
                    raise BadRecord("protocol error: record is too long")
                if stop == end:
                    return
                self.taken = pos = stop + 1
                line, self._line = bytes(self._line), bytearray()
                yield self._record(line)

    def _record(self, line: bytes) -> Record:
        if line[:1] in (b"\1", b"\2"):
            self._status = False
            return Status(line[0], line[1:])
        if self._status:
            raise BadRecord("protocol error: status expected after data")
        return parse(line)


def _newline(view: memoryview, pos: int) -> int:
    """Where the next newline is; the end where there is none. Looks no further than a record can be long."""
    head = bytes(view[pos:pos + MAX_LINE + 1])
    found = head.find(b"\n")
    return pos + (found if found >= 0 else len(head))


def error(text: str, *, fatal: bool = False) -> bytes:
    """Trouble in words; a newline in a name must not end the line early."""
    words = f"scp: {text}".replace("\n", "?").encode("utf-8", "surrogateescape")
    return bytes((FATAL if fatal else WARNING,)) + words + b"\n"


def times_record(mtime_ns: int, atime_ns: int) -> bytes:
    """Whole seconds, as OpenSSH sends them; before 1970 there are none."""
    return b"T%d 0 %d 0\n" % (max(0, mtime_ns // 10**9), max(0, atime_ns // 10**9))


def file_record(mode: int, size: int, name: bytes) -> bytes:
    return b"C%04o %d %s\n" % (mode & 0o7777, size, name)


def directory_record(mode: int, name: bytes) -> bytes:
    return b"D%04o 0 %s\n" % (mode & 0o7777, name)


LEAVE = b"E\n"
