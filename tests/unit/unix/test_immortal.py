"""What modules hold stops being counted, in a process of its own: it cannot be taken back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pyproftpd.unix.immortal import SUPPORTED, share_modules

PROGRAM = """
import gc, sys
from pyproftpd.api import values
from pyproftpd.unix.immortal import share_modules

def counted(thing):
    before = sys.getrefcount(thing)
    kept = [thing] * 100
    return sys.getrefcount(thing) - before == 100

function, code, constants = values.boolean, values.boolean.__code__, values.boolean.__code__.co_consts
method = vars(bytearray)["extend"]
assert counted(function) and counted(code)
reached = share_modules()
assert reached > 1000, reached
assert not any(map(counted, (function, code, constants, values, type(function), method))), "still counted"
assert share_modules() >= reached
fresh = object()
assert counted(fresh), "what came later is counted"
gc.collect()
gc.freeze()
print("shared")
"""


@pytest.mark.skipif(not SUPPORTED, reason="this interpreter counts every object (before Python 3.12)")
def test_what_modules_hold_is_no_longer_counted() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "shared\n"), done.stderr


@pytest.mark.skipif(SUPPORTED, reason="objects can be immortal here")
def test_where_it_cannot_be_done_nothing_is_touched() -> None:
    assert share_modules() == 0
