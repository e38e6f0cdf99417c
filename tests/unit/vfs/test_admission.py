"""A transfer is counted in when it is opened and counted out once, whatever ends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyproftpd.errors import Refused
from tests.unit.vfs.windows import Window

Make = Callable[..., Window]


@pytest.fixture
def counted() -> list[str]:
    return []


@pytest.fixture
def here(window: Make, counted: list[str]) -> Window:
    def admit(scope: object, name: str) -> Callable[[], None]:
        counted.append("in " + name)
        return lambda: counted.append("out " + name)

    return window("AllowOverwrite on\n", admit_transfer=admit)


@pytest.mark.parametrize("end", ["finish", "abort"])
def test_a_transfer_is_counted_out_once(here: Window, counted: list[str], end: str) -> None:
    upload = here.open("f")
    assert counted == ["in STOR"]
    getattr(upload, end)()
    upload.abort()
    assert counted == ["in STOR", "out STOR"]


def test_one_that_cannot_be_opened_leaves_no_trace(here: Window, counted: list[str]) -> None:
    (here.root / "full").symlink_to("/dev/full")
    (here.root / "directory").mkdir()
    for name in ("full", "directory", "missing/f"):
        with pytest.raises((OSError, Refused)):
            here.open(name)
    assert counted.count("in STOR") == counted.count("out STOR")
