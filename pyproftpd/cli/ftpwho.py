"""``ftpwho`` and ``ftpcount``: who is here, read from the scoreboard. Output after the real tools, byte for byte where shown.

The formats of ``-o`` are rows of one table: how an entry looks, and how ``-v`` adds to it.
"""

from __future__ import annotations

import getopt
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyproftpd.cli.arguments import DEFAULT_CONFIGURATION
from pyproftpd.unix import scoreboard
from pyproftpd.unix.scoreboard import Entry, Snapshot

_OPTIONS = (
    ("c", "config", True, "specify full path to proftpd configuration file"),
    ("f", "file", True, "specify full path to scoreboard file"),
    ("h", "help", False, "display {} usage"),
    ("o", "outform", True, "specify an output format (compat, json, oneline)"),
    ("v", "verbose", False, "display additional information for each connection"),
    ("S", "server", True, "show {} only for specified ServerName"),
)
_WHO = "cfhovS"
_COUNT = "cfhS"

_DIRECTIVE = re.compile(r"\s*ScoreboardFile\s+\"?([^\"\s]+)\"?\s*$", re.IGNORECASE)


@dataclass(slots=True)
class Request:
    verbose: bool = False
    outform: str = ""
    server: str = ""
    path: str = ""


def main(words: Sequence[str] | None = None) -> int:
    """``ftpwho``; returns the exit status."""
    return _run("ftpwho", _WHO, words, show)


def count(words: Sequence[str] | None = None) -> int:
    """``ftpcount``; returns the exit status."""
    return _run("ftpcount", _COUNT, words, show_count)


