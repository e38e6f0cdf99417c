"""ftpwho and ftpcount against a scoreboard with known sessions. The shapes were taken from the real tools."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyproftpd.cli import ftpwho
from pyproftpd.unix.scoreboard import Scoreboard

PID = os.getpid()
NOW = 1_795_490_258 * 10**9


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are shown, and none passes meanwhile."""
    monkeypatch.setattr(time, "time_ns", lambda: NOW)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Scoreboard]:
    made = Scoreboard.create(str(tmp_path / "board"), str(tmp_path / "lock"), master=4711)
    yield made
    made.close()


def session(board: Scoreboard, **more: object) -> None:
    board.add(PID, **{"user": "demo", "authenticated": True, "server_address": "127.0.0.1", "server_port": 2222,
                      "server_label": "files", "remote_name": "client.example", "remote_address": "192.0.2.1",
                      "protocol": "sftp", "cwd": "/home", "command": "idle", "begin_session": NOW - 65 * 10**9,
                      "begin_idle": NOW - 5 * 10**9, **more})


def output(capsys: pytest.CaptureFixture[str], board: Scoreboard, *words: str) -> str:
    assert ftpwho.main(["-f", board.path, *words]) == 0
    return capsys.readouterr().out


def test_nobody(board: Scoreboard, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, board) == "standalone FTP daemon [4711], up for 0 min\nno users connected\n"
    assert ftpwho.count(["-f", board.path]) == 0
    assert capsys.readouterr().out == "Master proftpd process 4711:\n0 users\n"


def test_an_idle_session(board: Scoreboard, capsys: pytest.CaptureFixture[str]) -> None:
    session(board)
    lines = output(capsys, board).splitlines()
    assert lines[1] == f"{PID:5} demo     [  1m5s]   0m5s idle"
    assert lines[2] == "Service class                      -   1 user"


def test_details(board: Scoreboard, capsys: pytest.CaptureFixture[str]) -> None:
    session(board, connection_class="office")
    assert output(capsys, board, "-v").split("\n")[2:] == [
        "\tclient: client.example [192.0.2.1]", "\tserver: 127.0.0.1:2222 (files)", "\tprotocol: sftp",
        "\tlocation: /home", "", "Service class office               -   1 user", ""]
    assert (" client: client.example [192.0.2.1] server: 127.0.0.1:2222 (files) protocol: sftp location: /home\n"
            in output(capsys, board, "-v", "-o", "oneline"))


def test_before_login_and_in_a_download(board: Scoreboard, capsys: pytest.CaptureFixture[str]) -> None:
    session(board, authenticated=False, user="(none)")
    assert f"{PID:5} (none)   [  1m5s] (authenticating)\n" in output(capsys, board)
    board.drop(PID)
    session(board, command="RETR", argument="big file", begin_idle=0, direction="o", size=200, done=50)
    assert f"{PID:5} demo     [  1m5s] (25%) RETR big file\n" in output(capsys, board)


def test_json(board: Scoreboard, capsys: pytest.CaptureFixture[str]) -> None:
    session(board)
    found = json.loads(output(capsys, board, "-o", "json"))
    assert (found["server"]["pid"], found["server"]["server_type"]) == (4711, "standalone")
    (one,) = found["connections"]
    assert {key: one[key] for key in ("pid", "user", "protocol", "location", "idling", "local_port")} == {
        "pid": PID, "user": "demo", "protocol": "sftp", "location": "/home", "idling": True, "local_port": 2222}


def test_one_server_only(board: Scoreboard, capsys: pytest.CaptureFixture[str]) -> None:
    session(board)
    assert "ProFTPD Server 'files'\n" in output(capsys, board, "-S", "files")
    assert output(capsys, board, "-S", "other").endswith("ProFTPD Server 'other'\nno users connected\n")


def test_the_scoreboard_is_found_through_the_configuration(board: Scoreboard, tmp_path: Path,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "proftpd.conf").write_text(f'ServerName "x"\n  scoreboardfile {board.path}\n')
    assert ftpwho.main(["-c", str(tmp_path / "proftpd.conf")]) == 0
    assert "[4711]" in capsys.readouterr().out


def test_what_is_no_scoreboard_is_said_and_not_waited_for(board: Scoreboard, tmp_path: Path,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(b"\xff" * 100_000)
    (tmp_path / "cut").write_bytes(Path(board.path).read_bytes()[:20])
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("empty", "noise", "cut", "directory", "fifo"):
        assert ftpwho.main(["-f", str(tmp_path / name)]) == 1
        assert str(tmp_path / name) in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-f", "/nonexistent"], ["-Z"], ["-o", "yaml"], ["-f", "/etc/passwd"]])
def test_faults_end_with_1(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ftpwho.main(words) == 1
    assert capsys.readouterr().err
