"""The shared table against somebody with an account on this machine."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pyproftpd.unix.scoreboard import Scoreboard
from tests.link.live import Live
from tests.servers import Server, Site

LOCK = """
import fcntl, os, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    fcntl.lockf(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH)
except OSError as error:
    print(type(error).__name__, flush=True)
else:
    print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.root
def test_M4_nobody_else_can_hold_up_new_sessions(start: Callable[..., Server]) -> None:
    """A lock for reading needs no more than a descriptor for reading."""
    server = start()
    with subprocess.Popen([sys.executable, "-c", LOCK, server.site.root / "proftpd.scoreboard.lck"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "PermissionError"
        with Live(server.port) as client:
            client.log_in()


@pytest.mark.root
def test_M1_modes_of_what_the_master_makes(start: Callable[..., Server], site: Site) -> None:
    """Whatever lay there before: the modes are the master's own."""
    for name in ("proftpd.pid", "proftpd.scoreboard", "proftpd.scoreboard.lck"):
        (site.root / name).touch()
        (site.root / name).chmod(0o666)
    start(f"ExtendedLog {site.root}/log/extended.log ALL\n")
    with Live(site.port) as client:
        client.log_in()
    found = {name: stat.S_IMODE((site.root / name).stat().st_mode) for name in (
        "proftpd.pid", "proftpd.scoreboard", "proftpd.scoreboard.lck", "log/xferlog", "log/sftp.log", "log/extended.log")}
    assert found == {"proftpd.pid": 0o644, "proftpd.scoreboard": 0o644, "proftpd.scoreboard.lck": 0o600,
                     "log/xferlog": 0o640, "log/sftp.log": 0o640, "log/extended.log": 0o640}


def test_M4_a_directory_that_everybody_may_write_to_holds_no_scoreboard(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(PermissionError):
        Scoreboard.create(str(tmp_path / "board"), str(tmp_path / "lock"), master=os.getpid())


@pytest.mark.root
def test_M4_a_scoreboard_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    """Its owner could cut it short under the master's feet."""
    (tmp_path / "board").touch()
    os.chown(tmp_path / "board", 65534, 65534)
    with pytest.raises(PermissionError):
        Scoreboard.create(str(tmp_path / "board"), str(tmp_path / "lock"), master=os.getpid())


def test_M4_a_fifo_in_place_of_the_scoreboard_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "board")
    with pytest.raises(PermissionError):
        Scoreboard.create(str(tmp_path / "board"), str(tmp_path / "lock"), master=os.getpid())
