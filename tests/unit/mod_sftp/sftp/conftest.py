from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.mod_sftp.desk import Desk


@pytest.fixture
def desk(root: Path) -> Callable[..., Desk]:
    """``desk(version=6)``: a server on ``root`` and a client that has said INIT."""
    def make(**options: Any) -> Desk:
        return Desk(root, **options)
    return make
