"""Extended attributes: the eight requests of xattr@proftpd.org, by path (links not followed) and by handle.

Source: real server, mod_sftp's xattr extensions.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING

from mod_sftp.sftp import replies
from mod_sftp.sftp.table import READ, WRITE, Handler, Row, by_handle, by_path
from mod_sftp.wire.attrs import MAX_EXTENDED_NAME, MAX_EXTENDED_VALUE
from mod_sftp.wire.fxp import Dialect, Field, Fxp, Request, handle, path, u32
from mod_sftp.wire.ssh import Reader, string
from pyproftpd.api.command import Command

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer
    from pyproftpd.vfs.downloads import Download
    from pyproftpd.vfs.uploads import Upload

#: Flags of a set: the name must be new, or must be there.
CREATE, REPLACE = 1, 2


def attribute_name(reader: Reader, _: Dialect) -> str:
    return os.fsdecode(bytes(reader.string(MAX_EXTENDED_NAME)))


def attribute_value(reader: Reader, _: Dialect) -> bytes:
    return reader.bytes(MAX_EXTENDED_VALUE)


def _subject(sftp: SftpServer, cmd: Command, request: Request) -> str | Upload | Download:
    return sftp.handles.file(request.handle).transfer if request.handle else cmd.path or ""


def get(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    """``length`` is the room that the client has; 0 asks for all of it (the real server answers with as many zeros)."""
    value = sftp.view.get_xattr(cmd, _subject(sftp, cmd, request), request.name, follow=False)
    if request.length and len(value) > request.length:
        raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
    return string(value)


def names(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    """A count and that many names."""
    found = [os.fsencode(name) for name in sftp.view.list_xattrs(cmd, _subject(sftp, cmd, request), follow=False)]
    size = sum(len(name) + 1 for name in found)
    if request.length and size > request.length:
        raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
    return struct.pack(">I", len(found)) + b"".join(string(name) for name in found)


def remove(sftp: SftpServer, cmd: Command, request: Request) -> None:
    sftp.view.remove_xattr(cmd, _subject(sftp, cmd, request), request.name, follow=False)


def put(sftp: SftpServer, cmd: Command, request: Request) -> None:
    sftp.view.set_xattr(cmd, _subject(sftp, cmd, request), request.name, request.value,
                        create=bool(request.flags & CREATE), replace=bool(request.flags & REPLACE), follow=False)


_PATH, _HANDLE = (Field("path", path),), (Field("handle", handle),)
_NAME, _SIZE = (Field("name", attribute_name),), (Field("length", u32),)
_VALUE = (Field("value", attribute_value), Field("flags", u32))


def _reading(name: str, handler: Handler, fields: tuple[Field, ...], *, of_handle: bool) -> Row:
    return Row(Fxp.EXTENDED, "EXTENDED", handler, replies.extended, by_handle if of_handle else by_path, READ,
               (name, "STAT"), "READ", layout=(_HANDLE if of_handle else _PATH) + fields)


def _writing(name: str, handler: Handler, fields: tuple[Field, ...], *, of_handle: bool) -> Row:
    return Row(Fxp.EXTENDED, "EXTENDED", handler, replies.status, by_handle if of_handle else by_path, WRITE,
               (name, "SETSTAT"), "WRITE", layout=(_HANDLE if of_handle else _PATH) + fields)


GET = _reading("GETXATTR", get, _NAME + _SIZE, of_handle=False)
FGET = _reading("FGETXATTR", get, _NAME + _SIZE, of_handle=True)
LIST = _reading("LISTXATTR", names, _SIZE, of_handle=False)
FLIST = _reading("FLISTXATTR", names, _SIZE, of_handle=True)
REMOVE = _writing("REMOVEXATTR", remove, _NAME, of_handle=False)
FREMOVE = _writing("FREMOVEXATTR", remove, _NAME, of_handle=True)
SET = _writing("SETXATTR", put, _NAME + _VALUE, of_handle=False)
FSET = _writing("FSETXATTR", put, _NAME + _VALUE, of_handle=True)
