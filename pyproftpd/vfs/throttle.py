"""TransferRate: how long to wait so that a transfer keeps to its rate. No clock and no sleep of its own.

The front end waits in its loop, so that other channels of the connection go on (the real server sleeps).
"""

from __future__ import annotations

from collections.abc import Iterable

from pyproftpd.vfs.conf import Rate

#: seconds of unused rate that may be caught up after a pause; more would let a stalled transfer burst for as long
BURST = 1.0


class Throttle:
    """The token bucket of one transfer."""

    __slots__ = ("rate", "free", "due")

    def __init__(self, rate: Rate) -> None:
        self.rate, self.free = rate.bytes_per_second, rate.free_bytes
        self.due = 0.0

    def spend(self, count: int, now: float) -> float:
        """``count`` bytes were moved at monotonic ``now``; returns the seconds to wait before the next ones."""
        if self.free:
            gift = min(self.free, count)
            self.free -= gift
            count -= gift
        if not count:
            return 0.0
        self.due = max(self.due, now - BURST if self.due else now) + count / self.rate
        return max(0.0, self.due - now)


def for_command(rates: Iterable[Rate], name: str) -> Throttle | None:
    """The bucket for a transfer that acts as the FTP command ``name``: the first line that names it, where 0 is no limit."""
    rate = next((rate for rate in rates if name in rate.commands), None)
    return Throttle(rate) if rate is not None and rate.bytes_per_second else None
