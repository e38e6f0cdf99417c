"""``scp -t``: the client sends, we write. Every file is an upload of the View, every directory its MKD."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from mod_sftp.channel.moving import FIFO_PAUSE, Moving
from mod_sftp.log import SftpLog
from mod_sftp.scp import protocol
from mod_sftp.scp.protocol import BadRecord, Data, Decoder, Directory, File, Record, Status, Times
from pyproftpd.api.command import Command, LogClass
from pyproftpd.errors import Refused
from pyproftpd.vfs.conf import OwnershipConf
from pyproftpd.wire import utf8, vpath

if TYPE_CHECKING:
    from pyproftpd.session.session import Session
    from pyproftpd.vfs.uploads import Upload
    from pyproftpd.vfs.view import View

#: Directories within directories of one transfer.
MAX_DEPTH = 256


@dataclass(slots=True)
class Level:
    """A directory being filled; its mode and times are set when it is left (behaviours 181).

    ``mode`` is what the client wants kept (-p), ``umasked`` what a new directory has that had to be made writable.
    """

    path: str
    mode: int | None
    times: Times | None
    umasked: int | None = None


@dataclass(slots=True)
class Incoming:
    """The file at hand. ``trouble`` is what went wrong while the rest of it still has to be read."""

    upload: Upload
    path: str
    record: File
    times: Times | None
    offset: int = 0
    trouble: str = ""


class Sink:
    """A ``Program`` of the channel layer."""

    def __init__(self, session: Session, channel: Any, view: View, flags: frozenset[str], paths: tuple[str, ...],
                 options: frozenset[str]) -> None:
        self._session, self._channel, self._view = session, channel, view
        self._moving = session.state(Moving, session)
        self._flags, self._target, self._options = flags, paths[0], options
        self._decoder = Decoder()
        self._levels: list[Level] = []
        self._times: Times | None = None
        self._file: Incoming | None = None
        #: bytes that a FIFO has no room for yet
        self._waiting = b""
        self._errors = 0
        self._done = False

    def start(self) -> None:
        """The first acknowledgement asks the client to begin; a wrong target ends before it."""
        fault = self._no_directory(self._target) if "d" in self._flags else 0
        if fault:
            self._end(protocol.error(f"{self._target}: {os.strerror(fault)}"), 1)
        else:
            self._channel.write(protocol.OK)

    def feed(self, view: memoryview) -> None:
        self._session.protocol = "scp"
        try:
            for record in self._decoder.feed(view):
                if self._done:
                    return
                self._take(record)
                if self._waiting:
                    rest = view[self._decoder.taken:]
                    if rest:
                        self._channel.unread(rest)
                    return
        except BadRecord as error:
            self._end(protocol.error(str(error), fatal=True), 1)

    def eof(self) -> None:
        """The client has sent everything, or gives up in the middle of a file. phpseclib ends behind the last byte, without
        the status that says that all is well; scp of OpenSSH keeps such a file, too."""
        file = self._file
        if file is not None and file.offset == file.record.size:
            self._finish(Status(0))
        self._abort("connection ended in the middle of a file")
        self._channel.finish(1 if self._errors or self._levels else 0)

    def ready(self) -> None:
        """Answers are a few bytes each and wait for no room; what a FIFO had none for is tried again."""
        data, self._waiting = self._waiting, b""
        if data and self._file is not None:
            self._session.protocol = "scp"
            self._channel.working = False
            self._pour(self._file, memoryview(data))

    def close(self, failure: str) -> None:
        self._session.protocol = "scp"
        self._abort(failure or "channel closed")
        self._session.protocol = "ssh2"

    # Records.

    def _take(self, record: Record) -> None:
        if isinstance(record, Data):
            self._write(record.view)
        elif isinstance(record, Status):
            self._status(record)
        elif isinstance(record, Times):
            self._times = record
            self._channel.write(protocol.OK)
        elif isinstance(record, File):
            self._begin(record)
        elif isinstance(record, Directory):
            self._enter(record)
        else:
            self._leave()

    def _status(self, record: Status) -> None:
        if self._file is not None:
            self._finish(record)
        elif record.code == protocol.FATAL:
            self._abort(record.text.decode("utf-8", "replace"))
            self._errors += 1
            self._done = True
            self._channel.finish(1)
        elif record.code:
            self._errors += 1

    def _begin(self, record: File) -> None:
        """C: open the file; the acknowledgement asks for its bytes."""
        times, self._times = self._times, None
        path = self._place(record.name)
        cmd = Command("STOR", path, limits=("STOR",), group="WRITE", classes=LogClass.WRITE)
        try:
            cmd.path = self._view.absolute(path)
            self._session.begin(cmd)
            upload = self._open(cmd, record)
        except (OSError, Refused) as error:
            self._refuse(path, error)
            return
        self._file = Incoming(upload, cmd.path, record, times)
        self._moving.began()
        self._decoder.expect(record.size)
        self._channel.write(protocol.OK)

    def _open(self, cmd: Command, record: File) -> Upload:
        try:
            upload = self._view.open_upload(cmd, cmd.path or "", create=True, exclusive=False, truncate=True, append=False,
                                            mode=self._mode(cmd.path or "", record.mode), chmod=False)
            if "IgnoreFIFOs" in self._options and stat.S_ISFIFO(upload.stat().st_mode):
                upload.abort("SFTPOptions IgnoreFIFOs")
                raise Refused("SFTPOptions IgnoreFIFOs", errno.EPERM)
        except (OSError, Refused) as error:
            cmd.errno, cmd.code, cmd.text = error.errno or errno.EIO, "550", words(error)
            self._session.finished(cmd)
            raise
        return upload

    def _mode(self, path: str, mode: int) -> int | None:
        """The client's mode: as it is with -p, else less the Umask; not at all with IgnoreSCPUploadPerms."""
        if "IgnoreSCPUploadPerms" in self._options:
            return None
        return mode if "p" in self._flags else self._masked(path, mode, directory=False)

    def _masked(self, path: str, mode: int, *, directory: bool) -> int:
        """A mode less the Umask of the place."""
        view = self._view
        place = vpath.outside(view.chroot, vpath.split(path)[0])
        return mode & ~view.access.scope_of(place).get(OwnershipConf).umask[directory] & 0o777

    @property
    def _keeps_modes(self) -> bool:
        return "p" in self._flags and "IgnoreSCPUploadPerms" not in self._options

    def _write(self, data: memoryview) -> None:
        """Bytes of the file; after trouble they are read and dropped, for the client sends them all."""
        file = self._file
        assert file is not None
        if file.trouble:
            self._moving.moved()
        else:
            self._pour(file, data)
        file.offset += len(data)
        throttle = file.upload.throttle
        if throttle is not None:
            wait = throttle.spend(len(data), monotonic())
            if wait > 0:
                self._channel.pause(wait)

    def _pour(self, file: Incoming, data: memoryview) -> None:
        """Into the file; into a FIFO as far as there is room, the rest when there is more."""
        piece, done = len(data) if file.upload.seekable else select.PIPE_BUF, 0
        try:
            while done < len(data):
                file.upload.write_at(file.offset, data[done:done + piece])
                done += piece
        except BlockingIOError:
            self._waiting = bytes(data[done:])
            self._channel.working = True
            self._channel.pause(FIFO_PAUSE)
        except (OSError, Refused) as error:
            file.trouble = words(error)
            tell(self._session, file.path, error)
        if done:
            self._moving.moved()

    def _finish(self, record: Status) -> None:
        """The status behind a file's bytes: give it its name and times, and answer for all of it."""
        file, self._file = self._file, None
        assert file is not None
        self._moving.ended()
        upload, cmd = file.upload, file.upload.cmd
        if record.code:
            file.trouble = record.text.decode("utf-8", "replace") or "client failed"
        if not file.trouble:
            try:
                upload.finish()
                cmd.code = "226"
            except (OSError, Refused) as error:
                file.trouble = words(error)
        if file.trouble:
            upload.abort(file.trouble)
            cmd.errno, cmd.code, cmd.text = errno.EIO, "451", file.trouble
        self._session.finished(cmd)
        if file.trouble:
            self._errors += 1
            self._channel.write(protocol.OK if record.code else protocol.error(f"{file.path}: {file.trouble}"))
        else:
            self._settle(file.path, file.record.mode if self._keeps_modes else None, file.times)
        if record.code == protocol.FATAL:
            self._done = True
            self._channel.finish(1)

    # Directories.

    def _enter(self, record: Directory) -> None:
        times, self._times = self._times, None
        path = self._place(record.name)
        if "r" not in self._flags:
            self._end(protocol.error("received directory without -r", fatal=True), 1)
            return
        if len(self._levels) >= MAX_DEPTH:
            self._end(protocol.error("directories are nested too deeply", fatal=True), 1)
            return
        try:
            level = self._make(path, record.mode, times)
        except (OSError, Refused) as error:
            self._refuse(path, error)
            return
        self._levels.append(level)
        self._channel.write(protocol.OK)

    def _make(self, path: str, mode: int, times: Times | None) -> Level:
        """MKD, as every directory is made (security.md P3); one that is there already is used as it is.

        What its owner may not write to is made writable, to be filled, and becomes what it is to be when it is left.
        """
        virtual = self._view.absolute(path)
        kept = mode if self._keeps_modes else None
        if self._is_directory(virtual):
            return Level(virtual, kept, times)
        cmd = Command("MKD", path, limits=("MKD", "XMKD"), group="WRITE", classes=LogClass.DIRS | LogClass.WRITE,
                      path=virtual)
        with self._session.phases(cmd):
            keep = None if "IgnoreSCPUploadPerms" in self._options else mode | stat.S_IRWXU
            self._view.mkdir(cmd, cmd.path or virtual, keep)
            cmd.code = "257"
        level = Level(cmd.path or virtual, kept, times)
        if kept is None and keep is not None and keep != mode:
            level.umasked = self._masked(virtual, mode, directory=True)
        return level

    def _leave(self) -> None:
        if not self._levels:
            self._end(protocol.error("protocol error: end of no directory", fatal=True), 1)
            return
        level = self._levels.pop()
        if level.umasked is not None:
            with contextlib.suppress(Refused):  # without -p nobody asked for a chmod: it stays writable
                self._set(level.path, mode=level.umasked)
        self._settle(level.path, level.mode, level.times)

    # What both have.

    def _place(self, name: bytes) -> str:
        """Where an entry goes: into the directory at hand; at the top into the target, or as the target itself."""
        text = utf8.decode(name)
        if self._levels:
            return f"{self._levels[-1].path.rstrip('/')}/{text}"
        if self._is_directory(self._target):
            return f"{self._target.rstrip('/')}/{text}" if self._target else text
        return self._target

    def _is_directory(self, path: str) -> bool:
        return not self._no_directory(path)

    def _no_directory(self, path: str) -> int:
        """Why this is no directory, 0 for one."""
        probe = Command("LSTAT", path)  # no request of the client's: no Limit is asked
        try:
            info = self._view.stat(probe, self._view.absolute(path))
        except (OSError, Refused) as error:
            return error.errno or errno.ENOTDIR
        return 0 if stat.S_ISDIR(info.st_mode) else errno.ENOTDIR

    def _settle(self, path: str, mode: int | None, times: Times | None) -> None:
        """Mode and times of something complete; then the answer for it."""
        change: dict[str, int] = {} if mode is None else {"mode": mode}
        if times is not None and "IgnoreSCPUploadTimes" not in self._options:
            change |= {"mtime_ns": times.mtime_ns, "atime_ns": times.atime_ns}
        try:
            if change:
                self._set(path, **change)
        except (OSError, Refused) as error:
            self._refuse(path, error)
        else:
            self._channel.write(protocol.OK)

    def _set(self, path: str, **change: Any) -> None:
        cmd = Command("STOR", path, limits=("STOR",), group="WRITE", path=path)
        self._view.set_attributes(cmd, path, **change)

    def _refuse(self, path: str, error: OSError | Refused) -> None:
        tell(self._session, path, error)
        self._errors += 1
        self._channel.write(protocol.error(f"{path}: {words(error)}"))

    def _abort(self, failure: str) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        self._errors += 1
        self._moving.ended()
        file.upload.abort(failure)
        cmd = file.upload.cmd
        cmd.errno, cmd.code, cmd.text = errno.ECONNABORTED, "451", failure
        self._session.finished(cmd)

    def _end(self, message: bytes, status: int) -> None:
        """Say it and end the channel."""
        self._done = True
        self._errors += 1
        self._channel.write(message)
        self._channel.finish(status)


def tell(session: Session, path: str, error: OSError | Refused) -> None:
    """What policy denies is told to the SFTPLog."""
    if isinstance(error, Refused):
        session.state(SftpLog).line(f"scp of '{path}' denied by {error.rule}")


def words(error: OSError | Refused) -> str:
    """What the client is told of an error; never a path, which could be an outside one."""
    return error.text if isinstance(error, Refused) else (error.strerror or "Failure")
