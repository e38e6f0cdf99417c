"""A scoreboard without a free slot: limits cannot be counted any more."""

from __future__ import annotations

import os
import struct

from pyproftpd.unix.scoreboard import MAX_SLOTS, SLOT_SIZE
from tests.daemon.master import Master

#: where the number of slots in use and the first slot lie
USED, SLOTS = 16, 64


def fill(master: Master) -> None:
    """Every slot belongs to a living process, which the master is."""
    fd = os.open(master.root / "scoreboard", os.O_WRONLY)
    for index in range(MAX_SLOTS):
        os.pwrite(fd, struct.pack("=I", master.pid), SLOTS + index * SLOT_SIZE)
    os.pwrite(fd, struct.pack("=I", MAX_SLOTS), USED)
    os.close(fd)


def test_a_session_without_a_place_is_refused(master: Master) -> None:
    fill(master.start())
    assert not master.serves()
    master.wait_for_log(f"no place in the scoreboard: {master.root}/scoreboard: all {MAX_SLOTS} slots are taken")


def test_scoreboardoptions_allowmissingentry_serves_it(master: Master) -> None:
    fill(master.start("ScoreboardOptions AllowMissingEntry\n"))
    assert master.serves()
    master.wait_for_log("no place in the scoreboard")
