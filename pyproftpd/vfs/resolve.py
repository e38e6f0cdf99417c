"""From a client's path to the object it means: every symbolic link is read here, and nowhere else.

A path is walked component by component with directory descriptors (``O_PATH | O_NOFOLLOW``), links spliced in as text;
where there are none the kernel takes all directories in one step and vouches for that (openat2(2)).
The operation then acts on ``(descriptor of the parent, last name)``, so

- the rules that were evaluated are those of the object that is acted upon, whatever anybody renames meanwhile;
- the magic links of /proc (``/proc/self/root``, ``/proc/self/cwd``, ``/proc/self/fd/N``) are only text like any other
  link: they lead where their text says, under the rules of that place, and never to a descriptor of the server.

In a chroot the kernel holds the jail; the walk begins at the process's own root either way. An absolute link that was written
outside of it and leads into it is read as it was meant (security.md F10).
"""

from __future__ import annotations

import errno
import os
import stat as _stat
from types import TracebackType

from pyproftpd.unix.syscalls import AT_FDCWD, RESOLVE_NO_SYMLINKS, openat2
from pyproftpd.wire import vpath

#: links followed in one path before it counts as a loop; the kernel's own figure (path_resolution(7))
MAX_LINKS = 40
#: directories entered for one path: a link full of ``..`` far down has each of them walk from the root again. No path that
#: people use comes near; at two microseconds each the most hostile one costs less than a tenth of a second.
MAX_STEPS = 1 << 15

_DIRECTORY = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


class VPath:
    """One path under its three names.

    ``virtual``  as the client sees it
    ``real``     what it resolved to, inside the process's root
    ``outside``  the same outside of any chroot: for logs, and what <Directory> is matched with

    ``directory`` is that of ``outside``; the root is its own.
    """

    __slots__ = ("virtual", "real", "outside", "directory")

    def __init__(self, virtual: str, real: str, outside: str) -> None:
        self.virtual, self.real, self.outside = virtual, real, outside
        self.directory = outside.rpartition("/")[0] or "/"

    def __repr__(self) -> str:
        return f"VPath({self.virtual!r}, {self.real!r}, {self.outside!r})"


class Place:
    """Where an operation acts: ``name`` in the directory open as ``parent``. A context manager that closes it.

    ``info`` is the object itself as the walk found it, a link not followed; ``None`` when there was none.
    """

    __slots__ = ("parent", "name", "path", "info", "sent")

    def __init__(self, parent: int, name: str, path: VPath, info: os.stat_result | None) -> None:
        self.parent, self.name, self.path, self.info = parent, name, path, info
        #: the argument of the request that names it, as the client wrote it
        self.sent = ""

    def open(self, flags: int, mode: int = 0o600) -> int:
        """Open the object itself; a link in its place (it was resolved already) is refused with ELOOP."""
        return os.open(self.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY, mode, dir_fd=self.parent)

    def close(self) -> None:
        if self.parent >= 0:
            os.close(self.parent)
            self.parent = -1

    def __enter__(self) -> Place:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def locate(virtual: str, chroot: str = "", *, follow: bool) -> Place:
    """Walk to the object that ``virtual`` names; with ``follow`` a link at the end is resolved too.

    The last component need not exist (nor need the target of a last link): its parent must.
    Raises ``OSError`` as the kernel would: ENOENT, ENOTDIR, EACCES, ELOOP.
    """
    directory, _, name = virtual.rpartition("/")
    plain = name and virtual[0] == "/" and "/." not in virtual and "//" not in virtual
    parent = _leap(directory) if plain else -1
    if parent >= 0:
        info = _found(parent, name)
        if not (follow and info is not None and _stat.S_ISLNK(info.st_mode)):
            return Place(parent, name, VPath(virtual, virtual, vpath.outside(chroot, virtual) if chroot else virtual), info)
        os.close(parent)
    walk = _Walk(chroot)
    try:
        name = walk.to(virtual, follow)
    except BaseException:
        os.close(walk.parent)
        raise
    real = "/" + "/".join(walk.done)
    return Place(walk.parent, name, VPath(virtual, real, vpath.outside(chroot, real)), _found(walk.parent, name))


def _leap(directory: str) -> int:
    """All directories at once, where none of them is a link; else -1: a link, a missing name, an old kernel, and the steps
    will tell which."""
    try:
        return openat2(AT_FDCWD, directory or "/", _DIRECTORY, resolve=RESOLVE_NO_SYMLINKS)
    except (OSError, ValueError):
        return -1


def _found(parent: int, name: str) -> os.stat_result | None:
    """What stands there, a link not followed. Closes ``parent`` when the kernel will not say."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except BaseException:
        os.close(parent)
        raise


class _Walk:
    """State of one walk: ``parent`` is open as the directory ``done``, ``pending`` lies ahead, next component last."""

    __slots__ = ("chroot", "parent", "done", "pending", "links", "steps")

    def __init__(self, chroot: str) -> None:
        self.chroot = chroot
        self.parent = os.open("/", _DIRECTORY)
        self.done: list[str] = []
        self.pending: list[str] = []
        self.links = self.steps = 0

    def to(self, path: str, follow: bool) -> str:
        """Go; returns the last name, ``.`` where the path is the directory ``parent`` itself."""
        self.ahead(path)
        while self.pending:
            name = self.pending.pop()
            if name == "..":
                self.up()
            elif self.pending:
                self.into(name)
            else:
                text = _link(self.parent, name) if follow else None
                if text is None:
                    self.done.append(name)
                    return name
                self.splice(text)
        return "."

    def ahead(self, path: str) -> None:
        self.pending.extend(part for part in reversed(path.split("/")) if part and part != ".")

    def into(self, name: str) -> None:
        """One component that must be a directory, or a link to be read."""
        self.step(1)
        try:
            child = os.open(name, _DIRECTORY, dir_fd=self.parent)
        except NotADirectoryError:
            text = _link(self.parent, name)
            if text is None:
                raise
            self.splice(text)
        else:
            os.close(self.parent)
            self.parent = child
            self.done.append(name)

    def splice(self, text: str) -> None:
        self.links += 1
        if self.links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if text.startswith("/"):
            text = vpath.inside(self.chroot, text)
            self.restart([])
        self.ahead(text)

    def step(self, count: int) -> None:
        self.steps += count
        if self.steps > MAX_STEPS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def up(self) -> None:
        self.restart(self.done[:-1])

    def restart(self, done: list[str]) -> None:
        """Walk to ``done`` again from the root: following ``..`` of a directory that was moved would leave its rules."""
        self.step(len(done))
        fd = os.open("/", _DIRECTORY)
        try:
            for name in done:
                child = os.open(name, _DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = child
        except BaseException:
            os.close(fd)
            raise
        os.close(self.parent)
        self.parent, self.done = fd, done


def _link(parent: int, name: str) -> str | None:
    """Text of a symbolic link, ``None`` for anything else and for nothing at all."""
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise
