"""Rehearsal: whole sessions are played before the first client, and nothing of them stays."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyproftpd.daemon import rehearsal, world
from pyproftpd.daemon.options import Options
from pyproftpd.log.system import ServerLogger
from pyproftpd.session.records import Totals
from tests.servers import Site


class Lines:
    """A log sink that keeps what was said."""

    failures = 0

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)

    def close(self) -> None:
        """Nothing to close."""


class Watched:
    """The front end of a real server; what its rehearsed sessions were at their end is kept."""

    def __init__(self, frontend: Any) -> None:
        self._frontend = frontend
        self.ended: list[tuple[bool, int, int, str]] = []
        self.claims, self.prepare, self.greeting, self.refuse, self.name, self.protocol = (
            frontend.claims, frontend.prepare, frontend.greeting, frontend.refuse, frontend.name, frontend.protocol)

    def rehearsal(self, directory: Path) -> Any:
        play = self._frontend.rehearsal(directory)
        run = play.run

        def watched(session: Any) -> None:
            run(session)
            totals = session.state(Totals)
            cipher = session.environ["SFTP_SERVER_CIPHER_ALGO"]
            self.ended.append((session.authenticated, totals.uploads, totals.downloads, cipher))
        play.run = watched
        return play

    def run(self, session: Any) -> None:
        raise AssertionError("no real session here")


class Broken(Watched):
    def rehearsal(self, directory: Path) -> Any:
        raise LookupError("nothing to play")


@pytest.fixture
def frontend(site: Site) -> Iterator[Any]:
    built = world.build(Options(path=str(site.configuration())))  # what is prepared goes with its world
    yield built.services[0].frontend


def state(directory: Path) -> tuple[Any, ...]:
    gc.collect()  # what earlier tests left open is closed before it is counted
    return (os.getcwd(), os.getresuid(), os.getresgid(), os.getgroups(), sorted(os.listdir("/proc/self/fd"))[:-1],
            os.listdir(directory), dict(os.environ))


def test_every_rehearsed_session_logs_in_and_moves_a_file_and_leaves_nothing(
        frontend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = Lines()
    watched = Watched(frontend)
    before = state(tmp_path)
    rehearsal.rehearse(watched, ServerLogger(said))
    assert state(tmp_path) == before
    assert said.lines == []
    assert [session[:3] for session in watched.ended] == [(True, 1, 1)] * rehearsal.TIMES
    ciphers = {session[3] for session in watched.ended}
    assert {"chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"} <= ciphers


def test_a_rehearsal_that_fails_costs_one_line_and_not_the_server(frontend: Any) -> None:
    said = Lines()
    rehearsal.rehearse(Broken(frontend), ServerLogger(said))
    assert len(said.lines) == 1 and "LookupError: nothing to play" in said.lines[0]
