"""A file on its way in: opened and judged by the View, written by the front end, ended here.

What stays on disk after each way to end is one table, for every front end (docs/uploads.md); :func:`stays` is that table.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import select
import stat as _stat
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyproftpd.api.command import Command
from pyproftpd.api.transfer import Direction, TransferRecord
from pyproftpd.errors import Refused
from pyproftpd.vfs.content import copy_in_steps
from pyproftpd.vfs.downloads import Report
from pyproftpd.vfs.replace import move
from pyproftpd.vfs.resolve import Place
from pyproftpd.vfs.throttle import Throttle

#: longest file name in bytes on Linux (NAME_MAX); a hidden name that would be longer is a random one
NAME_MAX = 255

#: tries to find a free hidden name; each one after the first is random
HIDDEN_TRIES = 8


@dataclass(frozen=True, slots=True)
class Manner:
    """How one upload behaves, decided at open."""

    #: largest size of the file in bytes
    limit: int = sys.maxsize
    #: where ``limit`` was set, for the log
    limit_rule: str = ""
    append: bool = False
    delete_aborted: bool = False
    #: ``none``, ``data`` or ``full`` (UploadDurability)
    durability: str = "none"
    #: the file came to be, or was emptied, by this upload: nothing of anybody else's is in it
    fresh: bool = True
    #: the name was there before
    existed: bool = False
    #: what stood under the name before may be replaced
    replace: bool = False


class Upload:
    """One open file. Ends by exactly one :meth:`finish` or :meth:`abort`; later ones do nothing.

    ``place`` is where the final name lies, ``hidden`` the name that the data lies under meanwhile (``""``: the final one).
    """

    __slots__ = ("fd", "cmd", "vpath", "size", "bytes", "throttle", "first", "started", "failure", "seekable", "replaces",
                 "_limit", "_manner", "_place", "_hidden", "_named", "_report")

    def __init__(self, fd: int, cmd: Command, place: Place, manner: Manner, info: os.stat_result | None, *, report: Report,
                 hidden: str = "", throttle: Throttle | None = None) -> None:
        """``info`` of what is open; ``None``: a new and empty file."""
        self.fd, self.cmd, self.vpath, self.throttle = fd, cmd, place.path, throttle
        #: size of the file as far as this upload knows; counted, because asking costs a round trip on network disks
        self.size = 0 if info is None else info.st_size
        self.bytes = 0
        self.first: int | None = None
        self.started = time.monotonic()
        #: the first write error or refusal, ``""`` while all is well
        self.failure = ""
        self._limit, self._manner, self._place, self._hidden, self._report = manner.limit, manner, place, hidden, report
        #: the hidden file has its final name, whole: whatever fails from then on, it stays
        self._named = False
        #: a regular file; a FIFO is not
        self.seekable = info is None or _stat.S_ISREG(info.st_mode)
        #: the file was there before
        self.replaces = manner.existed

    # The hot path: two tests and a system call.

    def write_at(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``; an appending upload ignores the offset.

        Raises ``Refused`` (EFBIG) before a byte lies beyond MaxStoreFileSize, ``OSError`` of the disk.
        """
        count = len(data)
        if self._manner.append or not self.seekable:
            self.append(data)
            return
        end = offset + count
        if end > self._limit:
            self._too_large()
        try:
            done = os.pwrite(self.fd, data, offset)
            while done < count:
                done += os.pwrite(self.fd, data[done:], offset + done)
        except OSError as error:
            self.failure = self.failure or str(error)
            raise
        if end > self.size:
            self.size = end
        self.bytes += count
        if self.first is None or offset < self.first:
            self.first = offset

    def append(self, data: memoryview) -> None:
        """Write all of ``data`` where the last write ended, or at the end of the file when it was opened to append.

        ``BlockingIOError``: a FIFO has no room yet; up to PIPE_BUF bytes are then not written at all, which is no failure.
        """
        count = len(data)
        if self._manner.append and self.seekable:
            if self._limit != sys.maxsize:
                self.size = os.fstat(self.fd).st_size  # another writer may have appended too
            offset = self.size
        else:
            offset = self.bytes
        if offset + count > self._limit:
            self._too_large()
        try:
            done = os.write(self.fd, data)
            while done < count:
                done += os.write(self.fd, data[done:])
        except OSError as error:
            if not isinstance(error, BlockingIOError) or count > select.PIPE_BUF:
                self.failure = self.failure or str(error)
            raise
        self.size = max(self.size, offset + count)
        self.bytes += count
        if self.first is None:
            self.first = offset

    def _too_large(self) -> None:
        self.failure = "MaxStoreFileSize exceeded"
        raise Refused(self._manner.limit_rule or "MaxStoreFileSize", errno.EFBIG)

    def read_at(self, offset: int, into: Sequence[memoryview]) -> int:
        """For an upload that was opened readable too; 0 at the end of the file."""
        return os.preadv(self.fd, into, offset)

    def take(self, reader: int) -> Iterator[None]:
        """Fill an empty upload with all of another file, open as ``reader``, inside the kernel where it can."""
        try:
            for done in copy_in_steps(reader, self.fd, self._limit):
                self.bytes = done
                yield
        except OSError as error:
            self.failure = str(error)
            raise
        self.size, self.first = self.bytes, 0

    def truncate(self, size: int) -> None:
        """What was only opened to be appended to under AllowOverwrite off is not cut either."""
        if self._manner.existed and not self._manner.replace:
            raise Refused("AllowOverwrite off")
        if size > self._limit:
            self._too_large()
        os.ftruncate(self.fd, size)
        self.size = size

    def sync(self) -> None:
        os.fsync(self.fd)

    def stat(self) -> os.stat_result:
        return os.fstat(self.fd)

    # The end.

    def finish(self) -> None:
        """The client is done: sync as configured, close, give the file its name, report.

        A hidden upload that met an error never gets its final name: its temporary file goes as after an abort.
        Raises ``OSError`` or ``Refused``; whoever gets an answer without error has the file as promised.
        """
        if self.fd < 0:
            return
        failure, manner = self.failure, self._manner
        if failure and (self._hidden or not stays(hidden=False, delete_aborted=manner.delete_aborted, fresh=manner.fresh)):
            self.abort(failure)
            raise OSError(errno.EIO, failure, self.vpath.virtual)
        try:
            self._settle()
        except (OSError, Refused) as error:
            self.abort(str(error))
            raise
        self._done(self.failure)

    def _settle(self) -> None:
        manner, place = self._manner, self._place
        if manner.durability != "none" and self.seekable:
            (os.fsync if manner.durability == "full" else os.fdatasync)(self.fd)
        mine = os.fstat(self.fd) if self._hidden else None
        fd, self.fd = self.fd, -1
        os.close(fd)  # network disks and quotas report here what they did not report at write
        if mine is not None:
            found = os.stat(self._hidden, dir_fd=place.parent, follow_symlinks=False)
            if (found.st_ino, found.st_dev) != (mine.st_ino, mine.st_dev):
                raise OSError(errno.ESTALE, "the temporary file of this upload was replaced", self.vpath.virtual)
            move(place.parent, self._hidden, place.parent, place.name, replace=manner.replace)
            self._hidden, self._named = "", True
        if manner.durability == "full" and self.seekable:
            _sync_directory(place.parent)

    def abort(self, failure: str = "") -> None:
        """The upload ends without its client's word that it is whole. Never raises."""
        if self._place.parent < 0:
            return
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            try:
                os.close(fd)
            except OSError as error:
                failure = failure or str(error)
        name, manner = self._hidden or self._place.name, self._manner
        if not self._named and not stays(hidden=bool(self._hidden), delete_aborted=manner.delete_aborted, fresh=manner.fresh):
            try:
                os.unlink(name, dir_fd=self._place.parent)
            except OSError as error:
                failure = f"{failure}; left behind: {error.strerror}"
        self._done(failure or "aborted")

    def _done(self, failure: str) -> None:
        self._place.close()
        cmd, first = self.cmd, self.first
        cmd.bytes, cmd.modified = self.bytes, self.replaces
        cmd.transfer = TransferRecord(
            Direction.UPLOAD, self.vpath.outside, self.bytes, time.monotonic() - self.started, not failure,
            offset=first or None, file_size=self.size, failure=failure, client_path=self.vpath.virtual)
        self._report(cmd, cmd.transfer)


