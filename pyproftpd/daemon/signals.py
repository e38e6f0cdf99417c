"""Signals: handlers only record; a loop takes them from here and acts (security.md T18).

Recording is a set (which cannot overflow) plus a byte in a pipe, written by the interpreter itself, that wakes poll(2).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

#: what the master records; the rest keeps its default, so a crash is a crash
MASTER = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD, signal.SIGUSR2)
MASTER_IGNORES = (signal.SIGPIPE, signal.SIGALRM, signal.SIGIO, signal.SIGUSR1)

#: what a session records; HUP concerns the master alone
SESSION = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
SESSION_IGNORES = (signal.SIGPIPE, signal.SIGALRM, signal.SIGIO, signal.SIGHUP)
SESSION_RESETS = (signal.SIGCHLD,)

#: these end a process
ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})

_EVERY = frozenset({*MASTER, *MASTER_IGNORES, *SESSION, *SESSION_IGNORES})
_DRAIN = 4096

Handler = Callable[[int, FrameType | None], None] | signal.Handlers


class Recorder:
    """The recorded signals of one process. ``fd`` is readable while there are any."""

    __slots__ = ("_handlers", "fd", "_write", "_pending")

    def __init__(self, record: Iterable[signal.Signals], ignore: Iterable[signal.Signals],
                 reset: Iterable[signal.Signals] = ()) -> None:
        self._handlers: dict[signal.Signals, Handler] = {}
        self._begin(record, ignore, reset)

    def _begin(self, record: Iterable[signal.Signals], ignore: Iterable[signal.Signals], reset: Iterable[signal.Signals]) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pending: set[int] = set()
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        wanted: tuple[tuple[Handler, Iterable[signal.Signals]], ...] = (
            (self._record, record), (signal.SIG_IGN, ignore), (signal.SIG_DFL, reset))
        for handler, numbers in wanted:
            for number in numbers:
                if self._handlers.get(number) != handler:
                    signal.signal(number, handler)
                    self._handlers[number] = handler

    def inherit(self, record: Iterable[signal.Signals], ignore: Iterable[signal.Signals],
                reset: Iterable[signal.Signals]) -> None:
        """In a child, what was its parent's becomes its own: nothing is recorded, and the pipe is a new one."""
        self.close()
        self._begin(record, ignore, reset)

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._write)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self._pending.add(number)

    def take(self) -> list[int]:
        """The numbers recorded since the last call, each once."""
        try:
            while len(os.read(self.fd, _DRAIN)) == _DRAIN:
                pass
        except BlockingIOError:
            pass
        taken, self._pending = self._pending, set()
        return sorted(taken)


@contextmanager
def held() -> Iterator[None]:
    """No signal is delivered inside the block (around fork: a child must not record into its parent's pipe)."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _EVERY)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def deliver() -> None:
    """End the blocking that a child inherited from ``held``."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _EVERY)
