"""PidFile: written before the command returns, gone after the end."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass

from pyproftpd.daemon.world import StartError
from pyproftpd.session.conf import DaemonConf


@dataclass(frozen=True, slots=True)
class PidFile:
    path: str
    pid: int

    @classmethod
    def write(cls, conf: DaemonConf, pid: int) -> PidFile:
        """Mode 0644; never through a link, since the directory may be somebody else's. Raises ``StartError``."""
        path = conf.pid_file
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            try:
                os.fchmod(fd, 0o644)
                os.write(fd, b"%d\n" % pid)
            finally:
                os.close(fd)
        except OSError as error:
            where = conf.source("pid_file")
            reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise StartError(f"{f'{where}: ' if where else ''}cannot write PidFile {path}: {reason}") from error
        return cls(path, pid)

    def remove(self) -> None:
        """Only our own: another server may have taken the name meanwhile."""
        with contextlib.suppress(OSError, ValueError):
            with open(self.path, "rb") as file:
                owner = int(file.read(32))
            if owner == self.pid:
                os.unlink(self.path)
