"""The one question "may what stands there be replaced?", and the one way to put a file in its place.

Asked by upload, rename, posix-rename, copy, hard link, truncation and the rename of a hidden upload: AllowOverwrite
decides alike on every road. (The real server asks only in its FTP handlers.)
"""

from __future__ import annotations

import errno
import os

from pyproftpd.errors import Refused
from pyproftpd.unix import syscalls


def ask(*, exists: bool, allowed: bool, rule: str) -> None:
    """Raises ``Refused`` (EACCES) when the target exists and AllowOverwrite, set at ``rule``, is off."""
    if exists and not allowed:
        raise Refused(rule)


def move(old_parent: int, old: str, new_parent: int, new: str, *, replace: bool) -> None:
    """One rename call. Without ``replace`` the kernel itself refuses an existing target (no test-then-act).

    A file system without RENAME_NOREPLACE gets a hard link and an unlink, as atomic; one without either is asked first,
    which leaves a moment for another writer (FAT). Raises ``FileExistsError``, ``OSError``.
    """
    if replace:
        os.rename(old, new, src_dir_fd=old_parent, dst_dir_fd=new_parent)
        return
    try:
        syscalls.renameat2(old_parent, old, new_parent, new, syscalls.RENAME_NOREPLACE)
        return
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
    try:
        os.link(old, new, src_dir_fd=old_parent, dst_dir_fd=new_parent, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP):
            raise
        _move_asking(old_parent, old, new_parent, new)
    else:
        os.unlink(old, dir_fd=old_parent)


def _move_asking(old_parent: int, old: str, new_parent: int, new: str) -> None:
    try:
        os.stat(new, dir_fd=new_parent, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=old_parent, dst_dir_fd=new_parent)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
