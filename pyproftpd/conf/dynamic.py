"""``.ftpaccess`` files: settings that lie in the directories they are about. Read as the user.

A line at fault is left out with a warning. A file that is there and cannot be read as one closes its directory: what its
rules would be nobody knows (promise 9).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator

from pyproftpd.api.directive import Context
from pyproftpd.api.registry import Registry
from pyproftpd.conf import lexer
from pyproftpd.conf.parser import Parser
from pyproftpd.conf.scope import Scope
from pyproftpd.conf.tree import Node
from pyproftpd.errors import ConfigError, Where
from pyproftpd.wire import vpath

FILE_NAME = ".ftpaccess"
#: largest file read: users write these
MAX_DYNAMIC_FILE = 64 << 10
#: the rules of a file that cannot be read
CLOSED = "<Limit ALL>\nDenyAll\n</Limit>\n"
#: errors that say that nothing is to be found, or that nothing behind it is
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG})
#: parsed files and scopes remembered by a session
MAX_REMEMBERED = 512

_Stamp = tuple[int, int, int, int]


class Dynamic:
    """The ``.ftpaccess`` files that one session meets. Parsed again when a file changes (device, inode, size, ctime, which
    nobody can set back)."""

    __slots__ = ("_warn", "_chroot", "_registry", "_files", "_scopes")

    def __init__(self, warn: Callable[[str], None], chroot: str = "") -> None:
        self._warn, self._chroot = warn, chroot
        #: made when the first file is met: most sessions never meet one
        self._registry: Registry | None = None
        self._files: dict[_Stamp, Node] = {}
        self._scopes: dict[tuple[Scope, tuple[tuple[str, _Stamp], ...]], Scope] = {}

    def overlay(self, scope: Scope, directory: str) -> Scope:
        """``scope`` with the files of ``directory`` and of all directories above it.

        ``directory`` is absolute inside of the root that the process has; the effective ids are the user's. Whether the
        files count at all (AllowOverride) is for the caller to ask.
        """
        found = [(vpath.outside(self._chroot, place), *one) for place in _upwards(directory)
                 if (one := self._file(place)) is not None]
        if not found:
            return scope
        key = (scope, tuple((place, stamp) for place, stamp, _ in found))
        known = self._scopes.get(key)
        if known is None:
            if len(self._scopes) >= MAX_REMEMBERED:
                self._scopes.clear()
            known = self._scopes[key] = scope.overlay([(place, root) for place, _, root in found])
        return known

    def _file(self, directory: str) -> tuple[_Stamp, Node] | None:
        path = f"{directory.rstrip('/')}/{FILE_NAME}"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._unreadable(path, error)
        try:
            info = os.fstat(descriptor)
            stamp = (info.st_dev, info.st_ino, info.st_size, info.st_ctime_ns)
            if stamp not in self._files:
                self._remember(stamp, self._parse(descriptor, info, path))
            return stamp, self._files[stamp]
        finally:
            os.close(descriptor)

    def _unreadable(self, path: str, error: OSError) -> tuple[_Stamp, Node] | None:
        """``None`` where there is no file, or a directory on the way that hides whether there is one, and all else with it.

        A disk that cannot say whether there is one closes the directory for as long.
        """
        try:
            info = os.lstat(path)
        except OSError as unknown:
            if unknown.errno in _ABSENT:
                return None
            return (0, 0, 0, 0), self._closed(path, unknown.strerror or str(unknown))
        stamp = (info.st_dev, info.st_ino, info.st_size, info.st_ctime_ns)
        if stamp not in self._files:
            self._remember(stamp, self._closed(path, error.strerror or str(error)))
        return stamp, self._files[stamp]

    def _remember(self, stamp: _Stamp, root: Node) -> None:
        if len(self._files) >= MAX_REMEMBERED:
            self._files.clear()
        self._files[stamp] = root

    def _closed(self, path: str, fault: str) -> Node:
        self._warn(f"{path} cannot be used ({fault}): its directory is closed")
        root, _ = parse(CLOSED, path, self._modules())
        return root

    def _parse(self, descriptor: int, info: os.stat_result, path: str) -> Node:
        if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_DYNAMIC_FILE:
            return self._closed(path, f"not a regular file of at most {MAX_DYNAMIC_FILE} bytes")
        text = os.read(descriptor, MAX_DYNAMIC_FILE).decode("utf-8", "surrogateescape")
        root, faults = parse(text, path, self._modules())
        for fault in faults:
            self._warn(str(fault))
        return root

    def _modules(self) -> Registry:
        if self._registry is None:
            self._registry = Registry()
        return self._registry


def parse(text: str, path: str, registry: Registry) -> tuple[Node, list[ConfigError]]:
    """The tree of one file, without the lines that are at fault; ``%{env:...}`` stands for nothing here."""
    root = Node("ftpaccess", Context.FTPACCESS, Where(path, 0))
    parser = Parser(registry, environ={}, root=root)
    try:
        parser.lines(lexer.logical_lines(text, path))
    except ConfigError as error:
        parser.errors.append(error)
    return parser.finish(), parser.errors


def _upwards(directory: str) -> Iterator[str]:
    """The root, and then each directory down to ``directory``."""
    yield "/"
    place = ""
    for part in directory.split("/"):
        if part:
            place = f"{place}/{part}"
            yield place
