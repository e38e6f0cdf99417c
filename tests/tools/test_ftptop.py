"""ftptop and ftpscrub on a scoreboard with known sessions, and on that of a running server."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyproftpd.unix.scoreboard import Scoreboard
from tests.servers import Server
from tests.tools.commands import Live, run
from tests.waiting import LIMIT, wait_until

#: a number that no process has: above the kernel's largest pid (PID_MAX_LIMIT, 2**22)
NOBODY = 2**22 + 1


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Scoreboard]:
    made = Scoreboard.create(str(tmp_path / "board"), str(tmp_path / "lock"), master=4711)
    yield made
    made.close()


@pytest.fixture
def processes() -> Iterator[Callable[[], int]]:
    """Living processes that are nobody's session."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        started.append(subprocess.Popen(["sleep", "3600"]))
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def enter(board: Scoreboard, pid: int, **more: object) -> None:
    now = time.time_ns()
    board.add(pid, **{"user": "demo", "authenticated": True, "server_address": "127.0.0.1", "server_port": 2222,
                      "server_label": "files", "remote_name": "client.example", "remote_address": "192.0.2.1",
                      "protocol": "sftp", "command": "idle", "begin_session": now - 3665 * 10**9,
                      "begin_idle": now - 5 * 10**9, **more})


@pytest.fixture
def crowd(board: Scoreboard, processes: Callable[[], int]) -> dict[str, int]:
    """One session of every state, by its letter."""
    pids = {letter: processes() for letter in "AIUDLC"}
    enter(board, pids["A"], authenticated=False, user="(none)", command="(authenticating)")
    enter(board, pids["I"], server_label="other")
    enter(board, pids["U"], begin_idle=0, command="STOR", argument="up", direction="i", done=2048, elapsed_ms=1000)
    enter(board, pids["D"], begin_idle=0, command="RETR", argument="down", direction="o", size=400, done=100, elapsed_ms=500)
    enter(board, pids["L"], begin_idle=0, command="MLSD", argument="dir")
    enter(board, pids["C"], begin_idle=0, command="RNFR", argument="x")
    return pids


def top(board: Scoreboard, *words: str) -> list[str]:
    done = run("ftptop", "-b", "-n", "1", "-f", board.path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_one_screen(board: Scoreboard, crowd: dict[str, int]) -> None:
    head, totals, empty, columns, *rows = top(board)
    assert head.startswith("ftptop/1.0: ") and head.endswith(", up for 0 min")
    assert totals == "6 Total FTP Sessions: 1 downloading, 1 uploading, 1 idle"
    assert (empty, columns) == ("", "PID   S USER     CLIENT               SERVER          TIME   COMMAND")
    assert {row.split()[1]: int(row.split()[0]) for row in rows} == crowd
    by_state = {row.split()[1]: row for row in rows}
    assert by_state["D"] == (f"{crowd['D']:<5} D demo     client.example       127.0.0.1:2222  1h1m   RETR down")
    assert by_state["A"].endswith(" 1h1m   (authenticating)")
    idle = re.search(r" 0m(\d+)s +idle$", by_state["I"])
    assert idle and int(idle[1]) >= 5


@pytest.mark.parametrize(("words", "states"), [
    ("-A", "A"), ("-a", "CDILU"), ("-D", "D"), ("-U", "U"), ("-U -D", "DU"), ("-I", "I"), ("-i", "ACDLU"), ("-S other", "I"),
    ("-S nobody", "")])
def test_choices(board: Scoreboard, crowd: dict[str, int], words: str, states: str) -> None:
    assert sorted(row.split()[1] for row in top(board, *words.split())[4:]) == sorted(states)


def test_iterations(board: Scoreboard) -> None:
    done = run("ftptop", "-b", "-n", "3", "-d", "0", "-f", board.path)
    assert done.stdout.count("ftptop/1.0: ") == 3


def test_what_a_client_sends_cannot_steer_the_terminal(board: Scoreboard) -> None:
    enter(board, os.getpid(), user="\x1b[31mred", begin_idle=0, command="STAT", argument="a\x1b]0;title\x07\r\nb")
    assert "\x1b" not in "".join(top(board))
    done = run("ftpwho", "-v", "-f", board.path)
    assert "STAT a?]0;title???b" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("words", [("-f", "/nonexistent"), ("-f", "/etc/passwd"), ("-n", "x"), ("-d", "-1"), ("-Z",), ("what",)])
def test_faults_end_with_1(words: tuple[str, ...]) -> None:
    done = run("ftptop", "-b", "-n", "1", *words)
    assert done.returncode == 1
    assert done.stderr.startswith("ftptop: ")


def test_the_screen_of_a_terminal(board: Scoreboard, crowd: dict[str, int]) -> None:
    """t shows speeds, q ends."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "pyproftpd.cli.ftptop", "-d", "30", "-f", board.path],
                  {**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "120"})
    shown = _until(terminal, b"RETR down")
    assert b"6 Total FTP Sessions" in shown
    os.write(terminal, b"t")
    assert b"KB/s" in _until(terminal, b"%DONE")
    os.write(terminal, b"q")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0


def _until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        assert select.select([terminal], [], [], LIMIT)[0], shown
        shown += os.read(terminal, 65536)
    return shown


def test_a_live_session_is_shown(start: Callable[..., Server], live: Callable[..., Live]) -> None:
    server = start()
    live(server)
    def shown() -> list[str]:
        (row,) = run("ftptop", "-b", "-n", "1", "-f", str(server.site.root / "proftpd.scoreboard")).stdout.splitlines()[4:]
        return row.split()

    wait_until(lambda: shown()[1] == "I", "the session at rest")
    pid, state, user, client, address, _, command = shown()
    assert [int(pid)] == server.sessions()
    assert (state, user, client, address, command) == ("I", "demo", "127.0.0.1", f"127.0.0.1:{server.port}", "idle")


def test_scrub_removes_the_dead_and_no_others(board: Scoreboard, processes: Callable[[], int]) -> None:
    """security.md M11."""
    alive, dead = processes(), processes()
    enter(board, NOBODY)
    enter(board, alive, user="living")
    enter(board, dead)
    os.kill(dead, 9)
    os.waitpid(dead, 0)
    done = run("ftpscrub", "-v", "-f", board.path)
    assert (done.returncode, done.stdout) == (0, f"scrubbing ScoreboardFile {board.path}\n")
    raw = Path(board.path).read_bytes()
    assert NOBODY.to_bytes(4, "little") not in raw
    assert [entry.pid for entry in board.entries()] == [alive]


def test_a_server_scrubs_by_itself(start: Callable[..., Server]) -> None:
    """An entry that no child of the master left behind, so that its end tells nobody."""
    server = start("ScoreboardScrub 2\n")
    path = server.site.root / "proftpd.scoreboard"
    board = Scoreboard.create(str(path), f"{path}.lck", master=server.pid, keep=True)
    enter(board, NOBODY)
    board.close()
    wait_until(lambda: NOBODY.to_bytes(4, "little") not in path.read_bytes(), "the scrub")


@pytest.mark.parametrize("words", [("-f", "/nonexistent"), ("-f", "/etc/hosts"), ("-Z",), ("what",)])
def test_scrub_faults_end_with_1(words: tuple[str, ...]) -> None:
    before = Path("/etc/hosts").read_bytes()
    done = run("ftpscrub", *words)
    assert done.returncode == 1
    assert done.stderr
    assert Path("/etc/hosts").read_bytes() == before
