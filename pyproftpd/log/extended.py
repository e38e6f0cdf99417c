"""ExtendedLog: lines of commands chosen by class and name, in formats of the administrator's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd.api.command import Command, LogClass
from pyproftpd.api.facts import LogFacts
from pyproftpd.log.conf import ExtendedLogConf, Selection, SystemLogConf
from pyproftpd.log.formats import DEFAULT_FORMAT, JSON, Formatter, compile_format, render_json
from pyproftpd.log.sinks import Sink, UnsafePath, open_sink


@dataclass(frozen=True, slots=True)
class _Log:
    selection: Selection
    sink: Sink
    render: Formatter

    def wants(self, classes: LogClass, name: str) -> bool:
        chosen = self.selection
        if name in chosen.exclude:
            return False
        if name in chosen.include or classes & chosen.classes:
            return True
        return chosen.classes & LogClass.ALL == LogClass.ALL and not classes


class ExtendedLogs:
    """Every ExtendedLog of one bound scope. A session without one has no such object, and nothing is ever built."""

    def __init__(self, logs: Sequence[_Log]) -> None:
        self._logs = tuple(logs)
        self._known: dict[tuple[LogClass, str], tuple[_Log, ...]] = {}

    @classmethod
    def open(cls, scope: Any, warn: Callable[[str], None], previous: ExtendedLogs | None = None) -> ExtendedLogs | None:
        """Open the logs of ``scope``, ``None`` where it has none (the caller holds root and stands outside of any chroot).

        ``previous`` lends its descriptors for the targets that both name. A log that cannot be opened is said through
        ``warn`` and left out; the session goes on, as the real server's does.
        """
        conf, system = scope.get(ExtendedLogConf), scope.get(SystemLogConf)
        formats = dict(conf.log_format)
        sinks = {log.selection.target: log.sink for log in previous._logs} if previous else {}
        opened: list[_Log] = []
        for selection in conf.extended_log:
            try:
                sink = sinks.get(selection.target)
                if sink is None:
                    sink = open_sink(selection.target, allow_symlinks=system.allow_log_symlinks, facility=system.syslog_facility)
                    sinks[selection.target] = sink
            except (OSError, UnsafePath) as error:
                warn(f"cannot open ExtendedLog {selection.target}: {error}")
                continue
            if selection.format == JSON and JSON not in formats:
                render: Formatter = render_json
            else:
                render = compile_format(formats.get(selection.format or "", DEFAULT_FORMAT))
            opened.append(_Log(selection, sink, render))
        return cls(opened) if opened else None

    def wants(self, classes: LogClass, name: str) -> bool:
        """Would any log write a command of these classes and this name? Cheap: asked before a command is built."""
        return bool(self._interested(classes, name))

    def write(self, cmd: Command, facts: LogFacts) -> None:
        for log in self._interested(cmd.classes, cmd.name):
            log.sink.write(log.render(cmd, facts))

    def failures(self) -> dict[str, int]:
        """Lines that could not be written so far by log, to be said in the general log at the end of the session."""
        return {f"ExtendedLog {log.selection.target}": log.sink.failures for log in self._logs if log.sink.failures}

    def _interested(self, classes: LogClass, name: str) -> tuple[_Log, ...]:
        key = (classes, name)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = tuple(log for log in self._logs if log.wants(classes, name))
        return found