def _run(program: str, letters: str, words: Sequence[str] | None, report: Callable[[Snapshot, Request], str]) -> int:
    rows = [row for row in _OPTIONS if row[0] in letters]
    try:
        options, rest = getopt.gnu_getopt(
            list(sys.argv[1:] if words is None else words),
            "".join(letter + ":" * argument for letter, _, argument, _ in rows),
            [name + "=" * argument for _, name, argument, _ in rows])
        if rest:
            raise getopt.GetoptError(f"unknown parameter: {rest[0]}")
        request = _request({name: value for option, value in options for letter, name, _, _ in rows
                            if option in (f"-{letter}", f"--{name}")})
    except getopt.GetoptError as error:
        print(f"{error}\n{usage(program, rows)}", file=sys.stderr)
        return 1
    if request is None:
        print(usage(program, rows))
        return 0
    try:
        snapshot = scoreboard.read(request.path)
    except OSError as error:
        print(f"{request.path}: {error.strerror}\n(Perhaps you need to specify the ScoreboardFile with -f, or with -c a "
              "configuration\n that names it?)", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(report(_of_server(snapshot, request.server), request))
    return 0


def _request(values: dict[str, str]) -> Request | None:
    """``None`` = usage was asked for."""
    if "help" in values:
        return None
    outform = values.get("outform", "")
    if outform not in ("", *_FORMS, "json"):
        raise getopt.GetoptError(f"unknown outform value: '{outform}'")
    path = values.get("file") or configured_path(values.get("config", DEFAULT_CONFIGURATION))
    return Request("verbose" in values, outform, values.get("server", ""), path)


def usage(program: str, rows: Sequence[tuple[str, str, bool, str]]) -> str:
    kind = "users" if program == "ftpwho" else "count"
    lines = [f"usage: {program} [options]"]
    for letter, name, _, doc in rows:
        lines += [f"  -{letter}, --{name}", "    " + doc.format(kind if letter == "S" else program)]
    return "\n".join(lines)


def configured_path(configuration: str) -> str:
    """ScoreboardFile of a configuration, by its lines alone: whoever runs this may not read what the file includes."""
    from pyproftpd.session.conf import DaemonConf

    path = DaemonConf().scoreboard_file or ""
    try:
        with open(configuration, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                if match := _DIRECTIVE.match(line):
                    path = match.group(1)
    except OSError:
        return path
    return path


def _of_server(snapshot: Snapshot, name: str) -> Snapshot:
    if not name:
        return snapshot
    return Snapshot(snapshot.master, snapshot.started_ns,
                    tuple(entry for entry in snapshot.entries if entry.server_label == name))


def show(snapshot: Snapshot, request: Request) -> str:
    if request.outform == "json":
        return json.dumps(as_json(snapshot), indent=2)
    lines = [f"standalone FTP daemon [{snapshot.master}], up for {uptime(snapshot.started_ns)}"
             if snapshot.master else "inetd FTP daemon:"]
    if request.server:
        lines.append(f"ProFTPD Server '{request.server}'")
    if not snapshot.entries:
        return "\n".join([*lines, "no users connected"])
    form = _FORMS[request.outform]
    for entry in snapshot.entries:
        lines.append(form.entry(entry) + (form.details(entry) if request.verbose else ""))
    return "\n".join(lines + classes(snapshot.entries))


def show_count(snapshot: Snapshot, request: Request) -> str:
    lines = [f"Master proftpd process {snapshot.master}:" if snapshot.master else "inetd FTP connections:"]
    if request.server:
        lines.append(f"ProFTPD Server '{request.server}'")
    elif not snapshot.entries:
        lines.append("0 users")
    return "\n".join(lines + classes(snapshot.entries))


def classes(entries: Sequence[Entry]) -> list[str]:
    counts = Counter(entry.connection_class for entry in entries)
    return [f"Service class {name:<20} - {number:3} user{'' if number == 1 else 's'}" for name, number in counts.items()]


def uptime(since_ns: int) -> str:
    minutes = max(0, time.time_ns() - since_ns) // 60_000_000_000
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    text = f"{days} day{'' if days == 1 else 's'}, " if days else ""
    return text + (f"{hours:2} hr{'' if hours == 1 else 's'} {minutes:02} min" if hours else f"{minutes} min")


def elapsed(since_ns: int) -> str:
    """``1m5s``, from an hour on ``2h30m``."""
    seconds = max(0, time.time_ns() - since_ns) // 1_000_000_000
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60}s"
    return f"{seconds // 3600}h{seconds % 3600 // 60}m"


def doing(entry: Entry) -> str:
    """Command and argument, with how far a transfer is when that is known."""
    command = f"{entry.command} {entry.argument}".rstrip()
    if entry.direction == "o" and entry.size:
        return f"({min(100, entry.done * 100 // entry.size):2}%) {command}"
    return f"(n/a) {command}"


def _plain(entry: Entry) -> str:
    head = f"{entry.pid:5} {entry.user:<8} [{elapsed(entry.begin_session):>6}] "
    if not entry.authenticated:
        return head + "(authenticating)"
    return head + (f"{elapsed(entry.begin_idle):>6} idle" if entry.idle else doing(entry))


def _plain_details(entry: Entry) -> str:
    return "".join(f"\n\t{name}: {value}" for name, value in _facts(entry)) + "\n"


def _oneline_details(entry: Entry) -> str:
    return "".join(f" {name}: {value}" for name, value in _facts(entry))


def _facts(entry: Entry) -> list[tuple[str, str]]:
    facts = [("client", f"{entry.remote_name} [{entry.remote_address}]"),
             ("server", f"{entry.server_address}:{entry.server_port} ({entry.server_label})")]
    if entry.protocol:
        facts.append(("protocol", entry.protocol))
    return [*facts, ("location", entry.cwd)] if entry.cwd else facts


def _compat(entry: Entry) -> str:
    if not entry.authenticated:
        return f"{entry.pid:5} {elapsed(entry.begin_session):<6} (authenticating)"
    if entry.idle:
        return f"{entry.pid:5} {elapsed(entry.begin_idle):<6} idle "
    return f"{entry.pid:5} {elapsed(entry.begin_session):<6} {entry.command} {entry.argument}"


def _compat_details(entry: Entry) -> str:
    return (f"\n             (host: {entry.remote_name} [{entry.remote_address}])"
            f"\n              (protocol: {entry.protocol})\n              (cwd: {entry.cwd})")


@dataclass(frozen=True, slots=True)
class Form:
    entry: Callable[[Entry], str]
    details: Callable[[Entry], str]


_FORMS = {"": Form(_plain, _plain_details), "oneline": Form(_plain, _oneline_details),
          "compat": Form(_compat, _compat_details)}


def as_json(snapshot: Snapshot) -> dict[str, object]:
    return {
        "server": {"server_type": "standalone" if snapshot.master else "inetd", "pid": snapshot.master,
                   "started_ms": snapshot.started_ns // 1_000_000},
        "connections": [_json_entry(entry) for entry in snapshot.entries],
    }


def _json_entry(entry: Entry) -> dict[str, object]:
    found: dict[str, object] = {
        "pid": entry.pid, "connected_since_ms": entry.begin_session // 1_000_000, "remote_name": entry.remote_name,
        "remote_address": entry.remote_address, "local_address": entry.server_address, "local_port": entry.server_port}
    if entry.connection_class:
        found["class"] = entry.connection_class
    found["protocol"] = entry.protocol
    if not entry.authenticated:
        return found | {"authenticating": True}
    found |= {"user": entry.user, "location": entry.cwd}
    if entry.idle:
        return found | {"idling": True, "idle_since_ms": entry.begin_idle // 1_000_000}
    found |= {"command": entry.command, "command_args": entry.argument}
    if entry.direction:
        found |= {"uploading" if entry.direction == "i" else "downloading": True, "transfer_bytes": entry.done,
                  "transfer_duration_ms": entry.elapsed_ms}
        if entry.direction == "o" and entry.size:
            found["transfer_completed"] = f"{min(100, entry.done * 100 // entry.size)}%"
    return found


if __name__ == "__main__":
    sys.exit(main())
