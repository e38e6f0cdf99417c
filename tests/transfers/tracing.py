"""A session under strace(1): what it asks of the kernel, and the kernel's answers changed on purpose."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.rawsftp import SftpStatus
from tests.matrix.road import Road
from tests.servers import Server
from tests.waiting import wait_until

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

#: system calls by which a session touches files
FILE_CALLS = ("openat,openat2,read,preadv,preadv2,pread64,write,pwrite64,pwritev,close,rename,renameat,renameat2,unlink,unlinkat,"
              "fsync,fdatasync,ftruncate,fchmod,fchown,link,linkat,copy_file_range,sendfile")


def session_of(server: Server) -> int:
    """The process of the only session that is logged in."""
    wait_until(lambda: len(server.sessions()) == 1, lambda: f"one session alone, not {server.sessions()}")
    return server.sessions()[0]


@contextlib.contextmanager
def traced(server: Server, output: Path, *options: str) -> Iterator[Path]:
    """strace on the session of ``server`` for the length of the block; its output is in the file that is yielded."""
    errors = output.with_suffix(".err")
    with errors.open("wb") as said:
        process = subprocess.Popen(["strace", "-y", "-o", str(output), "-p", str(session_of(server)), *options], stderr=said)
        wait_until(lambda: "attached" in errors.read_text() or process.poll() is not None, "strace")
        assert process.poll() is None, errors.read_text()
        try:
            yield output
        finally:
            process.terminate()
            process.wait()


def calls(output: Path) -> list[str]:
    """One call a line, without the parts of calls that a signal cut in two."""
    return [line for line in output.read_text(errors="replace").splitlines() if re.match(r"\w+\(", line)]


def upload(road: Road, name: str, content: bytes, flags: int) -> list[int]:
    """Status of the open (0 stands for a handle), of each write, and of the close."""
    client = road.sftp(3)
    try:
        handle = client.open(name, flags)
    except SftpStatus as error:
        return [error.code]
    answers = [0]
    for place in range(0, len(content), 32768):
        answers.append(client.write(handle, place, content[place:place + 32768]))
    answers.append(client.close(handle))
    return answers
