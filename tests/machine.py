"""What tests share with everything else on this machine, other runs of the tests among it: ports, processes, user files."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: below the ports that the kernel gives to clients (ip_local_port_range(7)): between the choice of one and the start of a
#: server no connection of another test can take it
PORTS = range(10_000, 32_000)
#: ports that belong to one run, or to one worker of it
BLOCK = 400


@functools.cache
def _own_ports() -> tuple[socket.socket, Iterator[int]]:
    """The first block that nobody has, behind what claims it: a name that the kernel gives back when this process ends."""
    for first in PORTS[::BLOCK]:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0pyproftpd-tests-ports-{first}")
        except OSError:
            claim.close()
            continue
        return claim, itertools.cycle(range(first, first + BLOCK))
    raise RuntimeError("every block of ports belongs to a running test")


def free_port() -> int:
    """A port of this worker at which nobody listens, on any address."""
    for port in itertools.islice(_own_ports()[1], BLOCK):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what has ended does not count
            probe.bind(("0.0.0.0", port))
            return port
    raise RuntimeError("somebody listens at every port of a block")


def children(pid: int) -> list[int]:
    """Child processes, the youngest last, ended ones until they are waited for; as ``ps --ppid`` without starting it."""
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdecimal():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = (directory / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid:
                    found.append((int(fields[19]), int(directory.name)))  # ppid, start time: proc(5)
    return [child for _, child in sorted(found)]


def administer(*words: str | Path, data: str = "") -> None:
    """``useradd``, ``chage`` and the like, one at a time: they do not wait for each other for long."""
    with alone("users"):
        subprocess.run(words, input=data, text=True, check=True, capture_output=True)


@contextlib.contextmanager
def alone(what: str) -> Iterator[None]:
    """No other test is at work with this part of the machine."""
    fd = os.open(Path(tempfile.gettempdir(), f"pyproftpd-tests-{what}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
