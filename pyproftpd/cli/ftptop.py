"""``ftptop``: the sessions of the scoreboard, again and again, on a screen or (``-b``) as text."""

from __future__ import annotations

import contextlib
import curses
import getopt
import itertools
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from pyproftpd.cli.arguments import DEFAULT_CONFIGURATION
from pyproftpd.cli.ftpwho import configured_path, elapsed, uptime
from pyproftpd.unix import scoreboard
from pyproftpd.unix.scoreboard import Entry, Snapshot

_VERSION = "ftptop/1.0"
_DELAY = 2
_USAGE = """\
usage: ftptop [options]

\t-A      \t\tshow only authenticating sessions
\t-a      \t\tignores authenticating connections when listing
\t-b      \t\tbatch mode
\t-D      \t\tshow only downloading sessions
\t-d <num>\t\trefresh delay in seconds
\t-f      \t\tconfigures the ScoreboardFile to use
\t-h      \t\tdisplays this message
\t-I      \t\tshow only idle connections
\t-i      \t\tignores idle connections
\t-n <num>\t\tnumber of iterations
\t-S      \t\tshow only sessions for this ServerName
\t-U      \t\tshow only uploading sessions
\t-V      \t\tshows version

  Use the 't' key to toggle between "regular" and "transfer speed"
  display modes. Use the 'q' key to quit.
"""

AUTHENTICATING, DOWNLOADING, UPLOADING, LISTING, IDLE, BUSY = "ADULIC"
_LISTS = frozenset({"LIST", "NLST", "MLSD", "MLST", "OPENDIR", "READDIR", "STAT"})
#: option -> the only state that it leaves, or the one that it takes away
_ONLY: Mapping[str, str] = MappingProxyType({"-A": AUTHENTICATING, "-D": DOWNLOADING, "-I": IDLE, "-U": UPLOADING})
_WITHOUT: Mapping[str, str] = MappingProxyType({"-a": AUTHENTICATING, "-i": IDLE})


