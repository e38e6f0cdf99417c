"""The one wait of a session: poll, timers and recorded signals (house rule 7)."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from pyproftpd.errors import ProftpdError
from pyproftpd.unix.timers import Timers

_FAILED = select.POLLERR | select.POLLHUP | select.POLLNVAL
#: poll(2) takes an int of milliseconds; longer waits are cut, the caller waits again
_LONGEST_WAIT_MS = 2**31 - 1


class SessionEnd(ProftpdError):
    """The session is over: a timeout, a signal, or ``Session.end``. Only ``daemon/child.py`` catches it for good."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Signals(Protocol):
    """Recorded signals, as ``daemon.signals`` keeps them."""

    #: readable while a signal is recorded
    fd: int

    def take(self) -> Iterable[int]:
        """The numbers recorded since the last call, each once."""
        ...


class Loop:
    """``wait`` returns the descriptors that are ready, having run what came due in between."""

    __slots__ = ("timers", "_signals", "_on_signal", "_poll", "_interest", "_last", "_reason", "_interrupted")

    def __init__(self, timers: Timers, signals: Signals, on_signal: Callable[[int], None]) -> None:
        self.timers = timers
        self._signals, self._on_signal = signals, on_signal
        self._poll = select.poll()
        self._poll.register(signals.fd, select.POLLIN)
        self._interest: dict[int, int] = {}
        self._last: tuple[Sequence[int], Sequence[int]] = ((), ())
        self._reason: str | None = None
        self._interrupted = False

    def stop(self, reason: str) -> None:
        """Make this and every later wait raise ``SessionEnd(reason)``; the first reason stands."""
        if self._reason is None:
            self._reason = reason

    def interrupt(self) -> None:
        """Make the wait under way return with what is ready, for a callback that changed what should be waited for."""
        self._interrupted = True

    def tick(self) -> None:
        """Run due timers and recorded signals without waiting, for a caller that never runs out of work."""
        self.wait(timeout=0.0)

    def wait(self, *, read: Sequence[int] = (), write: Sequence[int] = (),
             timeout: float | None = None) -> tuple[list[int], list[int]]:
        """Wait until a descriptor is ready or ``timeout`` seconds have gone by, then return (readable, writable).

        Timers that come due while it waits run before it waits on, or at the next wait.

        Both lists are empty after a timeout. A descriptor with an error or a hang-up counts as ready for whatever it
        was waited for, so that the caller's next call meets the error itself. Raises ``SessionEnd``.
        """
        deadline, left = None if timeout is None else self.timers.clock() + timeout, timeout
        self._watch(read, write)
        while True:
            next_in = self.timers.due()
            if self._reason is not None:
                raise SessionEnd(self._reason)
            if self._interrupted:
                self._interrupted = False
                return [], []
            events = self._poll.poll(_milliseconds(left if next_in is None or (left is not None and left < next_in) else next_in))
            readable: list[int] = []
            writable: list[int] = []
            for fd, mask in events:
                if fd == self._signals.fd:
                    for number in self._signals.take():
                        self._on_signal(number)
                    continue
                interest = self._interest.get(fd, 0)
                if interest & select.POLLIN and mask & (select.POLLIN | _FAILED):
                    readable.append(fd)
                if interest & select.POLLOUT and mask & (select.POLLOUT | _FAILED):
                    writable.append(fd)
            over = bool(readable or writable)
            if deadline is not None and not over:
                left = max(0.0, deadline - self.timers.clock())
                over = not left
            if over:
                if self._reason is not None:
                    raise SessionEnd(self._reason)
                return readable, writable

    def _watch(self, read: Sequence[int], write: Sequence[int]) -> None:
        """Tell the poll object what changed since the last wait: in a transfer that is nothing."""
        if (read, write) == self._last:
            return
        self._last = (tuple(read), tuple(write))
        interest = dict.fromkeys(read, int(select.POLLIN))
        for fd in write:
            interest[fd] = interest.get(fd, 0) | select.POLLOUT
        for fd in self._interest.keys() - interest.keys():
            self._poll.unregister(fd)
        for fd, mask in interest.items():
            if self._interest.get(fd) != mask:
                self._poll.register(fd, mask)
        self._interest = interest


def _milliseconds(wait: float | None) -> int | None:
    """How long poll may sleep, rounded up so that a timer is due when it returns."""
    return None if wait is None else min(_LONGEST_WAIT_MS, int(wait * 1000) + (1 if wait > 0 else 0))
