"""Files of the shape of passwd(5) and group(5), changed line by line and replaced in one step.

Lines that are not asked about stay as they are, byte by byte; mode and owner stay (security.md M1); a directory lock keeps
two commands from losing each other's change.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator

#: of a file that is new: root writes, the server's group may read, nobody else learns hashes
NEW_MODE = 0o640
_SEPARATOR = ":"


class BadField(ValueError):
    """A value that would break the line, or make two of it."""


def check_field(name: str, value: str) -> str:
    """Raises ``BadField``."""
    if any(char in value for char in (_SEPARATOR, "\n", "\r", "\0")):
        raise BadField(f"--{name} must not contain a colon or a line break")
    return value


class AccountFile:
    """The lines of one file; ``save`` puts them back."""

    def __init__(self, path: str, *, fresh: bool = False) -> None:
        """``fresh`` forgets what the file holds, as -F asks. Raises ``OSError``."""
        self.path = os.path.realpath(path)
        self._status: os.stat_result | None = None
        self._lines: list[str] = []
        with contextlib.suppress(FileNotFoundError), open(self.path, encoding="utf-8", errors="surrogateescape",
                                                          newline="\n") as file:
            self._status = os.fstat(file.fileno())
            self._lines = [] if fresh else file.read().splitlines()

    def find(self, name: str) -> list[str] | None:
        """The fields of the first entry of that name."""
        index = self._index(name)
        return None if index is None else self._lines[index].split(_SEPARATOR)

    def put(self, fields: list[str]) -> None:
        """In the place of the entry of that name, or at the end."""
        line, index = _SEPARATOR.join(fields), self._index(fields[0])
        if index is None:
            self._lines.append(line)
        else:
            self._lines[index] = line

    def drop(self, name: str) -> None:
        index = self._index(name)
        if index is not None:
            del self._lines[index]

    def _index(self, name: str) -> int | None:
        return next((number for number, line in enumerate(self._lines)
                     if line.partition(_SEPARATOR)[0] == name and not line.startswith("#")), None)

    def save(self) -> None:
        """Raises ``OSError``; then the file is as it was."""
        fd, draft = tempfile.mkstemp(prefix=".ftpasswd", dir=os.path.dirname(self.path))
        try:
            with open(fd, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                file.write("".join(f"{line}\n" for line in self._lines))
                if self._status is not None:
                    os.fchown(fd, self._status.st_uid, self._status.st_gid)
                os.fchmod(fd, NEW_MODE if self._status is None else self._status.st_mode & 0o7777)
                file.flush()
                os.fsync(fd)
            os.rename(draft, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """One change at a time in the directory of ``path``. Raises ``OSError``."""
    fd = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
