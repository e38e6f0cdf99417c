"""The scoreboard: one file, shared by memory, in which every session shows what it is doing.

A header, then slots of one fixed layout. A session writes its own slot without a lock; only taking a slot is locked
(ScoreboardMutex, fcntl locks, which the kernel releases when their holder dies). A slot whose process has gone is free:
the master clears it when it reaps the child, readers skip it, and the next session may take it (security.md M11).

A file that somebody truncates would end every process that touches the lost pages; its size is therefore looked at
before every write and restored, and a session writes its whole slot again where it finds it gone (M4). Readers copy the
file and check every number in it.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import stat
import struct
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

MAGIC = 0x70795343
VERSION = 2
#: slots; 16384 * 1 KiB is address space only until a session uses its page
MAX_SLOTS = 16384

#: magic, version, master pid (0 = inetd), slot size, highest slot ever used, start time (ns)
_HEADER = struct.Struct("=IIIIIQ")
_HEADER_SIZE = 64
_USED = struct.Struct("=I")
_USED_OFFSET = 16
#: first field of a slot
_PID = struct.Struct("=I")

#: field, struct code: strings are cut to their length, numbers are what they say
_LAYOUT = (
    ("pid", "I"), ("uid", "I"), ("gid", "I"), ("server_port", "H"), ("authenticated", "?"), ("direction", "1s"),
    ("retr", "H"), ("stor", "H"), ("appe", "H"), ("begin_session", "Q"), ("begin_idle", "Q"), ("size", "Q"), ("done", "Q"),
    ("elapsed_ms", "Q"),
    ("user", "64s"), ("protocol", "16s"), ("connection_class", "48s"), ("server_address", "48s"),
    ("server_label", "64s"), ("remote_address", "48s"), ("remote_name", "128s"), ("command", "32s"),
    ("argument", "160s"), ("cwd", "224s"),
)


@dataclass(frozen=True, slots=True)
class _Field:
    offset: int
    packer: struct.Struct
    #: length of a text field, 0 for numbers
    text: int


def _compile() -> tuple[dict[str, _Field], int]:
    fields, offset = {}, 0
    for name, code in _LAYOUT:
        packer = struct.Struct("=" + code)
        fields[name] = _Field(offset, packer, packer.size if code.endswith("s") else 0)
        offset += packer.size
    return fields, (offset + 63) // 64 * 64


_FIELDS, SLOT_SIZE = _compile()
_SLOT = struct.Struct("=" + "".join(code for _, code in _LAYOUT))
FILE_SIZE = _HEADER_SIZE + MAX_SLOTS * SLOT_SIZE


@dataclass(frozen=True, slots=True)
class Entry:
    """One session as the scoreboard shows it. Times: wall-clock nanoseconds; ``direction``: ``i``, ``o`` or empty."""

    pid: int
    uid: int
    gid: int
    server_port: int
    authenticated: bool
    direction: str
    #: transfers under way, by the FTP command that each is
    retr: int
    stor: int
    appe: int
    begin_session: int
    begin_idle: int
    size: int
    done: int
    elapsed_ms: int
    user: str
    protocol: str
    connection_class: str
    server_address: str
    server_label: str
    remote_address: str
    remote_name: str
    command: str
    argument: str
    cwd: str

    @property
    def idle(self) -> bool:
        return self.begin_idle != 0


class ScoreboardFull(OSError):
    """Every slot belongs to a living process."""


class Scoreboard:
    """The file, mapped. Made by the master (or an inetd session) as root, inherited by the children."""

    def __init__(self, path: str, fd: int, mutex: int) -> None:
        self.path, self._fd, self._mutex, self._master = path, fd, mutex, 0
        self._map = mmap.mmap(fd, FILE_SIZE)

    @classmethod
    def create(cls, path: str, mutex_path: str, *, master: int, keep: bool = False) -> Scoreboard:
        """Open the file for writing, made anew unless ``keep`` (inetd) finds one of this layout. Raises ``OSError``."""
        fd = _open_own(path, 0o644)
        try:
            mutex = _open_own(mutex_path, 0o600)
        except OSError:
            os.close(fd)
            raise
        if not keep or not _valid(os.pread(fd, _HEADER.size, 0)):
            os.ftruncate(fd, 0)
        os.ftruncate(fd, FILE_SIZE)
        board = cls(path, fd, mutex)
        board._master = master
        if not _valid(board._map[:_HEADER.size]):
            board._write_header()
        return board

    @classmethod
    def attach(cls, path: str) -> Scoreboard:
        """The file of a running server, for ftpscrub. Raises ``OSError``, or ``ValueError`` for any other file.

        Which lock file the sessions use is known to their configuration alone, so the lock is taken on the file itself.
        A session that takes a slot over in the very instant of its clearing finds it gone and writes it again.
        """
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        if not _valid(os.pread(fd, _HEADER.size, 0)):
            os.close(fd)
            raise ValueError(f"{path} is not a scoreboard of this version")
        return cls(path, fd, os.dup(fd))

    def _write_header(self) -> None:
        _HEADER.pack_into(self._map, 0, MAGIC, VERSION, self._master, SLOT_SIZE, 0, time.time_ns())

    def set_master(self, pid: int) -> None:
        """After the daemon has forked itself away from the terminal."""
        self._master = pid
        self.heal()
        self._write_header()

    def add(self, pid: int, **values: object) -> Slot:
        """Take a free slot for ``pid`` and fill it in. Raises ``ScoreboardFull``."""
        self.heal()
        fcntl.lockf(self._mutex, fcntl.LOCK_EX)
        try:
            (used,) = _USED.unpack_from(self._map, _USED_OFFSET)
            used = min(used, MAX_SLOTS)
            for index in range(used + 1):
                if index == MAX_SLOTS:
                    raise ScoreboardFull(f"{self.path}: all {MAX_SLOTS} slots are taken")
                offset = _HEADER_SIZE + index * SLOT_SIZE
                owner = _PID.unpack_from(self._map, offset)[0]
                if index == used or not owner or not alive(owner):
                    break
            self._map[offset:offset + SLOT_SIZE] = bytes(SLOT_SIZE)
            slot = Slot(self, offset, pid)
            slot.update(**values, pid=pid)
            if index == used:
                _USED.pack_into(self._map, _USED_OFFSET, used + 1)
        finally:
            fcntl.lockf(self._mutex, fcntl.LOCK_UN)
        return slot

    def drop(self, pid: int) -> None:
        """Clear the slot of a child that has been reaped; it may have had no time to do so itself."""
        self.heal()
        for offset, owner in self._owners():
            if owner == pid:
                self._clear(offset)

    def scrub(self) -> int:
        """Clear the slots of processes that have gone, and return how many; 0 while somebody else holds the lock."""
        self.heal()
        try:
            fcntl.lockf(self._mutex, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return 0
        try:
            return self._clear_dead()
        finally:
            fcntl.lockf(self._mutex, fcntl.LOCK_UN)

    def _clear_dead(self) -> int:
        dead = [offset for offset, owner in self._owners() if owner and not alive(owner)]
        for offset in dead:
            self._clear(offset)
        return len(dead)

    def _owners(self) -> Iterator[tuple[int, int]]:
        """(offset, process id) of every slot that was ever used; 0 = free."""
        (used,) = _USED.unpack_from(self._map, _USED_OFFSET)
        for offset in range(_HEADER_SIZE, _HEADER_SIZE + min(used, MAX_SLOTS) * SLOT_SIZE, SLOT_SIZE):
            yield offset, _PID.unpack_from(self._map, offset)[0]

    def _clear(self, offset: int) -> None:
        self._map[offset:offset + _PID.size] = bytes(_PID.size)

    def entries(self) -> Iterator[Entry]:
        """The living sessions."""
        self.heal()
        return iter(_entries(self._map))

    def heal(self) -> None:
        """Give a truncated file its size back before its memory is touched, and a spoilt header its marks."""
        self.stretch()
        if not _valid(self._map[:_HEADER.size]):
            self._write_header()
            _USED.pack_into(self._map, _USED_OFFSET, MAX_SLOTS - 1)

    def stretch(self) -> None:
        """The memory of a truncated file must not be touched."""
        if os.fstat(self._fd).st_size < FILE_SIZE:
            os.ftruncate(self._fd, FILE_SIZE)

    def descriptors(self) -> tuple[int, int]:
        return self._fd, self._mutex

    def close_mutex(self) -> None:
        """A session that has its slot needs no lock any more; it must not be able to hold up the others."""
        if self._mutex >= 0:
            os.close(self._mutex)
            self._mutex = -1

    def close(self) -> None:
        self.close_mutex()
        self._map.close()
        os.close(self._fd)


class Slot:
    """The slot of one session."""

    __slots__ = ("board", "later", "_offset", "_values", "_mark")

    def __init__(self, board: Scoreboard, offset: int, pid: int) -> None:
        self.board, self._offset = board, offset
        #: fields that may wait to be seen until the next ``update``
        self.later: dict[str, object] = {}
        self._values: dict[str, object] = {}
        self._mark = _PID.pack(pid)

    def update(self, **values: object) -> None:
        """Write fields by name as far as they changed; text is cut, ``begin_idle`` 0 means busy.

        A file that cannot be given its size back is not touched: a session outlives what only shows it.
        """
        known = self._values
        if self.later:
            values, self.later = self.later | values, {}
        try:
            self.board.stretch()
        except OSError:
            return
        if self.board._map[self._offset:self._offset + _PID.size] != self._mark:
            values = known | values
        else:
            values = {name: value for name, value in values.items() if name not in known or known[name] != value}
        known.update(values)
        self._write(values)

    def _write(self, values: dict[str, object]) -> None:
        for name, value in values.items():
            field = _FIELDS[name]
            if isinstance(value, str):
                value = value.encode("utf-8", "surrogateescape")[:field.text]
            field.packer.pack_into(self.board._map, self._offset + field.offset, value)

    def begin(self, command: str, argument: str = "", **more: object) -> None:
        """A command is running."""
        self.update(command=command, argument=argument, begin_idle=0, **more)

    def idle(self, **more: object) -> None:
        """The session waits for its client."""
        self.update(command="idle", argument="", begin_idle=time.time_ns(), direction="", size=0, done=0, elapsed_ms=0,
                    **more)

    def remove(self) -> None:
        self.update(pid=0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a reader (ftpwho) sees: the master and the living sessions at one moment."""

    master: int
    started_ns: int
    entries: tuple[Entry, ...]


