"""A configuration written by a test, loaded for real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyproftpd.conf.load import load
from pyproftpd.conf.scope import Configuration
from pyproftpd.errors import ConfigErrors

Loader = Callable[..., Configuration]


@dataclass
class Someone:
    """A session as conditions see it."""

    user: str = ""
    groups: tuple[str, ...] = ()
    connection_class: str = ""
    authenticated: bool = True
    remote_address: str = "192.0.2.7"
    remote_port: int = 50000
    remote_name: str = "client.example.com"
    local_address: str = "192.0.2.1"
    local_port: int = 22


@pytest.fixture
def configure(tmp_path: Path) -> Loader:
    def loader(text: str, **options: object) -> Configuration:
        path = tmp_path / "proftpd.conf"
        path.write_text(text)
        return load(str(path), **options)  # type: ignore[arg-type]
    return loader


@pytest.fixture
def faults(configure: Loader) -> Callable[[str], list[str]]:
    """The messages of a configuration that must be refused, each as ``line: message``."""
    def messages(text: str) -> list[str]:
        with pytest.raises(ConfigErrors) as raised:
            configure(text)
        return [f"{error.where.line if error.where else '?'}: {error.message}" for error in raised.value.errors]
    return messages