def stays(*, hidden: bool, delete_aborted: bool, fresh: bool) -> bool:
    """Does the file with the data of a broken upload stay on disk?

    Hidden: its temporary file stays only where DeleteAbortedStores is off. Visible: it goes only where
    DeleteAbortedStores is on *and* all that is in it came from this upload: what a client appended to or wrote into
    was somebody's before. Source: real server, mod_xfer; "fresh" is ours.
    """
    return not delete_aborted or not (hidden or fresh)


def _sync_directory(parent: int) -> None:
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_hidden(place: Place, prefix: str, suffix: str, flags: int, mode: int) -> tuple[int, str]:
    """Create the temporary file of a hidden upload beside its final name: (descriptor, name).

    ``.in.NAME.`` as administrators know it; where that is taken by another running upload, or would be too long, a
    random name. One that nobody holds a lock on was left by a session that died and is removed.
    """
    name = f"{prefix}{place.name}{suffix}"
    for _ in range(HIDDEN_TRIES):
        if len(os.fsencode(name)) <= NAME_MAX:
            try:
                fd = os.open(name, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=place.parent)
            except FileExistsError:
                if _abandoned(place.parent, name):
                    os.unlink(name, dir_fd=place.parent)
                    continue
            else:
                _hold(fd)
                return fd, name
        name = f"{prefix}{secrets.token_hex(8)}{suffix}"
    raise FileExistsError(errno.EEXIST, "no free hidden name", place.path.virtual)


def _hold(fd: int) -> None:
    """Mark a temporary file as in use, for as long as it is open. A disk without locks just lacks the clean-up."""
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _abandoned(parent: int, name: str) -> bool:
    """Is the file of that name the empty shell of an upload whose session is gone?"""
    try:
        fd = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        info = os.fstat(fd)
        return _stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid()
    except OSError:
        return False
    finally:
        os.close(fd)
