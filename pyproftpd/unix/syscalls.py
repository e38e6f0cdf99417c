"""System calls that Python lacks, by ctypes. Each raises ``OSError`` like its cousins in ``os``.

``ENOSYS`` (an old kernel, a seccomp filter) reaches the caller, who knows whether there is another safe way.
"""

from __future__ import annotations

import ctypes
import functools
import os
import struct
import sys

AT_FDCWD = -100
_AT_SYMLINK_NOFOLLOW = 0x100

#: renameat2(2)
RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2

#: openat2(2): how a path may be resolved
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08

#: the same number on every architecture, since all calls newer than Linux 5.1 share one table
_SYS_OPENAT2 = 437
_SYS_FCHMODAT2 = 452
_OPEN_HOW = struct.Struct("=QQQ")
_HOW_SIZE = _OPEN_HOW.size

#: how names become what the kernel takes, as ``os.fsencode`` does it
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

#: prctl(2)
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38

_libc = ctypes.CDLL(None, use_errno=True)

_openat2 = _libc["syscall"]  # an object of its own, unlike _libc.syscall
_openat2.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
_openat2.restype = ctypes.c_long


def _check(result: int, *paths: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), *paths[:1])
    return result


def _name(path: str) -> bytes:
    """As C takes it. Raises ``ValueError`` for a NUL, behind which C would not look."""
    name = path.encode(_ENCODING, _ERRORS)
    if b"\0" in name:
        raise ValueError("embedded null byte")
    return name


def forbid_tracing() -> None:
    """The memory of this process is for root alone to read: no dump, no ptrace, no /proc/PID/mem."""
    _prctl(_PR_SET_DUMPABLE, 0)


def forbid_new_privileges() -> None:
    """No program that this process executes gains a right by it, for good."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, *(ctypes.c_ulong(number) for number in (value, 0, 0, 0))))


def renameat2(olddirfd: int, old: str, newdirfd: int, new: str, flags: int) -> None:
    """rename(2) relative to directories; ``RENAME_NOREPLACE`` fails with EEXIST, with no moment in between."""
    try:
        call = _libc.renameat2
    except AttributeError:  # a C library without the wrapper
        raise OSError(38, os.strerror(38), old) from None
    _check(call(olddirfd, _name(old), newdirfd, _name(new), ctypes.c_uint(flags)), old)


def openat2(dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = RESOLVE_BENEATH) -> int:
    """open(2) that refuses to leave ``dirfd`` or to follow links, by ``resolve``; the descriptor is close-on-exec."""
    fd: int = _openat2(_SYS_OPENAT2, dirfd, _name(path), _how(flags | os.O_CLOEXEC, mode, resolve), _HOW_SIZE)
    return fd if fd >= 0 else _check(fd, path)


@functools.cache
def _how(flags: int, mode: int, resolve: int) -> bytes:
    return _OPEN_HOW.pack(flags, mode, resolve)


def fchmodat2(dirfd: int, name: str, mode: int) -> None:
    """chmod(2) that never follows a link (Linux 6.6); ``ENOSYS`` before."""
    _check(_libc.syscall(ctypes.c_long(_SYS_FCHMODAT2), ctypes.c_long(dirfd), ctypes.c_char_p(_name(name)),
                         ctypes.c_ulong(mode), ctypes.c_long(_AT_SYMLINK_NOFOLLOW)), name)
