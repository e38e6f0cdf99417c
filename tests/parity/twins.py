"""Run the same clients against a C proftpd and against ours, on the same paths and port, and record what each left behind.

What may differ is a row of ``differences.py``: a rewriting of what the C server wrote into what ours is to write, with the
reason. After the rewriting both records must be equal.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from tests.clients import openssh
from tests.clients.rawsftp import RawSftp
from tests.machine import free_port
from tests.matrix.road import receive
from tests.servers import PASSWORD, Server, Site, scratch
from tests.waiting import wait_until

#: variables that say the same of the same command on both servers; counters, clocks and process ids do not
VARIABLES = (
    "%m", "%J", "%r", "%s", "%S", "%b", "%d", "%D", "%f", "%F", "%w", "%c", "%E", "%g", "%h", "%H", "%l", "%L", "%p", "%u",
    "%U", "%v", "%a", "%A", "%{basename}", "%{file-modified}", "%{file-offset}", "%{file-size}", "%{gid}", "%{uid}",
    "%{protocol}", "%{transfer-failure}", "%{transfer-status}", "%{transfer-type}", "%{transfer-port}",
    "%{note:mod_xfer.store-path}", "%{note:mod_xfer.retr-path}", "%{note:mod_core.rnfr-path}",
    "%{note:mod_xfer.file-modified}", "%{note:SFTP_USER_AUTH_METHOD}", "%{env:SFTP}",
)
SEPARATOR = "|"

#: one and the same for both, and nothing that only one of them knows
CLIENT = ("-oCiphers=aes128-ctr", "-oKexAlgorithms=curve25519-sha256", "-oMACs=umac-64-etm@openssh.com",
          "-oPubkeyAuthentication=no", "-oPreferredAuthentications=password", "-oNumberOfPasswordPrompts=1", "-oBatchMode=no")

COMMON = """\
AllowStoreRestart on
SFTPAuthMethods password
LogFormat variables "{variables}"
ExtendedLog {root}/log/all ALL
ExtendedLog {root}/log/variables ALL variables
ExtendedLog {root}/log/events CONNECT,EXIT variables
"""
#: extensions that 1.3.8 has not: a client that finds them asks other things
NEWER = "SFTPExtensions -limits -userGroupNames -homeDirectory\n"


@dataclass
class Recording:
    """What one server did: the answers that clients got, the files, and the lines of each log."""

    answers: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    logs: dict[str, list[str]] = field(default_factory=dict)


class Driver:
    """Clients of one server, one after the other; a session's last log line is waited for before the next one."""

    def __init__(self, server: Server, local: Path) -> None:
        self.server, self.local, self.answers = server, local, list[str]()
        self.sessions = 0

    @property
    def home(self) -> Path:
        return self.server.site.accounts["demo"].home

    def sftp(self, commands: str, *, user: str = "demo", password: str = PASSWORD) -> None:
        self._run(["sshpass", "-p", password, "sftp", "-P", str(self.server.port),
                   *openssh.options(self.server, extra=CLIENT), "-b", "-", f"{user}@127.0.0.1"], commands)

    def scp(self, *words: str, user: str = "demo") -> None:
        """The old protocol; ``HOST:`` names the server."""
        named = [word.replace("HOST:", f"{user}@127.0.0.1:", 1) for word in words]
        self._run(["sshpass", "-p", PASSWORD, "scp", "-O", "-P", str(self.server.port),
                   *openssh.options(self.server, extra=CLIENT), *named])

    def psftp(self, commands: str) -> None:
        (self.local / "batch").write_text(commands)
        shown = subprocess.run(["ssh-keygen", "-l", "-f", self.server.site.keys / "ssh_host_ed25519_key.pub"], check=True,
                               capture_output=True, text=True)
        self._run(["psftp", "-batch", "-be", "-P", str(self.server.port), "-pw", PASSWORD, "-hostkey", shown.stdout.split()[1],
                   "-b", str(self.local / "batch"), "demo@127.0.0.1"])

    @contextlib.contextmanager
    def cut(self, user: str = "demo", version: int = 3) -> Iterator[RawSftp]:
        """A channel whose connection is simply dropped at the end of the block."""
        transport = paramiko.Transport(("127.0.0.1", self.server.port))
        transport.connect(username=user, password=PASSWORD)
        channel = transport.open_session()
        channel.invoke_subsystem("sftp")
        raw = RawSftp(channel.sendall, lambda count: receive(channel, count))
        raw.init(version)
        yield raw
        transport.sock.close()
        self._session_is_over()

    def _run(self, command: list[str], text: str = "") -> None:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, cwd=self.local,
                              env={"PATH": os.environ["PATH"], "HOME": str(self.local), "LC_ALL": "C.UTF-8", "TZ": "UTC"})
        self.answers += [f"$ {Path(command[0] if command[0] != 'sshpass' else command[3]).name}",
                         *done.stdout.splitlines(), *done.stderr.splitlines(), f"exit {done.returncode}"]
        self._session_is_over()

    def _session_is_over(self) -> None:
        self.sessions += 1
        wait_for_ends(self.server, self.sessions)


