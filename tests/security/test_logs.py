"""What clients say reaches the logs as text: no line of its own, nothing that drives a terminal, before login or after."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest

from tests.clients.rawauth import Ended, connect
from tests.clients.rawsftp import REMOVE, text
from tests.link.live import Live
from tests.matrix.road import Road
from tests.servers import Server, Site

#: a line of its own, a line overwritten, a cleared screen, separators that some programs take for line ends
HOSTILE = "x\nNov 24 00:00:00 root: forged\r\x1b[2J\x07\x85\u2028\x7f"
LOGS = ("stderr", "sftp.log", "xferlog", "extended.log")
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u2028\u2029]")


@pytest.fixture
def server(start: Callable[..., Server], site: Site) -> Server:
    return start(f"AllowOverwrite on\nExtendedLog {site.root}/log/extended.log ALL\n")


def harmless(server: Server) -> None:
    """No control character, and no line that begins with the client's words."""
    server.site.wait_for_log("stderr", "SSH2 session closed.")
    for name in LOGS:
        found = server.site.log(name)
        assert not CONTROL.search(found), f"{name}: {CONTROL.search(found)}"
        assert not [line for line in found.split("\n") if line.startswith("Nov 24 00:00:00")], name


def test_names_before_login(server: Server) -> None:
    with connect(server) as client, contextlib.suppress(Ended):
        client.password(HOSTILE, "wrong")
    harmless(server)


def test_paths_and_commands_after_login(server: Server) -> None:
    road = Road(server)
    client = road.sftp(3)
    client.close(client.create(HOSTILE))
    client.ask(REMOVE, text(HOSTILE))
    client.extended(HOSTILE)
    with contextlib.suppress(Exception):
        road.exec(HOSTILE)
    road.close()
    harmless(server)


def test_words_of_the_transport(server: Server) -> None:
    """DEBUG, DISCONNECT and the names of algorithms are the client's own text."""
    with Live(server.port) as client:
        client.exchange_keys()
        client.client.send(4, b"\1", text(HOSTILE), text(""))
        client.client.send(1, (11).to_bytes(4, "big"), text(HOSTILE), text(""))
        client.ended()
    harmless(server)
