"""Timers on a clock that the test moves."""

from __future__ import annotations

import pytest

from pyproftpd.unix.timers import Timers


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_callbacks_run_in_the_order_of_their_deadlines(clock: Clock) -> None:
    timers, ran = Timers(clock), []
    timers.add("late", 5, lambda: ran.append("late"))
    timers.add("early", 2, lambda: ran.append("early"))
    assert timers.next_in() == 2
    timers.due()
    assert ran == []
    clock.now += 5
    assert timers.next_in() == 0
    timers.due()
    assert ran == ["early", "late"]
    assert timers.next_in() is None


def test_a_reset_gives_the_full_time_again(clock: Clock) -> None:
    timers, ran = Timers(clock), []
    timers.add("TimeoutIdle", 10, lambda: ran.append(clock.now))
    for _ in range(3):
        clock.now += 9
        timers.reset("TimeoutIdle")
        timers.due()
    assert (ran, timers.next_in(), timers.left("TimeoutIdle")) == ([], 10, 10)
    clock.now += 10
    timers.due()
    assert ran == [137.0]


def test_a_removed_timer_never_runs_and_unknown_names_are_no_error(clock: Clock) -> None:
    timers, ran = Timers(clock), []
    timers.add("one", 1, lambda: ran.append(1))
    timers.remove("one")
    timers.remove("one")
    timers.reset("one")
    clock.now += 2
    timers.due()
    assert (ran, "one" in timers, timers.left("one")) == ([], False, None)


def test_adding_a_name_again_replaces_it(clock: Clock) -> None:
    timers, ran = Timers(clock), []
    timers.add("one", 1, lambda: ran.append("old"))
    timers.add("one", 2, lambda: ran.append("new"))
    clock.now += 3
    timers.due()
    assert ran == ["new"]


def test_a_repeating_timer_runs_once_for_a_long_absence(clock: Clock) -> None:
    timers, ran = Timers(clock), []
    timers.add("beat", 1, lambda: ran.append(clock.now), repeat=True)
    clock.now += 10
    timers.due()
    assert (ran, timers.next_in()) == ([110.0], 1)


def test_a_callback_may_remove_another_that_is_due_with_it(clock: Clock) -> None:
    timers, ran = Timers(clock), []
    timers.add("first", 1, lambda: timers.remove("second"))
    timers.add("second", 2, lambda: ran.append("second"))
    clock.now += 3
    timers.due()
    assert ran == []
