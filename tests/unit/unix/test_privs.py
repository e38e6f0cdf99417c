"""The four states of a process, each looked at from outside: /proc says who it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyproftpd.errors import Bug
from pyproftpd.unix.privs import Privileges, State
from tests.servers import scratch

USER = 63222

PRELUDE = """
import json, os
from pyproftpd.api.auth import Identity
from pyproftpd.unix.privs import Privileges
def status():
    rows = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return {name: rows[name].split() for name in ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs")}
said = []
privs = Privileges(said.append)
privs.become_daemon(65534, 65534)
privs.connected()
"""
LOGIN = f"privs.log_in(Identity('x', {USER}, {USER}, ('x', 'y'), ({USER}, 63333), '/', '/bin/sh'))\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """Where every user may walk to, which pytest's own directories are not."""
    with scratch() as path:
        yield path


def run(script: str) -> Any:
    """In a process of its own, since there is no way back."""
    done = subprocess.run([sys.executable, "-c", PRELUDE + script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.root
def test_the_daemon_keeps_root_in_reserve_and_no_groups() -> None:
    status = run("print(json.dumps(status()))")
    assert status["Uid"][:3] == ["0", "65534", "0"]
    assert (status["Groups"], set(status["CapEff"])) == ([], {"0" * 16})


@pytest.mark.root
def test_root_and_user_nest_and_come_back() -> None:
    assert run("""
seen = [os.geteuid()]
with privs.root():
    seen.append(os.geteuid())
    with privs.user():
        seen.append(os.geteuid())
        with privs.root():
            seen.append(os.geteuid())
        seen.append(os.geteuid())
    seen.append(os.geteuid())
try:
    with privs.root():
        raise ValueError
except ValueError:
    seen.append(os.geteuid())
print(json.dumps(seen))""") == [65534, 0, 65534, 0, 65534, 0, 65534]


@pytest.mark.root
def test_borrowed_ids_are_whole_and_given_back() -> None:
    assert run("""
with privs.root():
    with privs.borrowed(1, 2, (3, 4)):
        inside = [os.geteuid(), os.getegid(), sorted(os.getgroups())]
    seen = [inside, os.geteuid()]
print(json.dumps(seen + [os.geteuid(), os.getegid(), os.getgroups()]))""") == [[1, 2, [3, 4]], 0, 65534, 65534, []]


@pytest.mark.root
def test_logged_in_is_the_user_with_the_users_groups_and_root_in_reserve() -> None:
    status = run(LOGIN + "print(json.dumps(status()))")
    assert status["Uid"][:3] == ["0", str(USER), "0"]
    assert sorted(status["Groups"]) == [str(USER), "63333"]


@pytest.mark.root
def test_revoked_is_the_user_and_nothing_else() -> None:
    status = run(LOGIN + "privs.revoke()\nprint(json.dumps(status()))")
    assert set(status["Uid"]) == set(status["Gid"]) == {str(USER)}
    assert {status[name][0] for name in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}
    assert status["NoNewPrivs"] == ["1"]


@pytest.mark.root
def test_a_kept_capability_is_asleep_outside_of_root_blocks_and_those_that_lead_to_root_are_never_kept(place: Path) -> None:
    place.chmod(0o777)
    seen = run(LOGIN + f"""
privs.revoke(frozenset(("CAP_CHOWN", "CAP_SETUID")))
path = {str(place)!r} + "/file"
os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
def chown():
    try:
        os.chown(path, 1, 1)
    except PermissionError:
        return False
    return True
seen = [status()["CapPrm"], chown()]
with privs.root():
    seen += [status()["CapEff"], chown()]
print(json.dumps(seen + [status()["CapEff"], os.stat(path).st_uid]))""")
    only_chown = f"{1:016x}"
    assert seen == [[only_chown], False, [only_chown], True, ["0" * 16], 1]


@pytest.mark.root
def test_root_blocks_after_revocation_change_nothing() -> None:
    assert run(LOGIN + "privs.revoke()\nwith privs.root():\n    print(json.dumps(status()['Uid']))") == [str(USER)] * 4


@pytest.mark.root
def test_enter_root_stands_at_the_top_of_the_new_root(place: Path) -> None:
    (place / "inside").touch()
    place.chmod(0o755)
    assert run(f"privs.enter_root({str(place)!r})\nprint(json.dumps([os.getcwd(), os.listdir('/'), privs.chroot]))") == [
        "/", ["inside"], str(place)]


@pytest.mark.root
def test_not_started_as_root_switches_nothing_and_says_so_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE.replace("said = []", "os.setgid(1); os.setuid(1); said = []") + LOGIN + """
privs.revoke()
with privs.root():
    print(json.dumps([os.getresuid(), len(said), privs.switching]))"""], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout) == [[1, 1, 1], 1, False], done.stderr


def test_states_have_one_direction() -> None:
    privs = Privileges()
    privs.switching = False
    with pytest.raises(Bug):
        privs.revoke()
    privs.connected()
    with pytest.raises(Bug):
        privs.become_daemon(os.getuid(), os.getgid())
    assert privs.state is State.CONNECTED
