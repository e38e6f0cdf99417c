"""Directories made and removed, files removed. A last link is never followed: the name is what goes."""

from __future__ import annotations

import errno
import os
import stat as _stat
import time
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.api.transfer import Direction, TransferRecord
from pyproftpd.vfs.resolve import Place

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View

#: mode of a new directory before the Umask when the client names none
NEW_DIRECTORY = 0o777


def mkdir(view: View, cmd: Command, path: str, mode: int | None) -> None:
    """An existing *directory* counts as success and gets the owner settings. Source: real server (issue 1639)."""
    with view.locate(cmd, path, follow=False) as place:
        info = place.info
        decision = view.judge(cmd, place, info, directory=True)
        if info is None:
            os.mkdir(place.name, (NEW_DIRECTORY if mode is None else mode & 0o7777) & ~decision.umask[1],
                     dir_fd=place.parent)
        elif not _stat.S_ISDIR(info.st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), cmd.path)
        if decision.owner is None and decision.group is None:
            return
        # The descriptor is of what stands there now, and never of a link: whoever swaps the name gains nothing.
        fd = _open_made(place)
        try:
            if info is not None or os.fstat(fd).st_uid == os.geteuid():
                view.own(fd, decision)
        finally:
            os.close(fd)


def _open_made(place: Place) -> int:
    return place.open(os.O_RDONLY | os.O_DIRECTORY)


def rmdir(view: View, cmd: Command, path: str) -> None:
    """A link to a directory is not a directory here. Source: real server."""
    with view.locate(cmd, path, follow=False) as place:
        view.existing(cmd, place)
        os.rmdir(place.name, dir_fd=place.parent)


def remove(view: View, cmd: Command, path: str) -> None:
    """Remove a name that is not a directory; told to the transfer log as a deletion."""
    with view.locate(cmd, path, follow=False) as place:
        info, _ = view.existing(cmd, place)
        if _stat.S_ISDIR(info.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), cmd.path)
        os.unlink(place.name, dir_fd=place.parent)
        cmd.transfer = TransferRecord(
            Direction.DELETE, place.path.outside, info.st_size, time.monotonic() - cmd.started, True,
            client_path=place.path.virtual)
    view.report(cmd, cmd.transfer)