def read(path: str) -> Snapshot:
    """Raises ``OSError``, or ``ValueError`` for a file that is not a scoreboard of this version."""
    # what is no file must not be waited for: a FIFO may never say a word
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        head = file.read(_HEADER_SIZE)
        if not _valid(head):
            raise ValueError(f"{path} is not a scoreboard of this version")
        _, _, master, _, used, started = _HEADER.unpack_from(head)
        data = head + file.read(min(used, MAX_SLOTS) * SLOT_SIZE)
    return Snapshot(master, started, tuple(_shown(entry) for entry in _entries(data)))


def _shown(entry: Entry) -> Entry:
    """Names and arguments are the client's own choice: on a terminal they must not be more than text."""
    texts: dict[str, Any] = {name: "".join(char if char.isprintable() else "?" for char in value)
                             for name, value in asdict(entry).items() if isinstance(value, str)}
    return replace(entry, **texts)


def _open_own(path: str, mode: int) -> int:
    """Open or make a file that is ours alone to write. Raises ``OSError``.

    Whoever could write to the scoreboard could end the master by truncating it, and whoever can as much as read the lock
    file can lock it for ever: POSIX locks ask for no more. Source: real server, for directories that everybody may write to.
    """
    if os.stat(os.path.dirname(path) or "/").st_mode & stat.S_IWOTH:
        raise PermissionError(errno.EPERM, "its directory is writable by everybody", path)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, mode)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "not a regular file of the server's own", path)
        os.fchmod(fd, mode)
    except OSError:
        os.close(fd)
        raise
    return fd


def alive(pid: int) -> bool:
    """Does the process exist? Somebody else's does too (EPERM); a number that no process can have does not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _valid(head: bytes) -> bool:
    if len(head) < _HEADER.size:
        return False
    magic, version, _, size, used, _ = _HEADER.unpack_from(head)
    return (magic, version, size) == (MAGIC, VERSION, SLOT_SIZE) and used <= MAX_SLOTS


def _entries(data: mmap.mmap | bytes) -> Iterator[Entry]:
    (used,) = _USED.unpack_from(data, _USED_OFFSET)
    for index in range(min(used, MAX_SLOTS, (len(data) - _HEADER_SIZE) // SLOT_SIZE)):
        offset = _HEADER_SIZE + index * SLOT_SIZE
        values = _SLOT.unpack_from(data, offset)
        if values[0] and alive(values[0]):
            plain: list[Any] = [value.split(b"\0", 1)[0].decode("utf-8", "replace") if isinstance(value, bytes) else value
                                for value in values]
            yield Entry(*plain)
