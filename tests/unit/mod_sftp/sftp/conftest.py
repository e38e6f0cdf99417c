from __future__ import annotations

from pathlib import Path

import pytest

from mod_sftp.sftp.terms import Terms
from tests.unit.mod_sftp.desk import ALLOWING, Desk, Desks


@pytest.fixture
def desk(root: Path) -> Desks:
    """A server on ``root`` for every call."""
    def make(*, version: int = 3, conf: str = ALLOWING, terms: Terms | None = None) -> Desk:
        return Desk(root, version=version, conf=conf, terms=terms)
    return make
