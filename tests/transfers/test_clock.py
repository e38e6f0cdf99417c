"""Somebody sets the clock in the middle of a transfer: nothing times out, and the logs show the time that was set.

security.md M5.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.rawsftp import CREAT, READ_FLAG, TRUNC, WRITE_FLAG
from tests.matrix.road import Road
from tests.servers import Server, Site, scratch
from tests.transfers.faults import Faults

pytestmark = pytest.mark.root

DAY = 86400
TIMEOUTS = "TimeoutIdle 600\nTimeoutNoTransfer 600\nTimeoutStalled 600\nTimeoutSession 600\nTransferRate STOR 100\n"


@pytest.mark.parametrize("ahead", [DAY, -DAY], ids=["a day on", "a day back"])
def test_M5_a_clock_that_is_set_ends_no_session(start: Callable[..., Server], site: Site, ahead: int) -> None:
    with scratch() as built:
        built.chmod(0o755)
        faults = Faults(Path(built))
        server = start(TIMEOUTS, environment=faults.environment)
        road = Road(server)
        client = road.sftp(3)
        handle = client.open("file", WRITE_FLAG | CREAT | TRUNC)
        assert client.write(handle, 0, b"x" * 20000) == 0
        faults.set_clock(ahead)
        assert client.write(handle, 20000, b"x" * 20000) == 0, "and it waits no day for the rate"
        assert client.close(handle) == 0
        assert client.close(client.open("file", READ_FLAG)) == 0
        Road(server).close()  # a login
        line = server.site.wait_for_log("xferlog", " i r demo ").split()
        written = time.mktime(time.strptime(" ".join(line[:5]), "%a %b %d %H:%M:%S %Y"))
        assert abs(written - (time.time() + ahead)) < DAY / 4, "the clock was never set"
        assert int(line[5]) < 60, "a transfer takes as long as it takes"
        road.close()
