"""BLOCK and UNBLOCK of version 6: byte-range locks that other processes see."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from mod_sftp.sftp.data import require_range
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.wire.fxp import LockMask, Request
from pyproftpd.api.command import Command

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer


def block(sftp: SftpServer, cmd: Command, request: Request) -> None:
    """Never waits: a conflict is an answer. Reading and writing at once, and locks against deletion, are refused
    (real server). A lock for reading needs a handle that reads, one for writing a handle that writes."""
    handle = sftp.handles.file(request.handle)
    require_range(request.offset, request.length)
    kinds = request.flags & (LockMask.READ | LockMask.WRITE | LockMask.DELETE)
    if kinds not in (LockMask.READ, LockMask.WRITE):
        raise StatusError(Status.BYTE_RANGE_LOCK_REFUSED, number=errno.EOPNOTSUPP)
    exclusive = kinds == LockMask.WRITE
    if (handle.write_at if exclusive else handle.read_at) is None:
        raise StatusError(Status.PERMISSION_DENIED, "Handle is not open for this lock", number=errno.EACCES)
    try:
        sftp.view.lock(cmd, handle.transfer, request.offset, request.length, exclusive=exclusive)
    except BlockingIOError as error:
        raise StatusError(Status.BYTE_RANGE_LOCK_CONFLICT, number=errno.EAGAIN) from error


def unblock(sftp: SftpServer, cmd: Command, request: Request) -> None:
    handle = sftp.handles.file(request.handle)
    require_range(request.offset, request.length)
    sftp.view.unlock(cmd, handle.transfer, request.offset, request.length)
