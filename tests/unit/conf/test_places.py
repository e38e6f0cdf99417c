"""Which Directory, Limit and mod_ifsession section decides: the corpus holds what ProFTPD 1.3.8 did with an upload."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyproftpd.conf.load import load
from pyproftpd.vfs.conf import OwnershipConf
from pyproftpd.vfs.limits import evaluate

from .conftest import Someone

CORPUS = Path(__file__).parents[2] / "corpus" / "conf" / "places"
BOB = Someone("bob", ("nogroup", "staff", "users"), remote_address="127.0.0.1", remote_name="127.0.0.1")


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.conf")), ids=lambda path: path.stem)
def test_uploads_of_bob(path: Path) -> None:
    configuration = load(str(path))
    name = next((one.name for one in configuration.classes if one.matches("127.0.0.1", "127.0.0.1")), "")
    facts = Someone(BOB.user, BOB.groups, name, remote_address="127.0.0.1", remote_name="127.0.0.1")
    server = configuration.servers[0].bind(facts, home="/srv")
    wanted = re.findall(r"^# STOR (\S+) -> (\S+)$", path.read_text(), re.MULTILINE)
    assert wanted
    for target, outcome in wanted:
        scope = server.under(target)
        if not evaluate(scope, ("STOR",), "WRITE", facts).allowed:
            assert outcome == "refused", target
        else:
            assert f"{0o666 & ~scope.get(OwnershipConf).umask[0]:04o}" == outcome, target


def test_corpus_is_there() -> None:
    assert len(list(CORPUS.glob("*.conf"))) > 50
