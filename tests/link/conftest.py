"""One server for all tests of a file that need no settings of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server, Site, scratch


@pytest.fixture(scope="module")
def server(keys: Path) -> Iterator[Server]:
    with scratch() as directory:
        running = Server(Site(directory, keys)).start("AllowOverwrite on\nSFTPRekey required 3600 1 60\n")
        yield running
        running.stop()
