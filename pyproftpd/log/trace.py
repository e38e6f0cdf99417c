"""Trace: very detailed lines by channel and level, for finding faults. Switched off it costs one attribute test.

``Trace ssh2:20 sftp:1-10 DEFAULT:5``; a line is ``stamp [pid] <channel:level>: text``. Source: real server, trace.c.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pyproftpd.log.conf import TRACE_OPTIONS
from pyproftpd.log.lines import printable, stamp
from pyproftpd.log.sinks import Sink

#: names the channels that have no level of their own
DEFAULT = "DEFAULT"


class Trace:
    """``if session.trace.on: session.trace("ssh2", 9, f"...")``: the test first, so that no text is built for nothing."""

    __slots__ = ("on", "_levels", "_sink", "_options")

    def __init__(self, levels: Mapping[str, tuple[int, int]] | None = None, sink: Sink | None = None,
                 options: frozenset[str] = TRACE_OPTIONS) -> None:
        """``levels``: channel -> (lowest, highest) level written, both inclusive; ``options`` are those of TraceOptions."""
        self._levels, self._options = dict(levels or {}), options
        self._sink = sink
        self.on = sink is not None and any(high > 0 for _, high in self._levels.values())

    def enabled(self, channel: str, level: int) -> bool:
        low, high = self._levels.get(channel) or self._levels.get(DEFAULT) or (1, 0)
        return self.on and low <= level <= high

    def __call__(self, channel: str, level: int, text: str) -> None:
        if self.enabled(channel, level) and self._sink is not None:
            self._sink.write(f"{self._head()}[{os.getpid()}] <{channel}:{level}>: {printable(text)}")

    @property
    def failures(self) -> int:
        """Lines that could not be written."""
        return self._sink.failures if self._sink is not None else 0

    def _head(self) -> str:
        if "Timestamp" not in self._options:
            return ""
        now = stamp()
        return f"{now} " if "TimestampMillis" in self._options else f"{now.partition(',')[0]} "
