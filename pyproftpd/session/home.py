"""CreateHome: a missing home directory, made with its parents and filled from a skeleton. Source: real server, mkhome.c.

Every step works on a directory descriptor and never follows a link (security.md U15): a component that is a link, or
that somebody exchanged for one, ends the login instead of giving a foreign directory to the user.

A home is made under a name that nobody can guess and appears whole under its own: clients open several connections at
once, and half a home that a full disk left behind would keep its user out for good.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from pyproftpd.api.auth import Identity
from pyproftpd.session.conf import HomeCreation
from pyproftpd.session.rules import LoginRefused
from pyproftpd.unix import syscalls

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 1 << 18

#: A skeleton deeper than this is a loop or a mistake.
MAX_DEPTH = 32


def create(session: Session, rules: HomeCreation, identity: Identity, path: str) -> None:
    """Make ``path`` unless it is there. Raises ``Refused``."""
    as_whom: AbstractContextManager[object] = (
        session.privs.borrowed(identity.uid, identity.gid, identity.gids) if rules.no_root_privs
        else session.privs.root())
    with as_whom:
        try:
            os.stat(path)
            return
        except FileNotFoundError:
            pass
        try:
            _Maker(rules, identity).make(path)
        except OSError as error:
            raise LoginRefused(f"CreateHome: {error.filename or path}: {error.strerror}", f"CreateHome {path}") from error
    session.log.debug(2, f"CreateHome: created '{path}' for user '{identity.user}'")


class _Maker:
    """Owners and modes of one home. Without root the owner is the user's, whatever the directive says."""

    def __init__(self, rules: HomeCreation, identity: Identity) -> None:
        self._rules, self._identity = rules, identity

    def make(self, path: str) -> None:
        """Parents get dirmode, uid and gid of the directive; the home itself belongs to the user."""
        names = [name for name in path.split("/") if name]
        fd = os.open("/", _DIRECTORY)
        try:
            for name in names[:-1]:
                below = self._into(fd, name)
                os.close(fd)
                fd = below
            self._new(fd, names[-1], self._furnish)
        finally:
            os.close(fd)

    def _into(self, parent: int, name: str) -> int:
        """Open the next component, made if it is missing."""
        with contextlib.suppress(FileNotFoundError):
            return os.open(name, _DIRECTORY, dir_fd=parent)
        self._new(parent, name, self._open_up)
        return os.open(name, _DIRECTORY, dir_fd=parent)

    def _open_up(self, parent: int) -> None:
        self._own(parent, self._parent_uid(), self._parent_gid())
        os.fchmod(parent, self._rules.dirmode)

    def _furnish(self, home: int) -> None:
        if self._rules.skel:
            self._fill(home)
        self._own(home, self._identity.uid, self._identity.gid if self._rules.homegid is None else self._rules.homegid)
        os.fchmod(home, self._rules.mode)

    def _new(self, parent: int, name: str, finish: Callable[[int], None]) -> None:
        """A directory that is finished when it gets its name; one that another login has made meanwhile does as well."""
        passing = f".{secrets.token_hex(12)}"
        try:
            made = _make_directory(parent, passing)
        except OSError as error:
            error.filename = name  # the other name would tell nobody anything
            raise
        try:
            finish(made)
            _appear(parent, passing, name)
        except FileExistsError:
            self._remove(parent, passing, made)
            if not _is_directory(parent, name):
                raise
        except BaseException:
            self._remove(parent, passing, made)
            raise
        finally:
            os.close(made)

    def _remove(self, parent: int, passing: str, made: int) -> None:
        """Take away what is not to appear: first out of its user's reach, then by its descriptor."""
        self._own(made, os.geteuid(), os.getegid())
        os.fchmod(made, 0o700)
        with os.scandir(made) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.name, dir_fd=made)
                else:
                    os.unlink(entry.name, dir_fd=made)
        with contextlib.suppress(OSError):  # somebody may have moved it
            os.rmdir(passing, dir_fd=parent)

    def _own(self, fd: int, uid: int, gid: int) -> None:
        if os.geteuid() == 0:
            os.fchown(fd, uid, gid)

    def _parent_uid(self) -> int:
        return self._identity.uid if self._rules.uid == "~" else int(self._rules.uid or 0)

    def _parent_gid(self) -> int:
        return self._identity.gid if self._rules.gid == "~" else int(self._rules.gid or 0)

    def _fill(self, home: int) -> None:
        skeleton = os.open(self._rules.skel or "", _DIRECTORY)
        try:
            self._copy_directory(skeleton, home, MAX_DEPTH)
        finally:
            os.close(skeleton)

    def _copy_directory(self, source: int, target: int, depth: int) -> None:
        """Files, directories and links, with the modes of the skeleton (no set-id bits) and the user as owner."""
        if depth == 0:
            raise OSError(40, f"skeleton is deeper than {MAX_DEPTH}")
        for name in sorted(os.listdir(source)):
            found = os.stat(name, dir_fd=source, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
                if os.geteuid() == 0:
                    os.chown(name, self._identity.uid, self._identity.gid, dir_fd=target, follow_symlinks=False)
            elif stat.S_ISDIR(found.st_mode):
                self._copy_below(source, target, name, found.st_mode, depth)
            elif stat.S_ISREG(found.st_mode):
                self._copy_file(source, target, name, found.st_mode)

    def _copy_below(self, source: int, target: int, name: str, mode: int, depth: int) -> None:
        inner = os.open(name, _DIRECTORY, dir_fd=source)
        try:
            made = _make_directory(target, name)
            try:
                self._copy_directory(inner, made, depth - 1)
                self._own(made, self._identity.uid, self._identity.gid)
                os.fchmod(made, mode & 0o1777)
            finally:
                os.close(made)
        finally:
            os.close(inner)

    def _copy_file(self, source: int, target: int, name: str, mode: int) -> None:
        reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        try:
            writing = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600,
                              dir_fd=target)
            try:
                while block := os.read(reading, _BLOCK):
                    os.write(writing, block)
                self._own(writing, self._identity.uid, self._identity.gid)
                os.fchmod(writing, mode & 0o777)
            finally:
                os.close(writing)
        finally:
            os.close(reading)


def _make_directory(parent: int, name: str) -> int:
    """mkdir, closed to everybody until it has its owner; opened without following what took its place."""
    os.mkdir(name, 0o700, dir_fd=parent)
    fd = os.open(name, _DIRECTORY, dir_fd=parent)
    found = os.fstat(fd)
    if found.st_uid != os.geteuid() or os.listdir(fd):
        os.close(fd)
        raise OSError(1, "was exchanged for another directory while it was made", name)
    return fd


def _appear(parent: int, passing: str, name: str) -> None:
    """Give a finished directory its name. Raises ``FileExistsError`` where something has it."""
    try:
        syscalls.renameat2(parent, passing, parent, name, syscalls.RENAME_NOREPLACE)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        os.rename(passing, name, src_dir_fd=parent, dst_dir_fd=parent)  # replaces no file, and no directory with something in it


def _is_directory(parent: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
