"""MaxCommandRate: so many commands in so many seconds. No clock and no sleep of its own; the front end waits in its loop.

A session may use up one interval's commands at once and is then held to their rate. Different on purpose: the real server
makes each command above the number wait longer than the one before, and forgets all of them when an interval is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyproftpd.session.conf import ServerConf

if TYPE_CHECKING:
    from pyproftpd.session.session import Session


class Pace:
    """``session.state(Pace, session)``: one for all channels of a session."""

    __slots__ = ("_session", "rate", "_due", "_exceeded")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.rate = session.scope.get(ServerConf).max_command_rate
        #: when the commands so far would have come to an end at the rate
        self._due = 0.0
        self._exceeded = False

    def spend(self, now: float) -> float:
        """A command was carried out at monotonic ``now``: seconds until the next one may be."""
        if self.rate is None:
            return 0.0
        count, seconds = self.rate
        self._due = max(self._due, now) + seconds / count
        wait = max(0.0, self._due + seconds / count - seconds - now)
        if wait and not self._exceeded:
            self._session.log.notice(f"MaxCommandRate ({count} cmds/{seconds} {'sec' if seconds == 1 else 'secs'}) exceeded, "
                                     f"injecting processing delay of {wait * 1000:.0f} ms")
        self._exceeded = wait > 0.0
        return wait
