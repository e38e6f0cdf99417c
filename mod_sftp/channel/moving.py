"""Transfers under way on the channels of a session, and the two time-outs that are about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mod_sftp.log import SftpLog
from pyproftpd.session.conf import TimeoutConf

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

NO_TRANSFER, STALLED = "TimeoutNoTransfer", "TimeoutStalled"

#: Seconds between two looks at a FIFO that is not ready.
FIFO_PAUSE = 0.05


class Moving:
    """``session.state(Moving, session)``. TimeoutStalled runs while any file is open (behaviours 185)."""

    def __init__(self, session: Session) -> None:
        self._session, self._timers = session, session.timers
        self._count = 0

    def began(self) -> None:
        """A file was opened for its content."""
        self._count += 1
        seconds = self._session.scope.get(TimeoutConf).timeout_stalled
        if self._count == 1 and seconds:
            self._timers.add(STALLED, seconds, lambda: self._stalled(seconds))

    def ended(self) -> None:
        self._count -= 1
        if not self._count:
            self._timers.remove(STALLED)

    def moved(self) -> None:
        """Bytes went either way, or names of a listing."""
        self._timers.reset(NO_TRANSFER)
        self._timers.reset(STALLED)

    def _stalled(self, seconds: float) -> None:
        self._session.state(SftpLog).line(f"Data transfer stall timeout ({seconds:g} seconds) exceeded, disconnecting client")
        self._session.log.notice(f"Data transfer stall timeout: {seconds:g} seconds")
        self._session.end(STALLED)
