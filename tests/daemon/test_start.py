"""Starting: errors reach the terminal, the pid file is there when the command returns, nothing is left after the end."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.master import BASE, Master, alive
from tests.machine import free_port
from tests.waiting import LIMIT

ROOT = Path(__file__).parents[2]


def test_the_command_returns_when_the_daemon_serves_and_has_written_its_pid(master: Master) -> None:
    result = master.start_daemon()
    assert (result.returncode, result.stderr) == (0, "")
    assert master.connect().served()
    assert alive(master.daemon)
    assert stat.S_IMODE(os.stat(master.root / "pid").st_mode) == 0o644
    pid = master.daemon
    master.stop()
    assert not alive(pid)
    assert not (master.root / "pid").exists()


def test_a_daemon_holds_no_terminal_and_keeps_its_standard_descriptors_closed(master: Master) -> None:
    master.start_daemon()
    directory = f"/proc/{master.daemon}/fd"
    assert {os.readlink(f"{directory}/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
    fields = Path(f"/proc/{master.daemon}/stat").read_text().rpartition(")")[2].split()
    assert fields[4] == "0", "controlling terminal"
    assert os.getsid(master.daemon) != os.getsid(0)


def test_every_fault_of_a_configuration_is_said_with_its_line(master: Master) -> None:
    master.configure("NoSuchDirective on\nMaxInstances many\n")
    result = master.run()
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    first = len(master.path.read_text().splitlines()) - 1
    assert [line.split(": ")[0] for line in lines] == [f"{master.path}:{first}", f"{master.path}:{first + 1}"]
    assert "Traceback" not in result.stderr
    assert not (master.root / "pid").exists()


def test_a_port_in_use_is_one_line_with_the_place_that_asked_for_it(master: Master) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", master.port))
        other.listen()
        master.configure()
        result = master.run()
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"{master.path}:4: cannot listen on 127.0.0.1:{master.port}: Address already in use")


def test_an_unknown_user_is_one_line_with_its_place(master: Master) -> None:
    master.configure(base=BASE.replace("{ids}", "User no-such-user-here"))
    result = master.run("-n")
    assert result.returncode == 1
    assert f"{master.path}:5:" in result.stderr
    assert "no-such-user-here" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_configuration_is_named(master: Master) -> None:
    result = master.run()
    assert result.returncode == 1
    assert str(master.path) in result.stderr
    assert "No such file" in result.stderr


def test_a_server_that_nobody_speaks_for_is_named_and_without_another_there_is_no_start(master: Master) -> None:
    master.configure(base=BASE.replace("LoadModule mod_echo.c\n", ""))
    result = master.run()
    assert result.returncode == 1
    assert "is not served" in result.stderr
    assert "SFTP" in result.stderr


def test_configtest_says_good_and_bad_and_opens_nothing(master: Master) -> None:
    master.configure()
    good = master.run("-t")
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "Checking syntax of configuration file")
    assert sorted(path.name for path in master.root.iterdir()) == ["proftpd.conf"]
    master.configure("AllowOverwrite perhaps\n")
    assert master.run("-t").returncode == 1


def test_status_tells_whether_a_server_runs(master: Master) -> None:
    master.configure()
    assert master.run("-s").returncode == 1
    master.start_daemon()
    result = master.run("-s")
    assert (result.returncode, str(master.daemon) in result.stdout) == (0, True)


def test_what_the_starter_left_open_reaches_neither_daemon_nor_sessions(master: Master) -> None:
    reader, writer = os.pipe()
    master.configure()
    subprocess.run(master.command(), env=master.environment, stdin=subprocess.DEVNULL, pass_fds=(reader, writer), check=True)
    master.daemon = int((master.root / "pid").read_text())
    pipe = os.readlink(f"/proc/self/fd/{reader}")
    assert pipe not in [os.readlink(f"/proc/{master.daemon}/fd/{fd}") for fd in os.listdir(f"/proc/{master.daemon}/fd")]
    os.close(reader)
    os.close(writer)


def test_faults_of_files_are_told_together(master: Master) -> None:
    """What only shows once the lines stand: a file of accounts that is not there, a module without accounts."""
    (master.root / "users").touch(0o600)
    master.configure(f"AuthUserFile {master.root}/nobody\nAuthOrder mod_echo.c\n<VirtualHost 127.0.0.2>\n"
                     f"AuthUserFile {master.root}/users\nAuthGroupFile {master.root}/none\n</VirtualHost>\n")
    done = master.run("-t")
    assert done.returncode == 1
    first = len(master.path.read_text().splitlines()) - 5
    assert [line for line in done.stderr.splitlines() if line] == [
        f"{master.path}:{first}: unable to use {master.root}/nobody: No such file or directory [AuthUserFile]",
        f"{master.path}:{first + 4}: unable to use {master.root}/none: No such file or directory [AuthGroupFile]",
        f"{master.path}:{first + 1}: AuthOrder: mod_echo.c provides no accounts (expected mod_auth_unix.c, mod_auth_file.c, "
        "mod_auth_pam.c)"]


@pytest.mark.parametrize(("line", "said"), [
    ("PidFile {root}/none/pid", "cannot write PidFile {root}/none/pid: No such file or directory"),
    ("PidFile {root}/link", "cannot write PidFile {root}/link: it is a symbolic link"),
    ("ScoreboardFile {root}/none/b", "cannot open ScoreboardFile {root}/none/b: No such file or directory ({root}/none)")])
def test_a_file_that_cannot_be_made_is_one_line_with_its_place(master: Master, line: str, said: str) -> None:
    (master.root / "link").symlink_to(master.root / "elsewhere")
    master.configure(line.format(root=master.root) + "\n")
    done = master.run()
    number = len(master.path.read_text().splitlines())
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"{master.path}:{number}: {said.format(root=master.root)}")


def test_an_address_that_is_not_there_yet_is_named(master: Master) -> None:
    port = free_port()
    done = master.start_daemon(f"<VirtualHost 203.0.113.7>\nPort {port}\n</VirtualHost>\n")
    assert done.returncode == 0
    assert f"203.0.113.7 is no address of this machine: listening on every address at port {port} for it" in done.stderr


def test_a_log_that_cannot_be_opened_is_named(master: Master) -> None:
    master.configure(base=BASE.replace("{root}/system.log", "{root}/none/log"))
    done = master.run()
    master.daemon = int((master.root / "pid").read_text())
    assert done.returncode == 0
    assert f"cannot open log {master.root}/none/log: No such file or directory; writing to syslog instead" in done.stderr


@pytest.mark.parametrize("closing", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_started_with_closed_standard_streams(master: Master, closing: str) -> None:
    """What is opened first would take their numbers, and be lost when they become /dev/null: the listening socket."""
    master.configure()
    done = subprocess.run(["sh", "-c", f'exec "$@" {closing}', "sh", *master.command()], env=master.environment)
    assert done.returncode == 0
    master.daemon = int((master.root / "pid").read_text())
    assert master.serves()
    assert {os.readlink(f"/proc/{master.daemon}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
    assert "cannot accept" not in master.log()


#: a server that gets TERM as soon as its pid file stands
HURRIED = """\
import os, signal, sys
from pyproftpd.cli.proftpd import main
from pyproftpd.daemon.pidfile import PidFile

