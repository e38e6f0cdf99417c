"""Display files: variables are filled in, unknown ones stay, nothing but a regular file is read."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pyproftpd.conf.load import load
from pyproftpd.conf.scope import Scope
from pyproftpd.session import display
from pyproftpd.session.records import Totals


@dataclass
class Shown:
    """What a display reads of a session."""

    scope: Scope
    remote_name: str = "client.example.org"
    server_dns: str = "ftp.example.org"
    server_name: str = "a server"
    original_user: str = "eve"
    connection_class: str = ""
    slot: None = None
    view: None = None
    environ: dict[str, str] = field(default_factory=lambda: {"COLOUR": "blue"})
    totals: Totals = field(default_factory=lambda: Totals(2, 3, 5 * 1024 * 1024))

    def state(self, kind: type[Any]) -> Any:
        assert kind is Totals
        return self.totals


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    path = tmp_path / "proftpd.conf"
    path.write_text("MaxClients 7\nServerAdmin admin@example.org\n")
    return Shown(load(str(path)).servers[0])


@pytest.mark.parametrize(("text", "result"), [
    ("hello %U from %R at %L (%V)", "hello eve from client.example.org at ftp.example.org (a server)"),
    ("%E %M %N %x %z", "admin@example.org 7 1 (unknown) unlimited"),
    ("%i %o %t %K %k", "2 3 5 5242880 5.00MB"), ("%C %u", "/ UNKNOWN"),
    ("%{env:COLOUR} %{env:NONE} %{nothing}", "blue (none) (none)"), ("%{time:%%}", "%"),
    ("100% %q %", "100% %q %"), ("%{unclosed", "%{unclosed")])
def test_variables(shown: Shown, text: str, result: str) -> None:
    assert display.Display(text).render(shown) == result  # type: ignore[arg-type]


def test_a_name_of_the_clients_choosing_cannot_move_the_cursor(shown: Shown) -> None:
    shown.original_user = "eve\x1b[2J\r\n%R"
    assert display.Display("<%U>").render(shown) == "<eve[2J%R>"  # type: ignore[arg-type]


def test_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"x" * (display.MAX_DISPLAY + 10))
    assert len(display.read(str(tmp_path / "text")).text) == display.MAX_DISPLAY
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), str(tmp_path), str(tmp_path / "none"), "/dev/zero"):
        with pytest.raises(OSError):
            display.read(path)
