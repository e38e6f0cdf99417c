"""The one wait: descriptors, timers, recorded signals, the end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from pyproftpd.daemon.signals import Recorder
from pyproftpd.session.loop import Loop, SessionEnd
from pyproftpd.unix.timers import Timers


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    made = Recorder((signal.SIGUSR1, signal.SIGUSR2), ())
    yield made
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    yield here, there
    here.close()
    there.close()


def loop(recorder: Recorder, on_signal: Callable[[int], None] = lambda number: None) -> Loop:
    return Loop(Timers(), recorder, on_signal)


def test_it_returns_what_is_ready_and_nothing_after_a_timeout(recorder: Recorder, pair: tuple[socket.socket, ...]) -> None:
    here, there = pair
    one = loop(recorder)
    assert one.wait(read=[here.fileno()], timeout=0.01) == ([], [])
    there.send(b"x")
    assert one.wait(read=[here.fileno()]) == ([here.fileno()], [])
    assert one.wait(read=[here.fileno()], write=[here.fileno()]) == ([here.fileno()], [here.fileno()])
    here.recv(1)
    assert one.wait(write=[here.fileno()]) == ([], [here.fileno()])


def test_a_hang_up_is_ready_to_be_read(recorder: Recorder, pair: tuple[socket.socket, ...]) -> None:
    here, there = pair
    there.close()
    assert loop(recorder).wait(read=[here.fileno()]) == ([here.fileno()], [])


def test_timers_run_while_it_waits(recorder: Recorder, pair: tuple[socket.socket, ...]) -> None:
    here, there = pair
    one = loop(recorder)
    one.timers.add("TimeoutLogin", 0.02, lambda: one.stop("TimeoutLogin"))
    with pytest.raises(SessionEnd) as end:
        one.wait(read=[here.fileno()])
    assert end.value.reason == "TimeoutLogin"


def test_a_callback_may_end_the_wait_itself(recorder: Recorder) -> None:
    one = loop(recorder)

    def end() -> None:
        raise SessionEnd("TimeoutSession")
    one.timers.add("TimeoutSession", 0.02, end)
    with pytest.raises(SessionEnd, match="TimeoutSession"):
        one.wait()


def test_signals_are_acted_on_in_the_wait_and_only_there(recorder: Recorder) -> None:
    taken: list[int] = []
    one = loop(recorder, taken.append)
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR2)
    assert taken == []
    one.wait(timeout=0.01)
    assert taken == [signal.SIGUSR1, signal.SIGUSR2]
    one.wait(timeout=0.01)
    assert len(taken) == 2


def test_the_first_reason_to_stop_stands_for_every_later_wait(recorder: Recorder) -> None:
    one = loop(recorder)
    one.stop("first")
    one.stop("second")
    for _ in range(2):
        with pytest.raises(SessionEnd, match="first"):
            one.wait(timeout=0)


def test_interrupt_makes_a_wait_without_end_return(recorder: Recorder) -> None:
    one = loop(recorder, lambda number: one.interrupt())
    os.kill(os.getpid(), signal.SIGUSR1)
    assert one.wait() == ([], [])
