"""SFTPTrafficPolicy: when dummies are sent, and of what size."""

from __future__ import annotations

import os

import pytest

from mod_sftp.channel.padding import POLICIES, Padding, policy_for
from pyproftpd.unix.timers import Timers
from tests.link.client import string, take_string
from tests.link.pair import Pair


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def padded(policy: str) -> tuple[Pair, Padding, Clock, Timers]:
    pair = Pair().run()
    pair.client.own.clear()
    clock = Clock()
    timers = Timers(clock)
    padding = Padding(pair.server, timers, os.urandom, lambda: None)
    padding.follow(POLICIES[policy])
    return pair, padding, clock, timers


def dummies(pair: Pair) -> list[int]:
    """Sizes of the IGNOREs so far."""
    pair.run()
    return [len(take_string(payload)[0]) for kind, payload in pair.client.own if kind == 2]


@pytest.mark.parametrize(("configured", "cipher", "takes", "expected"), [
    (None, "aes128-ctr", True, None),
    (None, "aes128-cbc", True, "rogaway"),
    ("high", "aes128-cbc", True, "rogaway"),
    ("none", "aes128-cbc", True, None),
    ("none", "aes128-ctr", True, None),
    ("medium", "aes128-ctr", True, "medium"),
    ("medium", "aes128-ctr", False, None),
    (None, "3des-cbc", False, None),
])
def test_policy_in_force(configured: str | None, cipher: str, takes: bool, expected: str | None) -> None:
    found = policy_for(configured, cipher, takes_ignore=takes)
    assert (found.name if found else None) == expected


def test_T10_rogaway_precedes_every_batch_of_data() -> None:
    pair, _, _, _ = padded("rogaway")
    for number in range(5):
        pair.server.data(7, 32768, b"data")
        pair.server.data(7, 32768, b"more")
        sizes = dummies(pair)
        assert len(sizes) == number + 1 and all(64 <= size <= 256 for size in sizes)
    assert pair.client.messages == [(94, b"\0\0\0\7" + string(b"datamore"))] * 5


def test_paranoid_speaks_every_second() -> None:
    pair, _, clock, timers = padded("paranoid")
    for second in range(1, 6):
        clock.now = float(second)
        timers.due()
        assert len(dummies(pair)) == second


def test_quiet_is_broken_at_last() -> None:
    pair, _, clock, timers = padded("low")
    while clock.now < 400.0:
        clock.now += 1.0
        timers.due()
    assert dummies(pair)


def test_nothing_while_keys_change() -> None:
    pair, _, clock, timers = padded("paranoid")
    pair.server.rekey()
    clock.now = 1.0
    timers.due()
    assert not any(kind == 2 for kind, _ in pair.client.own)
    pair.server.output()
    assert dummies(pair) == []


def test_policy_none_ends_it() -> None:
    pair, padding, clock, timers = padded("paranoid")
    padding.follow(None)
    clock.now = 10.0
    timers.due()
    pair.server.data(7, 32768, b"data")
    assert dummies(pair) == []
