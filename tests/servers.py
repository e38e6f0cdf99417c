"""Servers that the tests drive: ours, and a C proftpd beside it where one is installed, behind one face.

A :class:`Site` is what a server serves: keys, accounts, homes, a configuration. It lies in a directory that every user may
walk to, since a session that has become its user must reach its home.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.machine import children, free_port
from tests.waiting import LIMIT, wait_until

#: crypt(3) of "secret" by `openssl passwd -6 -salt testsalt secret`
SECRET_HASH = "$6$testsalt$51yaaBMXXXt5vK522YOlIMZ267vqHtMIzc2klcsu3EEv/bkRDU9g3UmkypXf.NvlpPpIPK1nX5zdbCeJBiQbB/"
PASSWORD = "secret"

BASE = """\
ServerName "test server"
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
User {daemon_user}
Group {daemon_group}
PidFile {root}/proftpd.pid
ScoreboardFile {root}/proftpd.scoreboard
ScoreboardMutex {root}/proftpd.scoreboard.lck
ControlsSocket {root}/proftpd.sock
DelayEngine off
UseReverseDNS off
WtmpLog off
SystemLog {root}/log/system.log
TransferLog {root}/log/xferlog
AuthOrder mod_auth_file.c
AuthUserFile {root}/passwd
AuthGroupFile {root}/group
RequireValidShell off
UseFtpUsers off
SFTPEngine on
SFTPLog {root}/log/sftp.log
"""


@dataclass
class Account:
    """A line of AuthUserFile with a home that belongs to it."""

    name: str
    uid: int
    gid: int
    home: Path
    hash: str = SECRET_HASH
    shell: str = "/bin/sh"

    @property
    def line(self) -> str:
        return f"{self.name}:{self.hash}:{self.uid}:{self.gid}::{self.home}:{self.shell}"


def wait_for_port(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return once a server has answered there and its session has ended; raise when the process ends before.

    A port is open before its server is ready, so being connected proves nothing. The connection is closed for one direction
    alone: the session ends as that of a client that leaves, and its end is seen.
    """
    def answered() -> bool:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), LIMIT) as probe:
            with contextlib.suppress(ConnectionResetError):
                probe.shutdown(socket.SHUT_WR)
                while probe.recv(4096):
                    continue
            return True
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"server ended with status {process.returncode} before it listened")
        return False
    wait_until(answered, f"somebody who listens on port {port}")


@dataclass
class Site:
    """One directory with everything that a server needs; ``extra`` lines go behind the base configuration."""

    root: Path
    keys: Path
    port: int = field(default_factory=free_port)
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    host_keys: tuple[str, ...] = ("ed25519", "ecdsa", "rsa")

    def __post_init__(self) -> None:
        self.root.chmod(0o755)
        for name in ("log", "home", "authorized_keys"):
            (self.root / name).mkdir(exist_ok=True)
            (self.root / name).chmod(0o755)
        self.add_account("demo")

    def add_account(self, name: str, uid: int | None = None, **changes: object) -> Account:
        """An account with the password ``secret``, the test's own client key, and a home of mode 0755."""
        root = os.geteuid() == 0
        uid = uid if uid is not None else (63000 + len(self.accounts) if root else os.geteuid())
        home = self.root / "home" / name
        home.mkdir(exist_ok=True)
        home.chmod(0o755)
        account = Account(name, uid, uid if root else os.getegid(), home, **changes)  # type: ignore[arg-type]
        if root:
            os.chown(home, account.uid, account.gid)
        self.accounts[name] = account
        self.groups.setdefault(name, (account.gid, ()))
        shutil.copy(self.keys / "client_ed25519.rfc4716", self.root / "authorized_keys" / name)
        (self.root / "authorized_keys" / name).chmod(0o644)
        return account

    def configuration(self, extra: str = "", *, base: str = BASE, prologue: str = "") -> Path:
        """Write passwd, group and proftpd.conf; returns the path of the latter."""
        self.write_private("passwd", "".join(f"{account.line}\n" for account in self.accounts.values()))
        self.write_private("group", "".join(
            f"{name}:x:{gid}:{','.join(members)}\n" for name, (gid, members) in self.groups.items()))
        text = prologue + base.format(root=self.root, port=self.port, daemon_user=DAEMON_USER, daemon_group=DAEMON_GROUP)
        text += "".join(f"SFTPHostKey {self.keys}/ssh_host_{kind}_key\n" for kind in self.host_keys)
        text += f"SFTPAuthorizedUserKeys file:{self.root}/authorized_keys/%u\n" + extra
        path = self.root / "proftpd.conf"
        path.write_text(text)
        return path

    def write_private(self, name: str, text: str) -> None:
        path = self.root / name
        path.write_text(text)
        path.chmod(0o600)

    def log(self, name: str) -> str:
        """The text of ``system.log``, ``sftp.log``, ``xferlog`` or another file under ``log/``; empty when there is none."""
        path = self.root / "log" / name
        return path.read_text(errors="surrogateescape") if path.exists() else ""

    def wait_for_log(self, name: str, text: str, *, since: str = "") -> str:
        """A session writes its last lines after its client has gone: wait until ``text`` is there, return all.

        ``since`` is what ``log(name)`` said before: the text must be behind it.
        """
        wait_until(lambda: self.log(name).find(text, len(since)) >= 0, lambda: f"{text!r} in {name}:\n{self.log(name)}")
        return self.log(name)


