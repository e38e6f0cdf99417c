"""check-file: digests of files, by name or handle (draft-ietf-secsh-filexfer-extensions-00 section 3)."""

from __future__ import annotations

import errno
import hashlib
import stat
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mod_sftp.sftp import replies
from mod_sftp.sftp.data import require_range
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.sftp.table import READ, Row, by_handle, by_path
from mod_sftp.wire.fxp import MAX_MESSAGE, Dialect, Field, Fxp, Request, handle, path, u32, u64
from mod_sftp.wire.ssh import Reader, string
from pyproftpd.api.command import Command

if TYPE_CHECKING:
    from mod_sftp.sftp.act import Steps
    from mod_sftp.sftp.handles import ReadAt
    from mod_sftp.sftp.server import SftpServer

#: Smallest block but 0, which is the whole range (draft; real server).
MIN_BLOCK = 256
#: Digests of one answer: it must fit in a message.
MAX_DIGESTS = MAX_MESSAGE // 2
#: Bytes of one step: about a millisecond.
CHUNK = 512 * 1024
#: Longest list of algorithm names that is looked at.
MAX_LIST = 1024


class Crc32:
    """zlib's CRC with the face of a hash."""

    digest_size = 4

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


#: Names of the draft; MD5 and SHA-1 find transfer errors here, they protect nothing.
DIGESTS: dict[str, Callable[[], Any]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False), "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha224": hashlib.sha224, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512,
    "crc32": Crc32,
}


def algorithm(reader: Reader, _: Dialect) -> str:
    """The first of the client's names that we know, or its list as it came."""
    names = bytes(reader.string(MAX_LIST)).decode("ascii", "replace")
    return next((name for name in names.split(",") if name in DIGESTS), names)


def by_name(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """Reads the file, so it needs what a download needs (security.md F6), and is no transfer in the logs."""
    info = sftp.view.stat(cmd, cmd.path or "")
    if stat.S_ISDIR(info.st_mode):
        raise StatusError(Status.FILE_IS_A_DIRECTORY, number=errno.EISDIR)
    probe = Command("RETR", cmd.arg, limits=("RETR",), group="READ", classes=READ, path=cmd.path)
    download = sftp.view.open_quietly(probe, cmd.path or "")
    try:
        return (yield from _answer(sftp, request, download.read_at, download.stat().st_size))
    finally:
        download.close()


def as_draft_9(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """``check-file`` of draft 09, which paramiko sends: a handle, and the answer begins with the extension's name."""
    return string("check-file") + (yield from by_open_handle(sftp, cmd, request))


def by_open_handle(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    found = sftp.handles.file(request.handle)
    if found.read_at is None:
        raise StatusError(Status.PERMISSION_DENIED, "Handle is not open for reading", number=errno.EACCES)
    sftp.judge(cmd, found)
    return (yield from _answer(sftp, request, found.transfer.read_at, found.transfer.stat().st_size))


def _answer(sftp: SftpServer, request: Request, read_at: ReadAt, size: int) -> Steps:
    make = DIGESTS.get(request.name)
    if make is None:
        raise StatusError(Status.OP_UNSUPPORTED, "No supported digest", number=errno.EOPNOTSUPP)
    block = request.flags
    if block and block < MIN_BLOCK:
        raise StatusError(Status.INVALID_PARAMETER, "Block size is too small")
    require_range(request.offset, request.length)
    if request.offset and request.offset >= size:
        raise StatusError(Status.INVALID_PARAMETER, "Offset is behind the end of the file")
    length = min(request.length or size, size - request.offset)
    block = block or max(length, 1)
    count = max(1, -(-length // block))
    if count * make().digest_size > MAX_DIGESTS:
        raise StatusError(Status.INVALID_PARAMETER, "Too many blocks for one answer")
    digests = yield from _digests(sftp, make, read_at, request.offset, length, block)
    return string(request.name) + digests


def _digests(sftp: SftpServer, make: Callable[[], Any], read_at: ReadAt, offset: int, length: int, block: int) -> Steps:
    """Digests of blocks, one behind the other; rests whenever ``CHUNK`` bytes were read, in however many blocks."""
    space = memoryview(bytearray(min(CHUNK, max(length, 1))))
    digests, state, done, step = bytearray(), make(), 0, 0
    while done < length:
        got = read_at(offset + done, [space[:min(CHUNK - step, block - done % block, length - done)]])
        if not got:
            break
        state.update(space[:got])
        done, step = done + got, step + got
        if done % block == 0 and done < length:
            digests += state.digest()
            state = make()
        if step >= CHUNK:
            step = 0
            sftp.transferred = True
            yield
    return bytes(digests + state.digest())


_REST = (Field("name", algorithm), Field("offset", u64), Field("length", u64), Field("flags", u32))
BY_NAME = Row(Fxp.EXTENDED, "EXTENDED", by_name, replies.extended, by_path, READ, ("SITE_DIGEST",), "READ",
              layout=(Field("path", path), *_REST))
BY_HANDLE = Row(Fxp.EXTENDED, "EXTENDED", by_open_handle, replies.extended, by_handle, READ, ("SITE_DIGEST",), "READ",
                layout=(Field("handle", handle), *_REST))
DRAFT_9 = Row(Fxp.EXTENDED, "EXTENDED", as_draft_9, replies.extended, by_handle, READ, ("SITE_DIGEST",), "READ",
              layout=(Field("handle", handle), *_REST))
