"""The MaxClients family, counted on a real scoreboard with living processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyproftpd.conf.load import load
from pyproftpd.conf.scope import Scope
from pyproftpd.session import admission
from pyproftpd.session.admission import TOO_MANY_CONNECTIONS, TooMany
from pyproftpd.unix.scoreboard import Scoreboard

HERE = {"server_address": "127.0.0.1", "server_port": 2222}


@dataclass
class Log:
    said: list[str] = field(default_factory=list)

    def notice(self, text: str) -> None:
        self.said.append(text)


@dataclass
class Arrival:
    """A session as admission sees it: where it comes from and what holds for it."""

    scope: Scope
    remote_address: str = "10.0.0.1"
    connection_class: str = ""
    user: str = "eve"
    local_address: str = "127.0.0.1"
    local_port: int = 2222
    log: Log = field(default_factory=Log)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Scoreboard]:
    board = Scoreboard.create(str(tmp_path / "scoreboard"), str(tmp_path / "mutex"), master=os.getpid())
    yield board
    board.close()


@pytest.fixture
def show(board: Scoreboard) -> Iterator[Callable[..., None]]:
    """``show(user, remote_address, ...)`` puts a session on the scoreboard that lives until the end of the test."""
    living: list[subprocess.Popen[bytes]] = []

    def add(user: str = "eve", remote: str = "10.0.0.1", **values: object) -> None:
        process = subprocess.Popen(["sleep", "3600"])
        living.append(process)
        board.add(process.pid, **{**HERE, "user": user, "remote_address": remote, "authenticated": True, **values})

    yield add
    for process in living:
        process.kill()
        process.wait()


def scope(tmp_path: Path, text: str) -> Scope:
    path = tmp_path / "proftpd.conf"
    path.write_text(text)
    return load(str(path)).servers[0]


def at_login(board: Scoreboard, place: Scope, **values: str) -> TooMany | None:
    """The arrival shows itself first, as the login does."""
    session = Arrival(place, **values)  # type: ignore[arg-type]
    slot = board.add(os.getpid(), **HERE, user=session.user, remote_address=session.remote_address,
                     connection_class=session.connection_class, authenticated=True)
    try:
        refusal = admission.admit_login(session, place, board.entries())  # type: ignore[arg-type]
    finally:
        slot.remove()
    if refusal is not None:
        assert refusal.reason == TOO_MANY_CONNECTIONS and len(session.log.said) == 1
        assert refusal.directive in session.log.said[0]
    return refusal


@pytest.mark.parametrize(("line", "others", "arrival", "refused"), [
    ("MaxClients 2", [("a", "10.1.1.1")], {}, False),
    ("MaxClients 2", [("a", "10.1.1.1"), ("b", "10.1.1.2")], {}, True),
    ("MaxClients none", [("a", "10.1.1.1"), ("b", "10.1.1.2")], {}, False),
    ("MaxClientsPerHost 1", [("a", "10.1.1.1")], {}, False),
    ("MaxClientsPerHost 1", [("a", "10.0.0.1")], {}, True),
    ("MaxClientsPerUser 1", [("a", "10.0.0.1")], {}, False),
    ("MaxClientsPerUser 1", [("eve", "10.1.1.1")], {}, True),
    ("MaxHostsPerUser 1", [("eve", "10.0.0.1"), ("eve", "10.0.0.1")], {}, False),
    ("MaxHostsPerUser 1", [("eve", "10.1.1.1")], {}, True),
    ("MaxHostsPerUser 2", [("eve", "10.1.1.1")], {}, False)])
def test_limits_at_login(tmp_path: Path, board: Scoreboard, show: Callable[..., None], line: str,
                         others: list[tuple[str, str]], arrival: dict[str, str], refused: bool) -> None:
    for user, remote in others:
        show(user, remote)
    refusal = at_login(board, scope(tmp_path, line + "\n"), **arrival)
    assert (refusal is not None) == refused
    if refusal is not None:
        assert refusal.directive == line.split()[0]


def test_a_limit_of_a_class_concerns_that_class(tmp_path: Path, board: Scoreboard, show: Callable[..., None]) -> None:
    place = scope(tmp_path, "<Class lan>\nFrom 10.0.0.0/8\n</Class>\nMaxClientsPerClass lan 1\n")
    show("a", "10.0.0.9", connection_class="lan")
    assert at_login(board, place, connection_class="lan") is not None
    assert at_login(board, place, connection_class="") is None


def test_sessions_that_do_not_count(tmp_path: Path, board: Scoreboard, show: Callable[..., None]) -> None:
    """Those of other servers, those that have not logged in, and those that are dead."""
    show(server_port=2223)
    show(server_address="127.0.0.2")
    show(authenticated=False)
    dead = subprocess.Popen(["true"])
    board.add(dead.pid, **HERE, user="eve", remote_address="10.0.0.1", authenticated=True)
    dead.wait()
    assert at_login(board, scope(tmp_path, "MaxClients 1\nMaxClientsPerHost 1\nMaxClientsPerUser 1\n")) is None


def test_connections_of_a_host_count_before_any_login(tmp_path: Path, board: Scoreboard, show: Callable[..., None]) -> None:
    place = scope(tmp_path, "MaxConnectionsPerHost 2\n")
    show(authenticated=False)
    show(authenticated=False)
    session = Arrival(place)
    assert admission.admit(session, board.entries()) is None  # type: ignore[arg-type]
    show(authenticated=False)
    refusal = admission.admit(session, board.entries())  # type: ignore[arg-type]
    assert refusal is not None and refusal.directive == "MaxConnectionsPerHost"
    assert admission.admit(Arrival(place, remote_address="10.9.9.9"), board.entries()) is None  # type: ignore[arg-type]
