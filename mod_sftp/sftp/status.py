"""Status codes: what each version defines, and the one table from the kernel's errors to them.

Codes are named once, in the vocabulary of version 6; ``code_for`` says them in the words of an older version. Versions 1
to 3 know nothing above OP_UNSUPPORTED, and their clients fail on it (the real server sends it all the same).
Source: draft-ietf-secsh-filexfer-02 section 7, -04 and -05 section 7, -13 section 9; real server, fxp status codes.
"""

from __future__ import annotations

import errno
import os
from functools import cache

from mod_sftp.wire.fxp import MIN_MESSAGE, REQUEST_ID, STATUS_HEAD, Fxp
from mod_sftp.wire.ssh import string
from pyproftpd.errors import Refused


class Status:
    """SSH_FX_* codes."""

    OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE = 0, 1, 2, 3, 4
    BAD_MESSAGE, NO_CONNECTION, CONNECTION_LOST, OP_UNSUPPORTED = 5, 6, 7, 8
    INVALID_HANDLE, NO_SUCH_PATH, FILE_ALREADY_EXISTS, WRITE_PROTECT, NO_MEDIA = 9, 10, 11, 12, 13
    NO_SPACE_ON_FILESYSTEM, QUOTA_EXCEEDED, UNKNOWN_PRINCIPAL, LOCK_CONFLICT = 14, 15, 16, 17
    DIR_NOT_EMPTY, NOT_A_DIRECTORY, INVALID_FILENAME, LINK_LOOP, CANNOT_DELETE = 18, 19, 20, 21, 22
    INVALID_PARAMETER, FILE_IS_A_DIRECTORY = 23, 24
    BYTE_RANGE_LOCK_CONFLICT, BYTE_RANGE_LOCK_REFUSED, DELETE_PENDING, FILE_CORRUPT = 25, 26, 27, 28
    OWNER_INVALID, GROUP_INVALID, NO_MATCHING_BYTE_RANGE_LOCK = 29, 30, 31


class StatusError(OSError):
    """A handler's answer that is no error of the kernel's. ``extra`` goes behind the text (version 5 and later)."""

    def __init__(self, status: int, text: str = "", *, number: int = errno.EINVAL, extra: bytes = b"") -> None:
        super().__init__(number, text or TEXTS[status])
        self.status, self.extra = status, extra


TEXTS: dict[int, str] = {
    Status.OK: "OK",
    Status.EOF: "End of file",
    Status.NO_SUCH_FILE: "No such file",
    Status.PERMISSION_DENIED: "Permission denied",
    Status.FAILURE: "Failure",
    Status.BAD_MESSAGE: "Bad message",
    Status.OP_UNSUPPORTED: "Unsupported operation",
    Status.INVALID_HANDLE: "Invalid handle",
    Status.NO_SUCH_PATH: "No such path",
    Status.FILE_ALREADY_EXISTS: "File already exists",
    Status.WRITE_PROTECT: "Write protected",
    Status.NO_SPACE_ON_FILESYSTEM: "No space on filesystem",
    Status.QUOTA_EXCEEDED: "Quota exceeded",
    Status.UNKNOWN_PRINCIPAL: "Unknown principal",
    Status.LOCK_CONFLICT: "Lock conflict",
    Status.DIR_NOT_EMPTY: "Directory is not empty",
    Status.NOT_A_DIRECTORY: "Not a directory",
    Status.INVALID_FILENAME: "Invalid filename",
    Status.LINK_LOOP: "Link loop",
    Status.CANNOT_DELETE: "Cannot delete",
    Status.INVALID_PARAMETER: "Invalid parameter",
    Status.FILE_IS_A_DIRECTORY: "File is a directory",
    Status.BYTE_RANGE_LOCK_CONFLICT: "Byte range lock conflict",
    Status.BYTE_RANGE_LOCK_REFUSED: "Byte range lock refused",
    Status.NO_MATCHING_BYTE_RANGE_LOCK: "No matching byte range lock",
}

