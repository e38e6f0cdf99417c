"""TERM in the middle of an upload (promise 6)."""

from __future__ import annotations

import signal
from collections.abc import Callable

import psutil

from tests.clients.rawsftp import CREAT, OPEN, WRITE_FLAG, text, u32
from tests.link.live import INIT, Live
from tests.servers import Server
from tests.transfers.test_timeouts import BY_APPLICATION, packet
from tests.waiting import LIMIT


def test_promise_06_term_tells_clients_and_leaves_nobody_behind(start: Callable[..., Server]) -> None:
    server = start("HiddenStores on\n")
    home = server.site.accounts["demo"].home
    with Live(server.port) as live:
        live.log_in()
        channel = live.open()
        live.sftp(channel)
        live.data(channel, INIT + packet(OPEN, 1, text("file"), u32(WRITE_FLAG | CREAT), u32(0)))
        assert live.pump(lambda: (home / ".in.file.").exists())
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        server.signal(signal.SIGTERM)
        assert [reason for reason, _ in live.ended()] == [BY_APPLICATION]
        assert server.process is not None and server.process.wait(LIMIT) == 0
        assert psutil.wait_procs(family, LIMIT)[1] == []
    assert list(home.iterdir()) == []
