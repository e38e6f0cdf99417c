"""What a session process is to the kernel after login: ids, groups, capabilities, descriptors, root. security.md U13, U14.

The table is that of pyproftpd/session/revocation.py; each row is a running server and a client that stays.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.login.methods import logged_in, permit
from tests.machine import children
from tests.servers import DAEMON_USER, Server, Site
from tests.waiting import wait_until

__all__ = ["permit"]
pytestmark = pytest.mark.root
Start = Callable[..., Server]

CHOWN, DAC_OVERRIDE, FOWNER = 1 << 0, 1 << 1, 1 << 3
OWNER = "<Directory /srv/nowhere>\nUserOwner games\n</Directory>\n"

#: configuration -> (real uid stays 0, permitted capabilities or None for all of root's)
CASES = {
    "": (False, 0),
    "RootRevoke on\n": (False, 0),
    f"RootRevoke on\n{OWNER}": (False, 0),
    "RootRevoke off\n": (True, None),
    OWNER: (False, CHOWN),
    f"CapabilitiesEngine off\n{OWNER}": (True, None),
    f"CapabilitiesRootRevoke off\n{OWNER}": (True, None),
    f"CapabilitiesSet +CAP_FOWNER\n{OWNER}": (False, CHOWN | FOWNER),
    f"CapabilitiesSet -CAP_CHOWN +CAP_DAC_OVERRIDE\n{OWNER}": (False, DAC_OVERRIDE),
    f"CapabilitiesSet +CAP_SETUID\n{OWNER}": (False, CHOWN),
    "RootRevoke off\nCapabilitiesSet +CAP_FOWNER\n": (False, CHOWN | FOWNER),
    "RootRevoke off\nCapabilitiesEngine on\n": (False, CHOWN),
    "DefaultRoot ~\n": (False, 0),
    f"DefaultRoot ~\n{OWNER}": (False, CHOWN),
}


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("extra", CASES)
def test_ids_and_capabilities(site: Site, start: Start, extra: str) -> None:
    real_root, permitted = CASES[extra]
    demo = site.accounts["demo"]
    site.groups["staff"] = (63950, ("demo", "else"))
    site.groups["root"] = (0, ("else",))
    server = start(prologue=extra)
    with logged_in(server):
        (pid,) = server.sessions()
        found = status(pid)
        real, effective, saved, _ = (int(uid) for uid in found["Uid"].split())
        assert effective == demo.uid and (real, saved) == ((0, 0) if real_root else (demo.uid, demo.uid))
        assert {int(gid) for gid in found["Groups"].split()} == {demo.gid, 63950}
        assert int(found["Gid"].split()[1]) == demo.gid
        assert int(found["CapEff"], 16) == 0 and int(found["CapInh"], 16) == 0 and int(found["CapAmb"], 16) == 0
        if permitted is not None:
            assert int(found["CapPrm"], 16) == permitted
            assert int(found["CapBnd"], 16) & ~permitted == 0 and found["NoNewPrivs"] == "1"
            assert {int(gid) for gid in found["Gid"].split()} == {demo.gid}
        look_around(site, pid, "DefaultRoot" in extra)


def test_the_master_has_no_groups_and_is_root_only_when_it_must(start: Start) -> None:
    server, daemon = start(), str(pwd.getpwnam(DAEMON_USER).pw_uid)
    # now and then it is at work with what is root's
    wait_until(lambda: status(server.pid)["Uid"].split()[:3] == ["0", daemon, "0"], "the master as the daemon's user")
    assert status(server.pid)["Groups"] == ""


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_u13_a_user_without_groups_has_his_own_alone(site: Site, start: Start, permit: str, method: str) -> None:
    """The daemon's groups (gid 0!) are nobody's."""
    demo = site.accounts["demo"]
    site.groups.clear()
    server = start(f"SFTPPAMServiceName {permit}\nSFTPPAMEngine on\n")
    with logged_in(server, method=method):
        (pid,) = [pid for pid in server.sessions() if status(pid)["Uid"].split()[0] != "0"]
        assert status(pid)["Groups"].split() == [str(demo.gid)]


def look_around(site: Site, pid: int, jailed: bool) -> None:
    """Nothing open leads out of a jail or to a secret: the client, logs, the scoreboard, /dev/null. No mounts of its own."""
    home = str(site.accounts["demo"].home)
    assert os.readlink(f"/proc/{pid}/root") == (home if jailed else "/")
    assert os.readlink(f"/proc/{pid}/cwd") == home
    open_now = descriptors(pid)
    known = {"/dev/null", "/dev/log", *(str(site.root / name) for name in (
        "proftpd.scoreboard", "log/stderr", "log/system.log", "log/xferlog", "log/sftp.log"))}
    assert not [path for path in open_now if path not in known
                and not path.startswith(("socket:", "pipe:", "anon_inode:[event"))]
    assert not any(os.path.isdir(path) for path in open_now)
    assert sum(path.startswith("socket:") for path in open_now) <= 2, "the client's, and syslog's"
    assert os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")


def descriptors(pid: int) -> list[str]:
    return [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]


def test_who_keeps_a_pam_session_keeps_nothing_else(site: Site, start: Start, permit: str) -> None:
    """It stays root beside a session that is not, so it holds no way to the client, and the session none to it but its end."""
    server = start(f"SFTPPAMServiceName {permit}\nSFTPPAMEngine on\n", prologue="DefaultRoot ~\n")
    with logged_in(server, method="keyboard-interactive"):
        (session,) = server.sessions()
        (keeper,) = children(session)
        assert status(keeper)["Uid"].split() == ["0"] * 4 and status(keeper)["Groups"] == ""
        held: list[str] = []

        def settled() -> bool:
            """It begins as what the session is."""
            with contextlib.suppress(FileNotFoundError):
                held[:] = sorted(descriptors(keeper))
            return held[:3] == ["/dev/null"] * 3 and len(held) == 4

        wait_until(settled, lambda: f"a keeper that has let everything go: {held}")
        assert held[3].startswith("pipe:") and held[3] in descriptors(session)
        assert os.readlink(f"/proc/{keeper}/cwd") == os.readlink(f"/proc/{keeper}/root") == "/"
        assert b"keeps the PAM session of demo" in Path(f"/proc/{keeper}/cmdline").read_bytes()
    wait_until(lambda: not Path(f"/proc/{keeper}").exists() or status(keeper)["State"].startswith("Z"), "the end of the keeper")


def test_nobody_else_may_look_into_a_session(start: Start) -> None:
    """A process that changed its ids is not dumpable: the user's own other processes cannot trace it."""
    server = start()
    with logged_in(server):
        (pid,) = server.sessions()
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0


@pytest.mark.parametrize("step", ["become_daemon(65534, 65534)", "connected()"])
def test_the_memory_is_no_file_where_nothing_is_switched(step: str) -> None:
    """A server of an ordinary user: its sessions keep his uid, and with it clients could open /proc/self/mem and that of the
    master, read the host keys and write what they like."""
    script = ("import os, prctl\nfrom pyproftpd.unix.privs import Privileges\n"
              "os.setgroups([]); os.setgid(65534); os.setuid(65534); prctl.set_dumpable(1)\n"
              f"privs = Privileges()\nopen('/proc/self/mem', 'r+b').close()\nprivs.{step}\n"
              "try:\n    open('/proc/self/mem', 'rb')\nexcept PermissionError:\n    print('closed')\n")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "closed\n", done.stderr