#: The only errno table of SFTP (behaviours 127). What is not here is FAILURE with the system's own text.
ERRNO: dict[int, int] = {
    errno.ENOENT: Status.NO_SUCH_FILE,
    errno.EBADF: Status.NO_SUCH_FILE,
    errno.ENXIO: Status.NO_SUCH_FILE,
    errno.ENODATA: Status.NO_SUCH_FILE,
    errno.EACCES: Status.PERMISSION_DENIED,
    errno.EPERM: Status.PERMISSION_DENIED,
    errno.EEXIST: Status.FILE_ALREADY_EXISTS,
    errno.EROFS: Status.WRITE_PROTECT,
    errno.ENOSPC: Status.NO_SPACE_ON_FILESYSTEM,
    errno.EFBIG: Status.NO_SPACE_ON_FILESYSTEM,
    errno.EDQUOT: Status.QUOTA_EXCEEDED,
    errno.ENOTEMPTY: Status.DIR_NOT_EMPTY,
    errno.ENOTDIR: Status.NOT_A_DIRECTORY,
    errno.ENAMETOOLONG: Status.INVALID_FILENAME,
    errno.ELOOP: Status.LINK_LOOP,
    errno.EISDIR: Status.FILE_IS_A_DIRECTORY,
    errno.EINVAL: Status.INVALID_PARAMETER,
    errno.EFAULT: Status.INVALID_PARAMETER,
    errno.ERANGE: Status.INVALID_PARAMETER,
    errno.E2BIG: Status.INVALID_PARAMETER,
    errno.ENOSYS: Status.OP_UNSUPPORTED,
    errno.EOPNOTSUPP: Status.OP_UNSUPPORTED,
}

#: The highest code that a version defines.
_LAST: dict[int, int] = {1: 8, 2: 8, 3: 8, 4: 13, 5: 17, 6: 31}
#: What a code is called where its version does not have it: the next try; FAILURE when nothing stands here.
_OLDER: dict[int, int] = {
    Status.NO_SUCH_PATH: Status.NO_SUCH_FILE,
    Status.UNKNOWN_PRINCIPAL: Status.FAILURE,
    Status.INVALID_PARAMETER: Status.OP_UNSUPPORTED,
    Status.BYTE_RANGE_LOCK_CONFLICT: Status.LOCK_CONFLICT,
    Status.OWNER_INVALID: Status.UNKNOWN_PRINCIPAL,
    Status.GROUP_INVALID: Status.UNKNOWN_PRINCIPAL,
}


def code_for(status: int, version: int) -> int:
    """A status in the vocabulary of ``version``."""
    while status > _LAST[version]:
        status = _OLDER.get(status, Status.FAILURE)
    return status


def describe(error: OSError | Refused) -> tuple[int, str]:
    """(status, text for the client) of what stopped a request. Names no path: an error text may hold an outside one.

    The text is the status's own, and the system's for what is only a FAILURE (real server).
    """
    if isinstance(error, StatusError):
        return error.status, error.strerror or TEXTS[error.status]
    number = error.errno or errno.EIO
    status = ERRNO.get(number)
    if status is None:
        return Status.FAILURE, os.strerror(number)
    return status, TEXTS[status]


def reply(version: int, ident: int, status: int, text: str = "", extra: bytes = b"") -> bytes:
    """A STATUS message; text and language tag exist from version 3, data about the error from 5."""
    if not text and not extra:
        head, rest = _plain(version, status)
        return head + REQUEST_ID.pack(ident) + rest
    code = code_for(status, version)
    tail = string(text or TEXTS[code]) + _LANGUAGE + (extra if version >= 5 else b"") if version >= 3 else b""
    return STATUS_HEAD.pack(MIN_MESSAGE + 4 + len(tail), Fxp.STATUS, ident, code) + tail


_LANGUAGE = string("en-US")


@cache
def _plain(version: int, status: int) -> tuple[bytes, bytes]:
    """What stands in front of the request id, and behind it, where the text is the status's own."""
    code = code_for(status, version)
    tail = string(TEXTS[code]) + _LANGUAGE if version >= 3 else b""
    whole = STATUS_HEAD.pack(MIN_MESSAGE + 4 + len(tail), Fxp.STATUS, 0, code) + tail
    return whole[:MIN_MESSAGE], whole[MIN_MESSAGE + 4:]
