"""TransferRate by the clock that the caller brings."""

from __future__ import annotations

import pytest

from pyproftpd.vfs.conf import Rate
from pyproftpd.vfs.throttle import Throttle, for_command


def rate(per_second: float = 1000.0, free: int = 0, commands: frozenset[str] = frozenset({"RETR"})) -> Rate:
    return Rate(commands, per_second, free)


def test_a_steady_reader_is_held_to_the_rate() -> None:
    throttle, now = Throttle(rate()), 50.0
    for _ in range(100):
        now += throttle.spend(500, now)
    assert now == pytest.approx(50.0 + 100 * 500 / 1000)


def test_free_bytes_go_at_full_speed() -> None:
    throttle = Throttle(rate(free=1000))
    assert throttle.spend(600, 1.0) == 0
    assert throttle.spend(600, 1.0) == pytest.approx(0.2)


def test_a_pause_lets_no_more_than_a_second_be_caught_up() -> None:
    throttle = Throttle(rate())
    throttle.spend(1000, 10.0)
    assert throttle.spend(1000, 1000.0) == 0
    assert throttle.spend(1000, 1000.0) == pytest.approx(1.0)


def test_one_slow_request_costs_no_wait() -> None:
    throttle = Throttle(rate())
    throttle.spend(100, 10.0)
    assert throttle.spend(100, 10.5) == 0


def test_the_first_line_that_names_the_command_holds() -> None:
    rows = (rate(10, commands=frozenset({"STOR"})), rate(20), rate(30))
    chosen = for_command(rows, "RETR")
    assert chosen is not None and chosen.rate == 20
    assert for_command(rows, "APPE") is None
