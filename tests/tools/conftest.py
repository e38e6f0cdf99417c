from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.servers import Server, Site
from tests.tools.commands import PROLOGUE, Live, wait_for_socket


@pytest.fixture
def steered(start: Callable[..., Server], site: Site) -> Callable[..., Server]:
    """A server with the administrator's actions; ``steered("ControlsEngine off\\n", waits=False)`` without a socket."""
    def run(extra: str = "", *, waits: bool = True, **options: object) -> Server:
        server = start(f"ControlsLog {site.root}/log/controls.log\n{extra}", prologue=PROLOGUE, **options)
        if waits:
            wait_for_socket(server)
        return server
    return run


@pytest.fixture
def live() -> Iterator[Callable[..., Live]]:
    """``live(server)`` is a client that stays until it is sent away or the test ends."""
    clients: list[Live] = []

    def connect(server: Server, user: str = "demo") -> Live:
        client = Live(server, user)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()
