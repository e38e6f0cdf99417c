"""Reading a file that decides who comes in: as the account it speaks for, and only if nobody else could have written it.

The rules are those of sshd's StrictModes, applied to the file and to every directory above it: owner root or the account,
not writable by group or others. A sticky directory (/tmp) passes, as what stands below it is checked in its turn. The last
component is never followed. Source: security.md A10.22, where the real server reads such a file as root, whatever it is.

A file below directories of root alone, reached without any link, may be private to root (``/etc/proftpd/keys/%u`` of mode
0600, as existing hosts have it): only such a one is opened as root.
"""

from __future__ import annotations

import os
import stat
from contextlib import AbstractContextManager

from pyproftpd.api.auth import Account
from pyproftpd.unix.privs import Privileges

#: a store of 1 MiB holds some ten thousand ed25519 keys
MAX_FILE = 1024 * 1024
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Unsafe(ValueError):
    """The file may not be believed; the text says why and quotes nothing of its content."""


def read_strictly(path: str, account: Account, privs: Privileges) -> bytes:
    """The content of an absolute ``path``. Raises: Unsafe; OSError, FileNotFoundError among them."""
    try:
        with _as_account(account, privs):
            return _read(path, account.uid)
    except PermissionError:
        if account.uid == 0 or not privs.switching:
            raise
    with privs.root():
        if os.path.realpath(path) != os.path.normpath(path):
            raise PermissionError(f"user '{account.name}' may not read it, and links lead to it")
        return _read(path, 0)


def _as_account(account: Account, privs: Privileges) -> AbstractContextManager[None]:
    return privs.borrowed(account.uid, account.gid, (account.gid,))


def _read(path: str, owner: int) -> bytes:
    directory, name = os.path.split(path)
    resolved = os.path.join(os.path.realpath(directory, strict=True), name)
    owners = {0, owner, os.getuid()}
    _check_directories(os.path.dirname(resolved), owners)
    # NONBLOCK: a FIFO must not hold the session
    try:
        fd = os.open(resolved, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        if stat.S_ISLNK(os.lstat(resolved).st_mode):
            raise Unsafe("it is a symbolic link") from None
        raise
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise Unsafe("it is not a regular file")
        _check(resolved, found, owners)
        if found.st_size > MAX_FILE:
            raise Unsafe(f"it is larger than {MAX_FILE} bytes")
        return _read_all(fd)
    finally:
        os.close(fd)


def _read_all(fd: int) -> bytes:
    """It may grow while it is read: the limit holds all the same."""
    data = b""
    while len(data) <= MAX_FILE and (block := os.read(fd, MAX_FILE + 1 - len(data))):
        data += block
    if len(data) > MAX_FILE:
        raise Unsafe(f"it is larger than {MAX_FILE} bytes")
    return data


def _check_directories(directory: str, owners: set[int]) -> None:
    while True:
        found = os.lstat(directory)
        if not found.st_mode & stat.S_ISVTX:
            _check(directory, found, owners)
        elif found.st_uid not in owners:
            raise Unsafe(f"{directory} belongs to uid {found.st_uid}")
        if directory == "/":
            return
        directory = os.path.dirname(directory)


def _check(path: str, found: os.stat_result, owners: set[int]) -> None:
    if found.st_uid not in owners:
        raise Unsafe(f"{path} belongs to uid {found.st_uid}")
    if found.st_mode & _WRITABLE_BY_OTHERS:
        raise Unsafe(f"{path} is writable by group or others (mode {stat.S_IMODE(found.st_mode):04o})")
