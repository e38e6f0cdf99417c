"""The shutdown notice that ftpshut writes: when logins are refused, when sessions end, and what people are told.

Two lines. ``2026 11 24 23 59 0 0010 0005``: the time of the shutdown, then how long before it logins are denied and
sessions disconnected, hours and minutes as HHMM. Below it the message. Source: real server, ftpshut.
"""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pyproftpd.api import values
from pyproftpd.api.directive import ConfBlock, Context, Repeat, directive
from pyproftpd.session.display import Display

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

DEFAULT_PATH = "/etc/shutmsg"
#: two lines for people; what is longer is cut
MAX_NOTICE = 4096

_TIMES = re.compile(r"(\d{4}) +(\d{1,2}) +(\d{1,2}) +(\d{1,2}) +(\d{1,2}) +(\d{1,2}) +(\d{2})(\d{2}) +(\d{2})(\d{2})")


class ShutdownConf(ConfBlock, module="core", prefix="Shutdown"):
    """Planned shutdowns."""

    file: str = directive(
        "ShutdownFile", values.path, where=Context.SERVER, arity="1", syntax="path", default=DEFAULT_PATH,
        default_text=DEFAULT_PATH, repeat=Repeat.LAST,
        doc="The notice that ftpshut writes; not a directive of ProFTPD, which has this path built in.")


@dataclass(frozen=True, slots=True)
class Notice:
    """Wall-clock seconds; ``message`` may hold ``%s %r %d`` (these times) and the variables of Display files."""

    shutdown: float
    deny: float
    disconnect: float
    message: str

    @property
    def text(self) -> str:
        """The message with the three times in it."""
        times = {"s": self.shutdown, "r": self.deny, "d": self.disconnect}
        return re.sub("%([srd])", lambda found: time.ctime(times[found[1]]), self.message)


class Malformed(ValueError):
    """The file is there, but does not say when."""


def read(path: str) -> Notice | None:
    """``None`` = no shutdown is planned. Raises ``OSError``, ``Malformed``."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Malformed(f"{path} is not a file")
        text = os.read(fd, MAX_NOTICE).decode("utf-8", "replace")
    finally:
        os.close(fd)
    return _parsed(path, text)


def _parsed(path: str, text: str) -> Notice:
    first, _, message = text.partition("\n")
    found = _TIMES.match(first)
    if found is None:
        raise Malformed(f"{path}: the first line is no time of a shutdown")
    year, month, day, hour, minute, second, *offsets = (int(group) for group in found.groups())
    try:
        when = datetime(year, month, day, hour, minute, second).timestamp()
    except (OSError, OverflowError, ValueError) as error:
        raise Malformed(f"{path}: {error}") from None
    deny, disconnect = (hours * 3600 + minutes * 60 for hours, minutes in (offsets[:2], offsets[2:]))
    return Notice(when, when - deny, when - disconnect, message.strip())


def denial(session: Session, path: str) -> str:
    """What a client who wants to log in now is told; ``""`` = welcome. In doubt nobody is: somebody planned an end."""
    try:
        with session.privs.root():
            notice = read(path)
    except (OSError, Malformed) as error:
        session.log.error(f"shutdown notice: {error}; logins are refused while it is there")
        return "Server is shutting down"
    if notice is None or time.time() < notice.deny:
        return ""
    return Display(notice.text).render(session) or "Server is shutting down"
