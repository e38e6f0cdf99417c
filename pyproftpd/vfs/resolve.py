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
from types import TracebackType

from pyproftpd.unix.syscalls import RESOLVE_NO_SYMLINKS, openat2
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
    """

    __slots__ = ("virtual", "real", "outside")

    def __init__(self, virtual: str, real: str, outside: str) -> None:
        self.virtual, self.real, self.outside = virtual, real, outside

    @property
    def directory(self) -> str:
        """Directory of the object, outside of any chroot; the root is its own."""
        return vpath.split(self.outside)[0]

    def __repr__(self) -> str:
        return f"VPath({self.virtual!r}, {self.real!r}, {self.outside!r})"


class Place:
    """Where an operation acts: ``name`` in the directory open as ``parent``. A context manager that closes it."""

    __slots__ = ("parent", "name", "path", "sent")

    def __init__(self, parent: int, name: str, path: VPath) -> None:
        self.parent, self.name, self.path = parent, name, path
        #: the argument of the request that names it, as the client wrote it
        self.sent = ""

    def lstat(self) -> os.stat_result:
        return os.stat(self.name, dir_fd=self.parent, follow_symlinks=False)

    def exists(self) -> os.stat_result | None:
        """The object itself, a link not followed; ``None`` when there is none."""
        try:
            return self.lstat()
        except FileNotFoundError:
            return None

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
    walk = _Walk(chroot)
    try:
        name = walk.to(virtual, follow)
    except BaseException:
        os.close(walk.parent)
        raise
    real = "/" + "/".join(walk.done)
    return Place(walk.parent, name, VPath(virtual, real, vpath.outside(chroot, real)))


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
        self.leap()
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

    def leap(self) -> None:
        """Take all directories ahead at once. Where that fails nothing has happened: a link, a missing name, an old
        kernel, and the steps will tell which."""
        if len(self.pending) < 3 or ".." in self.pending:
            return
        names = self.pending[:0:-1]
        try:
            child = openat2(self.parent, "/".join(names), _DIRECTORY, resolve=RESOLVE_NO_SYMLINKS)
        except OSError:
            return
        os.close(self.parent)
        self.parent, self.done = child, names
        del self.pending[1:]

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
