"""Named timers in one heap, for the one wait of a process.

A reset (TimeoutIdle, at every packet) only moves a timer's deadline; the heap entry is put right when it comes to the
top, so that a reset costs one clock call and no heap work.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable

Clock = Callable[[], float]


class Timer:
    """One timer: ``seconds`` from its start or last reset until ``callback()`` runs."""

    __slots__ = ("name", "seconds", "callback", "repeat", "deadline", "active")

    def __init__(self, name: str, seconds: float, callback: Callable[[], None], repeat: bool, deadline: float) -> None:
        self.name, self.seconds, self.callback, self.repeat = name, seconds, callback, repeat
        self.deadline, self.active = deadline, True


class Timers:
    """The timers of one process. Names are unique: adding one again replaces the old."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._by_name: dict[str, Timer] = {}
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0

    def add(self, name: str, seconds: float, callback: Callable[[], None], *, repeat: bool = False) -> Timer:
        self.remove(name)
        timer = Timer(name, seconds, callback, repeat, self.clock() + seconds)
        self._by_name[name] = timer
        self._push(timer)
        return timer

    def reset(self, name: str) -> None:
        """Start the full time again; a name that is not running is ignored (its timeout is off)."""
        timer = self._by_name.get(name)
        if timer is not None:
            timer.deadline = self.clock() + timer.seconds

    def left(self, name: str) -> float | None:
        """Seconds until a timer is due, never negative; ``None`` when it does not run."""
        timer = self._by_name.get(name)
        return None if timer is None else max(0.0, timer.deadline - self.clock())

    def remove(self, name: str) -> None:
        timer = self._by_name.pop(name, None)
        if timer is not None:
            timer.active = False

    def clear(self) -> None:
        """Forget all of them; a child does so with the timers of its master."""
        for timer in self._by_name.values():
            timer.active = False
        self._by_name.clear()
        self._heap.clear()

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def due(self) -> float | None:
        """Run every callback whose time has come; a callback may add, reset and remove timers, or raise.

        Returns what ``next_in`` says when they have run.
        """
        while (left := self.next_in()) is not None and left <= 0.0:
            timer = heapq.heappop(self._heap)[2]
            if timer.repeat:
                timer.deadline = self.clock() + timer.seconds
                self._push(timer)
            else:
                self.remove(timer.name)
            timer.callback()
        return left

    def next_in(self) -> float | None:
        """Seconds until the next timer is due, never negative; ``None`` when there is none."""
        timer = self._top()
        if timer is None:
            return None
        left = timer.deadline - self.clock()
        return left if left > 0.0 else 0.0

    def _push(self, timer: Timer) -> None:
        self._count += 1
        heapq.heappush(self._heap, (timer.deadline, self._count, timer))

    def _top(self) -> Timer | None:
        """The timer that is due next; removed ones are dropped and moved ones put where they belong."""
        while self._heap:
            deadline, _, timer = self._heap[0]
            if timer.active and timer.deadline == deadline:
                return timer
            heapq.heappop(self._heap)
            if timer.active:
                self._push(timer)
        return None
