"""The three servers that a bench run compares, on loopback ports, with one account, one key and one directory on tmpfs."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import prctl
import psutil

from tests.machine import free_port
from tests.servers import OURS, REAL, SECRET_HASH, make_keys, wait_for_port

SSHD = "/usr/sbin/sshd"
#: the account that logs in, and two with a password that nobody knows, of the machine and of the user file alike
USER, WRONG, LOCKED = (f"pyproftpd-{kind}-{os.getpid()}" for kind in ("bench", "wrong", "locked"))
#: questions for the conversations of pyproftpd; without the delay of pam_unix, which would hide what is measured
SERVICE = Path(f"/etc/pam.d/{USER}")
TMPFS = "/dev/shm"
TICKS = os.sysconf("SC_CLK_TCK")

PROFTPD = """\
{load}ServerName bench
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
User nobody
Group nogroup
PidFile {root}/{name}.pid
ScoreboardFile {root}/{name}.scoreboard
ScoreboardMutex {root}/{name}.scoreboard.lck
ControlsSocket {root}/{name}.sock
DelayEngine off
UseReverseDNS off
WtmpLog off
MaxInstances 300
SystemLog {root}/{name}.log
TransferLog {root}/{name}.xferlog
AuthOrder mod_auth_file.c
AuthUserFile {root}/passwd
AuthGroupFile {root}/group
RequireValidShell off
SFTPEngine on
SFTPHostKey {keys}/ssh_host_ed25519_key
SFTPHostKey {keys}/ssh_host_ecdsa_key
SFTPAuthorizedUserKeys file:{root}/client.rfc4716
AllowOverwrite on
AllowStoreRestart on
"""

SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {keys}/ssh_host_ed25519_key
HostKey {keys}/ssh_host_ecdsa_key
AuthorizedKeysFile {root}/client.openssh
PidFile none
UsePAM no
UseDNS no
StrictModes no
MaxStartups 300
Subsystem sftp internal-sftp
"""


@dataclass
class Peer:
    """A running server. CPU is that of the master and of every session process, in seconds.

    A session of sshd leaves a process behind that sshd does not wait for; it comes to the bench, which is its subreaper.
    """

    name: str
    port: int
    process: subprocess.Popen[bytes]
    #: milliseconds from its start to an open port, and to the first word to a client
    start: dict[str, float]
    orphans: float = 0.0

    def descendants(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def settled_cpu(self, servers: set[int]) -> float:
        """CPU once all sessions have ended and been waited for; ``servers`` are the masters' process ids."""
        deadline = time.monotonic() + 20
        while self.descendants() and time.monotonic() < deadline:  # psutil.wait_procs would reap orphans, and their CPU with them
            time.sleep(0.02)
        for process in psutil.Process().children():
            if process.pid not in servers:
                with contextlib.suppress(ChildProcessError):
                    usage = os.wait4(process.pid, 0)[2]
                    self.orphans += usage.ru_utime + usage.ru_stime
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return self.orphans + sum(int(field) for field in fields[11:15]) / TICKS


@dataclass
class Bench:
    """Where a run lives: ``root`` on tmpfs, ``home`` of the account, ``keys`` of servers and client."""

    root: Path
    keys: Path
    home: Path
    peers: list[Peer]

    def cpu(self, peer: Peer) -> float:
        return peer.settled_cpu({other.process.pid for other in self.peers})


@contextlib.contextmanager
def running() -> Iterator[Bench]:
    """Start what is installed of the three; stop it and remove account and files afterwards. Needs root."""
    if os.geteuid():
        sys.exit("make bench needs root: sshd and proftpd switch users")
    prctl.set_child_subreaper(1)
    root = Path(tempfile.mkdtemp(prefix="pyproftpd-bench-", dir=TMPFS))
    root.chmod(0o755)
    home = root / "home"
    for name in (USER, WRONG, LOCKED):
        subprocess.run(["useradd", "-M", "-d", home, "-s", "/bin/sh", name], check=True)
    bench = Bench(root, root / "keys", home, [])
    try:
        for name, stored in ((USER, "*"), (WRONG, SECRET_HASH), (LOCKED, f"!{SECRET_HASH}")):
            subprocess.run(["usermod", "-p", stored, name], check=True)
        SERVICE.write_text("auth required pam_unix.so nodelay\naccount required pam_unix.so\n")
        _prepare(bench)
        _start(bench)
        yield bench
    finally:
        for peer in bench.peers:
            peer.process.terminate()
        for peer in bench.peers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                peer.process.wait(10)
        for name in (USER, WRONG, LOCKED):
            subprocess.run(["userdel", name], check=False, capture_output=True)
        SERVICE.unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)


def _prepare(bench: Bench) -> None:
    account = pwd.getpwnam(USER)
    bench.home.mkdir()
    os.chown(bench.home, account.pw_uid, account.pw_gid)
    bench.keys.mkdir()
    make_keys(bench.keys)
    shutil.copy(bench.keys / "client_ed25519.rfc4716", bench.root / "client.rfc4716")
    shutil.copy(bench.keys / "client_ed25519.pub", bench.root / "client.openssh")
    lines = "".join(f"{name}:{stored}:{account.pw_uid}:{account.pw_gid}::{bench.home}:/bin/sh\n"
                    for name, stored in ((USER, "*"), (WRONG, SECRET_HASH), (LOCKED, f"!{SECRET_HASH}")))
    for name, text in (("passwd", lines),
                       ("group", f"{USER}:x:{account.pw_gid}:\n")):
        (bench.root / name).write_text(text)
        (bench.root / name).chmod(0o600)


def _start(bench: Bench) -> None:
    for name, program, load in (("pyproftpd", OURS, f"SFTPPAMEngine on\nSFTPPAMServiceName {SERVICE.name}\n"),
                                ("proftpd", REAL, "LoadModule mod_sftp.c\n")):
        if os.path.exists(program):
            port = free_port()
            path = bench.root / f"{name}.conf"
            path.write_text(PROFTPD.format(load=load, port=port, name=name, root=bench.root, keys=bench.keys))
            _launch(bench, name, port, [program, "-n", "-c", str(path)])
    if os.path.exists(SSHD):
        Path("/run/sshd").mkdir(exist_ok=True)
        port = free_port()
        path = bench.root / "sshd_config"
        path.write_text(SSHD_CONFIG.format(port=port, root=bench.root, keys=bench.keys))
        _launch(bench, "sshd", port, [SSHD, "-D", "-f", str(path)])


def _launch(bench: Bench, name: str, port: int, command: list[str]) -> None:
    begin = time.monotonic()
    with (bench.root / f"{name}.stderr").open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    while not (listening := _first_word(port)) and process.poll() is None:
        time.sleep(0.002)
    answered = time.monotonic()
    wait_for_port(port, process)
    bench.peers.append(Peer(name, port, process, start={"listens_ms": (listening - begin) * 1000,
                                                        "answers_ms": (answered - begin) * 1000}))


def _first_word(port: int) -> float:
    """When the port was open, once somebody there has said something; 0 while nobody listens."""
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)) as connection:
        opened = time.monotonic()
        connection.recv(1)
        return opened
    return 0.0
