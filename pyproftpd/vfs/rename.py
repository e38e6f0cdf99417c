"""Renaming: one call where the disk allows it, else a copy that appears whole or not at all.

Links are moved as links, never followed (security: a rename must not read or write what a link points to).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat as _stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from pyproftpd.vfs import replace
from pyproftpd.vfs.conf import AccessConf
from pyproftpd.vfs.content import copy_in_steps
from pyproftpd.vfs.resolve import Place

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View


def rename_in_steps(view: View, cmd: Command, path: str, target: str, *, overwrite: bool) -> Iterator[None]:
    """The source is judged as RNFR (DIRS), the target as RNTO (WRITE), whatever the protocol calls the request.

    ``overwrite`` is the client's wish; AllowOverwrite must agree. Raises ``FileExistsError`` when there is no wish. Rests
    after every few megabytes that go to another disk; closed before its end it leaves the source as it was.
    """
    with view.locate(cmd, path, follow=False) as source, view.locate(cmd, target, follow=False, second=True) as goal:
        info, _ = view.existing(cmd, source, names=("RNFR",), group="DIRS")
        there = goal.info
        decision = view.judge(cmd, goal, there, names=("RNTO",), group="WRITE")
        if source.path.real == goal.path.real:
            raise FileExistsError(errno.EEXIST, "source and target are the same", cmd.path2)
        if there is not None:
            if not overwrite:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), cmd.path2)
            replace.ask(decision.scope.get(AccessConf))
            cmd.modified = True
        try:
            replace.move(source.parent, source.name, goal.parent, goal.name, replace=there is not None)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            yield from _across(source, info, goal, may_replace=there is not None)
        view.access.moved()


def _across(source: Place, info: os.stat_result, goal: Place, *, may_replace: bool) -> Iterator[None]:
    """Copy under a temporary name on the target's disk, sync, rename, then remove the source."""
    temporary = f".rename.{secrets.token_hex(8)}"
    try:
        if _stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(source.name, dir_fd=source.parent), temporary, dir_fd=goal.parent)
        elif _stat.S_ISREG(info.st_mode):
            yield from _copy(source, info, goal, temporary)
        else:
            raise Refused("only files and links are renamed across file systems", errno.EXDEV)
        replace.move(goal.parent, temporary, goal.parent, goal.name, replace=may_replace)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # it may not have been made yet
            os.unlink(temporary, dir_fd=goal.parent)
        raise
    os.unlink(source.name, dir_fd=source.parent)


def _copy(source: Place, info: os.stat_result, goal: Place, temporary: str) -> Iterator[None]:
    reader = source.open(os.O_RDONLY | os.O_NONBLOCK)
    try:
        opened = os.fstat(reader)
        if (opened.st_ino, opened.st_dev) != (info.st_ino, info.st_dev):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), source.path.virtual)
        writer = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600,
                         dir_fd=goal.parent)
        try:
            for _ in copy_in_steps(reader, writer):
                yield
            os.fchmod(writer, _stat.S_IMODE(info.st_mode))
            os.utime(writer, ns=(info.st_atime_ns, info.st_mtime_ns))
            os.fsync(writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)
