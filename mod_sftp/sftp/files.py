"""OPEN, CLOSE, REMOVE, RENAME."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from mod_sftp.sftp.attributes import apply_new
from mod_sftp.sftp.handles import FileHandle
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.wire import fxp
from mod_sftp.wire.attrs import Attr
from mod_sftp.wire.fxp import RenameFlag, Request
from pyproftpd.api.command import Command, LogClass
from pyproftpd.errors import Refused
from pyproftpd.vfs.opening import readable
from pyproftpd.vfs.uploads import Upload
from pyproftpd.wire import vpath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mod_sftp.sftp.act import Steps
    from mod_sftp.sftp.handles import ReadAt, WriteAt
    from mod_sftp.sftp.server import SftpServer
    from pyproftpd.vfs.downloads import Download

#: FTP replies that the logs of a transfer carry
DONE, FAILED = "226", "451"

#: what an ExtendedLog is asked about the requests on a file
READS, WRITES = (LogClass.READ, "READ"), (LogClass.WRITE, "WRITE")

#: log classes of an OPEN by (writes, reads)
CLASSES = {
    (False, True): LogClass.READ | LogClass.SFTP, (True, False): LogClass.WRITE | LogClass.SFTP,
    (True, True): LogClass.READ | LogClass.WRITE | LogClass.SFTP,
}
#: log classes of its CLOSE by whether it writes
CLOSING = {writes: LogClass.MISC | LogClass.SFTP | (LogClass.WRITE if writes else LogClass.READ) for writes in (False, True)}


def open_file(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    """OPEN acts as RETR, STOR or APPE, which begins here and ends at CLOSE (behaviours 137)."""
    want = fxp.opening(request, sftp.version)
    if want.unsupported:
        raise StatusError(Status.OP_UNSUPPORTED, want.unsupported, number=errno.EOPNOTSUPP)
    sftp.handles.require_room()
    writes = want.write or want.create or want.truncate
    cmd.classes = CLASSES[writes, want.read or not writes]
    assert cmd.path is not None
    if want.nofollow:
        _refuse_link(sftp, cmd)
    inner = _transfer_command(cmd.path, append=want.append, writes=writes)
    inner.sent = cmd.sent
    session = sftp.session
    session.dispatcher.begin(session, inner)
    read_at: ReadAt | None = None
    write_at: WriteAt | None = None
    transfer: Upload | Download
    try:
        if writes:
            transfer = upload = _upload(sftp, inner, request, want)
            cmd.modified = upload.replaces
        else:
            transfer = sftp.view.open_download(inner, inner.path or cmd.path)
        if not transfer.seekable:
            _refuse_fifo(sftp, transfer)
    except (OSError, Refused) as error:
        _failed(inner, error)
        session.finished(inner)
        raise
    if want.read and (not writes or _may_read(sftp, transfer)):
        read_at = _in_order(transfer) if want.text else transfer.read_at
    if want.write:
        write_at = _at_the_end(upload) if want.text else upload.write_at
    logged = not transfer.seekable or (session.extended is not None and sftp.wants(*(WRITES if writes else READS)))
    name = sftp.handles.add(FileHandle(inner, transfer, want, read_at=read_at, write_at=write_at, logged=logged,
                                       closing=CLOSING[writes]))
    sftp.moving.began()
    cmd.bytes = 0
    if session.dispatcher.watched(session, inner.name):
        inner.note("sftp.file-handle", name.decode())
    if session.dispatcher.watched(session, cmd.name):
        cmd.note("sftp.file-handle", name.decode())
        if cmd.modified:
            cmd.note("mod_xfer.file-modified", "true")
    return name


def _in_order(transfer: Upload | Download) -> ReadAt:
    """Text mode: each READ goes on where the one before ended."""
    position = 0

    def read(_: int, into: Sequence[memoryview]) -> int:
        nonlocal position
        count = transfer.read_at(position, into)
        position += count
        return count

    return read


def _at_the_end(upload: Upload) -> WriteAt:
    """Text mode: each WRITE goes behind what is there."""
    return lambda _, data: upload.write_at(upload.size, data)


def _may_read(sftp: SftpServer, transfer: Upload | Download) -> bool:
    """A file opened for both is judged as an upload; reading what was there needs what a download needs (security.md F6)."""
    decision = sftp.view.access.decide_open(("RETR",), "READ", transfer.vpath)
    reason = decision.reason
    if decision.allowed:
        try:
            readable(sftp.view.rules(decision.scope), transfer.stat())
            return True
        except Refused as refusal:
            reason = refusal.rule
    sftp.line(f"READ of '{transfer.vpath.virtual}' denied by {reason}")
    return False


def _transfer_command(path: str, *, append: bool, writes: bool) -> Command:
    if not writes:
        return Command("RETR", path, limits=("RETR",), group="READ", classes=LogClass.READ, path=path)
    name = "APPE" if append else "STOR"
    return Command(name, path, limits=(name,) if name == "STOR" else ("APPE", "STOR"), group="WRITE",
                   classes=LogClass.WRITE, path=path)


def _upload(sftp: SftpServer, cmd: Command, request: Request, want: fxp.Opening) -> Upload:
    """The size attribute is never used, all others only for a new file (behaviours 139, 142)."""
    attrs = request.attrs
    mode = attrs.permissions & 0o7777 if attrs.flags & Attr.PERMISSIONS else 0
    if mode and "IgnoreSFTPUploadPerms" in sftp.terms.options:
        mode = 0
    upload = sftp.view.open_upload(
        cmd, cmd.path or "", create=want.create, exclusive=want.exclusive, truncate=want.truncate, append=want.append,
        mode=mode or None, readable=want.read or not want.write)
    if attrs.extended and not upload.replaces:
        apply_new(sftp, cmd, upload, attrs)
    return upload


def _refuse_link(sftp: SftpServer, cmd: Command) -> None:
    """NOFOLLOW: asked of the name before the open; a wish of the client's, no policy."""
    probe = Command("LSTAT", cmd.arg, limits=("LSTAT",), path=cmd.path)
    try:
        info = sftp.view.lstat(probe, cmd.path or "")
    except FileNotFoundError:
        return
    if stat.S_ISLNK(info.st_mode):
        raise StatusError(Status.LINK_LOOP, number=errno.ELOOP)


