"""A window on a fresh directory: ``window("AllowOverwrite on\\n")``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.vfs.windows import Window


@pytest.fixture
def root() -> Iterator[Path]:
    """An empty directory that every user may walk to."""
    with tempfile.TemporaryDirectory(prefix="pyproftpd-") as directory:
        os.chmod(directory, 0o755)
        path = Path(directory).resolve() / "root"
        path.mkdir(mode=0o755)
        yield path


@pytest.fixture
def window(root: Path) -> Iterator[Callable[..., Window]]:
    """Makes Views; every descriptor that one leaves open is a failure."""
    umask = os.umask(0)
    before = set(os.listdir("/proc/self/fd"))
    made: list[Window] = []

    def make(text: str = "", **changes: Any) -> Window:
        made.append(Window(root, text, **changes))
        return made[-1]

    yield make
    os.umask(umask)
    for one in made:
        for upload in one.uploads:
            upload.abort()
    after = set(os.listdir("/proc/self/fd"))
    assert len(after) <= len(before), "descriptors were left open"