@dataclass(slots=True)
class Request:
    path: str
    delay: int = _DELAY
    iterations: int | None = None
    server: str = ""
    only: set[str] = field(default_factory=set)
    without: set[str] = field(default_factory=set)
    batch: bool = False


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit status, 0 or 1."""
    try:
        options, rest = getopt.getopt(list(sys.argv[1:] if words is None else words), "AabDd:f:hIin:S:UV")
        if rest:
            raise getopt.GetoptError(f"unknown parameter: {rest[0]}")
        given = dict(options)
        request = _request(given)
    except getopt.GetoptError as error:
        print(f"ftptop: {error}\n{_USAGE}", file=sys.stderr)
        return 1
    if "-h" in given or "-V" in given:
        print(_USAGE if "-h" in given else _VERSION)
        return 0
    try:
        scoreboard.read(request.path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        print(f"ftptop: unable to use scoreboard '{request.path}': {why}", file=sys.stderr)
        return 1
    with contextlib.suppress(KeyboardInterrupt):
        if request.batch:
            _print(request)
        else:
            curses.wrapper(_show, request)
    return 0


def _request(given: dict[str, str]) -> Request:
    numbers = {}
    for option, least in (("-d", 0), ("-n", 1)):
        word = given.get(option, "")
        if option in given and not (word.isdigit() and int(word) >= least):
            raise getopt.GetoptError(f"{option} requires a number of at least {least}, not '{word}'")
        numbers[option] = int(word) if word else None
    return Request(
        given.get("-f") or configured_path(DEFAULT_CONFIGURATION),
        _DELAY if numbers["-d"] is None else numbers["-d"], numbers["-n"], given.get("-S", ""),
        {state for option, state in _ONLY.items() if option in given},
        {state for option, state in _WITHOUT.items() if option in given}, "-b" in given)


def state(entry: Entry) -> str:
    """The letter of column S."""
    if not entry.authenticated:
        return AUTHENTICATING
    if entry.idle:
        return IDLE
    if entry.direction:
        return UPLOADING if entry.direction == "i" else DOWNLOADING
    return LISTING if entry.command in _LISTS else BUSY


def lines(snapshot: Snapshot, request: Request, *, transfers: bool = False) -> Iterator[str]:
    """One screen. Source: real server, for head and columns."""
    chosen = [entry for entry in snapshot.entries if not request.server or entry.server_label == request.server]
    states = [state(entry) for entry in chosen]
    yield f"{_VERSION}: {time.ctime()}, up for {uptime(snapshot.started_ns)}"
    yield (f"{len(chosen)} Total FTP Sessions: {states.count(DOWNLOADING)} downloading, "
           f"{states.count(UPLOADING)} uploading, {states.count(IDLE)} idle")
    yield ""
    yield _HEADS[transfers]
    for entry, letter in zip(chosen, states, strict=True):
        if letter not in request.without and (not request.only or letter in request.only):
            server = f"{entry.server_address}:{entry.server_port}"
            yield (f"{entry.pid:<5} {letter} {entry.user[:8]:<8} {entry.remote_name[:20]:<20} {server:<15} "
                   + (_transfer(entry, letter) if transfers else _command(entry, letter)))


_HEADS = tuple(f"{'PID':<5} S {'USER':<8} {'CLIENT':<20} {'SERVER':<15} {rest}"
               for rest in ("TIME   COMMAND", "    KB/s  %DONE COMMAND"))


def _command(entry: Entry, letter: str) -> str:
    if letter == AUTHENTICATING:
        return f"{elapsed(entry.begin_session):<6} (authenticating)"
    return f"{elapsed(entry.begin_idle if letter == IDLE else entry.begin_session):<6} " + _doing(entry)


def _doing(entry: Entry) -> str:
    return "idle" if entry.idle else f"{entry.command} {entry.argument}".rstrip()


def _transfer(entry: Entry, letter: str) -> str:
    """Speed, and how far a download is; of an upload nobody knows the end."""
    speed = f"{entry.done / 1024 / (entry.elapsed_ms / 1000):8.2f}" if entry.elapsed_ms else f"{'-':>8}"
    share = f"{min(100, entry.done * 100 // entry.size):5}%" if letter == DOWNLOADING and entry.size else f"{'-':>6}"
    return f"{speed} {share} {_doing(entry)}"


def _turns(request: Request) -> Iterator[int]:
    return iter(itertools.count() if request.iterations is None else range(request.iterations))


def _print(request: Request) -> None:
    """Batch: a screen after the other on standard output, until the reader has enough."""
    for turn in _turns(request):
        if turn:
            time.sleep(request.delay)
        try:
            print("\n".join(lines(scoreboard.read(request.path), request)), flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return


def _show(screen: curses.window, request: Request) -> None:
    with contextlib.suppress(curses.error):  # terminals without an invisible cursor
        curses.curs_set(0)
    transfers = False
    for _ in _turns(request):
        height, width = screen.getmaxyx()
        screen.erase()
        for row, line in enumerate(itertools.islice(lines(scoreboard.read(request.path), request, transfers=transfers),
                                                    height - 1)):
            screen.addnstr(row, 0, line, width - 1, curses.A_REVERSE if row == 3 else curses.A_NORMAL)
        screen.refresh()
        pressed = _key(screen, request.delay)
        if pressed == "q":
            return
        transfers ^= pressed == "t"


def _key(screen: curses.window, seconds: int) -> str:
    """The first key that means something, or ``""`` when the time is over."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        screen.timeout(max(1, int(left * 1000)))
        code = screen.getch()
        if code == curses.KEY_RESIZE or code in (ord("q"), ord("t")):
            return "" if code == curses.KEY_RESIZE else chr(code)
    return ""


if __name__ == "__main__":
    sys.exit(main())