def _refuse_fifo(sftp: SftpServer, transfer: Upload | Download) -> None:
    if "IgnoreFIFOs" in sftp.terms.options and stat.S_ISFIFO(transfer.stat().st_mode):
        transfer.abort("SFTPOptions IgnoreFIFOs")
        raise Refused("SFTPOptions IgnoreFIFOs", errno.EPERM)


def _failed(cmd: Command, error: OSError | Refused) -> None:
    cmd.errno = error.errno or errno.EIO
    cmd.code, cmd.text = FAILED, f"{cmd.arg}: {os.strerror(cmd.errno)}"
    if isinstance(error, Refused):
        cmd.reason = error.rule


def close(sftp: SftpServer, cmd: Command, request: Request) -> None:
    """CLOSE ends the transfer; whoever gets OK has the file as promised."""
    handle = sftp.handles.remove(request.handle)
    session, inner = sftp.session, handle.cmd
    try:
        if isinstance(handle, FileHandle):
            sftp.moving.ended()
            cmd.classes = handle.closing
            handle.transfer.finish()
            cmd.bytes, cmd.modified = inner.bytes, inner.modified
            if cmd.modified:
                cmd.note("mod_xfer.file-modified", "true")
            inner.code, inner.text = DONE, "Transfer complete"
        elif handle.listing is not None:
            handle.listing.close()
            cmd.bytes = 0
    except (OSError, Refused) as error:
        _failed(inner, error)
        raise
    finally:
        session.dispatcher.finished(session, inner)
    if isinstance(handle, FileHandle) and handle.opening.delete_on_close:
        delete(sftp, inner)


def delete(sftp: SftpServer, transfer: Command) -> None:
    """DELETE_ON_CLOSE: a REMOVE of its own, under the rules of one."""
    cmd = Command("DELE", transfer.arg, limits=("DELE",), group="WRITE", classes=LogClass.WRITE, path=transfer.path)
    with sftp.session.phases(cmd):
        sftp.view.remove(cmd, cmd.path or "")
        cmd.code = "250"


def remove(sftp: SftpServer, cmd: Command, request: Request) -> None:
    sftp.view.remove(cmd, cmd.path or "")


def rename(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """From version 5 the flags may ask to replace; all renames within a file system are atomic (behaviours 156)."""
    overwrite = bool(request.flags & (RenameFlag.OVERWRITE | RenameFlag.ATOMIC))
    return move(sftp, cmd, overwrite=overwrite)


def move(sftp: SftpServer, cmd: Command, *, overwrite: bool) -> Steps:
    """Rename, logged as the real server does: the file of an RNTO is the target."""
    try:
        for _ in sftp.view.rename_in_steps(cmd, cmd.path or "", cmd.path2 or "", overwrite=overwrite):
            sftp.transferred = True
            yield
    finally:
        cmd.real_path = vpath.outside(sftp.view.chroot, cmd.path2 or "")
