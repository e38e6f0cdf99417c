"""Wildcards of a client against the disk (SCP downloads), bounded in results and in directories read."""

from __future__ import annotations

import errno
import os
import stat as _stat
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from pyproftpd.vfs.conf import ListingConf
from pyproftpd.vfs.resolve import locate
from pyproftpd.wire import vpath
from pyproftpd.wire.globs import Glob, expand_braces, has_magic, plain

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View

#: most paths one pattern may give, and most directory entries looked at for it (twenty microseconds each): ``*/*/*/*`` must
#: not stop the session
MAX_FOUND = 100_000
MAX_LOOKED = 250_000
#: an entry counts once more for each so many comparisons that its match may take, which is pattern times name
COMPARISONS = 256


def expand(view: View, pattern: str) -> list[str]:
    """Sorted virtual paths. A pattern without wildcards is its own result, whether or not it exists.

    Raises ``OSError`` (E2BIG) when a bound is met.
    """
    conf = view.scope.get(ListingConf)
    if not conf.use_globbing or not has_magic(pattern):
        return [view.absolute(pattern)]
    budget = [MAX_LOOKED]
    found: set[str] = set()
    try:
        for choice in expand_braces(pattern):
            found.update(_search(view, view.absolute(choice), budget))
    except ValueError as error:
        raise OSError(errno.E2BIG, str(error), pattern) from error
    return sorted(found)


def _search(view: View, pattern: str, budget: list[int]) -> list[str]:
    parts = [part for part in pattern.split("/") if part]
    here = ["/"]
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if has_magic(part):
            here = [vpath.join(directory, name) for directory in here
                    for name in _names(view, directory, part, budget, last)]
        else:
            here = [vpath.join(directory, plain(part)) for directory in here]
        if len(here) > MAX_FOUND:
            raise OSError(errno.E2BIG, "too many names match", pattern)
    return [path for path in here if _there(view, path)]


def _names(view: View, directory: str, part: str, budget: list[int], last: bool) -> list[str]:
    """Names in a directory that match and that its listing would show; only directories (and links) before the last part."""
    cmd = Command("NLST", directory, limits=("OPENDIR",), group="DIRS")
    try:
        listing = view.listing(cmd, directory)
    except (OSError, Refused):
        return []  # like a shell: a directory that cannot be read has no matches
    glob, names = Glob(part), list[str]()
    with listing:
        for entry in listing:
            budget[0] -= 1 + len(part) * len(entry.name) // COMPARISONS
            if budget[0] < 0:
                raise OSError(errno.E2BIG, "too many names to look at", directory)
            if not glob.matches(entry.name) or entry.name in (".", ".."):
                continue
            if last or entry.info is None or _stat.S_IFMT(entry.info.st_mode) in (_stat.S_IFDIR, _stat.S_IFLNK):
                names.append(entry.name)
    return names


def _there(view: View, path: str) -> bool:
    try:
        with locate(path, view.chroot, follow=False) as place:
            return isinstance(place.info, os.stat_result)
    except OSError:
        return False
