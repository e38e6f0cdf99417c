"""The commands as an administrator runs them, and a client that stays connected while they do their work."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.clients import openssh
from tests.servers import Server
from tests.waiting import LIMIT, PAUSE, wait_until

Done = subprocess.CompletedProcess[str]

#: what a server needs that is steered by ftpdctl
PROLOGUE = "LoadModule mod_ctrls_admin.c\n"


def run(name: str, *words: str, text: str = "", cwd: Path | None = None, **options: object) -> Done:
    """``ftpdctl``, ``ftpasswd``..."""
    return subprocess.run([sys.executable, "-m", f"pyproftpd.cli.{name}", *words], input=text, capture_output=True,  # type: ignore[call-overload,no-any-return]
                          text=True, timeout=LIMIT, cwd=cwd, **options)


def socket_path(server: Server) -> Path:
    return server.site.root / "proftpd.sock"


def wait_for_socket(server: Server) -> None:
    """The port is open a moment before the controls socket."""
    def answers() -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(socket_path(server))) == 0
    wait_until(answers, "the controls socket")


def control(server: Server, *words: str) -> tuple[int, list[str]]:
    """Exit status and lines of an action, without the prefix of every line."""
    wait_for_socket(server)
    done = run("ftpdctl", "-s", str(socket_path(server)), *words)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(line.startswith("ftpdctl: ") for line in lines), lines
    return done.returncode, [line.removeprefix("ftpdctl: ") for line in lines]


def connect(server: Server) -> socket.socket:
    """A raw connection to the controls socket."""
    wait_for_socket(server)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(str(socket_path(server)))
    sock.settimeout(LIMIT)
    return sock


class Live:
    """OpenSSH's sftp, logged in and waiting for commands."""

    def __init__(self, server: Server, user: str = "demo") -> None:
        self.process = subprocess.Popen(
            ["sftp", "-P", str(server.port), *openssh.options(server), "-b", "-", f"{user}@127.0.0.1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}, cwd=server.site.root)
        assert self.answers()

    def answers(self) -> bool:
        """Does the session still serve? Where it does not, sftp ends at the first request that fails."""
        assert self.process.stdout is not None
        return self._say("ls .\n!echo served\n") and "served\n" in iter(self.process.stdout.readline, "")

    def _say(self, text: str) -> bool:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(text)
        except BrokenPipeError:
            return False
        return True

    def ended(self) -> str:
        """Wait until the server has closed the connection; returns what the client said about it."""
        assert self.process.stderr is not None
        while self.process.poll() is None and self._say("ls .\n"):
            time.sleep(PAUSE)
        self.process.wait(LIMIT)
        return self.process.stderr.read()

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        self.process.kill()
        self.process.wait()
