"""Sessions as processes: forked, shown, counted, reaped; whatever befalls one, the master and the others go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.master import Master, alive
from tests.daemon.modules.mod_echo.module import UID
from tests.waiting import wait_until

FTPWHO = str(Path(sys.executable).parent / "ftpwho")


def who(master: Master, *arguments: str) -> str:
    return subprocess.run([FTPWHO, "-f", str(master.root / "scoreboard"), *arguments], capture_output=True, text=True,
                          check=True).stdout


def test_each_connection_is_a_process_that_goes_with_it(master: Master) -> None:
    master.start()
    clients = [master.connect() for _ in range(3)]
    assert all(client.served() for client in clients)
    assert len(master.children()) == 3
    for client in clients:
        client.close()
    wait_until(lambda: master.children() == [], "reaping")


def test_the_master_lives_through_every_death_of_a_child(master: Master) -> None:
    master.start()
    killed, crashed, other = master.connect(), master.connect(), master.connect()
    assert killed.served()
    (pid,) = (child for child in master.children() if child == int(killed.table("status")["Pid"]))
    os.kill(pid, signal.SIGKILL)
    crashed.ask("crash")
    master.wait_for_log("RuntimeError: told to")
    master.wait_for_log(f"session {pid} ended by signal 9")
    assert other.served()
    assert master.connect().served()
    assert alive(master.pid)


def test_the_scoreboard_forgets_a_killed_session(master: Master) -> None:
    master.start()
    client = master.connect()
    assert client.served()
    pid = int(client.table("status")["Pid"])
    assert f"{pid} " in who(master)
    assert "(authenticating)" in who(master)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "no users connected" in who(master), "self-healing")


def test_a_truncated_scoreboard_ends_no_session_and_is_rebuilt(master: Master) -> None:
    master.start()
    clients = [master.connect() for _ in range(3)]
    assert all(client.served() for client in clients)
    os.truncate(master.root / "scoreboard", 0)
    assert [client.ask("login") for client in clients] == ["login"] * 3
    (master.root / "scoreboard").write_bytes(b"garbage" * 1000)
    assert master.connect().served()
    assert all(client.served() for client in clients)


def test_maxinstances_refuses_the_next_one_and_lets_it_in_again(master: Master) -> None:
    master.start("MaxInstances 2\n")
    first, second = master.connect(), master.connect()
    assert first.served() and second.served()
    assert not master.serves()
    master.wait_for_log("MaxInstances (2) reached")
    first.close()
    wait_until(master.serves, "a free place")
    assert second.served()


def test_maxconnectionrate_refuses_what_comes_too_fast(master: Master) -> None:
    master.start("MaxConnectionRate 4 3600\n")
    answers = [master.serves() for _ in range(5)]
    # two places went to the harness, which looked whether the server is there
    assert answers == [True, True, False, False, False]


def test_timeoutlogin_counts_from_the_connection_and_no_activity_helps(master: Master) -> None:
    master.start("TimeoutLogin 4\n")
    member = master.connect()
    assert member.ask("login") == "login"
    idle, busy = master.connect(), master.connect()
    assert busy.served()
    assert idle.read() == ""
    wait_until(lambda: not busy.served(), "the end of a busy client that does not log in")
    assert member.served()


@pytest.mark.root
def test_before_login_a_session_is_the_daemons_user_with_no_groups(master: Master) -> None:
    master.start()
    status = master.connect().table("status")
    real, effective, saved, _ = status["Uid"].split("\t")
    assert (real, saved) == ("0", "0")
    assert effective != "0"
    assert status["Groups"].strip() == ""
    assert status["Umask"] == "0000"


@pytest.mark.root
def test_after_login_a_session_is_its_user_and_nothing_else(master: Master) -> None:
    master.start()
    client = master.connect()
    assert client.ask("login") == "login"
    (pid,) = master.children()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(UID)}
    assert status["Groups"].split() == [str(UID)]
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


def test_a_session_holds_only_descriptors_of_its_own(master: Master) -> None:
    master.start()
    others = [master.connect() for _ in range(3)]
    assert all(other.served() for other in others)
    found = master.connect().table("descriptors")
    assert {found.pop(fd) for fd in ("0", "1", "2")} == {"/dev/null"}
    kinds = sorted(target.split(":")[0] if ":[" in target else target for target in found.values())
    allowed = {"socket", "pipe", str(master.root / "scoreboard"), str(master.root / "system.log")}
    assert set(kinds) <= allowed
    assert kinds.count("socket") == 1, "the client's and no other's"
    assert kinds.count("pipe") == 3, "two ends for signals, one for reports"


def test_the_master_leaks_no_descriptors(master: Master) -> None:
    master.start()
    assert master.connect().served()
    wait_until(lambda: master.children() == [], "reaping")
    before = len(os.listdir(f"/proc/{master.pid}/fd"))
    for _ in range(50):
        master.connect().close()
    wait_until(lambda: master.children() == [], "reaping")
    assert master.connect().served()
    wait_until(lambda: master.children() == [], "reaping")
    assert len(os.listdir(f"/proc/{master.pid}/fd")) == before
