"""SystemLog, ServerLog and syslog: the plain lines that an administrator reads first.

The shape of a line is the real server's: ``2026-11-24 03:17:38,519 host proftpd[6523] 127.0.0.1 (client[1.2.3.4]): text``.
Levels are syslog's; a line is written when its level is at or above SyslogLevel, debug lines when DebugLevel admits them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from pyproftpd.log.conf import SystemLogConf
from pyproftpd.log.lines import printable, stamp
from pyproftpd.log.sinks import LEVELS, Sink, StderrSink, SyslogSink, UnsafePath, open_sink, root_directory

DEBUG, INFO, NOTICE, WARNING, ERROR = (LEVELS.index(name) for name in ("debug", "info", "notice", "warn", "error"))


class ServerLogger:
    """Writes plain lines for one process. ``server`` and ``client`` name the two ends once they are known."""

    __slots__ = ("sink", "level", "debug_level", "options", "server", "client", "_host", "_rescue", "_root")

    def __init__(self, sink: Sink, *, level: int = NOTICE, debug_level: int = 0,
                 options: frozenset[str] = frozenset({"Timestamp", "Hostname", "VirtualHost"})) -> None:
        self.sink, self.level, self.debug_level, self.options = sink, level, debug_level, options
        self.server = self.client = ""
        self._host = socket.gethostname()
        self._rescue: SyslogSink | None = None
        self._root = root_directory()

    def debug(self, level: int, text: str) -> None:
        """``level`` 0-10 as DebugLevel counts them."""
        if level <= self.debug_level:
            self._write(DEBUG, text)

    def info(self, text: str) -> None:
        self._write(INFO, text)

    def notice(self, text: str) -> None:
        self._write(NOTICE, text)

    def warning(self, text: str) -> None:
        self._write(WARNING, text)

    def error(self, text: str) -> None:
        self._write(ERROR, text)

    def _write(self, level: int, text: str) -> None:
        if level > self.level and not (level == DEBUG or self.debug_level):
            return
        ends = f"{self.server} ({self.client}): " if self.client else f"{self.server}: " if self.server else ""
        text = printable(text)
        if isinstance(self.sink, SyslogSink):
            self.sink.write(ends + text, LEVELS[level])
            return
        parts = []
        if "Timestamp" in self.options:
            parts.append(stamp())
        if "Hostname" in self.options:
            parts.append(self._host)
        head = " ".join([*parts, f"proftpd[{os.getpid()}]"])
        before = self.sink.failures
        self.sink.write(f"{head} {ends}{text}" if "VirtualHost" in self.options and ends else f"{head}: {text}")
        if self.sink.failures > before:
            self._to_syslog(ends + text, level)

    def _to_syslog(self, text: str, level: int) -> None:
        """A general log that cannot be written must not pass unseen: its lines go to syslog instead."""
        if self._rescue is None:
            self._rescue = SyslogSink(root=self._root)
            self._rescue.write(f"the general log cannot be written ({self.sink.failures} lines lost or sent here)", "error")
        self._rescue.write(text, LEVELS[level])


class ModuleLog:
    """A module's own log file (SFTPLog, ControlsLog...): ``stamp mod_sftp/1.1.1[pid]: text``. No sink: a no-op."""

    __slots__ = ("name", "sink")

    def __init__(self, name: str, sink: Sink | None) -> None:
        self.name, self.sink = name, sink

    @property
    def failures(self) -> int:
        """Lines that could not be written."""
        return self.sink.failures if self.sink is not None else 0

    def __call__(self, text: str) -> None:
        if self.sink is not None:
            self.sink.write(f"{stamp()} {self.name}[{os.getpid()}]: {printable(text)}")


def open_logger(scope: Any, *, foreground: bool = False, debug_level: int | None = None,
                warn: Callable[[str], None] | None = None) -> ServerLogger:
    """The logger that SystemLog, ServerLog and SyslogFacility of ``scope`` ask for; the caller holds root.

    A log that cannot be opened is said through ``warn`` and replaced by syslog: never silently lost.
    ``debug_level`` is ``proftpd -d``, which also lowers the level to debug.
    """
    conf = scope.get(SystemLogConf)
    debug = conf.debug_level if debug_level is None else debug_level
    # without a SyslogLevel the real server writes info lines as well, whatever its handbook says
    chosen = LEVELS.index(conf.syslog_level) if conf.source("syslog_level") else INFO
    level = DEBUG if debug else chosen
    target = conf.server_log if conf.server_log not in (None, "none") else conf.system_log
    sink: Sink
    if foreground:
        sink = StderrSink()
    elif target in (None, "none"):
        sink = SyslogSink(conf.syslog_facility)
    else:
        try:
            sink = open_sink(target, allow_symlinks=conf.allow_log_symlinks, facility=conf.syslog_facility)
        except (OSError, UnsafePath) as error:
            if warn is not None:
                reason = error.strerror if isinstance(error, OSError) else error
                warn(f"cannot open log {target}: {reason}; writing to syslog instead")
            sink = SyslogSink(conf.syslog_facility)
    return ServerLogger(sink, level=level, debug_level=debug, options=frozenset(conf.log_options))
