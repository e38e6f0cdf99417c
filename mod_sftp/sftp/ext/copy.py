"""Copies inside the server: copy-data between handles, copy-file between paths (draft-ietf-secsh-filexfer-extensions-00)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from mod_sftp.sftp import replies
from mod_sftp.sftp.data import moved, require_range
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.sftp.table import READ, WRITE, Pseudo, Row, both_paths, by_handle, by_paths
from mod_sftp.wire.fxp import Field, Fxp, Request, boolean, handle, path, u64
from pyproftpd.api.command import Command, LogClass

if TYPE_CHECKING:
    from mod_sftp.sftp.act import Steps
    from mod_sftp.sftp.handles import FileHandle
    from mod_sftp.sftp.server import SftpServer

#: Bytes of one step.
CHUNK = 256 * 1024


def copy_file(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    for _ in sftp.view.copy_in_steps(cmd, cmd.path or "", cmd.path2 or "", request.overwrite):
        sftp.transferred = True
        yield


def copy_data(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """``length`` 0 copies to the end of the source. Within one file the ranges must not overlap."""
    source, target = sftp.handles.file(request.handle), sftp.handles.file(request.handle2)
    if source.read_at is None or target.write_at is None:
        raise StatusError(Status.PERMISSION_DENIED, "Handles are not open for this copy", number=errno.EACCES)
    require_range(request.offset, request.length)
    there = source.transfer.stat().st_size - request.offset
    # what the copy itself adds to the source is not copied: a target that appends to it would have no end
    length = min(request.length or there, there)
    if length <= 0:
        return
    require_range(request.offset2, request.length or length)
    _refuse_overlap(source, target, request, length)
    sftp.judge(cmd, target)
    cmd.bytes = yield from _copy(sftp, source, target, request, length)


def _refuse_overlap(source: FileHandle, target: FileHandle, request: Request, length: int) -> None:
    one, other = source.transfer.stat(), target.transfer.stat()
    if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino) and abs(request.offset - request.offset2) < length:
        raise StatusError(Status.INVALID_PARAMETER, "Ranges of one file overlap")


def _copy(sftp: SftpServer, source: FileHandle, target: FileHandle, request: Request, length: int) -> Steps:
    """Returns the bytes that were copied."""
    assert target.write_at is not None
    space, done = memoryview(bytearray(min(CHUNK, length))), 0
    while done < length:
        got = source.transfer.read_at(request.offset + done, [space[:length - done]])
        if not got:
            break
        target.write_at(request.offset2 + done, space[:got])
        moved(sftp, target, got)
        done += got
        if done < length:
            yield
    return done


COPY = Pseudo("SITE_COPY", LogClass.WRITE, "200", "SITE COPY command successful", both_paths)
FILE = Row(Fxp.EXTENDED, "EXTENDED", copy_file, replies.status, by_paths, READ | WRITE, ("SITE_COPY", "COPY"), "WRITE", (COPY,),
           layout=(Field("path", path), Field("target", path), Field("overwrite", boolean)))
DATA = Row(Fxp.EXTENDED, "EXTENDED", copy_data, replies.status, by_handle, READ | WRITE, ("SITE_COPY", "COPY"), "WRITE", (COPY,),
           layout=(Field("handle", handle), Field("offset", u64), Field("length", u64), Field("handle2", handle),
                   Field("offset2", u64)))
