"""Signals: handlers only record; a loop takes them from here and acts (security.md T18).

Recording is a set (which cannot overflow) plus a byte in a pipe, written by the interpreter itself, that wakes poll(2).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
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


class Recorder:
    """The recorded signals of one process. ``fd`` is readable while there are any."""

    def __init__(self, record: Iterable[signal.Signals], ignore: Iterable[signal.Signals],
                 reset: Iterable[signal.Signals] = ()) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pending: set[int] = set()
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in record:
            signal.signal(number, self._record)
        for number in ignore:
            signal.signal(number, signal.SIG_IGN)
        for number in reset:
            signal.signal(number, signal.SIG_DFL)

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

    def close(self) -> None:
        """For a child that brings a recorder of its own: the pipe is shared with the parent."""
        os.close(self.fd)
        os.close(self._write)


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
