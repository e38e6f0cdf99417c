"""What the client tests share: a small source tree with the shapes that break clients, and a way to compare trees."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import scratch


@pytest.fixture
def tree() -> Iterator[Path]:
    """Files of 0 bytes to 3 MiB, names with blanks, quotes, UTF-8 and glob characters, nested and empty directories."""
    with scratch() as root:
        (root / "tree" / "sub dir" / "deeper").mkdir(parents=True)
        (root / "tree" / "empty").mkdir()
        for name, size in (("empty.txt", 0), ("one", 1), ("block", 32768), ("block+1", 32769), ("big.bin", 3 << 20),
                           ("sub dir/a b.txt", 100), ("sub dir/it's", 7), ("sub dir/grüße.txt", 11), ("sub dir/deeper/x", 70000)):
            (root / "tree" / name).write_bytes(os.urandom(size))
        (root / "tree" / "one").chmod(0o640)
        yield root / "tree"


def digest(root: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of the contents, or ``directory``, for everything below ``root``."""
    return {str(path.relative_to(root)): "directory" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*"))}
