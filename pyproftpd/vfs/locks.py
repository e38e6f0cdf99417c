"""Byte-range locks (SFTP version 6 LOCK and UNLOCK), as locks of the open file so that one handle cannot drop another's."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from pyproftpd.vfs.downloads import Download
from pyproftpd.vfs.uploads import Upload

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View

#: fcntl(2) F_OFD_SETLK of Linux; the module ``fcntl`` lacks it
_F_OFD_SETLK = 37

#: struct flock: type, whence, start, length, pid
_FLOCK = struct.Struct("hhqqi4x")


def lock(view: View, cmd: Command, transfer: Upload | Download, offset: int, length: int, *, exclusive: bool) -> None:
    """Never waits. ``length`` 0 = to the end, wherever it will be. Raises ``BlockingIOError`` when another holds it."""
    _set(view, cmd, transfer, fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK, offset, length)


def unlock(view: View, cmd: Command, transfer: Upload | Download, offset: int, length: int) -> None:
    _set(view, cmd, transfer, fcntl.F_UNLCK, offset, length)


def _set(view: View, cmd: Command, transfer: Upload | Download, kind: int, offset: int, length: int) -> None:
    decision = view.access.decide_open(cmd.limits or ("LOCK",), cmd.group or "WRITE", transfer.vpath)
    if not decision.allowed:
        raise Refused(decision.reason)
    if offset < 0 or length < 0 or offset + length >= 1 << 63:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    try:
        fcntl.fcntl(transfer.fd, _F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, offset, length, 0))
    except OSError as error:
        if error.errno == errno.EACCES:  # POSIX allows either answer to a conflict; callers know one
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
        raise
