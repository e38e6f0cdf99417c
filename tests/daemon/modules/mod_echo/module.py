"""``LoadModule mod_echo.c``: speaks for every server. Lines: status, descriptors, login, crash, deaf, anything else."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from pyproftpd import API
from pyproftpd.api.auth import Identity
from pyproftpd.api.events import LoginDone
from pyproftpd.api.module import Module

UID = 63111


class EchoFrontEnd:
    name, protocol = "echo", "echo"

    def claims(self, scope: Any) -> bool:
        return True

    def prepare(self, configuration: Any) -> tuple[str, ...]:
        """Nothing to load, nothing to say."""
        return ()

    def greeting(self, scope: Any) -> bytes:
        return b""

    def refuse(self, session: Any, reason: str, text: str) -> None:
        session.socket.send(f"refused {reason}\n".encode())

    def rehearsal(self, directory: Path) -> None:
        return None

    def run(self, session: Any) -> None:
        session.protocol = "echo"
        fd = session.socket.fileno()
        while True:
            session.loop.wait(read=[fd])
            line = session.socket.recv(256).decode()
            if not line:
                return
            session.socket.send(answer(session, line.strip()).encode() + b"\n")


def answer(session: Any, line: str) -> str:
    if line == "status":
        return json.dumps(dict(row.split(":\t", 1) for row in Path("/proc/self/status").read_text().splitlines() if ":\t" in row))
    if line == "descriptors":
        with os.scandir("/proc/self/fd") as found:
            return json.dumps({entry.name: os.readlink(entry.path) for entry in found
                               if not os.readlink(entry.path).startswith("/proc/")})
    if line == "login":
        identity = Identity("echo", UID, UID, ("echo",), (UID,), "/", "/bin/sh")
        session.identity, session.user, session.authenticated = identity, "echo", True
        session.privs.log_in(identity)
        session.privs.revoke()
        session.timers.remove("TimeoutLogin")
        session.slot.update(user="echo", authenticated=True)
        session.emit(LoginDone(identity))
    if line == "crash":
        raise RuntimeError("told to")
    if line == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if line == "server":
        return str(session.server_name)
    return line


module = Module(name="echo", api=API, frontends=(EchoFrontEnd(),))
