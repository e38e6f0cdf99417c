"""UploadDurability: what the kernel is asked, and in which order, before the client gets its answer.

Promise 1, security.md A10.13.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.clients.rawsftp import CREAT, TRUNC, WRITE_FLAG
from tests.transfers.conftest import Connect
from tests.transfers.tracing import calls, needs_strace, traced, upload

pytestmark = [pytest.mark.root, needs_strace]

UPLOAD = WRITE_FLAG | CREAT | TRUNC

#: what an upload of one block asks, by (durability, hidden), up to the answer
ORDERS = [
    ("none", False, "write close answer"), ("none", True, "write close rename answer"),
    ("data", False, "write fdatasync close answer"), ("data", True, "write fdatasync close rename answer"),
    ("full", False, "write fsync close fsync-directory answer"),
    ("full", True, "write fsync close rename fsync-directory answer"),
]


@pytest.mark.parametrize(("durability", "hidden", "order"), ORDERS)
def test_promise_01_what_is_acknowledged_is_stored_as_configured(connect: Connect, tmp_path: Path, durability: str, hidden: bool,
                                                                order: str) -> None:
    server, road, home = connect(f"UploadDurability {durability}\n" + ("HiddenStores on\n" if hidden else ""))
    road.sftp(3)
    with traced(server, tmp_path / "trace", "-e", "trace=pwrite64,fsync,fdatasync,close,renameat,renameat2,sendto,write"):
        assert upload(road, "file", b"x" * 1000, UPLOAD) == [0, 0, 0]
    assert steps(calls(tmp_path / "trace"), str(home)) == order.split()


def steps(lines: list[str], home: str) -> list[str]:
    """From the write of the block to the answer of the close: the first packet behind everything else."""
    found: list[str] = []
    for line in lines:
        name = line.partition("(")[0]
        about_file = re.search(rf"<{re.escape(home)}/[^>]*>", line) is not None
        if name == "pwrite64" and about_file:
            found.append("write")
        elif name == "close" and about_file and "write" in found:
            found.append("close")
        elif name in ("fsync", "fdatasync"):
            found.append(name if about_file else f"{name}-directory")
        elif name.startswith("rename"):
            found.append("rename")
        elif name == "sendto" and found and found[-1] not in ("write", "answer"):
            found.append("answer")
    return found[:found.index("answer") + 1] if "answer" in found else found
