from __future__ import annotations

from pyproftpd.conf.explain import explain
from pyproftpd.vfs.limits import evaluate

from .conftest import Loader


def test_each_line_in_force_with_its_place(configure: Loader) -> None:
    loaded = configure("Umask 022\nTimeoutIdle 5\n<Directory /srv>\nUmask 077\n<Limit STOR>\nDenyUser nobody\n</Limit>\n"
                       "</Directory>\n")
    text = explain(loaded, user="nobody", path="/srv/x", evaluate=evaluate)
    assert f"Umask 077  ({loaded.path}:4)" in text
    assert "Umask 022" not in text
    assert f"TimeoutIdle 5  ({loaded.path}:2)" in text
    assert f"STOR: refused by <Limit STOR> ({loaded.path}:5)" in text
    assert "STOR: allowed" in explain(loaded, user="root", path="/srv/x", command="stor", evaluate=evaluate)
