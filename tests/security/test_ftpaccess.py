"""Users write .ftpaccess files: nothing in one may be done with more power than its writer has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.rawsftp import MKDIR, RawSftp, text
from tests.matrix.road import Road
from tests.servers import Server, Site

#: a group that every system has and no test user is in
FOREIGN = 0


@pytest.fixture
def home(site: Site) -> Path:
    site.groups["foreign"] = (FOREIGN, ())
    return site.accounts["demo"].home


def make(client: RawSftp) -> None:
    client.close(client.create("d/file"))
    client.ask(MKDIR, text("d/inner"), client.no_attrs())


@pytest.mark.root
@pytest.mark.parametrize("power", ["RootRevoke off\n", "<Directory /nowhere>\nUserOwner demo\n</Directory>\n"])
def test_U14_groupowner_of_a_users_own_file_gives_no_group_that_he_has_not(
        start: Callable[..., Server], home: Path, power: str) -> None:
    (home / "d").mkdir(mode=0o777)
    (home / "d").chmod(0o777)
    (home / "d/.ftpaccess").write_text("GroupOwner foreign\n")
    road = Road(start(f"AllowOverride on\n{power}"))
    make(road.sftp(3))
    road.close()
    assert {(home / "d" / name).stat().st_gid for name in ("file", "inner")} == {63000}


@pytest.mark.root
def test_groupowner_of_the_administrator_gives_any_group(start: Callable[..., Server], home: Path) -> None:
    (home / "d").mkdir()
    (home / "d").chmod(0o777)
    road = Road(start(f"RootRevoke off\n<Directory {home}/d>\nGroupOwner foreign\n</Directory>\n"))
    make(road.sftp(3))
    road.close()
    assert {(home / "d" / name).stat().st_gid for name in ("file", "inner")} == {FOREIGN}
