"""Every SFTP extension, once: its switch in SFTPExtensions, how it is announced, and its request if it has one.

Announcements stand in the order of the real server. Requests are taken in every version, as there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mod_sftp.sftp.ext import checksum, copy, openssh, space, vendor, xattr
from mod_sftp.wire.attrs import SUPPORTED, Attr
from mod_sftp.wire.fxp import Access, Field, Oflag, text
from mod_sftp.wire.ssh import string

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer
    from mod_sftp.sftp.table import Row

#: The field in front of every extension's own: its name.
NAME = (Field("name", text),)

Announcement = Callable[["SftpServer"], bytes]


@dataclass(frozen=True, slots=True)
class Extension:
    """``switch`` is the word of SFTPExtensions, ``""`` for those without one; ``data`` is ``None`` where the name is not
    announced by itself; ``since`` and ``until`` bound the versions that it is announced to."""

    name: str
    switch: str
    data: Announcement | None
    row: Row | None = None
    since: int = 1
    until: int = 6


def _version(text: bytes) -> Announcement:
    return lambda sftp: text


def _versions(sftp: SftpServer) -> bytes:
    """The versions that version-select may name (draft 13, 5.5)."""
    return ",".join(str(number) for number in range(sftp.terms.lowest, sftp.terms.highest + 1)).encode()


_U32 = struct.Struct(">I")
_OPEN_FLAGS = (Oflag.DISPOSITION | Oflag.APPEND_DATA | Oflag.APPEND_DATA_ATOMIC | Oflag.TEXT_MODE | Oflag.NOFOLLOW
               | Oflag.DELETE_ON_CLOSE)
_ACCESS_MASK = (Access.READ_DATA | Access.WRITE_DATA | Access.APPEND_DATA | Access.EXECUTE | Access.READ_ATTRIBUTES
                | Access.WRITE_ATTRIBUTES | Access.DELETE | Access.SYNCHRONIZE)


def _supported(sftp: SftpServer) -> bytes:
    """Draft 05, 4.4: attribute, attribute-bit, open-flag and access masks, largest read, extension names."""
    return struct.pack(">IIIII", SUPPORTED[5], 0, _OPEN_FLAGS & 0x3F, _ACCESS_MASK, sftp.terms.max_data) + b"".join(
        string(name) for name in _generic(sftp))


def _supported2(sftp: SftpServer) -> bytes:
    """Draft 13, 5.4: as above, with lock vectors, attribute-extension names and then extension names."""
    names = _generic(sftp)
    head = struct.pack(">IIIIIHHII", SUPPORTED[6] | Attr.UNTRANSLATED_NAME, 0, _OPEN_FLAGS, _ACCESS_MASK, sftp.terms.max_data,
                       NO_OPEN_LOCKS, LOCKS, 0, len(names))
    return head + b"".join(string(name) for name in names)


#: Bit n stands for the combination n of READ, WRITE, DELETE and ADVISORY locks (their flags shifted down by 6). Bit 0 must
#: be set in both (draft 13, 5.4).
NO_OPEN_LOCKS = 1 << 0
LOCKS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 9 | 1 << 10

#: What ``supported`` and ``supported2`` name (real server).
_GENERIC = ("check-file", "copy-data", "copy-file", "home-directory", "space-available", "vendor-id")


def _generic(sftp: SftpServer) -> list[str]:
    return [row.name for row in EXTENSIONS if row.name in _GENERIC and (row.switch in sftp.terms.extensions)]


EXTENSIONS: tuple[Extension, ...] = (
    Extension("versions", "versionSelect", _versions),
    Extension("newline", "", _version(b"\n"), since=4),
    Extension("supported", "", _supported, since=5, until=5),
    Extension("supported2", "", _supported2, since=6),
    Extension("check-file", "checkFile", _version(b"1"), checksum.DRAFT_9),
    Extension("check-file-name", "checkFile", None, checksum.BY_NAME),
    Extension("check-file-handle", "checkFile", None, checksum.BY_HANDLE),
    Extension("copy-data", "copyData", _version(b"1"), copy.DATA),
    Extension("copy-file", "copyFile", _version(b"1"), copy.FILE),
    Extension("home-directory", "homeDirectory", _version(b"1"), vendor.HOME),
    Extension("space-available", "spaceAvailable", _version(b"1"), space.AVAILABLE),
    Extension("vendor-id", "vendorID", vendor.announcement, vendor.VENDOR),
    Extension("version-select", "versionSelect", None, vendor.SELECT),
    Extension("fsync@openssh.com", "fsync", _version(b"1"), openssh.FSYNC),
    Extension("posix-rename@openssh.com", "posixRename", _version(b"1"), openssh.POSIX_RENAME),
    Extension("statvfs@openssh.com", "statvfs", _version(b"2"), space.STATVFS),
    Extension("fstatvfs@openssh.com", "statvfs", _version(b"2"), space.FSTATVFS),
    Extension("hardlink@openssh.com", "hardlink", _version(b"1"), openssh.HARDLINK),
    Extension("limits@openssh.com", "limits", _version(b"1"), openssh.LIMITS),
    Extension("users-groups-by-id@openssh.com", "userGroupNames", _version(b"1"), openssh.USERS_GROUPS),
    Extension("lsetstat@openssh.com", "", _version(b"1"), openssh.LSETSTAT),
    Extension("expand-path@openssh.com", "", _version(b"1"), openssh.EXPAND_PATH),
    Extension("xattr@proftpd.org", "xattr", _version(b"1")),
    Extension("getxattr@proftpd.org", "xattr", None, xattr.GET),
    Extension("fgetxattr@proftpd.org", "xattr", None, xattr.FGET),
    Extension("listxattr@proftpd.org", "xattr", None, xattr.LIST),
    Extension("flistxattr@proftpd.org", "xattr", None, xattr.FLIST),
    Extension("removexattr@proftpd.org", "xattr", None, xattr.REMOVE),
    Extension("fremovexattr@proftpd.org", "xattr", None, xattr.FREMOVE),
    Extension("setxattr@proftpd.org", "xattr", None, xattr.SET),
    Extension("fsetxattr@proftpd.org", "xattr", None, xattr.FSET),
)

#: Taken from every client whatever its switch says: nothing is told by it (real server).
ALWAYS_TAKEN = frozenset({"vendor-id"})


@cache
def _by_name() -> dict[str, Extension]:
    return {extension.name: extension for extension in EXTENSIONS}


def find(name: str, enabled: frozenset[str]) -> Row | None:
    """The request of an extension that is on."""
    extension = _by_name().get(name)
    if extension is None or not (_on(extension, enabled) or name in ALWAYS_TAKEN):
        return None
    return extension.row


def announced(sftp: SftpServer) -> tuple[tuple[str, bytes], ...]:
    """What VERSION tells this client, whatever its version (behaviours 123)."""
    return tuple(
        (extension.name, extension.data(sftp)) for extension in EXTENSIONS
        if extension.data is not None and extension.since <= sftp.version <= extension.until
        and _on(extension, sftp.terms.extensions))


def _on(extension: Extension, enabled: frozenset[str]) -> bool:
    return not extension.switch or extension.switch in enabled