DAEMON_USER, DAEMON_GROUP = "nobody", "nogroup" if Path("/etc/debian_version").exists() else "nobody"
REAL = "/usr/sbin/proftpd"
OURS = str(Path(sys.executable).parent / "proftpd")


class Server:
    """A running server process in the foreground. ``ours`` False is the C proftpd with mod_sftp loaded."""

    def __init__(self, site: Site, *, ours: bool = True) -> None:
        self.site, self.ours = site, ours
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.site.port

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, extra: str = "", *, arguments: tuple[str, ...] = (), environment: dict[str, str] | None = None,
              prologue: str = "") -> Server:
        if not self.ours:
            prologue = "LoadModule mod_sftp.c\nLoadModule mod_ifsession.c\n" + prologue
        path = self.site.configuration(extra, prologue=prologue)
        output = (self.site.root / "log" / "stderr").open("wb")
        self.process = subprocess.Popen(
            [OURS if self.ours else REAL, "-n", "-c", str(path), *arguments], stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, start_new_session=True, env={**os.environ, **(environment or {})})
        try:
            wait_for_port(self.port, self.process)
        except (RuntimeError, AssertionError, OSError) as error:
            self.stop()
            raise RuntimeError(f"{error}\n{self.site.log('stderr')}") from error
        wait_until(lambda: not self.sessions(), "the end of the session that found the port")
        return self

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def sessions(self) -> list[int]:
        """Process ids of the session children, the youngest last."""
        return children(self.pid)

    def stop(self) -> int:
        """TERM, then KILL after a limit; returns the exit status."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A directory below /tmp that every user may enter; removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="pyproftpd-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def make_keys(directory: Path) -> Path:
    """Host keys of three kinds and a client key pair, by OpenSSH's own ssh-keygen.

    RSA keys have 2048 bits: a larger one is checked for a tenth of a second at each of the hundreds of starts.
    """
    directory.chmod(0o755)
    for kind, size in (("ed25519", "256"), ("ecdsa", "256"), ("rsa", "2048")):
        made = ["ssh-keygen", "-q", "-t", kind, "-b", size, "-N", ""]
        subprocess.run([*made, "-C", "host", "-m", "PEM", "-f", directory / f"ssh_host_{kind}_key"], check=True)
        subprocess.run([*made, "-C", "client", "-f", directory / f"client_{kind}"], check=True)
        exported = subprocess.run(["ssh-keygen", "-e", "-m", "RFC4716", "-f", directory / f"client_{kind}.pub"], check=True,
                                  capture_output=True, text=True)
        (directory / f"client_{kind}.rfc4716").write_text(exported.stdout)
    return directory
