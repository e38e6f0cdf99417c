"""The content of one open file into another, by the kernel where it can."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator

#: bytes per kernel call; between two calls signals are seen
CHUNK = 8 * 1024 * 1024

#: what copy_file_range(2) answers where it cannot help: other disks, old kernels, odd file systems
_FALL_BACK = frozenset({errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EBADF})


def copy_in_steps(reader: int, writer: int, limit: int = sys.maxsize) -> Iterator[int]:
    """Copy all of one descriptor to another from their positions, a kernel call at a time; yields the bytes copied so far.

    Raises ``OSError``; EFBIG before a byte beyond ``limit`` is written.
    """
    if os.fstat(reader).st_size > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    total, in_kernel = 0, True
    while True:
        room = min(CHUNK, limit - total)
        if room == 0:
            if os.pread(reader, 1, total):
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            return
        if in_kernel:
            try:
                count = os.copy_file_range(reader, writer, room)
            except OSError as error:
                if error.errno not in _FALL_BACK:
                    raise
                in_kernel = False
                continue
            if not count and not total:
                in_kernel = False  # /proc and its like have a size of 0 for that call
                continue
        else:
            count = _copy_block(reader, writer, min(room, 256 * 1024))
        if not count:
            return
        total += count
        yield total


def _copy_block(reader: int, writer: int, size: int) -> int:
    block = memoryview(os.read(reader, size))
    done = 0
    while done < len(block):
        done += os.write(writer, block[done:])
    return len(block)
