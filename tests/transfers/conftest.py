"""A server and a raw client for the tests of transfers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.matrix.road import Road
from tests.servers import Server

Connect = Callable[..., tuple[Server, Road, Path]]


@pytest.fixture
def connect(start: Callable[..., Server]) -> Iterator[Connect]:
    """``connect("HiddenStores on\\n")`` -> (server, a road to it, the home of its user)."""
    roads: list[Road] = []

    def run(extra: str = "") -> tuple[Server, Road, Path]:
        server = start(extra)
        road = Road(server)
        roads.append(road)
        return server, road, server.site.accounts["demo"].home

    yield run
    for road in roads:
        road.close()
