"""Symbolic and hard links: both ends are judged, as reading the target and writing the link."""

from __future__ import annotations

import errno
import os
import stat as _stat
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from pyproftpd.vfs.resolve import locate
from pyproftpd.wire import vpath

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View


def readlink(view: View, cmd: Command, path: str) -> str:
    """The text of a link; an absolute one that was written outside of the chroot is shown as it looks from inside."""
    with view.locate(cmd, path, follow=False) as place:
        info, _ = view.existing(cmd, place, filters=False, looks=True)
        if not _stat.S_ISLNK(info.st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), cmd.path)
        return vpath.inside(view.chroot, os.readlink(place.name, dir_fd=place.parent))


def symlink(view: View, cmd: Command, text: str, path: str) -> None:
    """``path`` becomes a link with ``text`` in it: a relative one stays as it is; a missing target is allowed.

    The target, as far as it exists, needs SYMLINK with READ; its name must pass the path filters either way.
    """
    try:
        vpath.check(text)
    except vpath.BadPath as error:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from error
    with view.locate(cmd, path, follow=False) as place:
        names = cmd.limits or ("SYMLINK",)
        seen = vpath.join(vpath.split(place.path.real)[0], text)
        try:
            with locate(seen, view.chroot, follow=True) as target:
                target.sent = cmd.sent2
                view.judge(cmd, target, target.info, names=names, group="READ")
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing there to be judged: what the link will lead to is judged when it is followed
        view.judge(cmd, place, place.info, names=names, group="WRITE")
        os.symlink(text, place.name, dir_fd=place.parent)


def hardlink(view: View, cmd: Command, path: str, target: str) -> None:
    """``path`` becomes another name of the file ``target``; an existing ``path`` is never replaced.

    Judged as HARDLINK (LINK) with DIRS and READ on the target, WRITE on the new name: a second name must not read what
    the first one is forbidden to.
    """
    names = cmd.limits or ("HARDLINK", "LINK")
    with view.locate(cmd, target, follow=False, second=True) as source, view.locate(cmd, path, follow=False) as place:
        info, _ = view.existing(cmd, source, names=names, group="DIRS")
        view.judge(cmd, source, info, names=("RETR",), group="READ")
        view.judge(cmd, place, place.info, names=names, group="WRITE")
        if not (_stat.S_ISREG(info.st_mode) or _stat.S_ISLNK(info.st_mode)):
            raise Refused("only files have hard links", errno.EPERM)
        os.link(source.name, place.name, src_dir_fd=source.parent, dst_dir_fd=place.parent, follow_symlinks=False)
        view.access.moved()
