"""OpenSSH's own clients: ``sftp`` in batch mode and ``scp``, with the test's key or a password."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers import PASSWORD, Server

#: longest time that any client may take before the test fails
LIMIT = 120

Done = subprocess.CompletedProcess[str]


def options(server: Server, *, key: Path | None = None, extra: Sequence[str] = ()) -> list[str]:
    """The ``-o`` options that make a client non-interactive and free of the user's own settings."""
    key = key or server.site.keys / "client_ed25519"
    return ["-F", "/dev/null", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR",
            "-oIdentityAgent=none", "-oIdentitiesOnly=yes", f"-oIdentityFile={key}", "-oConnectTimeout=60", *extra]


def sftp(server: Server, commands: str, *, user: str = "demo", key: Path | None = None, arguments: Sequence[str] = (),
         password: str | None = None, cwd: Path | None = None, limit: float = LIMIT) -> Done:
    """Run the lines of ``commands``; a line that begins with ``-`` may fail. ``password`` uses that instead of the key."""
    extra = list(arguments)
    before: list[str] = []
    if password is not None:
        before = ["sshpass", "-p", password]
        extra += ["-oPreferredAuthentications=password", "-oPubkeyAuthentication=no", "-oNumberOfPasswordPrompts=1",
                  "-oBatchMode=no"]
    command = [*before, "sftp", "-P", str(server.port), *options(server, key=key, extra=extra), "-b", "-",
               f"{user}@127.0.0.1"]
    return subprocess.run(command, input=commands, capture_output=True, text=True, timeout=limit, cwd=cwd or server.site.root,
                          env=_environment())


def scp(server: Server, *paths: str, user: str = "demo", arguments: Sequence[str] = (), cwd: Path | None = None,
        limit: float = LIMIT) -> Done:
    """``paths`` may say ``HOST:`` for the server. Add ``-O`` to ``arguments`` for the old protocol, ``-s`` for SFTP."""
    named = [path.replace("HOST:", f"{user}@127.0.0.1:", 1) for path in paths]
    command = ["scp", "-P", str(server.port), *options(server), *arguments, *named]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit, cwd=cwd or server.site.root,
                          env=_environment())


def ssh(server: Server, *words: str, user: str = "demo", arguments: Sequence[str] = (), limit: float = LIMIT) -> Done:
    """``ssh host words...``; what is not scp, sftp or date is refused by the server."""
    command = ["ssh", "-p", str(server.port), *options(server), *arguments, f"{user}@127.0.0.1", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL,
                          env=_environment())


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


__all__ = ["PASSWORD", "Done", "options", "scp", "sftp", "ssh"]
