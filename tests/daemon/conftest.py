"""A master of its own for every test, stopped afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.master import Master
from tests.servers import scratch


@pytest.fixture
def master() -> Iterator[Master]:
    with scratch() as root:
        root.chmod(0o755)
        made = Master(root)
        yield made
        made.stop()
