"""The one question "may what stands there be replaced?", and the one way to put a file in its place.

Asked by upload, rename, posix-rename, copy, hard link, truncation and the rename of a hidden upload: AllowOverwrite
decides alike on every road. (The real server asks only in its FTP handlers.)
"""

from __future__ import annotations

import errno
import os

from pyproftpd.errors import Refused
from pyproftpd.unix import syscalls
from pyproftpd.vfs.conf import AccessConf


def ask(access: AccessConf, *, keeps: bool = False) -> None:
    """Something stands there. Raises ``Refused`` (EACCES) where AllowOverwrite is off, unless the request ``keeps`` it."""
    if not (access.allow_overwrite or keeps):
        raise Refused(f"AllowOverwrite off ({access.source('allow_overwrite') or 'default'})")


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
