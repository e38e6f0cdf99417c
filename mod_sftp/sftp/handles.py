"""Handles of one channel: open files and directories under unpredictable names.

A table belongs to one channel, so a handle means nothing on another one (security.md F13). Names are 16 hexadecimal
digits of 8 random bytes, as in the real server.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from mod_sftp.sftp.status import Status, StatusError
from pyproftpd.api.command import Command, LogClass

if TYPE_CHECKING:
    from mod_sftp.wire.fxp import Opening
    from pyproftpd.vfs.directories import Listing
    from pyproftpd.vfs.downloads import Download
    from pyproftpd.vfs.throttle import Throttle
    from pyproftpd.vfs.uploads import Upload

RANDOM_BYTES = 8
#: names drawn from the kernel at once
DRAWN = 64

#: (offset, where to) -> bytes read; (offset, data)
ReadAt = Callable[[int, Sequence[memoryview]], int]
WriteAt = Callable[[int, memoryview], None]

Handler = TypeVar("Handler", "FileHandle", "DirectoryHandle")


class FileHandle:
    """An open file. What READ and WRITE need lies here bound and decided: they ask nothing else.

    ``read_at(offset, views)`` and ``write_at(offset, view)`` are ``None`` where the file was not opened for that.
    """

    __slots__ = ("name", "cmd", "transfer", "opening", "read_at", "write_at", "throttle", "logged", "closing")

    def __init__(self, cmd: Command, transfer: Upload | Download, opening: Opening, *,
                 read_at: ReadAt | None, write_at: WriteAt | None, logged: bool, closing: LogClass) -> None:
        self.name = b""
        #: log classes of the CLOSE
        self.closing = closing
        self.cmd, self.transfer, self.opening = cmd, transfer, opening
        self.read_at, self.write_at = read_at, write_at
        self.throttle: Throttle | None = transfer.throttle
        #: READ and WRITE go the ordinary way: an ExtendedLog wants a line for each, or a FIFO may have to be waited for
        self.logged = logged


class DirectoryHandle:
    """An open directory and how far it was read."""

    __slots__ = ("name", "cmd", "listing")

    #: it is none for READ and WRITE
    read_at = write_at = None
    logged = False

    def __init__(self, cmd: Command, listing: Listing | None) -> None:
        self.name = b""
        #: ``None`` when policy lets nobody list it: reads as an empty directory (real server, READDIR)
        self.cmd, self.listing = cmd, listing


def _names() -> Iterator[bytes]:
    """Without end."""
    while True:
        drawn = os.urandom(RANDOM_BYTES * DRAWN).hex().encode()
        for at in range(0, len(drawn), 2 * RANDOM_BYTES):
            yield drawn[at:at + 2 * RANDOM_BYTES]


class Handles:
    """The table. ``limit`` bounds how many a channel may hold open."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open: dict[bytes, FileHandle | DirectoryHandle] = {}
        #: the hot path's look-up: the handle or ``None``
        self.get = self._open.get
        self._names = _names()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[FileHandle | DirectoryHandle]:
        return iter(tuple(self._open.values()))

    def require_room(self) -> None:
        """Before anything is opened: one more must fit."""
        if len(self._open) >= self.limit:
            raise StatusError(Status.FAILURE, "Too many open handles")

    def add(self, handle: FileHandle | DirectoryHandle) -> bytes:
        name = handle.name = next(self._names)
        self._open[name] = handle
        return name

    def file(self, name: bytes) -> FileHandle:
        return self._typed(name, FileHandle)

    def directory(self, name: bytes) -> DirectoryHandle:
        return self._typed(name, DirectoryHandle)

    def any(self, name: bytes) -> FileHandle | DirectoryHandle:
        found = self._open.get(name)
        if found is None:
            raise StatusError(Status.INVALID_HANDLE)
        return found

    def remove(self, name: bytes) -> FileHandle | DirectoryHandle:
        found = self._open.pop(name, None)
        if found is None:
            raise StatusError(Status.INVALID_HANDLE)
        return found

    def _typed(self, name: bytes, kind: type[Handler]) -> Handler:
        found = self._open.get(name)
        if not isinstance(found, kind):
            raise StatusError(Status.INVALID_HANDLE)
        return found
