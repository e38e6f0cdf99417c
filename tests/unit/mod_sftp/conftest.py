from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory to serve. What a test makes in it has ordinary modes, though a session's umask is 0."""
    before = os.umask(0o022)
    directory = tmp_path / "root"
    directory.mkdir()
    yield directory
    os.umask(before)
