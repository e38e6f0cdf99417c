"""Settings of logs: which there are, where they go and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd.api import values
from pyproftpd.api.command import LogClass
from pyproftpd.api.directive import SERVERS, ConfBlock, Context, Merge, ParseContext, Repeat, directive
from pyproftpd.errors import ConfigError

FACILITIES = ("auth", "authpriv", "cron", "daemon", "ftp", "kern", "local0", "local1", "local2", "local3", "local4",
              "local5", "local6", "local7", "lpr", "mail", "news", "user", "uucp")
#: names of formats that need no LogFormat
BUILT_IN_FORMATS = ("", "default", "json")
_SYNONYMS = {"SECURE": "SEC", "DISCONNECT": "EXIT"}


@dataclass(frozen=True, slots=True)
class Selection:
    """One ExtendedLog: its target, the classes and single commands that it takes, and the name of its format."""

    target: str
    classes: LogClass = LogClass.ALL
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    format: str = ""


def _selection(words: Sequence[str], context: ParseContext) -> Selection:
    """``path|syslog:level [classes[+cmd,!cmd] [format]]``"""
    target = values.log_path(words, context)
    if len(words) < 2:
        return Selection(target)
    spec, plus, commands = words[1].partition("+")
    include: set[str] = set()
    exclude: set[str] = set()
    for name in commands.split(",") if plus else ():
        (exclude if name.startswith("!") else include).add(name.lstrip("!+").upper())
    return Selection(target, _classes(spec), frozenset(include), frozenset(exclude), words[2] if len(words) > 2 else "")


def _classes(spec: str) -> LogClass:
    """A comma list of class names, ``!`` takes one away; a list of exclusions alone starts from all."""
    names = [name.strip().upper() for name in spec.split(",") if name.strip()]
    chosen = LogClass.ALL if names and all(name.startswith("!") for name in names) else LogClass.NONE
    for name in names:
        plain = _SYNONYMS.get(name.lstrip("!"), name.lstrip("!"))
        if plain not in LogClass.__members__:
            raise ValueError(f"classes out of {' '.join(LogClass.__members__)}, not '{name}'")
        chosen = chosen & ~LogClass[plain] if name.startswith("!") else chosen | LogClass[plain]
    return chosen


def _format(words: Sequence[str], context: ParseContext) -> tuple[str, str]:
    """(name, text); a variable that does not exist is found here, not at the first line written."""
    from pyproftpd.log.formats import compile_format  # only configurations with a LogFormat pay for the field table

    compile_format(words[1])
    return words[0], words[1]


def _trace_levels(words: Sequence[str], context: ParseContext) -> tuple[tuple[str, int, int], ...]:
    """(channel, lowest, highest) for each ``channel:level`` or ``channel:min-max``."""
    levels = []
    for word in words[1:] if words[0].lower() == "session" else words:
        channel, colon, span = word.partition(":")
        if not colon or not channel:
            raise ValueError(f"channel:level, not '{word}'")
        low, dash, high = span.partition("-")
        top = values.to_integer(high if dash else low, 0, 100)
        levels.append((channel, values.to_integer(low, 0, top) if dash else 1, top))
    return tuple(levels)


LOG_OPTIONS = frozenset({"Timestamp", "Hostname", "VirtualHost"})
_log_options = values.signed_options(LOG_OPTIONS, "Timestamp", "Hostname", "VirtualHost", "RoleBasedProcessLabels")
TRACE_OPTIONS = frozenset({"Timestamp", "TimestampMillis"})
_trace_options = values.signed_options(TRACE_OPTIONS, "ConnIPs", "Timestamp", "TimestampMillis")


class SystemLogConf(ConfBlock, module="log"):
    """The general log of the daemon and of each server."""

    system_log: str | None = directive(
        "SystemLog", values.log_path, where=Context.SERVER | Context.GLOBAL, arity="1..*", syntax="path|none",
        default_text="syslog", doc="File of the general log, in place of syslog.")
    server_log: str | None = directive(
        "ServerLog", values.log_path, where=SERVERS, arity="1..*", syntax="path|none",
        doc="File of the general log of one server.")
    syslog_facility: str = directive(
        "SyslogFacility", values.enumeration(*FACILITIES), where=Context.SERVER, arity="1..*", syntax="facility",
        default="daemon", default_text="daemon", repeat=Repeat.LAST, module="core",
        doc="Facility under which lines go to syslog.")
    syslog_level: str = directive(
        "SyslogLevel", values.enumeration(*values.SYSLOG_LEVELS), where=SERVERS, arity="1..*",
        syntax="emerg|alert|crit|error|warn|notice|info|debug", default="notice", default_text="notice", module="core",
        doc="Lowest level that is written.")
    debug_level: int = directive(
        "DebugLevel", values.integer(0, 10), where=SERVERS, arity="1..*", syntax="0..10", default=0, default_text="0",
        module="core", doc="How much detail the general log gets, 0 to 10.")
    log_options: frozenset[str] = directive(
        "LogOptions", _log_options, where=SERVERS, arity="1..*", syntax="+opt|-opt ...", default=LOG_OPTIONS,
        default_text="+Timestamp +Hostname +VirtualHost", doc="What a line of the general log begins with.")
    allow_log_symlinks: bool = directive(
        "AllowLogSymlinks", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False,
        default_text="off", doc="Write to logs that are symbolic links.")


class TransferLogConf(ConfBlock, module="core"):
    """The log of transfers in the format of xferlog(5)."""

    transfer_log: str | None = directive(
        "TransferLog", values.log_path, where=SERVERS | Context.ANONYMOUS, arity="1..*",
        syntax="path|none|syslog:level", default_text="compile-time path, usually /var/log/xferlog", merge=Merge.DOWN,
        doc="File of the transfer log; none switches it off.")


class ExtendedLogConf(ConfBlock, module="log"):
    """Logs of commands in formats of the administrator's own."""

    extended_log: tuple[Selection, ...] = directive(
        "ExtendedLog", _selection, where=SERVERS | Context.ANONYMOUS, arity="1..*",
        syntax="path|syslog:level [classes[+cmd,!cmd] [format]]", default=(), repeat=Repeat.ACCUMULATE,
        doc="Write commands of some classes to a log of its own.")
    log_format: tuple[tuple[str, str], ...] = directive(
        "LogFormat", _format, where=Context.SERVER | Context.GLOBAL, arity="2..*", syntax="name format",
        default=(), default_text="empty name holds %h %l %u %t \"%r\" %s %b", repeat=Repeat.ACCUMULATE,
        doc="Name a format for ExtendedLog.")

    @classmethod
    def check(cls, scope: Any) -> Iterable[ConfigError | str]:
        """A format that nobody defined; ``default`` and ``json`` are ours."""
        conf = scope.get(cls)
        known = {name for name, _ in conf.log_format} | set(BUILT_IN_FORMATS)
        for selection in conf.extended_log:
            if selection.format not in known:
                yield ConfigError(
                    f"ExtendedLog {selection.target} uses the unknown format '{selection.format}'",
                    conf.source("extended_log"), expected="a name that a LogFormat defines",
                    hint=values.nearest(selection.format, sorted(known)).removeprefix("; "))


class TraceConf(ConfBlock, module="core"):
    """Very detailed logs by channel."""

    trace: tuple[tuple[str, int, int], ...] = directive(
        "Trace", _trace_levels, where=SERVERS, arity="1..*", syntax="[session] channel:level|min-max ...", default=(),
        repeat=Repeat.ACCUMULATE, joined=True, doc="Channels to trace, and how closely.")
    trace_log: str | None = directive(
        "TraceLog", values.path, where=Context.SERVER | Context.GLOBAL, arity="1..1", syntax="path",
        repeat=Repeat.LAST, doc="File of the trace.")
    trace_options: frozenset[str] = directive(
        "TraceOptions", _trace_options, where=SERVERS, arity="1..*", syntax="+opt|-opt ...", default=TRACE_OPTIONS,
        default_text="+Timestamp +TimestampMillis", doc="What a line of the trace begins with.")
