"""Fixtures that every test may use. The machinery is in servers.py (servers) and clients/ (clients)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import REAL, Server, Site, make_keys, scratch

#: ``make fuzz`` asks for many examples, and other ones every time; the test suite plays the same few
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
settings.register_profile("project", max_examples=int(EXAMPLES or 60), derandomize=EXAMPLES is None, deadline=None, database=None,
                          suppress_health_check=list(HealthCheck))
settings.load_profile("project")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "root: needs root, which make test has where it counts")
    config.addinivalue_line("markers", "real: needs a C proftpd with mod_sftp to compare with")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        if item.get_closest_marker("real") and not os.path.exists(REAL):
            item.add_marker(pytest.mark.skip(reason=f"{REAL} is not installed"))


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """What a test makes is not writable by everybody, whatever mask the test before it ran product code under."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def keys() -> Iterator[Path]:
    with scratch() as directory:
        yield make_keys(directory)


@pytest.fixture
def site(keys: Path) -> Iterator[Site]:
    with scratch() as directory:
        yield Site(directory, keys)


@pytest.fixture
def start(site: Site) -> Iterator[Callable[..., Server]]:
    """``start("AllowOverwrite on\\n")`` runs our server on ``site``; every server it started is stopped afterwards."""
    servers: list[Server] = []

    def run(extra: str = "", *, ours: bool = True, at: Site | None = None, **options: object) -> Server:
        server = Server(at or site, ours=ours)
        servers.append(server)
        return server.start(extra, **options)  # type: ignore[arg-type]

    yield run
    for server in servers:
        server.stop()


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    """Our server with the base configuration, uploads that may overwrite and resume."""
    return start("AllowOverwrite on\nAllowStoreRestart on\n")
