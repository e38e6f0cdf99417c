"""Who may be forked for: the administrator's limits and our own."""

from __future__ import annotations

import random

from pyproftpd.daemon import census
from pyproftpd.daemon.census import Census
from pyproftpd.session.conf import DaemonConf

OPEN = DaemonConf()


def test_instances_are_counted_until_they_are_reaped() -> None:
    conf, one = DaemonConf({"max_instances": 2}), Census()
    one.born(1, "192.0.2.1")
    assert one.refusal("192.0.2.1", conf, 0) == ""
    one.born(2, "192.0.2.1")
    assert "MaxInstances (2)" in one.refusal("192.0.2.2", conf, 0)
    assert one.died(1)
    assert one.refusal("192.0.2.2", conf, 0) == ""
    assert not one.died(1)


def test_the_rate_counts_served_connections_in_a_sliding_window() -> None:
    conf, one = DaemonConf({"max_connection_rate": (2, 10)}), Census()
    results = [one.refusal("192.0.2.1", conf, now) == "" for now in (0, 5, 6, 9.9, 10, 11, 15)]
    assert results == [True, True, False, False, True, False, True]


def test_one_source_cannot_hold_more_than_its_share_before_login() -> None:
    one = Census()
    for pid in range(census.MAX_UNAUTHENTICATED_PER_SOURCE):
        assert one.refusal("192.0.2.1", OPEN, 0) == ""
        one.born(pid, "192.0.2.1")
    assert one.refusal("192.0.2.1", OPEN, 0)
    assert one.refusal("192.0.2.2", OPEN, 0) == ""
    one.logged_in(0)
    one.logged_in(0)
    assert one.refusal("192.0.2.1", OPEN, 0) == ""


def test_an_ipv6_network_is_one_source() -> None:
    one = Census()
    for pid in range(census.MAX_UNAUTHENTICATED_PER_SOURCE):
        one.born(pid, f"2001:db8::{pid:x}")
    assert one.refusal("2001:db8::ffff:1", OPEN, 0)
    assert one.refusal("2001:db8:0:1::1", OPEN, 0) == ""


def test_many_sources_meet_a_ramp_that_ends_in_a_wall() -> None:
    one = Census(random.Random(1))
    pid = 0

    def fill(count: int) -> None:
        nonlocal pid
        while pid < count:
            one.born(pid, f"10.{pid >> 8}.{pid & 255}.1")
            pid += 1

    def refused() -> int:
        return sum(one.refusal("192.0.2.9", OPEN, 0) != "" for _ in range(400))
    fill(census.RAMP_BEGINS)
    assert refused() == 0
    fill((census.RAMP_BEGINS + census.MAX_UNAUTHENTICATED) // 2)
    assert 120 < refused() < 280
    fill(census.MAX_UNAUTHENTICATED)
    assert refused() == 400


def test_words_about_children_of_others_change_nothing() -> None:
    one = Census()
    one.born(1, "192.0.2.1")
    one.logged_in(999)
    assert len(one) == 1
