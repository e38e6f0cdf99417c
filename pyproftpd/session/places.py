"""Where a session is locked in and where it starts: DefaultRoot, DefaultChdir, anonymous roots.

Source: real server, mod_auth.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import AbstractContextManager
from dataclasses import dataclass

from pyproftpd.wire import vpath

#: AuthUnixOptions MagicTokenChroot: ``/jail/./inside`` as a home says both
MAGIC_TOKEN = "/./"


class BadPlace(OSError):
    """A directory that cannot serve as a root; ``strerror`` says why, ``filename`` which."""


@dataclass(frozen=True, slots=True)
class Root:
    """A directory to be locked into, and what it was when it was looked at."""

    path: str
    device: int
    inode: int


def expand(text: str, user: str, home: str) -> str:
    """``%u`` and a leading ``~``; the result is absolute or relative as written."""
    text = text.replace("%u", user)
    if text == "~" or text.startswith("~/"):
        return vpath.normalise(f"{home}/{text[2:]}")
    return text


def resolve_root(path: str, *, allow_symlinks: bool) -> Root | None:
    """Look at a root directory; ``/`` is no jail. Called with the ids of the user, who must be able to enter it.

    Without ``allow_symlinks`` no component at all may be a link (AllowChrootSymlinks off, security.md U15).
    Raises :class:`BadPlace` or another ``OSError``.
    """
    path = vpath.normalise(path)
    if allow_symlinks:
        path = os.path.realpath(path, strict=True)
    else:
        _refuse_links(path)
    if path == "/":
        return None
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        os.stat(".", dir_fd=fd)  # needs search permission, as the chdir into it will
    finally:
        os.close(fd)
    return Root(path, found.st_dev, found.st_ino)


def guarded_root(path: str, as_user: AbstractContextManager[object]) -> Root:
    """A root directory behind one that is closed to its user (a home below ``/root``). Called as root.

    Nobody but root may have decided where the way leads: every directory above belongs to root, only root may write there,
    and no component is a link. The directory itself must be one that the user may enter.
    Raises :class:`BadPlace` or another ``OSError``.
    """
    path = vpath.normalise(path)
    _refuse_links(path)
    above = path
    while above != "/":
        above = os.path.dirname(above)
        status = os.stat(above)
        if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise BadPlace(errno.EACCES, os.strerror(errno.EACCES), above)
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        with as_user:
            os.stat(".", dir_fd=fd)
    finally:
        os.close(fd)
    return Root(path, found.st_dev, found.st_ino)


def _refuse_links(path: str) -> None:
    """Walk down by descriptors, so that nothing can be exchanged for a link behind us."""
    fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        walked = ""
        for name in path.split("/")[1:]:
            if not name:
                continue
            walked += "/" + name
            if stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                raise BadPlace(errno.ELOOP, "is a symbolic link, which AllowChrootSymlinks off refuses", walked)
            step = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = step
    finally:
        os.close(fd)


def within_root(root: str, path: str) -> str:
    """The virtual path of a real directory: below the root without its prefix, else taken as written inside it."""
    path = vpath.normalise(path)
    if not root or not vpath.within(path, root):
        return path
    return path[len(root):] or "/"


def can_enter(path: str) -> bool:
    """Is it a directory that these ids may enter?"""
    try:
        os.stat(path + "/.")
    except OSError:
        return False
    return True
