"""``make run``: the demo as root and as an ordinary user, by the program that the Makefile starts."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.machine import free_port
from tests.servers import scratch
from tests.waiting import LIMIT

PROGRAM = Path(__file__).parents[2] / "packaging" / "demo.py"

#: a client that shows what it is asked, and what it got
SFTP = ("sshpass", "-e", "sftp", "-q", "-oBatchMode=no", "-oPreferredAuthentications=password", "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null")

#: an ordinary user, but for the right to read the interpreter of this environment, which may lie in the home of root
BECOME = ("setpriv", "--clear-groups", "--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search")


class Demo:
    """A tree that holds nothing but the program; ``user`` runs it."""

    def __init__(self, root: Path, user: str) -> None:
        self.root, self.port, self.account = root, free_port(), pwd.getpwnam(user)
        (root / "packaging").mkdir()
        shutil.copy(PROGRAM, root / "packaging")
        for path in (root, root / "packaging"):
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        self.switch = () if user == "root" else (*BECOME, f"--reuid={user}", f"--regid={self.account.pw_gid}")
        self.running: list[subprocess.Popen[str]] = []
        self.said = ""

    def run(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*self.switch, sys.executable, self.root / "packaging" / "demo.py"], env={**os.environ, "DEMO_PORT": str(self.port)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.running.append(process)
        return process

    def serve(self) -> tuple[subprocess.Popen[str], list[str], str]:
        """Run it until it listens: the process, the command to log in with, and the password, both as printed."""
        process = self.run()
        assert process.stdout is not None
        command, password = "", ""
        for line in process.stdout:
            if line.lstrip().startswith("sftp "):
                command = line.strip()
            if found := re.fullmatch(r"password: (\S+)\n", line):
                password = found[1]
                break
        assert password, process.stderr and process.stderr.read()
        assert command == f"sftp -P {self.port} demo@127.0.0.1"
        assert process.stderr is not None
        self.said = "".join(iter_until(process.stderr, "STARTUP"))
        return process, command.split(), password

    def end(self, process: subprocess.Popen[str]) -> str:
        """Ctrl-C; all that the server said on the terminal."""
        process.send_signal(signal.SIGINT)
        self.said += process.communicate(timeout=LIMIT)[1]
        assert process.returncode == 0
        return self.said


def iter_until(lines: Iterable[str], word: str) -> Iterator[str]:
    for line in lines:
        yield line
        if word in line:
            return


def put(command: list[str], password: str, file: Path) -> str:
    done = subprocess.run([*SFTP, *command[1:-1], "-b", "-", command[-1]], input=f"put {file}\nls -n\n",
                          env={**os.environ, "SSHPASS": password}, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def demo() -> Iterator[Callable[[str], Demo]]:
    made: list[Demo] = []
    with scratch() as root:
        root.chmod(0o755)

        def make(user: str) -> Demo:
            made.append(Demo(root, user))
            return made[-1]

        yield make
        for process in (process for one in made for process in one.running):
            process.kill()
            process.wait()


@pytest.mark.parametrize("user", [pytest.param("root", marks=pytest.mark.root), pytest.param("nobody", marks=pytest.mark.root)])
def test_serves(demo: Callable[[str], Demo], user: str, tmp_path: Path) -> None:
    here = demo(user)
    file = tmp_path / "sea.jpg"
    file.write_bytes(b"waves")
    process, command, password = here.serve()
    listed = put(command, password, file)
    said = here.end(process)
    stored = here.root / "var" / "home" / "sea.jpg"
    assert (here.root / "var" / "proftpd.scoreboard.lck").exists()
    assert stored.read_bytes() == b"waves"
    assert "sea.jpg" in listed
    if user == "root":
        assert stored.stat().st_uid == 62222
        assert "not started as root" not in said
    else:
        assert stored.stat().st_uid == here.account.pw_uid
        assert said.count("not started as root") == 1
    assert "Traceback" not in said
    assert not (here.root / "var" / "proftpd.pid").exists()

    keys = {path: path.read_bytes() for path in (here.root / "var").glob("ssh_host_*")}
    assert len(keys) == 3
    process, _, again = here.serve()
    assert again == password
    here.end(process)
    assert stored.exists()
    assert all(path.read_bytes() == content for path, content in keys.items())


@pytest.mark.root
def test_port_in_use(demo: Callable[[str], Demo]) -> None:
    here = demo("root")
    with socket.create_server(("127.0.0.1", here.port)):
        out, said = here.run().communicate(timeout=LIMIT)
    assert out == ""
    assert said == (f"127.0.0.1:{here.port} is not to be had (Address already in use): is a demo running already? Another Port "
                    f"can be written into {here.root}/var/proftpd.conf\n")


@pytest.mark.root
def test_files_of_another_user(demo: Callable[[str], Demo]) -> None:
    here = demo("root")
    (here.root / "var").mkdir()
    os.chown(here.root / "var", 62222, 62222)
    out, said = here.run().communicate(timeout=LIMIT)
    assert (out, said) == ("", f"{here.root}/var was made by another user; remove it to begin anew\n")
