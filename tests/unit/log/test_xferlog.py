"""The transfer line, byte for byte as a C proftpd 1.3.8 with mod_sftp wrote it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pyproftpd.api.transfer import Direction, TransferRecord
from pyproftpd.log.xferlog import line

FACTS = SimpleNamespace(identity=None, notes={}, user="demo", remote_name="127.0.0.1", protocol="sftp")


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(("record", "expected"), [
    (TransferRecord(Direction.UPLOAD, "/home/demo/a.txt", 3, 0.4, True),
     "Tue Nov 24 03:17:38 2026 0 127.0.0.1 3 /home/demo/a.txt b _ i r demo sftp 0 * c"),
    (TransferRecord(Direction.DOWNLOAD, "/home/demo/a b\tc", 70000, 12.9, False),
     "Tue Nov 24 03:17:38 2026 12 127.0.0.1 70000 /home/demo/a_b_c b _ o r demo sftp 0 * i"),
    (TransferRecord(Direction.DELETE, "/home/demo/a.txt", 5, 0.0, True),
     "Tue Nov 24 03:17:38 2026 0 127.0.0.1 5 /home/demo/a.txt b _ d r demo sftp 0 * c"),
])
def test_lines(record: TransferRecord, expected: str) -> None:
    assert line(record, FACTS, now=1795490258.0) == expected


def test_a_name_cannot_forge_a_second_line() -> None:
    record = TransferRecord(Direction.UPLOAD, "/x\nTue Nov 24 03:17:38 2026", 0, 0, True)
    assert "\n" not in line(record, FACTS, now=0.0)
