"""``ftpshut``: announce a shutdown, or take it back. The daemon reads the notice; this command only writes it."""

from __future__ import annotations

import contextlib
import getopt
import os
import sys
import tempfile
import time
from collections.abc import Sequence

from pyproftpd.session.shutmsg import DEFAULT_PATH

_USAGE = "usage: ftpshut [ -R ] [ -f file ] [ -l min ] [ -d min ] time  [ warning-message ... ]"
_MESSAGE = "going down at %s"
#: minutes before the shutdown at which logins are denied and sessions end
_DENY, _DISCONNECT = 10, 5
#: an offset is written as HHMM
_LONGEST = 99 * 60 + 59


class UsageError(Exception):
    """The command line is wrong; the text says how."""


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit status, 0 or 1."""
    try:
        options, rest = getopt.getopt(list(sys.argv[1:] if words is None else words), "Rf:l:d:h")
        given = dict(options)
        if "-h" in given:
            print(_USAGE)
            return 0
        path = given.get("-f", DEFAULT_PATH)
        if "-R" in given:
            return _remove(path)
        deny, disconnect = _minutes(given, "-l", _DENY), _minutes(given, "-d", _DISCONNECT)
        if not rest:
            raise UsageError("")
        when, message = _time(rest[0]), " ".join(rest[1:]) or _MESSAGE
    except getopt.GetoptError as error:
        return _complain(f"unknown option '{error.opt}'\n{_USAGE}" if "recognized" in error.msg else f"{error}\n{_USAGE}")
    except UsageError as error:
        return _complain(f"{error}\n{_USAGE}" if str(error) else "", usage=_USAGE)
    try:
        _write(path, notice(when, deny, disconnect, message))
    except OSError as error:
        return _complain(f"error opening '{path}': {error.strerror}")
    return 0


def notice(when: float, deny: int, disconnect: int, message: str) -> str:
    """The text of the file, as ``session.shutmsg`` reads it."""
    at = time.localtime(when)
    return (f"{at.tm_year} {at.tm_mon} {at.tm_mday} {at.tm_hour} {at.tm_min} 0 {_offset(deny)} {_offset(disconnect)}\n"
            f"{message}\n")


def _offset(minutes: int) -> str:
    return f"{minutes // 60:02}{minutes % 60:02}"


def _minutes(given: dict[str, str], option: str, default: int) -> int:
    word = given.get(option, str(default))
    if not word.isdigit():
        raise UsageError(f"{option} requires a numeric argument")
    if int(word) > _LONGEST:
        raise UsageError(f"{option} takes at most {_LONGEST} minutes")
    return int(word)


def _time(word: str) -> float:
    """``now``, ``+minutes``, or ``HHMM`` of today; of tomorrow when that has gone by."""
    now = time.time()
    if word == "now":
        return now
    if word[:1] == "+" and word[1:].isdigit():
        return now + 60 * int(word[1:])
    if not (len(word) == 4 and word.isdigit() and int(word[:2]) < 24 and int(word[2:]) < 60):
        raise UsageError("Invalid time interval specified.")
    today = time.localtime(now)
    for day in (today.tm_mday, today.tm_mday + 1):
        when = time.mktime((today.tm_year, today.tm_mon, day, int(word[:2]), int(word[2:]), 0, 0, 0, -1))
        if when >= now - 60:
            break
    return when


def _write(path: str, text: str) -> None:
    """In one step: a daemon that looks meanwhile finds the old notice or the new one, never half of one."""
    fd, draft = tempfile.mkstemp(prefix=".shutmsg", dir=os.path.dirname(path) or ".")
    try:
        with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            os.fchmod(fd, 0o644)
        os.rename(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _remove(path: str) -> int:
    try:
        os.unlink(path)
    except OSError as error:
        return _complain(f"error removing '{path}': {error.strerror}")
    print(f"ftpshut: {path} removed")
    return 0


def _complain(text: str, *, usage: str = "") -> int:
    print(f"ftpshut: {text}" if text else usage, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
