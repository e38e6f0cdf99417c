from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pyproftpd.api.auth import Account
from pyproftpd.conf.explain import explain
from pyproftpd.vfs.verdicts import lines

from .conftest import Loader


class Town:
    """Two people and their groups."""

    def account(self, user: str) -> Account | None:
        return Account(user, 4001, 4001, "/home/" + user, "/bin/sh") if user in ("alice", "nobody") else None

    def groups(self, account: Account) -> Sequence[tuple[str, int]]:
        return [("staff", 4001)]

    def user_name(self, uid: int) -> str | None:
        return None

    group_name = user_name

    def user_id(self, user: str) -> int | None:
        return 0 if user == "root" else None

    group_id = user_id


def test_each_line_in_force_with_its_place(configure: Loader) -> None:
    loaded = configure("Umask 022\nTimeoutIdle 5\n<Directory /srv>\nUmask 077\n<Limit STOR>\nDenyUser nobody\n</Limit>\n"
                       "</Directory>\n")
    text = explain(loaded, people=Town(), judge=lines, user="nobody", path="/srv/x")
    assert f"Umask 077  ({loaded.path}:4)" in text
    assert "Umask 022" not in text
    assert f"TimeoutIdle 5  ({loaded.path}:2)" in text
    assert f"STOR: refused by <Limit STOR> ({loaded.path}:5)" in text
    assert "STOR: allowed" in explain(loaded, people=Town(), judge=lines, user="root", path="/srv/x", command="stor")


def test_the_rule_that_decides_is_named(configure: Loader, tmp_path: Path) -> None:
    """Limit by group of commands, filter, hiding and .ftpaccess: each by its name and line."""
    place = tmp_path / "files"
    (place / "below").mkdir(parents=True)
    (place / "a.secret").touch()
    (place / ".hidden").touch()
    (place / "below" / ".ftpaccess").write_text("\n<Limit WRITE>\nDenyGroup staff\n</Limit>\n")
    loaded = configure(f"AllowOverride on\n<Directory {place}>\nPathDenyFilter secret$\nHideFiles ^[.]hid\n<Limit DIRS>\n"
                       "DenyUser alice\n</Limit>\n</Directory>\nMaxRetrieveFileSize 1 B\n")

    def said(name: str, command: str) -> str:
        text = explain(loaded, people=Town(), judge=lines, user="alice", path=str(place / name), command=command)
        return text.splitlines()[-1].strip()

    assert said("plain", "STOR") == "STOR: allowed"
    assert said("a.secret", "RETR") == f"RETR: refused by PathDenyFilter ({loaded.path}:3)"
    assert said("a.secret", "STAT") == "STAT: allowed"
    assert said("plain", "RNFR") == f"RNFR: refused by <Limit DIRS> ({loaded.path}:5)"
    assert said(".hidden", "STAT") == f"STAT: refused by HideFiles ({loaded.path}:4), as if it did not exist"
    (place / "old").write_text("content")
    assert said("old", "STOR") == said("old", "RNTO").replace("RNTO", "STOR") == "STOR: refused by AllowOverwrite off (default)"
    assert said("old", "APPE") == "APPE: refused by AllowStoreRestart off (default)"
    assert said("old", "RETR") == f"RETR: refused by MaxRetrieveFileSize ({loaded.path}:9)"
    assert said("below", "RETR").startswith("RETR: fails: Is a directory")
    assert said("below/x", "mkd") == f"MKD: refused by <Limit WRITE> ({place}/below/.ftpaccess:2)"


@pytest.mark.parametrize("user", ["", "stranger"])
def test_a_user_whom_nobody_knows_is_explained_as_well(configure: Loader, user: str) -> None:
    loaded = configure("<Limit STOR>\nDenyAll\n</Limit>\n")
    assert "STOR: refused by <Limit STOR>" in explain(loaded, people=Town(), judge=lines, user=user, path="/srv/x")
