"""When new keys are asked for: by packets always, by bytes and by the clock where SFTPRekey says so (behaviour 41)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mod_sftp.quirks import Overrides
from mod_sftp.timing import Timing
from mod_sftp.transport.transport import Transport
from tests.link.pair import Pair
from tests.unit.mod_sftp.desk import make_session
from tests.unit.vfs.windows import Window


def timing(root: Path, directive: str, overrides: Overrides) -> tuple[Timing, Transport]:
    session = make_session(Window(root, directive))
    transport = Pair().run().server
    driver: Any = SimpleNamespace(overrides=overrides, transport=transport, rekey=transport.rekey)
    made = Timing(session, driver)
    made.logged_in()
    return made, transport


@pytest.mark.parametrize(("directive", "overrides", "packets", "volume"), [
    ("", Overrides(), True, False), ("SFTPRekey required 3600 1", Overrides(), True, True),
    ("SFTPRekey required", Overrides(), True, False), ("SFTPRekey none", Overrides(), False, False),
    ("SFTPRekey required 3600 1", Overrides(rekey=False), False, False)])
def test_reasons_for_new_keys(tmp_path: Path, directive: str, overrides: Overrides, packets: bool, volume: bool) -> None:
    made, transport = timing(tmp_path, directive, overrides)
    assert not made.wants_keys()
    transport._out.packets = 2**31 - 1
    assert not made.wants_keys()
    transport._out.packets = 2**31
    assert made.wants_keys() is packets
    transport._out.packets = 0
    transport._in.bytes = 1 << 20
    assert made.wants_keys() is volume
    transport._in.bytes = 2048 << 20
    assert made.wants_keys() is ("required" in directive and overrides.rekey)
