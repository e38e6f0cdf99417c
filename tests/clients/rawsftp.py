"""A raw SFTP client of versions 1 to 6: puts bytes together and takes them apart by itself, knows nothing of the server's
code. Written from draft-ietf-secsh-filexfer-00, -02, -04, -05 and -13."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT = range(1, 11)
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(11, 21)
LINK, BLOCK, UNBLOCK = 21, 22, 23
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, OP_UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8

#: pflags of versions 1 to 4
READ_FLAG, WRITE_FLAG, APPEND_FLAG, CREAT, TRUNC, EXCL = 1, 2, 4, 8, 16, 32


def u32(value: int) -> bytes:
    return struct.pack(">I", value)


def u64(value: int) -> bytes:
    return struct.pack(">Q", value)


def text(data: bytes | str) -> bytes:
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    return u32(len(data)) + data


class Cursor:
    """Reads one reply; a test fails by ``struct.error`` or AssertionError when it is not what the draft says."""

    def __init__(self, data: bytes) -> None:
        self.data, self.pos = data, 0

    def take(self, count: int) -> bytes:
        assert self.pos + count <= len(self.data), "reply ends in the middle of a field"
        self.pos += count
        return self.data[self.pos - count:self.pos]

    def u8(self) -> int:
        return self.take(1)[0]

    def u32(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def u64(self) -> int:
        return int(struct.unpack(">Q", self.take(8))[0])

    def i64(self) -> int:
        return int(struct.unpack(">q", self.take(8))[0])

    def text(self) -> bytes:
        return self.take(self.u32())

    def done(self) -> None:
        assert self.pos == len(self.data), f"{len(self.data) - self.pos} bytes too many"


@dataclass
class Reply:
    kind: int
    ident: int
    body: bytes

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.body)


@dataclass
class Attrs:
    flags: int = 0
    type: int = 0
    values: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def read_attrs(cur: Cursor, version: int) -> Attrs:
    found = Attrs(cur.u32())
    values, flags = found.values, found.flags
    if version >= 4:
        found.type = cur.u8()
    if flags & 0x1:
        values["size"] = cur.u64()
    if version <= 3:
        if flags & 0x2:
            values["uid"], values["gid"] = cur.u32(), cur.u32()
        if flags & 0x4:
            values["permissions"] = cur.u32()
        if flags & 0x8:
            values["atime"], values["mtime"] = cur.u32(), cur.u32()
    else:
        if version >= 6 and flags & 0x400:
            values["allocation_size"] = cur.u64()
        if flags & 0x80:
            values["owner"], values["group"] = cur.text(), cur.text()
        if flags & 0x4:
            values["permissions"] = cur.u32()
        for bit, name, since in ((0x8, "atime", 4), (0x10, "createtime", 4), (0x20, "mtime", 4), (0x8000, "ctime", 6)):
            if version >= since and flags & bit:
                values[name] = cur.i64()
                if flags & 0x100:
                    values[name + "_ns"] = cur.u32()
        if flags & 0x40:
            values["acl"] = cur.text()
        if version >= 5 and flags & 0x200:
            values["bits"] = cur.u32()
            if version >= 6:
                values["bits_valid"] = cur.u32()
        if version >= 6:
            if flags & 0x800:
                values["text_hint"] = cur.u8()
            if flags & 0x1000:
                values["mime_type"] = cur.text()
            if flags & 0x2000:
                values["link_count"] = cur.u32()
            if flags & 0x4000:
                values["untranslated_name"] = cur.text()
    if flags & 0x80000000:
        values["extended"] = [(cur.text(), cur.text()) for _ in range(cur.u32())]
    return found


@dataclass
class Entry:
    name: bytes
    long_name: bytes
    attrs: Attrs


class SftpStatus(Exception):
    def __init__(self, code: int, message: bytes, extra: bytes) -> None:
        super().__init__(code, message)
        self.code, self.message, self.extra = code, message, extra


class RawSftp:
    """``send(bytes)`` and ``receive(count) -> bytes`` are the channel."""

    def __init__(self, send: Callable[[bytes], None], receive: Callable[[int], bytes]) -> None:
        self._send, self._receive = send, receive
        self.version = 0
        self.extensions: dict[str, bytes] = {}
        self._ident = 0

    # Bytes.

    def send_raw(self, data: bytes) -> None:
        self._send(data)

    def post(self, kind: int, *parts: bytes) -> int:
        """Send a request without waiting; returns its id."""
        self._ident += 1
        body = bytes((kind,)) + u32(self._ident) + b"".join(parts)
        self._send(u32(len(body)) + body)
        return self._ident

    def reply(self) -> Reply:
        size = struct.unpack(">I", self._receive(4))[0]
        assert 5 <= size <= 1 << 20
        body = self._receive(size)
        return Reply(body[0], struct.unpack(">I", body[1:5])[0], body[5:])

    def ask(self, kind: int, *parts: bytes) -> Reply:
        ident = self.post(kind, *parts)
        answer = self.reply()
        assert answer.ident == ident
        return answer

    # Answers.

    def status(self, answer: Reply) -> int:
        """The code of a STATUS, whose shape is checked against the version."""
        assert answer.kind == STATUS, f"STATUS expected, not {answer.kind}"
        cur = answer.cursor
        code = cur.u32()
        if self.version >= 3:
            cur.text()
            assert cur.text() == b"en-US"
        if self.version < 5:
            cur.done()
        return code

    def expect(self, answer: Reply, kind: int) -> Cursor:
        if answer.kind == STATUS:
            cur = answer.cursor
            code = cur.u32()
            message = cur.text() if self.version >= 3 else b""
            if self.version >= 3:
                cur.text()
            raise SftpStatus(code, message, cur.data[cur.pos:])
        assert answer.kind == kind, f"{kind} expected, not {answer.kind}"
        return answer.cursor

    # Requests.

    def init(self, version: int) -> int:
        self._send(u32(5) + bytes((INIT,)) + u32(version))
        answer = self.reply()
        assert answer.kind == VERSION
        self.version = answer.ident
        cur = answer.cursor
        while cur.pos < len(cur.data):
            name, data = cur.text(), cur.text()
            self.extensions[name.decode()] = data
        return self.version

    def open(self, path: bytes | str, flags: int, *, access: int = 0, attrs: bytes | None = None) -> bytes:
        parts = [text(path)]
        if self.version >= 5:
            parts.append(u32(access))
        parts += [u32(flags), attrs if attrs is not None else self.no_attrs()]
        return self.expect(self.ask(OPEN, *parts), HANDLE).text()

    def create(self, path: bytes | str, **options: Any) -> bytes:
        """A new or emptied file, for writing and reading."""
        if self.version >= 5:
            return self.open(path, 1, access=0x1 | 0x2 | 0x80 | 0x100, **options)
        return self.open(path, READ_FLAG | WRITE_FLAG | CREAT | TRUNC, **options)

    def open_existing(self, path: bytes | str, *, write: bool = False) -> bytes:
        if self.version >= 5:
            return self.open(path, 2, access=0x3 if write else 0x1)
        return self.open(path, READ_FLAG | (WRITE_FLAG if write else 0))

    def no_attrs(self) -> bytes:
        return u32(0) + (b"\1" if self.version >= 4 else b"")

    def close(self, handle: bytes) -> int:
        return self.status(self.ask(CLOSE, text(handle)))

    def write(self, handle: bytes, offset: int, data: bytes) -> int:
        return self.status(self.ask(WRITE, text(handle), u64(offset), text(data)))

    def read(self, handle: bytes, offset: int, count: int) -> bytes:
        return self.expect(self.ask(READ, text(handle), u64(offset), u32(count)), DATA).text()

    def stat(self, path: bytes | str, kind: int = STAT, mask: int = 0xFFFFFFFF) -> Attrs:
        parts = [text(path)] + ([u32(mask)] if self.version >= 4 else [])
        cur = self.expect(self.ask(kind, *parts), ATTRS)
        found = read_attrs(cur, self.version)
        cur.done()
        return found

    def names(self, answer: Reply) -> list[Entry]:
        cur = self.expect(answer, NAME)
        found = []
        for _ in range(cur.u32()):
            name = cur.text()
            long_name = cur.text() if self.version <= 3 else b""
            found.append(Entry(name, long_name, read_attrs(cur, self.version)))
        if self.version >= 6:
            cur.u8()
        cur.done()
        return found

    def listing(self, path: bytes | str) -> list[Entry]:
        handle = self.expect(self.ask(OPENDIR, text(path)), HANDLE).text()
        found: list[Entry] = []
        while True:
            answer = self.ask(READDIR, text(handle))
            if answer.kind == STATUS:
                assert self.status(answer) == EOF
                break
            found += self.names(answer)
        assert self.close(handle) == OK
        return found

    def extended(self, name: str, *parts: bytes) -> Reply:
        return self.ask(EXTENDED, text(name), *parts)
