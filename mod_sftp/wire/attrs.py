"""File attributes on the wire: the fields of each version as rows, compiled to encoders and read by one decoder.

Source: draft-ietf-secsh-filexfer-02 section 5 (versions 1 to 3), -04 section 5 (4), -05 section 5 (5), -13 section 7 (6).
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from mod_sftp.wire.ssh import Reader, string
from pyproftpd.errors import PeerError

#: Extended pairs of one ATTRS; Linux file systems hold far fewer than 64 KiB of them, clients send none to a few.
MAX_EXTENDED = 64
#: XATTR_NAME_MAX of Linux.
MAX_EXTENDED_NAME = 255
#: XATTR_SIZE_MAX of Linux.
MAX_EXTENDED_VALUE = 65536
#: User and group names: LOGIN_NAME_MAX of Linux, and room for ``@domain``.
MAX_PRINCIPAL = 512
#: Text of an ACL or MIME type that we read and forget.
MAX_FORGOTTEN = 65536

_NANO = 1_000_000_000
#: latest time of versions 1 to 3, in 2106
MAX_TIME3 = 0xFFFFFFFF


class Attr:
    """Bits of the flags word; versions 1 to 3 have UIDGID and ACMODTIME, later ones give those bits other names."""

    SIZE, UIDGID, PERMISSIONS, ACMODTIME = 0x1, 0x2, 0x4, 0x8
    ACCESSTIME, CREATETIME, MODIFYTIME, ACL = 0x8, 0x10, 0x20, 0x40
    OWNERGROUP, SUBSECOND, BITS = 0x80, 0x100, 0x200
    ALLOCATION_SIZE, TEXT_HINT, MIME_TYPE, LINK_COUNT = 0x400, 0x800, 0x1000, 0x2000
    UNTRANSLATED_NAME, CTIME = 0x4000, 0x8000
    EXTENDED = 0x80000000


class FileType:
    """The type byte from version 4; 6 to 9 exist from version 5, before which they are SPECIAL."""

    REGULAR, DIRECTORY, SYMLINK, SPECIAL, UNKNOWN, SOCKET, CHAR_DEVICE, BLOCK_DEVICE, FIFO = 1, 2, 3, 4, 5, 6, 7, 8, 9


#: SSH_FILEXFER_ATTR_FLAGS_READONLY, the one attribute bit that a mode tells (draft 13, 7.9)
BIT_READONLY = 0x1

_TYPES = {
    stat.S_IFREG: FileType.REGULAR, stat.S_IFDIR: FileType.DIRECTORY, stat.S_IFLNK: FileType.SYMLINK,
    stat.S_IFSOCK: FileType.SOCKET, stat.S_IFCHR: FileType.CHAR_DEVICE, stat.S_IFBLK: FileType.BLOCK_DEVICE,
    stat.S_IFIFO: FileType.FIFO,
}


class Attributes:
    """Attributes of one object; ``flags`` says which of them a client sent. Times in seconds with a nanosecond part."""

    type: int = FileType.UNKNOWN
    size = allocation_size = uid = gid = permissions = 0
    owner = group = acl = mime_type = untranslated_name = b""
    atime = createtime = mtime = ctime = 0
    atime_part = createtime_part = mtime_part = ctime_part = 0
    bits = bits_valid = text_hint = link_count = 0
    extended: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self, flags: int = 0) -> None:
        self.flags = flags

    def has(self, flag: int) -> bool:
        return bool(self.flags & flag)

    @property
    def type4(self) -> int:
        """The type as version 4 knows it."""
        return self.type if self.type < FileType.SOCKET else FileType.SPECIAL

    @property
    def mode_bits(self) -> int:
        """Permissions without the type, as from version 4 (real server; draft 13, 7.6)."""
        return self.permissions & 0o7777

    @property
    def atime32(self) -> int:
        return _clamp(self.atime)

    @property
    def mtime32(self) -> int:
        return _clamp(self.mtime)

    def time_ns(self, name: str) -> int:
        """``atime`` or ``mtime`` in nanoseconds."""
        seconds: int = getattr(self, name)
        part: int = getattr(self, name + "_part")
        return seconds * _NANO + part


def _clamp(seconds: int) -> int:
    """Times before 1970 and after 2106 do not exist on the wire of versions 1 to 3."""
    return max(0, min(seconds, MAX_TIME3))


def from_stat(info: os.stat_result, owner: bytes = b"", group: bytes = b"") -> Attributes:
    """Attributes of an object, owner and group as the names that version 4 and later send."""
    attrs = Attributes()
    mode = info.st_mode
    attrs.type = _TYPES.get(stat.S_IFMT(mode), FileType.SPECIAL)
    attrs.size, attrs.permissions = info.st_size, mode
    attrs.uid, attrs.gid, attrs.owner, attrs.group = info.st_uid, info.st_gid, owner, group
    attrs.atime, attrs.atime_part = divmod(info.st_atime_ns, _NANO)
    attrs.mtime, attrs.mtime_part = divmod(info.st_mtime_ns, _NANO)
    attrs.ctime, attrs.ctime_part = divmod(info.st_ctime_ns, _NANO)
    attrs.link_count = info.st_nlink
    attrs.allocation_size = info.st_blocks * 512
    attrs.bits_valid = BIT_READONLY
    attrs.bits = 0 if mode & 0o222 else BIT_READONLY
    return attrs


@dataclass(frozen=True, slots=True)
class Field:
    """One field in wire order: present when ``flag`` is set; ``parts`` are (struct code, or ``s`` for a string, name).

    A part named ``*_part`` is there only with SUBSECOND.
    """

    flag: int
    parts: tuple[tuple[str, str], ...]
    since: int = 1
    until: int = 6


#: Wire order of all versions; versions 1 to 3 and 4 to 6 share SIZE and PERMISSIONS.
FIELDS: tuple[Field, ...] = (
    Field(Attr.SIZE, (("Q", "size"),)),
    Field(Attr.ALLOCATION_SIZE, (("Q", "allocation_size"),), since=6),
    Field(Attr.UIDGID, (("I", "uid"), ("I", "gid")), until=3),
    Field(Attr.OWNERGROUP, (("s", "owner"), ("s", "group")), since=4),
    Field(Attr.PERMISSIONS, (("I", "permissions"),), until=3),
    Field(Attr.PERMISSIONS, (("I", "mode_bits"),), since=4),
    Field(Attr.ACMODTIME, (("I", "atime32"), ("I", "mtime32")), until=3),
    Field(Attr.ACCESSTIME, (("q", "atime"), ("I", "atime_part")), since=4),
    Field(Attr.CREATETIME, (("q", "createtime"), ("I", "createtime_part")), since=4),
    Field(Attr.MODIFYTIME, (("q", "mtime"), ("I", "mtime_part")), since=4),
    Field(Attr.CTIME, (("q", "ctime"), ("I", "ctime_part")), since=6),
    Field(Attr.ACL, (("s", "acl"),), since=4),
    Field(Attr.BITS, (("I", "bits"),), since=5),
    Field(Attr.BITS, (("I", "bits_valid"),), since=6),
    Field(Attr.TEXT_HINT, (("B", "text_hint"),), since=6),
    Field(Attr.MIME_TYPE, (("s", "mime_type"),), since=6),
    Field(Attr.LINK_COUNT, (("I", "link_count"),), since=6),
    Field(Attr.UNTRANSLATED_NAME, (("s", "untranslated_name"),), since=6),
)

#: Names that differ between reading and writing: on the way in a clamped or masked field is the field itself.
_READ_AS = {"mode_bits": "permissions", "atime32": "atime", "mtime32": "mtime"}
_BOUNDS = {"owner": MAX_PRINCIPAL, "group": MAX_PRINCIPAL}

_STAT3 = Attr.SIZE | Attr.UIDGID | Attr.PERMISSIONS | Attr.ACMODTIME
_STAT4 = Attr.SIZE | Attr.OWNERGROUP | Attr.PERMISSIONS | Attr.ACCESSTIME | Attr.MODIFYTIME

#: What we can tell of an object, by version: the answer to a STAT is what was asked for of these.
SUPPORTED: dict[int, int] = {
    1: _STAT3, 2: _STAT3, 3: _STAT3,
    4: _STAT4 | Attr.SUBSECOND | Attr.ACL,
    5: _STAT4 | Attr.SUBSECOND | Attr.ACL | Attr.BITS,
    6: _STAT4 | Attr.SUBSECOND | Attr.ACL | Attr.BITS | Attr.ALLOCATION_SIZE | Attr.CTIME | Attr.LINK_COUNT,
}
#: What a listing tells without being asked (real server, READDIR).
LISTED: dict[int, int] = {1: _STAT3, 2: _STAT3, 3: _STAT3, 4: _STAT4, 5: _STAT4, 6: _STAT4 | Attr.LINK_COUNT}
#: Times that SFTPOptions IncludeSFTPTimes adds to every answer from version 4.
TIMES = Attr.ACCESSTIME | Attr.MODIFYTIME

#: the fields of each version
_FIELDS_OF = {version: tuple(field for field in FIELDS if field.since <= version <= field.until) for version in range(1, 7)}

#: all that versions 1 to 3 can tell of an object, in wire order: flags, size, uid, gid, permissions, atime, mtime
_ALL3 = struct.Struct(">IQIIIII")

Encoder = Callable[[Attributes], bytes]


@cache
def encoder(version: int, mask: int) -> Encoder:
    """Compile the encoder of one version and set of flags: each run of fixed fields is one ``struct``.

    A client chooses ``mask``, so only bits of ``SUPPORTED`` may reach this (some hundred combinations, cached).
    """
    runs: list[Callable[[Attributes], bytes]] = []
    codes, names = "", list[str]()
    if version >= 4:
        codes, names = "B", ["type4" if version == 4 else "type"]
    for field in _FIELDS_OF[version]:
        if not mask & field.flag:
            continue
        for code, name in field.parts:
            if name.endswith("_part") and not mask & Attr.SUBSECOND:
                continue
            if code == "s":
                if codes:
                    runs.append(_fixed(codes, names))
                    codes, names = "", []
                runs.append(_text(name))
            else:
                codes, names = codes + code, [*names, name]
    if codes:
        runs.append(_fixed(codes, names))
    flags = struct.pack(">I", mask)
    if len(runs) == 1:
        only = runs[0]
        return lambda attrs: flags + only(attrs)
    return lambda attrs: flags + b"".join([run(attrs) for run in runs])


def _fixed(codes: str, names: list[str]) -> Encoder:
    pack = struct.Struct(">" + codes).pack
    values = attrgetter(*names)
    if len(names) == 1:
        return lambda attrs: pack(values(attrs))
    return lambda attrs: pack(*values(attrs))


def _text(name: str) -> Encoder:
    value = attrgetter(name)
    return lambda attrs: string(value(attrs))


def encode_attributes(attrs: Attributes, version: int, mask: int) -> bytes:
    """Attributes as a reply carries them; extended pairs go along when ``mask`` has EXTENDED."""
    plain = mask & ~Attr.EXTENDED
    body = encoder(version, plain)(attrs)
    if not mask & Attr.EXTENDED:
        return body
    pairs = b"".join(string(name) + string(data) for name, data in attrs.extended)
    return struct.pack(">I", mask) + body[4:] + struct.pack(">I", len(attrs.extended)) + pairs


def encode_stat3(info: os.stat_result, mode: int, uid: int, gid: int) -> bytes:
    """An object as versions 1 to 3 tell of it, with mode and owners as they are to be shown."""
    atime, mtime = info.st_atime_ns // _NANO, info.st_mtime_ns // _NANO
    if not (0 <= atime <= MAX_TIME3 and 0 <= mtime <= MAX_TIME3):
        atime, mtime = _clamp(atime), _clamp(mtime)
    return _ALL3.pack(_STAT3, info.st_size, uid, gid, mode, atime, mtime)


def unknown(version: int) -> bytes:
    """Attributes that say nothing: no flags and, from version 4, the type UNKNOWN."""
    return encoder(version, 0)(Attributes())


_READ: dict[str, Callable[[Reader], Any]] = {
    "B": Reader.u8, "I": Reader.u32, "Q": Reader.u64,
    "q": lambda reader: int.from_bytes(reader.take(8), "big", signed=True),
}


def decode_attributes(reader: Reader, version: int) -> Attributes:
    """Read attributes as a client sent them: every field that its version has, also those we do not apply.

    Raises: PeerError for a flag that the version does not have (from 4; earlier clients set stray bits), short data, or
    more than the limits above.
    """
    attrs = Attributes(reader.u32())
    flags = attrs.flags
    if version >= 4:
        attrs.type = reader.u8()
        if flags & ~known(version):
            raise PeerError(f"attribute flags {flags & ~known(version):#x} are not defined")
    for field in _FIELDS_OF[version] if flags else ():
        if flags & field.flag:
            for code, name in field.parts:
                if name.endswith("_part") and not flags & Attr.SUBSECOND:
                    continue
                read: Any = reader.bytes(_BOUNDS.get(name, MAX_FORGOTTEN)) if code == "s" else _READ[code](reader)
                setattr(attrs, _READ_AS.get(name, name), read)
    if flags & Attr.EXTENDED:
        attrs.extended = _extended(reader)
    return attrs


@cache
def known(version: int) -> int:
    """Every flag that a version defines."""
    flags = Attr.EXTENDED | (Attr.SUBSECOND if version >= 4 else 0)
    for field in _FIELDS_OF[version]:
        flags |= field.flag
    return flags


def _extended(reader: Reader) -> tuple[tuple[bytes, bytes], ...]:
    count = reader.u32()
    if count > MAX_EXTENDED:
        raise PeerError(f"{count} extended attributes are over the limit of {MAX_EXTENDED}")
    return tuple((reader.bytes(MAX_EXTENDED_NAME), reader.bytes(MAX_EXTENDED_VALUE)) for _ in range(count))


# ACE of the drafts: type, flag, mask, who (draft 13, 7.8). The mode's bits become masks of the same names.
_ACE_ALLOWED = 0
_ACE_GROUP = 0x40
_READ_MASK = 0x1 | 0x8 | 0x80 | 0x20000
_WRITE_MASK = 0x2 | 0x4 | 0x10 | 0x100
_EXECUTE_MASK = 0x20
_DELETE_CHILD = 0x40
_OWNER_MASK = 0x40000 | 0x80000


def acl_of(mode: int, version: int) -> bytes:
    """The ACL that a mode amounts to: one entry each for OWNER@, GROUP@ and EVERYONE@."""
    directory = stat.S_ISDIR(mode)
    entries = b""
    for shift, who in ((6, b"OWNER@"), (3, b"GROUP@"), (0, b"EVERYONE@")):
        bits = mode >> shift & 7
        mask = (_READ_MASK if bits & 4 else 0) | (_EXECUTE_MASK if bits & 1 else 0)
        if bits & 2:
            mask |= _WRITE_MASK | (_DELETE_CHILD if directory else 0)
        if who == b"OWNER@":
            mask |= _OWNER_MASK
        flag = _ACE_GROUP if who == b"GROUP@" else 0
        entries += struct.pack(">III", _ACE_ALLOWED, flag, mask) + string(who)
    head = struct.pack(">II", 0, 3) if version >= 6 else struct.pack(">I", 3)
    return head + entries
