"""How much room there is: statvfs, fstatvfs (OpenSSH, PROTOCOL 4.4), space-available (draft-...-extensions-00)."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from mod_sftp.sftp import replies
from mod_sftp.sftp.handles import FileHandle
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.sftp.table import MISC, Row, by_handle, by_path
from mod_sftp.wire.fxp import Field, Fxp, Request, handle, path
from pyproftpd.api.command import Command

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer

#: f_flag bits as OpenSSH's client knows them: the kernel's ST_RDONLY and ST_NOSUID have the same values
KNOWN_FLAGS = os.ST_RDONLY | os.ST_NOSUID
_STATVFS = struct.Struct(">11Q")
_AVAILABLE = struct.Struct(">QQQQI")


def statvfs(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    return _encode(sftp.view.statvfs(cmd, cmd.path or ""))


def fstatvfs(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    found = sftp.handles.any(request.handle)
    subject = found.transfer if isinstance(found, FileHandle) else found.listing
    if subject is None:
        raise StatusError(Status.INVALID_HANDLE)
    return _encode(os.fstatvfs(subject.fd))


def _encode(info: os.statvfs_result) -> bytes:
    return _STATVFS.pack(
        info.f_bsize, info.f_frsize, info.f_blocks, info.f_bfree, info.f_bavail, info.f_files, info.f_ffree,
        info.f_favail, info.f_fsid & 0xFFFFFFFFFFFFFFFF, info.f_flag & KNOWN_FLAGS, info.f_namemax)


def available(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    """Bytes: of the device, unused there, for this user, unused of those; and the allocation unit."""
    info = sftp.view.statvfs(cmd, cmd.path or "")
    unit = info.f_frsize
    mine = info.f_bavail + info.f_blocks - info.f_bfree
    return _AVAILABLE.pack(info.f_blocks * unit, info.f_bfree * unit, mine * unit, info.f_bavail * unit,
                           min(unit, 0xFFFFFFFF))


STATVFS = Row(Fxp.EXTENDED, "EXTENDED", statvfs, replies.extended, by_path, MISC, ("STAT",), "READ",
              layout=(Field("path", path),))
FSTATVFS = Row(Fxp.EXTENDED, "EXTENDED", fstatvfs, replies.extended, by_handle, MISC,
               layout=(Field("handle", handle),))
AVAILABLE = Row(Fxp.EXTENDED, "EXTENDED", available, replies.extended, by_path, MISC, ("STAT",), "READ",
                layout=(Field("path", path),))
