"""20 GiB both ways over one connection. Minutes long: set SOAK to run it. (With every log on: tests/behaviours.)"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.behaviours.measure import MIB, Memory
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32, u64
from tests.matrix.road import Road
from tests.servers import Server, Site

pytestmark = [pytest.mark.root, pytest.mark.skipif("SOAK" not in os.environ, reason="SOAK is not set")]

TOTAL = 20 << 30
#: what lies on disk of it: the client writes over the same part again and again
ON_DISK = 64 * MIB
WINDOW, BLOCK, FLAT = 64, 256 * 1024, 32 * MIB


def test_20_gib_up_and_down(start: Callable[..., Server], site: Site) -> None:
    """F16."""
    server = start(f"AllowOverwrite on\nExtendedLog {site.root}/log/ext AUTH\n")
    road = Road(server)
    try:
        client = road.sftp(6)
        memory = Memory(server)
        handle = client.create("big")
        data, count = text(os.urandom(BLOCK)), TOTAL // BLOCK
        for number in range(count + WINDOW):
            if number < count:
                place = number * BLOCK % ON_DISK if number < count - 1 else TOTAL - BLOCK
                client.post(raw.WRITE, text(handle), u64(place), data)
            if number >= WINDOW:
                assert client.status(client.reply()) == raw.OK
        assert client.stat("big").size == TOTAL
        for number in range(count + WINDOW):
            if number < count:
                client.post(raw.READ, text(handle), u64(number * BLOCK), u32(BLOCK))
            if number >= WINDOW:
                answer = client.reply()
                assert answer.kind == raw.DATA and len(answer.body) == 4 + BLOCK
        assert client.close(handle) == raw.OK
        assert memory.grown() < FLAT
    except EOFError as error:
        raise AssertionError(site.log("sftp.log")[-2000:] + site.log("system.log")[-2000:] + site.log("stderr")) from error
    finally:
        road.close()
