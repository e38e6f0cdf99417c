"""What is moved and filled, in processes of their own: neither can be taken back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pyproftpd.unix.layout import SUPPORTED

MOVING = """
import os, sys
from types import FunctionType
from pyproftpd.api import expressions, values
from pyproftpd.conf import lexer, merge, parser
from pyproftpd.unix.layout import code_run_by, move_together

calls = []

def outer(number):
    calls.append(number)
    return [(lambda each: each + number)(each) for each in range(3)], inner(number)

def inner(number, *, more=1):
    return number + more

def other():
    return outer

ids = code_run_by(lambda: outer(1))
assert not calls, "it ran here"
assert {id(outer.__code__), id(inner.__code__)} <= ids and id(other.__code__) not in ids, ids
def failing():
    inner(1)
    raise LookupError
stderr = os.dup(2)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
assert id(inner.__code__) in code_run_by(failing)
os.dup2(stderr, 2)

def code(module):
    return [each.__code__ for each in vars(module).values() if isinstance(each, FunctionType)
            and each.__module__ == module.__name__]

modules = [expressions, values, lexer, merge, parser]
scattered = [each for module in modules for each in code(module)]
before = outer.__code__, other.__code__, outer(2)
move_together(ids, [module.__name__ for module in modules])
assert outer.__code__ is not before[0] and other.__code__ is before[1]
assert outer.__code__ == before[0] and outer(2) == before[2]

def pages(codes):
    large = [each for each in codes if sys.getsizeof(each) > 512]
    assert len(large) > 8
    return len({page for each in large for page in (id(each) // 4096, (id(each) + sys.getsizeof(each) - 1) // 4096)})

together = [each for module in modules for each in code(module)]
assert not set(map(id, scattered)) & set(map(id, together))
print("moved", pages(scattered), pages(together))
"""

FILLING = """
import ctypes
from pyproftpd.unix.layout import fill_gaps

def pages(things):
    return len({id(each) // 4096 for each in things})

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

full = [[bytes(length) for _ in range(4000)] for length in (40, 200, 700, 3000)]
for each in full:
    del each[::50]  # gaps all over
gaps = [bytes(length) for length in (40, 200, 700) for _ in range(60)]
fill_gaps()
fresh = [bytes(length) for length in (40, 200, 700) for _ in range(60)]
first = resident()
for _ in range(5):
    fill_gaps()
assert resident() - first < 150, "grows each time"
print("filled", pages(gaps), pages(fresh))
"""


@pytest.mark.skipif(not SUPPORTED, reason="an interpreter whose memory is not known")
@pytest.mark.parametrize(("program", "word"), [(MOVING, "moved"), (FILLING, "filled")])
def test_what_was_scattered_lies_together(program: str, word: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, before, after = done.stdout.split()
    assert said == word and int(after) * 2 < int(before), done.stdout
