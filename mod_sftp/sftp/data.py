"""READ and WRITE: the short way from a packet to the kernel and back.

At 16 to 25 microseconds for 32 KiB every test counts: what can be decided at OPEN lies bound on the handle. A handle whose
requests an ExtendedLog wants one by one goes the ordinary way of the table instead.
"""

from __future__ import annotations

import select
import struct
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from mod_sftp.channel.moving import FIFO_PAUSE
from mod_sftp.sftp.handles import FileHandle
from mod_sftp.sftp.status import Status, StatusError, reply
from mod_sftp.wire.fxp import MAX_OFFSET, MIN_MESSAGE, Fxp
from pyproftpd.api.command import Command
from pyproftpd.errors import Refused

if TYPE_CHECKING:
    from mod_sftp.sftp.act import Steps
    from mod_sftp.sftp.server import SftpServer
    from mod_sftp.wire.fxp import Request

_IDENT_AND_SIZE = struct.Struct(">II")
_OFFSET_AND_SIZE = struct.Struct(">QI")
_RANGE = _OFFSET_AND_SIZE.size
_DATA_HEAD = struct.Struct(">IBII")

#: Where the handle begins: type, id, length of the handle.
_HANDLE = 9
#: DATA without its data: length word, type, id, length of the data.
DATA_HEAD = _DATA_HEAD.size


def write(sftp: SftpServer, body: memoryview) -> None:
    """WRITE: the data goes to the kernel as a view of the packet."""
    end = len(body)
    ident, size = _IDENT_AND_SIZE.unpack_from(body, 1) if end >= _HANDLE else (0, 0)
    start = _HANDLE + size + _RANGE
    if start > end:
        sftp.answer(Fxp.WRITE, body)
        return
    handle = sftp.handles.get(bytes(body[_HANDLE:_HANDLE + size]))
    offset, count = _OFFSET_AND_SIZE.unpack_from(body, _HANDLE + size)
    stop = start + count
    if handle is None or handle.write_at is None or handle.logged or stop > end or offset + count > MAX_OFFSET:
        sftp.answer(Fxp.WRITE, body)
        return
    try:
        handle.write_at(offset, body[start:stop])
    except (OSError, Refused) as error:
        sftp.channel.write(sftp.failure(ident, error))
        return
    sftp.channel.write(reply(sftp.version, ident, Status.OK))
    sftp.moving.moved()
    if handle.throttle is not None:
        moved(sftp, handle, count)


def read(sftp: SftpServer, body: memoryview) -> None:
    """READ: file data lands in the outgoing packets; the header is written in front of it once its size is known.

    What reaches beyond the file as far as that is known will be short: it is read aside, and not laid out to be taken back.
    """
    end = len(body)
    ident, size = _IDENT_AND_SIZE.unpack_from(body, 1) if end >= _HANDLE else (0, 0)
    if _HANDLE + size + _RANGE > end:
        sftp.answer(Fxp.READ, body)
        return
    handle = sftp.handles.get(bytes(body[_HANDLE:_HANDLE + size]))
    offset, count = _OFFSET_AND_SIZE.unpack_from(body, _HANDLE + size)
    count = min(count, sftp.terms.max_data)
    if handle is None or handle.read_at is None or handle.logged or not count or offset + count > MAX_OFFSET:
        sftp.answer(Fxp.READ, body)
        return
    channel = sftp.channel
    room: list[memoryview] | None = None
    if offset + count <= handle.transfer.size:
        room = channel.reserve(DATA_HEAD + count)
    placed = room is not None
    if room is None:
        whole = memoryview(bytearray(DATA_HEAD + count))
        room = [whole]
    first = room[0]
    try:
        got = handle.read_at(offset, [first[DATA_HEAD:], *room[1:]])
    except (OSError, Refused) as error:
        if placed:
            channel.commit(0)
        channel.write(sftp.failure(ident, error))
        return
    if not got:
        if placed:
            channel.commit(0)
        channel.write(reply(sftp.version, ident, Status.EOF))
        return
    _DATA_HEAD.pack_into(first, 0, got + MIN_MESSAGE + 4, Fxp.DATA, ident, got)
    if placed:
        channel.commit(DATA_HEAD + got)
    else:
        channel.write(whole[:DATA_HEAD + got])
    sftp.moving.moved()
    if handle.throttle is not None:
        moved(sftp, handle, got)


def moved(sftp: SftpServer, handle: FileHandle, count: int) -> None:
    """Bytes went through a handle: keep to its rate, and the transfer is not stalled."""
    if handle.throttle is not None:
        wait = handle.throttle.spend(count, monotonic())
        if wait > 0:
            sftp.channel.pause(wait)
    sftp.transferred = True


def write_request(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """WRITE as a row of the table: for handles with a log line per request, for FIFOs, and for every fault."""
    handle = sftp.handles.file(request.handle)
    require_range(request.offset, len(request.value))
    if handle.write_at is None:
        raise StatusError(Status.PERMISSION_DENIED, "Handle is not open for writing")
    data = memoryview(request.value)
    piece = len(data) if handle.transfer.seekable else select.PIPE_BUF
    for at in range(0, len(data), piece or 1):
        yield from patiently(sftp, partial(handle.write_at, request.offset + at, data[at:at + piece]))
    progress(cmd, handle, request.offset)
    moved(sftp, handle, len(request.value))


def read_request(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """READ as a row of the table."""
    handle = sftp.handles.file(request.handle)
    count = min(request.length, sftp.terms.max_data)
    require_range(request.offset, count)
    if handle.read_at is None:
        raise StatusError(Status.PERMISSION_DENIED, "Handle is not open for reading")
    space = memoryview(bytearray(count))
    got = (yield from patiently(sftp, partial(handle.read_at, request.offset, [space]))) if count else 0
    progress(cmd, handle, request.offset)
    if count and not got:
        return None
    moved(sftp, handle, got)
    return bytes(space[:got])


def patiently(sftp: SftpServer, move: Callable[[], int | None]) -> Steps:
    """What a FIFO cannot give or take yet is tried again later; meanwhile the session lives."""
    while True:
        try:
            return move()
        except BlockingIOError:
            sftp.channel.pause(FIFO_PAUSE)
            yield


def progress(cmd: Command, handle: FileHandle, offset: int) -> None:
    """What the log line of a single READ or WRITE says of its transfer: all bytes so far, and where this one begins."""
    cmd.bytes = handle.transfer.bytes
    cmd.note("mod_xfer.file-offset", str(offset))


def require_range(offset: int, count: int) -> None:
    """The kernel's offsets are signed: a range must end below 2^63 (security.md F4)."""
    if offset + count > MAX_OFFSET:
        raise StatusError(Status.INVALID_PARAMETER, "Offset is out of range")