def wait_for_ends(server: Server, count: int) -> None:
    """So many sessions have said that they end, and have ended: nothing more comes from them."""
    def ended() -> bool:
        return server.site.log("events").count("m=EXIT") >= count and not server.sessions()
    wait_until(ended, f"the end of {count} sessions")


Script = Callable[[Driver], None]


def record(keys: Path, extra: str, prepare: Callable[[Site], None], script: Script) -> tuple[Recording, Recording]:
    """(the C server's record, ours) of one script on the same places."""
    with scratch() as root, scratch() as local:
        root.chmod(0o755)
        site_root = root / "site"
        port = free_port()
        recordings = []
        for ours in (False, True):
            site_root.mkdir()
            site = Site(site_root, keys, port=port)
            prepare(site)
            (local / "work").mkdir()
            recordings.append(_record(Server(site, ours=ours), extra, local / "work", script))
            shutil.rmtree(site_root)
            shutil.rmtree(local / "work")
        return recordings[0], recordings[1]


def _record(server: Server, extra: str, local: Path, script: Script) -> Recording:
    site = server.site
    variables = SEPARATOR.join(f"{name.strip('%{}').removeprefix('note:').removeprefix('env:')}={name}" for name in VARIABLES)
    (local / "three").write_text("abc")
    (local / "ten").write_text("0123456789")
    os.utime(local / "three", (1_500_000_000, 1_500_000_000))
    driver = Driver(server, local)
    server.start(COMMON.format(root=site.root, variables=variables) + (NEWER if server.ours else "") + extra)
    try:
        wait_for_ends(server, 1)
        for log in (site.root / "log").iterdir():
            os.truncate(log, 0)
        script(driver)
    finally:
        server.stop()
    names = ("all", "variables", "events", "sftp.log", "xferlog", "stderr")
    return Recording([plain(line) for line in driver.answers], list(tree(driver.home)),
                     {name: [plain(line) for line in site.log(name).lstrip("\0").splitlines()] for name in names})


_MOVING = (
    (re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?:\S+ proftpd\[\d+\] |mod_sftp/[\d.]+\[\d+\]: )"), ""),
    (re.compile(r"^[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \d{4} \d+ "), "TIME "),
    (re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"), "[TIME]"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "HANDLE"),
    (re.compile(r"/tmp/pyproftpd-[^/ ]+/"), "/ROOT/"),
    (re.compile(r"client \(127\.0\.0\.1:\d+\)"), "client (CLIENT)"),
    (re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d(?= )"), "Mmm dd hh:mm"),
)


def plain(line: str) -> str:
    """Without what is another in every run: clocks, process ids, handles, ports of clients."""
    for pattern, name in _MOVING:
        line = pattern.sub(name, line)
    return line


def tree(top: Path) -> Iterator[str]:
    """Everything below ``top``: type, mode, owner, size, links, content; the time where a client set it long ago."""
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        what = os.readlink(path) if path.is_symlink() else (
            hashlib.sha256(path.read_bytes()).hexdigest()[:8] if path.is_file() else "")
        old = f" {int(status.st_mtime)}" if status.st_mtime < 1_600_000_000 else ""
        size = status.st_size if not stat.S_ISDIR(status.st_mode) else "-"
        yield (f"{stat.filemode(status.st_mode)} {status.st_nlink} {status.st_uid} {status.st_gid} {size} "
               f"{path.relative_to(top)} {what}{old}")
