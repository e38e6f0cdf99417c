"""What a bench run measures of one server. CPU in seconds of all its processes, sizes in bytes, times in seconds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

from tests.bench.peers import USER, Bench, Peer

GIB = 1 << 30
#: cipher and MAC as OpenSSH's client names them; None = what the stock client and the server agree on
SUITES: tuple[tuple[str, str | None, str | None], ...] = (
    ("aes128-gcm", "aes128-gcm@openssh.com", None),
    ("aes256-gcm", "aes256-gcm@openssh.com", None),
    ("chacha20", "chacha20-poly1305@openssh.com", None),
    ("aes256-ctr sha256-etm", "aes256-ctr", "hmac-sha2-256-etm@openssh.com"),
    ("aes128-ctr umac-64-etm", "aes128-ctr", "umac-64-etm@openssh.com"),
    ("stock client", None, None),
)


#: what is agreed on where it is not the cryptography that is measured; all three servers have it
SAME: dict[str, Any] = {
    "kex_algs": ["curve25519-sha256"], "server_host_key_algs": ["ssh-ed25519"], "encryption_algs": ["aes128-gcm@openssh.com"]}
#: bytes of a small file; files that a client which does not wait has under way
SMALL, AHEAD = 4096, 64


def _client(bench: Bench, peer: Peer, cipher: str | None, mac: str | None) -> list[str]:
    command = ["sftp", "-F", "/dev/null", "-P", str(peer.port), "-B", "32768", "-R", "64",
               "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oIdentityAgent=none",
               "-oIdentitiesOnly=yes", f"-oIdentityFile={bench.keys}/client_ed25519"]
    command += [f"-oCiphers={cipher}"] if cipher else []
    command += [f"-oMACs={mac}"] if mac else []
    return [*command, "-b", "-", f"{USER}@127.0.0.1"]


def _batch(bench: Bench, peer: Peer, lines: str, cipher: str | None = None, mac: str | None = None) -> tuple[float, float] | None:
    """(CPU, wall) of a batch, or None where the server does not have the suite."""
    before, begin = bench.cpu(peer), time.monotonic()
    done = subprocess.run(_client(bench, peer, cipher, mac), input=lines, text=True, capture_output=True, timeout=600)
    wall = time.monotonic() - begin
    if done.returncode:
        if "no matching" in done.stderr.lower():
            return None
        raise RuntimeError(f"{peer.name}: {done.stderr}")
    return bench.cpu(peer) - before, wall


def transfer(bench: Bench, peer: Peer, direction: str, cipher: str | None, mac: str | None, size: int,
             runs: int) -> dict[str, float] | None:
    """CPU seconds per GiB and MiB/s, the best of ``runs``, of one file of ``size`` bytes."""
    local, remote = bench.root / "local", bench.home / "file"
    if not local.exists() or local.stat().st_size != size:
        _make_file(local, size)
    if direction == "down":
        _copy_owned(local, remote, bench)
    lines = f"get {remote} {bench.root}/got\n" if direction == "down" else f"put {local} {remote}\n"
    results = [_batch(bench, peer, lines, cipher, mac) for _ in range(runs)]
    measured = [result for result in results if result is not None]
    if not measured:
        return None
    got = bench.root / "got" if direction == "down" else remote
    if got.stat().st_size != size:
        raise RuntimeError(f"{peer.name}: {got} has {got.stat().st_size} bytes, not {size}")
    got.unlink()
    return {"cpu_s_per_gib": min(cpu for cpu, _ in measured) * GIB / size,
            "mib_s": size / min(wall for _, wall in measured) / (1 << 20)}


def small_files(bench: Bench, peer: Peer, count: int, direction: str) -> dict[str, float]:
    """Microseconds of server CPU per file of :data:`SMALL` bytes, OpenSSH batch: one request at a time."""
    source, target = bench.root / "small", bench.home / "small"
    if not source.exists():
        source.mkdir()
        for number in range(count):
            (source / f"file{number:05d}").write_bytes(os.urandom(SMALL))
    subprocess.run(["rm", "-rf", target, bench.root / "got-small"], check=True)
    subprocess.run(["install", "-d", "-o", USER, target], check=True)
    (bench.root / "got-small").mkdir()
    if direction == "get":
        subprocess.run(["cp", "-r", f"{source}/.", target], check=True)
    lines = f"put {source}/* {target}/\n" if direction == "put" else f"get {target}/* {bench.root}/got-small/\n"
    result = _batch(bench, peer, lines)
    assert result is not None
    return {"cpu_us_per_file": result[0] / count * 1e6, "wall_s": result[1]}


def sent_ahead(bench: Bench, peer: Peer, count: int, direction: str) -> dict[str, float]:
    """As ``small_files``, by a client that has :data:`AHEAD` files under way at a time."""
    target = bench.home / "ahead"
    subprocess.run(["rm", "-rf", target], check=True)
    subprocess.run(["install", "-d", "-o", USER, target], check=True)
    if direction == "get":
        for number in range(count):
            (target / f"file{number:05d}").write_bytes(os.urandom(SMALL))
    before, begin = bench.cpu(peer), time.monotonic()
    asyncio.run(_move_ahead(bench, peer, target, count, direction))
    wall = time.monotonic() - begin
    return {"cpu_us_per_file": (bench.cpu(peer) - before) / count * 1e6, "wall_s": wall}


async def _move_ahead(bench: Bench, peer: Peer, target: Path, count: int, direction: str) -> None:
    data, gate = os.urandom(SMALL), asyncio.Semaphore(AHEAD)
    async with _connect(bench, peer) as connection, connection.start_sftp_client() as client:

        async def one(number: int) -> None:
            async with gate, client.open(str(target / f"file{number:05d}"), "wb" if direction == "put" else "rb",
                                         block_size=0) as file:
                if direction == "put":
                    await file.write(data, 0)
                elif len(await file.read(SMALL, 0)) != SMALL:
                    raise RuntimeError(f"{peer.name}: a short file")

        await asyncio.gather(*(one(number) for number in range(count)))


def listing(bench: Bench, peer: Peer, count: int) -> dict[str, float]:
    """Milliseconds of server CPU for one directory of ``count`` names; ten listings on one session."""
    target = bench.home / "many"
    if not target.exists():
        target.mkdir()
        for number in range(count):
            (target / f"name-{number:06d}").touch()
        target.chmod(0o755)
    result = _batch(bench, peer, f"ls -l {target}\n" * 10)
    assert result is not None
    return {"cpu_ms": result[0] * 100, "wall_ms": result[1] * 100}


def logins(bench: Bench, peer: Peer, count: int, parallel: int) -> dict[str, float]:
    """Milliseconds from connect to banner and to a ready SFTP session (medians), CPU per login, sessions a second."""
    before, begin = bench.cpu(peer), time.monotonic()
    ready = asyncio.run(_log_in(bench, peer, count, parallel))
    wall = time.monotonic() - begin
    return {"ready_ms": statistics.median(ready) * 1000, "banner_ms": statistics.median(_banners(peer, 20)) * 1000,
            "cpu_ms": (bench.cpu(peer) - before) / count * 1000, "sessions_s": count / wall}


def _connect(bench: Bench, peer: Peer) -> Any:
    """A connection of asyncssh to be, a context manager; all three servers do the same cryptography for it."""
    return asyncssh.connect("127.0.0.1", peer.port, username=USER, client_keys=[str(bench.keys / "client_ed25519")],
                            known_hosts=None, config=None, agent_path=None, **SAME)


async def _log_in(bench: Bench, peer: Peer, count: int, parallel: int) -> list[float]:
    gate, times = asyncio.Semaphore(parallel), []

    async def one() -> None:
        async with gate:
            begin = time.monotonic()
            async with _connect(bench, peer) as connection, connection.start_sftp_client() as client:
                await client.realpath(".")
                times.append(time.monotonic() - begin)

    await asyncio.gather(*(one() for _ in range(count)))
    return times


def _banners(peer: Peer, count: int) -> list[float]:
    import socket

    times = []
    for _ in range(count):
        begin = time.monotonic()
        with contextlib.closing(socket.create_connection(("127.0.0.1", peer.port))) as connection:
            connection.recv(8)
            times.append(time.monotonic() - begin)
    return times


def idle_memory(bench: Bench, peer: Peer, sessions: int) -> dict[str, float]:
    """KiB of PSS and of private memory per idle logged-in session, all processes of the session together."""
    return asyncio.run(_idle_memory(bench, peer, sessions))


async def _idle_memory(bench: Bench, peer: Peer, sessions: int) -> dict[str, float]:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(sessions):
            connection = await stack.enter_async_context(_connect(bench, peer))
            await (await connection.start_sftp_client()).realpath(".")
        await asyncio.sleep(1)
        rollups = [_rollup(process.pid) for process in peer.descendants()]
    return {"pss_kib": sum(pss for pss, _ in rollups) / sessions, "private_kib": sum(own for _, own in rollups) / sessions}


def _rollup(pid: int) -> tuple[int, int]:
    pss = private = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            pss = int(rest.split()[0])
        elif name in ("Private_Clean", "Private_Dirty"):
            private += int(rest.split()[0])
    return pss, private


def start_times(proftpd: Sequence[str], arguments: Sequence[str], runs: int = 5) -> float:
    """Milliseconds of a whole command, the best of ``runs``."""
    times = []
    for _ in range(runs):
        begin = time.monotonic()
        subprocess.run([*proftpd, *arguments], check=True, capture_output=True)
        times.append(time.monotonic() - begin)
    return min(times) * 1000


def _make_file(path: Path, size: int) -> None:
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(block)


def _copy_owned(source: Path, target: Path, bench: Bench) -> None:
    subprocess.run(["cp", source, target], check=True)
    subprocess.run(["chown", USER, target], check=True)
