"""``scp -f``: we send. A generator walks the paths and rests where it must wait for the client's word or for room."""

from __future__ import annotations

import errno
import stat
from collections.abc import Generator
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any

from mod_sftp.channel.moving import Moving
from mod_sftp.scp import protocol
from mod_sftp.scp.protocol import BadRecord, Decoder, Status
from mod_sftp.scp.sink import MAX_DEPTH, tell, words
from pyproftpd.api.command import Command, LogClass
from pyproftpd.errors import Refused
from pyproftpd.wire import utf8, vpath

if TYPE_CHECKING:
    import os

    from mod_sftp.wire.words import Word
    from pyproftpd.session.session import Session
    from pyproftpd.vfs.downloads import Download
    from pyproftpd.vfs.view import View

#: File data laid out at a time.
BLOCK = 128 * 1024


class Wait(Enum):
    """What a walk rests for."""

    ANSWER = "the client's status"
    ROOM = "room in the channel"


#: Yields what it waits for; is sent the status that came.
Walk = Generator[Wait, Status | None, None]


class Skip(Exception):
    """The client will not have this one."""


class Source:
    """A ``Program`` of the channel layer."""

    def __init__(self, session: Session, channel: Any, view: View, flags: frozenset[str], paths: tuple[Word, ...],
                 options: frozenset[str]) -> None:
        self._session, self._channel, self._view = session, channel, view
        self._moving = session.state(Moving, session)
        self._flags, self._paths, self._options = flags, paths, options
        self._decoder = Decoder()
        self._walk: Walk = self._send_all()
        self._waits: Wait | None = None
        self._download: Download | None = None
        self._errors = 0
        #: does the word at hand begin where the session is?
        self._relative = True

    def start(self) -> None:
        """The client speaks first: its status asks for the first record."""
        self._waits = next(self._walk)

    def feed(self, view: memoryview) -> None:
        self._session.protocol = "scp"
        try:
            for record in self._decoder.feed(view):
                if not isinstance(record, Status):
                    raise BadRecord("protocol error: status expected")
                if record.code == protocol.FATAL or self._waits is not Wait.ANSWER:
                    raise BadRecord(record.text.decode("utf-8", "replace") or "protocol error: unexpected status")
                self._resume(record)
        except BadRecord as error:
            self._abort(str(error))
            self._channel.finish(1)

    def eof(self) -> None:
        """A client that sends no more answers no more."""
        self._abort("client ended")
        self._channel.finish(1 if self._waits else 0)

    def ready(self) -> None:
        if self._waits is Wait.ROOM:
            self._session.protocol = "scp"
            self._resume(None)

    def close(self, failure: str) -> None:
        self._session.protocol = "scp"
        self._abort(failure or "channel closed")
        self._session.protocol = "ssh2"

    def _resume(self, status: Status | None) -> None:
        try:
            self._waits = self._walk.send(status)
        except StopIteration:
            self._waits = None
            self._channel.finish(1 if self._errors else 0)

    # The walk.

    def _send_all(self) -> Walk:
        yield Wait.ANSWER
        for word in self._paths:
            self._relative = not word.startswith("/")
            for path in self._matches(word):
                yield from self._send(path, 0)

    def _matches(self, word: Word) -> list[str]:
        """A name that exists is meant as it stands; else those of its wildcards count that were not quoted (UseGlobbing)."""
        try:
            path = self._view.absolute(word)
            if self._exists(path):
                return [path]
            found = self._view.glob(word.pattern) if word.pattern else []
        except (OSError, Refused) as error:
            self._complain(word, words(error))
            return []
        if not found:
            self._complain(word, "No such file or directory")
        return found

    def _exists(self, path: str) -> bool:
        try:
            self._view.lstat(Command("LSTAT", path), path)
        except OSError:
            return False
        except Refused as error:
            return error.errno != errno.ENOENT  # it is refused by name when it is sent
        return True

    def _send(self, path: str, depth: int) -> Walk:
        """One name, whatever it is; trouble with it is the client's to know, and the walk goes on."""
        try:
            info = self._view.stat(Command("STAT", path), path)
            name = self._name(path)
            if stat.S_ISDIR(info.st_mode):
                yield from self._send_directory(path, name, info, depth)
            else:
                yield from self._send_file(path, name)
        except (OSError, Refused) as error:
            tell(self._session, path, error)
            self._complain(self._shown(path), words(error))
        except Skip:
            self._errors += 1

    def _name(self, path: str) -> bytes:
        name = utf8.encode(vpath.split(path)[1])
        if b"\n" in name:
            raise OSError(errno.EINVAL, "name holds a newline")
        return name

    def _send_directory(self, path: str, name: bytes, info: os.stat_result, depth: int) -> Walk:
        if "r" not in self._flags:
            raise OSError(errno.EISDIR, "not a regular file")
        if depth >= MAX_DEPTH:
            raise OSError(errno.ELOOP, "directories are nested too deeply")
        cmd = Command("NLST", path, limits=("OPENDIR",), group="DIRS", classes=LogClass.DIRS, path=path)
        with self._view.listing(cmd, path) as listing:
            yield from self._times(info)
            yield from self._record(protocol.directory_record(info.st_mode, name))
            for entry in listing:
                if entry.name not in (".", ".."):
                    yield from self._send(vpath.join(path, entry.name), depth + 1)
        yield from self._record(protocol.LEAVE)

    def _send_file(self, path: str, name: bytes) -> Walk:
        """A download: RETR from its opening to the client's last status."""
        cmd = Command("RETR", path, limits=("RETR",), group="READ", classes=LogClass.READ, path=path)
        self._session.begin(cmd)
        try:
            download = self._download = self._view.open_download(cmd, cmd.path or path)
        except (OSError, Refused) as error:
            cmd.errno, cmd.code, cmd.text = error.errno or errno.EIO, "550", words(error)
            self._session.finished(cmd)
            raise
        trouble = "the client refused it"
        self._moving.began()
        try:
            info = download.stat()
            self._require_file(info)
            yield from self._times(info)
            yield from self._record(protocol.file_record(info.st_mode, info.st_size, name))
            trouble = yield from self._data(download, info.st_size)
            yield from self._record(protocol.error(f"{self._shown(path)}: {trouble}") if trouble else protocol.OK)
        finally:
            self._settle(download, trouble)

    def _require_file(self, info: os.stat_result) -> None:
        """Something with a size is announced before it is sent: FIFOs have none (behaviours 182)."""
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")

    def _data(self, download: Download, size: int) -> Generator[Wait, Status | None, str]:
        """Exactly ``size`` bytes, as announced; what the file lacks by now is zeros. Returns what went wrong."""
        channel, offset, trouble = self._channel, 0, ""
        while offset < size:
            if channel.blocked:
                yield Wait.ROOM
                continue
            count = min(BLOCK, size - offset)
            places = channel.reserve(count)
            target = places if places is not None else [memoryview(bytearray(count))]
            try:
                got = 0 if trouble else download.read_at(offset, target)
            except OSError as error:
                got, trouble = 0, words(error)
            if not got:
                trouble = trouble or "file became shorter"
                got = count
                for place in target:
                    place[:] = bytes(len(place))
            if places is not None:
                channel.commit(got)
            else:
                channel.write(target[0][:got])
            offset += got
            self._moved(download, got)
        return trouble

    def _moved(self, download: Download, count: int) -> None:
        if download.throttle is not None:
            wait = download.throttle.spend(count, monotonic())
            if wait > 0:
                self._channel.pause(wait)
        self._moving.moved()

    def _times(self, info: os.stat_result) -> Walk:
        if "p" in self._flags:
            yield from self._record(protocol.times_record(info.st_mtime_ns, info.st_atime_ns))

    def _record(self, message: bytes) -> Walk:
        """Send a record and wait for the client's word on it. Raises: Skip."""
        self._channel.write(message)
        status = yield Wait.ANSWER
        if status is not None and status.code:
            raise Skip

    def _settle(self, download: Download, trouble: str) -> None:
        cmd = download.cmd
        self._download = None
        self._moving.ended()
        if trouble:
            download.abort(trouble)
            cmd.errno, cmd.code, cmd.text = errno.EIO, "451", trouble
            self._errors += 1
        else:
            download.finish()
            cmd.code = "226"
        self._session.finished(cmd)

    def _shown(self, path: str) -> str:
        """A path as the client speaks of it: below its directory, or from the root."""
        return path.removeprefix(self._view.cwd.rstrip("/") + "/") if self._relative else path

    def _complain(self, path: str, text: str) -> None:
        self._errors += 1
        self._channel.write(protocol.error(f"{path}: {text}"))

    def _abort(self, failure: str) -> None:
        """End the walk where it stands; what it holds open is closed on the way out."""
        if self._download is not None:
            self._download.abort(failure)
        self._walk.close()
