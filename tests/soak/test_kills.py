"""SIGKILL at random points of uploads (promises 1 and 2): 50 of them by default, as many as SOAK says in ``make soak``.

With HiddenStores the final name shows the old or the new whole file; with UploadDurability full whatever was acknowledged
is there. (SIGKILL leaves the page cache, so this proves order and atomicity; that data is on the disk before the answer is
proved by the order of system calls, in transfers/test_durability.py.)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from tests.clients.rawsftp import CREAT, TRUNC, WRITE_FLAG
from tests.matrix.road import Road
from tests.servers import Server
from tests.transfers.tracing import session_of
from tests.waiting import wait_until

pytestmark = pytest.mark.root

KILLS = max(50, int(os.environ.get("SOAK", "0")))
ROUND = 25
BLOCKS, BLOCK = 24, 32768
#: so many uploads, the first among them, are left alone and killed after their answer
SPARED = 5
SEED = 20240914


def content(number: int) -> bytes:
    """What upload ``number`` writes: it carries its number and its own digest."""
    body = struct.pack(">I", number) + random.Random(number).randbytes(BLOCKS * BLOCK - 36)
    return body + hashlib.sha256(body).digest()


def whole(data: bytes) -> int:
    """The number of the upload that wrote all of this."""
    assert len(data) == BLOCKS * BLOCK, f"a file of {len(data)} bytes under a final name"
    assert hashlib.sha256(data[:-32]).digest() == data[-32:], "parts of two uploads under a final name"
    return int(struct.unpack(">I", data[:4])[0])


def attempt(server: Server, number: int, delay: float | None) -> tuple[bool, float]:
    """One upload, its session killed after ``delay`` (``None``: after the answer): was it acknowledged, how long did it take?"""
    road = Road(server)
    client = road.sftp(3)
    pid = session_of(server)
    data, blow = content(number), threading.Timer(3600 if delay is None else delay, _kill, (pid,))
    blow.start()
    acknowledged, began = False, time.monotonic()
    try:
        handle = client.open("file", WRITE_FLAG | CREAT | TRUNC)
        for place in range(BLOCKS):
            assert client.write(handle, place * BLOCK, data[place * BLOCK:(place + 1) * BLOCK]) == 0
        acknowledged = client.close(handle) == 0
    except (EOFError, OSError, paramiko.SSHException):
        pass  # the blow fell
    took = time.monotonic() - began
    if delay is None:
        blow.cancel()
        _kill(pid)
    blow.join()
    road.close()
    wait_until(lambda: not server.sessions(), "the end of the killed")
    return acknowledged, took


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def check(home: Path, last: int | None, number: int, acknowledged: bool) -> int | None:
    """The final name holds the last acknowledged upload, or this one; which?"""
    path = home / "file"
    if not path.exists():
        assert last is None and not acknowledged, "an acknowledged file is missing"
        return None
    found = whole(path.read_bytes())
    assert found in ((number,) if acknowledged else (last, number))
    return found


@pytest.mark.parametrize("part", range(KILLS // ROUND))
def test_promise_02_all_or_nothing_under_a_final_name(start: Callable[..., Server], part: int) -> None:
    server = start("HiddenStores on\nUploadDurability full\nAllowOverwrite on\nMaxLoginAttempts none\n")
    home = server.site.accounts["demo"].home
    dice = random.Random(SEED + part)
    last: int | None = None
    completed, longest = 0, 0.0
    for number in range(ROUND):
        acknowledged, took = attempt(server, number, dice.uniform(0, longest) if number % SPARED else None)
        longest = longest if number % SPARED else took
        completed += acknowledged
        last = check(home, last, number, acknowledged)
        strays = [path.name for path in home.iterdir() if path.name != "file"]
        assert strays in ([], [".in.file."]), "at most one temporary file, which the next upload removes"
    assert completed >= ROUND // SPARED
    assert completed < ROUND, "no blow fell in time: nothing was proved"
