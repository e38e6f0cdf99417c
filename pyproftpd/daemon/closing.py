"""A planned shutdown (ftpshut): the master looks for the notice and sends the sessions home when their time has come.

New logins are refused by the sessions themselves (``session/shutmsg.py``); the daemon goes on running, as the real server's
does, until somebody ends it or ``ftpshut -R`` opens it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pyproftpd.log.system import ServerLogger
from pyproftpd.session import shutmsg
from pyproftpd.session.shutmsg import Notice
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.timers import Timers

#: a look is one open(2) that mostly finds nothing
_INTERVAL = 5.0
_TIMER = "ShutdownNotice"


class Closing:
    def __init__(self, timers: Timers, privs: Privileges, dismiss: Callable[[], None]) -> None:
        self._timers, self._privs, self._dismiss = timers, privs, dismiss
        self._path = shutmsg.DEFAULT_PATH
        self._done: Notice | None = None
        self._said = ""
        self._log: ServerLogger | None = None

    def watch(self, path: str, log: ServerLogger) -> None:
        """Begin, or go on with another file."""
        self._path, self._log = path, log
        self.look()

    def look(self) -> None:
        """Now, again in a while, and at the very time that the notice names."""
        notice = self._read()
        until = _INTERVAL
        if notice is not None and notice != self._done:
            left = notice.disconnect - time.time()
            if left <= 0:
                self._done = notice
                self._say("shutdown notice: sessions are disconnected")
                self._dismiss()
            else:
                until = min(until, left)
        self._timers.add(_TIMER, until, self.look)

    def _read(self) -> Notice | None:
        try:
            with self._privs.root():
                return shutmsg.read(self._path)
        except (OSError, shutmsg.Malformed) as error:
            self._say(f"shutdown notice: {error}; logins are refused while it is there")
            return None

    def _say(self, text: str) -> None:
        """Once, not at every look."""
        if text != self._said and self._log is not None:
            self._log.notice(text)
        self._said = text