written = PidFile.write

def write(conf, pid):
    made = written(conf, pid)
    os.kill(pid, signal.SIGTERM)
    return made

PidFile.write = write
sys.exit(main(sys.argv[1:]))
"""


def test_term_in_the_middle_of_a_start_leaves_no_pid_file(master: Master) -> None:
    master.configure()
    done = subprocess.run([sys.executable, "-c", HURRIED, *master.command("-n", "-q")[1:]], env=master.environment,
                          capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ProFTPD killed (signal 15)" in master.log()
    assert not (master.root / "pid").exists()


#: the server on a machine that has none of the packages that it can do without
PLAIN = """\
import sys
sys.modules.update(dict.fromkeys(("prctl", "setproctitle", "bcrypt", "pam")))
from pyproftpd.cli.proftpd import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.root
def test_missing_packages_are_named_once_and_a_session_still_has_no_way_back(master: Master) -> None:
    master.configure()
    done = subprocess.run([sys.executable, "-c", PLAIN, *master.command()[1:]], env=master.environment, capture_output=True,
                          text=True, timeout=LIMIT, cwd=ROOT)
    assert done.returncode == 0
    master.daemon = int((master.root / "pid").read_text())
    said = done.stderr.splitlines()
    assert [line.partition(" is not installed: ")[0] for line in said] == [
        f"the Python package {name}" for name in ("python-prctl", "setproctitle", "bcrypt")]
    assert all(line.partition(" is not installed: ")[2] in (ROOT / "README.md").read_text().replace("`", "") for line in said)
    client = master.connect()
    assert client.ask("login") == "login"
    (pid,) = master.children()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert len(set(status["Uid"].split())) == 1 and status["Uid"].split()[0] != "0"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0, "the memory belongs to root alone"
