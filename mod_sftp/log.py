"""SFTPLog: the module's own log, in the shape that administrators of mod_sftp know."""

from __future__ import annotations

from pyproftpd.log.sinks import Sink
from pyproftpd.log.system import ModuleLog

#: what stands before the process id; log parsers of existing installations look for it (real server, 1.3.8)
LOG_NAME = "mod_sftp/1.1.1"


class SftpLog(ModuleLog):
    """The SFTPLog of a session, found in ``session.store[SftpLog]``; without a sink every line is dropped."""

    __slots__ = ()

    def __init__(self, sink: Sink | None = None) -> None:
        super().__init__(LOG_NAME, sink)

    def line(self, text: str) -> None:
        self(text)
