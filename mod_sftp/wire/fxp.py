"""SFTP messages: numbers, flags, and the layout of every request as rows (draft-ietf-secsh-filexfer-00, 02, 04, 05, 13).

Versions 1 and 2 are drafts 00 and 01, 3 is draft 02, 4 is draft 04, 5 is draft 05, 6 is draft 13. What a version changes
is a column of a row here; handlers read one ``Request`` whatever the version.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mod_sftp.wire.attrs import Attributes, decode_attributes
from mod_sftp.wire.ssh import Reader, string
from pyproftpd.errors import PeerError
from pyproftpd.wire import utf8

LOWEST, HIGHEST = 1, 6

#: A request or reply without its length word: 512 KiB, what limits@openssh.com announces (real server, fxp limits).
MAX_MESSAGE = 512 * 1024
#: Data of one READ or WRITE: a message less 1 KiB for its header, as the real server announces.
MAX_DATA = MAX_MESSAGE - 1024
#: Type and request id: the shortest message that can be answered.
MIN_MESSAGE = 5
#: Largest file offset of the kernel (off_t is signed).
MAX_OFFSET = 2**63 - 1
#: A handle as the client sends it back; ours have 16 bytes, the drafts allow 256.
MAX_HANDLE = 256
#: A path on the wire: PATH_MAX of Linux with its final NUL; longer ones no file can have.
MAX_PATH = 4096

REQUEST_ID = struct.Struct(">I")
HEADER = struct.Struct(">IBI")
STATUS_HEAD = struct.Struct(">IBII")


class Fxp:
    """Message types (draft 13, 4)."""

    INIT, VERSION = 1, 2
    OPEN, CLOSE, READ, WRITE = 3, 4, 5, 6
    LSTAT, FSTAT, SETSTAT, FSETSTAT = 7, 8, 9, 10
    OPENDIR, READDIR, REMOVE, MKDIR, RMDIR = 11, 12, 13, 14, 15
    REALPATH, STAT, RENAME, READLINK, SYMLINK = 16, 17, 18, 19, 20
    LINK, BLOCK, UNBLOCK = 21, 22, 23
    STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
    EXTENDED, EXTENDED_REPLY = 200, 201


class Pflag:
    """Open flags of versions 1 to 4 (draft 02, 6.3; TEXT from draft 04)."""

    READ, WRITE, APPEND, CREAT, TRUNC, EXCL, TEXT = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40


class Access:
    """Desired access of an OPEN from version 5 (draft 13, 8.1.1.2; the ACE mask of 7.8)."""

    READ_DATA, WRITE_DATA, APPEND_DATA = 0x1, 0x2, 0x4
    READ_NAMED_ATTRS, WRITE_NAMED_ATTRS = 0x8, 0x10
    EXECUTE, DELETE_CHILD = 0x20, 0x40
    READ_ATTRIBUTES, WRITE_ATTRIBUTES = 0x80, 0x100
    DELETE, READ_ACL, WRITE_ACL, WRITE_OWNER, SYNCHRONIZE = 0x10000, 0x20000, 0x40000, 0x80000, 0x100000


class Oflag:
    """Flags of an OPEN from version 5 (draft 13, 8.1.1.3)."""

    DISPOSITION = 0x7
    CREATE_NEW, CREATE_TRUNCATE, OPEN_EXISTING, OPEN_OR_CREATE, TRUNCATE_EXISTING = 0, 1, 2, 3, 4
    APPEND_DATA, APPEND_DATA_ATOMIC, TEXT_MODE = 0x08, 0x10, 0x20
    BLOCK_READ, BLOCK_WRITE, BLOCK_DELETE, BLOCK_ADVISORY = 0x40, 0x80, 0x100, 0x200
    NOFOLLOW, DELETE_ON_CLOSE = 0x400, 0x800
    ACCESS_AUDIT_ALARM_INFO, ACCESS_BACKUP, BACKUP_STREAM, OVERRIDE_OWNER = 0x1000, 0x2000, 0x4000, 0x8000


class RenameFlag:
    """Flags of a RENAME from version 5 (draft 13, 8.3)."""

    OVERWRITE, ATOMIC, NATIVE = 1, 2, 4


class Control:
    """Control byte of a REALPATH of version 6 (draft 13, 8.9)."""

    NO_CHECK, STAT_IF, STAT_ALWAYS = 1, 2, 3


class LockMask:
    """Kinds of a byte-range lock of version 6 (draft 13, 8.6)."""

    READ, WRITE, DELETE, ADVISORY = 0x40, 0x80, 0x100, 0x200


class BadMessage(PeerError):
    """A request whose fields do not fit in it: answered BAD_MESSAGE, the session goes on."""


class Request:
    """One decoded request; the fields that its type does not have keep these values."""

    kind: int = 0
    path: str = ""
    target: str = ""
    handle: bytes = b""
    handle2: bytes = b""
    offset: int = 0
    offset2: int = 0
    length: int = 0
    flags: int = 0
    access: int = 0
    #: attributes asked for; None below version 4, which always sends all of them
    mask: int | None = None
    control: int = 0
    compose: tuple[str, ...] = ()
    symbolic: bool = True
    overwrite: bool = False
    name: str = ""
    value: bytes = b""
    ids: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    attrs: Attributes = Attributes()


@dataclass(frozen=True, slots=True)
class Names:
    """How path bytes of this client become text: UTF-8 conversion begins at ``utf8_from`` (SFTPClientMatch)."""

    decode: Callable[[memoryview], str]
    encode: Callable[[str], bytes]


#: Path bytes as the file system has them.
RAW_NAMES = Names(utf8.decode, utf8.encode)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the decoding of a request depends on, agreed at INIT."""

    version: int
    names: Names = RAW_NAMES


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it goes in the Request, how it is read, in which versions it is there.

    ``lax``: it may be missing at the end of the message, because clients of that version leave it out.
    """

    name: str
    read: Callable[[Reader, Dialect], Any]
    since: int = LOWEST
    until: int = HIGHEST
    lax: bool = False


def path(reader: Reader, dialect: Dialect) -> str:
    """A path; NUL and over-long names pass here and are refused by the handler, which knows the status of the version."""
    return dialect.names.decode(reader.string())


def paths(reader: Reader, dialect: Dialect) -> tuple[str, ...]:
    """Every path to the end of the message; each takes at least its length word, the message is bounded."""
    found = []
    while reader.left:
        found.append(path(reader, dialect))
    return tuple(found)


def handle(reader: Reader, _: Dialect) -> bytes:
    return bytes(reader.string(MAX_HANDLE))


def text(reader: Reader, _: Dialect) -> str:
    return reader.text(MAX_PATH)


def value(reader: Reader, _: Dialect) -> bytes:
    return reader.bytes()


def u8(reader: Reader, _: Dialect) -> int:
    return reader.u8()


def u32(reader: Reader, _: Dialect) -> int:
    return reader.u32()


def u64(reader: Reader, _: Dialect) -> int:
    return reader.u64()


def boolean(reader: Reader, _: Dialect) -> bool:
    return reader.boolean()


def attributes(reader: Reader, dialect: Dialect) -> Attributes:
    return decode_attributes(reader, dialect.version)


_MASK = Field("mask", u32, since=4, lax=True)

#: Fields of each request in wire order, after type and id.
LAYOUTS: dict[int, tuple[Field, ...]] = {
    Fxp.OPEN: (Field("path", path), Field("access", u32, since=5), Field("flags", u32),
               Field("attrs", attributes, lax=True)),
    Fxp.CLOSE: (Field("handle", handle),),
    Fxp.READ: (Field("handle", handle), Field("offset", u64), Field("length", u32)),
    Fxp.WRITE: (Field("handle", handle), Field("offset", u64), Field("value", value)),
    Fxp.LSTAT: (Field("path", path), _MASK),
    Fxp.FSTAT: (Field("handle", handle), _MASK),
    Fxp.SETSTAT: (Field("path", path), Field("attrs", attributes)),
    Fxp.FSETSTAT: (Field("handle", handle), Field("attrs", attributes)),
    Fxp.OPENDIR: (Field("path", path),),
    Fxp.READDIR: (Field("handle", handle),),
    Fxp.REMOVE: (Field("path", path),),
    Fxp.MKDIR: (Field("path", path), Field("attrs", attributes, lax=True)),
    Fxp.RMDIR: (Field("path", path),),
    Fxp.REALPATH: (Field("path", path), Field("control", u8, since=6, lax=True), Field("compose", paths, since=6)),
    Fxp.STAT: (Field("path", path), _MASK),
    Fxp.RENAME: (Field("path", path), Field("target", path), Field("flags", u32, since=5, lax=True)),
    Fxp.READLINK: (Field("path", path),),
    Fxp.SYMLINK: (Field("path", path), Field("target", path)),
    Fxp.LINK: (Field("path", path), Field("target", path), Field("symbolic", boolean)),
    Fxp.BLOCK: (Field("handle", handle), Field("offset", u64), Field("length", u64), Field("flags", u32)),
    Fxp.UNBLOCK: (Field("handle", handle), Field("offset", u64), Field("length", u64)),
}


def fields_of(layout: tuple[Field, ...], version: int) -> tuple[Field, ...]:
    """The fields that one version has."""
    return tuple(field for field in layout if field.since <= version <= field.until)


def decode(fields: tuple[Field, ...], reader: Reader, dialect: Dialect) -> Request:
    """Read the fields of a request; what follows them is ignored, as the drafts' servers do.

    Raises: BadMessage
    """
    request = Request()
    try:
        for field in fields:
            if not field.lax or reader.pos < reader.end_at:
                setattr(request, field.name, field.read(reader, dialect))
    except BadMessage:
        raise
    except PeerError as error:
        raise BadMessage(error.text) from None
    return request


@dataclass(frozen=True, slots=True)
class Opening:
    """An OPEN in one vocabulary for all versions."""

    read: bool
    write: bool
    append: bool
    create: bool
    truncate: bool
    exclusive: bool
    #: lines end as the ``newline`` extension says, and the offsets of READ and WRITE mean nothing (draft 04, 6.3; 13, 8.1.1.3)
    text: bool = False
    nofollow: bool = False
    delete_on_close: bool = False
    #: something asked for that the server does not do
    unsupported: str = ""


def opening(request: Request, version: int) -> Opening:
    """What an OPEN asks for. Raises: BadMessage for a disposition that the draft does not define."""
    return _opening5(request.access, request.flags) if version >= 5 else _opening3(request.flags, version)


@lru_cache(maxsize=128)
def _opening3(flags: int, version: int) -> Opening:
    """Without a flag of what is to be done with it, a file is opened to be read: so does open(2)."""
    create = bool(flags & Pflag.CREAT)
    append = bool(flags & Pflag.APPEND)
    changes = flags & (Pflag.WRITE | Pflag.APPEND | Pflag.CREAT | Pflag.TRUNC)
    return Opening(
        read=bool(flags & Pflag.READ) or not changes, write=bool(flags & Pflag.WRITE) or append, append=append,
        create=create, truncate=bool(flags & Pflag.TRUNC), exclusive=create and bool(flags & Pflag.EXCL),
        text=version >= 4 and bool(flags & Pflag.TEXT))


_UNSUPPORTED_ACCESS = (Access.READ_NAMED_ATTRS | Access.WRITE_NAMED_ATTRS | Access.READ_ACL | Access.WRITE_ACL
                       | Access.WRITE_OWNER)
_UNSUPPORTED_FLAGS = Oflag.BLOCK_READ | Oflag.BLOCK_WRITE | Oflag.BLOCK_DELETE | Oflag.ACCESS_AUDIT_ALARM_INFO


@lru_cache(maxsize=128)
def _opening5(access: int, flags: int) -> Opening:
    disposition = flags & Oflag.DISPOSITION
    if disposition > Oflag.TRUNCATE_EXISTING:
        raise BadMessage(f"open disposition {disposition} is not defined")
    append = bool(flags & (Oflag.APPEND_DATA | Oflag.APPEND_DATA_ATOMIC))
    unsupported = ""
    if access & _UNSUPPORTED_ACCESS:
        unsupported = "access to ACLs, named attributes or owners is not supported"
    elif flags & _UNSUPPORTED_FLAGS:
        unsupported = "locks at open are not supported; use BLOCK"
    return Opening(
        read=bool(access & (Access.READ_DATA | Access.EXECUTE)),
        write=bool(access & (Access.WRITE_DATA | Access.APPEND_DATA)) or append, append=append,
        create=disposition in (Oflag.CREATE_NEW, Oflag.CREATE_TRUNCATE, Oflag.OPEN_OR_CREATE),
        truncate=disposition in (Oflag.CREATE_TRUNCATE, Oflag.TRUNCATE_EXISTING),
        exclusive=disposition == Oflag.CREATE_NEW, text=bool(flags & Oflag.TEXT_MODE), nofollow=bool(flags & Oflag.NOFOLLOW),
        delete_on_close=bool(flags & Oflag.DELETE_ON_CLOSE), unsupported=unsupported)


def message(kind: int, ident: int, *parts: bytes) -> bytes:
    """A reply with its length word."""
    body = b"".join(parts)
    return HEADER.pack(len(body) + MIN_MESSAGE, kind, ident) + body


def version_message(version: int, extensions: tuple[tuple[str, bytes], ...]) -> bytes:
    """VERSION: the only reply without a request id."""
    body = b"".join(string(name) + string(data) for name, data in extensions)
    return struct.pack(">IBI", len(body) + 5, Fxp.VERSION, version) + body
