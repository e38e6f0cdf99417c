"""A real master that serves the echo front end of ``modules/``, and clients that talk to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.machine import children, free_port
from tests.servers import DAEMON_GROUP, DAEMON_USER, OURS, wait_for_port
from tests.waiting import LIMIT, wait_until

MODULES = Path(__file__).parent / "modules"

BASE = """\
LoadModule mod_echo.c
ServerName "main"
DefaultAddress 127.0.0.1
Port {port}
{ids}
PidFile {root}/pid
ScoreboardFile {root}/scoreboard
ScoreboardMutex {root}/scoreboard.lck
ControlsSocket {root}/controls
UseReverseDNS off
DelayEngine off
SystemLog {root}/system.log
"""


@dataclass
class Master:
    root: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None
    daemon: int = 0

    @property
    def path(self) -> Path:
        return self.root / "proftpd.conf"

    @property
    def pid(self) -> int:
        if self.daemon:
            return self.daemon
        assert self.process is not None
        return self.process.pid

    def configure(self, extra: str = "", *, base: str = BASE) -> None:
        ids = f"User {DAEMON_USER}\nGroup {DAEMON_GROUP}" if os.geteuid() == 0 else ""
        self.path.write_text(base.format(port=self.port, root=self.root, ids=ids) + extra)

    def command(self, *arguments: str) -> list[str]:
        return [OURS, "-c", str(self.path), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(MODULES)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that is expected to return."""
        return subprocess.run(self.command(*arguments), env=self.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=LIMIT)

    def start(self, extra: str = "") -> Master:
        """In the foreground, logging to SystemLog (-n -q)."""
        self.configure(extra)
        with (self.root / "stderr").open("w") as output:
            self.process = subprocess.Popen(self.command("-n", "-q"), env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, text=True, start_new_session=True)
        wait_for_port(self.port, self.process)  # type: ignore[arg-type]
        first = self.connect()
        assert first.served()
        first.close()
        wait_until(lambda: self.children() == [], "the end of the sessions that looked whether the server is there")
        return self

    def start_daemon(self, extra: str = "") -> subprocess.CompletedProcess[str]:
        self.configure(extra)
        result = self.run()
        if result.returncode == 0:
            self.daemon = int((self.root / "pid").read_text())
        return result

    def connect(self, host: str = "127.0.0.1", port: int = 0) -> Client:
        return Client(socket.create_connection((host, port or self.port), LIMIT))

    def serves(self, port: int = 0) -> bool:
        """Does a new connection get an answer? A refusal may come as early as connect(2)."""
        try:
            return self.connect(port=port).served()
        except ConnectionError:
            return False

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def children(self) -> list[int]:
        return children(self.pid)

    def log(self) -> str:
        path = self.root / "system.log"
        return path.read_text() if path.exists() else ""

    def wait_for_log(self, text: str, times: int = 1) -> str:
        wait_until(lambda: self.log().count(text) >= times, f"{text!r} in the log")
        return self.log()

    def stop(self) -> int:
        """TERM and wait; the exit status, 0 for a daemon that has gone."""
        if self.daemon:
            if alive(self.daemon):
                os.kill(self.daemon, signal.SIGTERM)
                wait_until(lambda: not alive(self.daemon), "the daemon to end")
            self.daemon = 0
            return 0
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(LIMIT)
        finally:
            process.kill()


class Client:
    """One connection; a line in, a line out."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(LIMIT)
        self._file = connection.makefile("r")

    def ask(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\n")
        return self._file.readline().rstrip("\n")

    def table(self, line: str) -> dict[str, Any]:
        return json.loads(self.ask(line))  # type: ignore[no-any-return]

    def read(self) -> str:
        """Until the other side closes; a reset counts as that."""
        try:
            return self._file.read()
        except ConnectionError:
            return ""

    def served(self) -> bool:
        try:
            return self.ask("hello") == "hello"
        except ConnectionError:
            return False

    def close(self) -> None:
        self._file.close()
        self.socket.close()


def alive(pid: int) -> bool:
    """A zombie does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
