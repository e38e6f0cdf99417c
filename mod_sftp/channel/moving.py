"""Transfers under way on the channels of a session, and the two time-outs that are about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mod_sftp.log import SftpLog
from pyproftpd.session.conf import TimeoutConf

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

NO_TRANSFER, STALLED = "TimeoutNoTransfer", "TimeoutStalled"

#: Seconds for which what moves does not start the time-outs again: small files move many times in them.
GRAIN = 0.02

#: Seconds between two looks at a FIFO that is not ready.
FIFO_PAUSE = 0.05


class Moving:
    """``session.state(Moving, session)``. TimeoutStalled runs while any file is open (behaviours 185)."""

    def __init__(self, session: Session) -> None:
        self._session, self._timers = session, session.timers
        self._seconds = session.scope.get(TimeoutConf).timeout_stalled
        self._count = 0
        self._restart_at = 0.0

    def began(self) -> None:
        """A file was opened for its content."""
        self._count += 1
        if self._count == 1 and self._seconds:
            if STALLED in self._timers:
                self._timers.reset(STALLED)
            else:
                self._timers.add(STALLED, self._seconds, self._stalled)

    def ended(self) -> None:
        """The timer runs on: the next file is likely to be opened before it is due."""
        self._count -= 1

    def moved(self) -> None:
        """Bytes went either way, or names of a listing."""
        now = self._timers.clock()
        if now >= self._restart_at:
            self._restart_at = now + GRAIN
            self._timers.reset(NO_TRANSFER)
            self._timers.reset(STALLED)

    def _stalled(self) -> None:
        if not self._count:
            return
        seconds = self._seconds
        self._session.state(SftpLog).line(f"Data transfer stall timeout ({seconds:g} seconds) exceeded, disconnecting client")
        self._session.log.notice(f"Data transfer stall timeout: {seconds:g} seconds")
        self._session.end(STALLED)
