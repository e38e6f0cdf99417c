"""The kernel refuses a call in the middle of an upload or a rename: the client is told, and nothing is lost.

security.md A10.14.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.rawsftp import CREAT, TRUNC, WRITE_FLAG, text
from tests.matrix.road import Road
from tests.transfers.conftest import Connect
from tests.transfers.tracing import needs_strace, traced, upload

pytestmark = [pytest.mark.root, needs_strace]

UPLOAD = WRITE_FLAG | CREAT | TRUNC
OLD, NEW = b"old content", b"n" * 100000
ERRORS = ("ENOSPC", "EDQUOT", "EIO", "EINTR", "ESTALE")

#: calls of an upload with HiddenStores and UploadDurability full; an interrupted call is made again by Python, but for
#: close(), which Linux has done by then (a close that failed with EINTR has closed)
UPLOAD_CALLS = ("pwrite64", "fsync", "renameat")


def inject(call: str, error: str, home: Path) -> tuple[str, ...]:
    """Once, so that an interrupted call succeeds when it is made again; only in the home, whatever else the session does."""
    return ("-P", str(home), "-P", str(home / "file"), "-P", str(home / ".in.file."), "-e", f"trace={call}", "-e",
            f"inject={call}:error={error}:when=1")


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", UPLOAD_CALLS)
def test_a_failing_call_of_an_upload_is_told_and_loses_nothing(connect: Connect, tmp_path: Path, call: str, error: str) -> None:
    server, road, home = connect("HiddenStores on\nUploadDurability full\nAllowOverwrite on\n")
    old = home / "file"
    old.write_bytes(OLD)
    old.chmod(0o666)
    road.sftp(3)
    with traced(server, tmp_path / "trace", *inject(call, error, home)):
        answers = upload(road, "file", NEW, UPLOAD)
    injected = "(INJECTED)" in (tmp_path / "trace").read_text()
    assert injected, "the fault never happened"
    if error == "EINTR" and call != "renameat":
        assert not any(answers) and old.read_bytes() == NEW, "an interrupted call is made again"
    else:
        assert any(answers), "the client was told that all is well"
        assert answers[-1] != 0, "a close after a failure must fail too"
        assert old.read_bytes() in (OLD, NEW) and (call != "pwrite64" or old.read_bytes() == OLD)
    assert not (home / ".in.file.").exists()
    assert upload(road, "file", NEW, UPLOAD)[-1] == 0, "the session goes on"
    assert old.read_bytes() == NEW


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EIO"])
def test_an_error_of_close_is_told(connect: Connect, tmp_path: Path, error: str) -> None:
    """Disks of the network and quotas report late."""
    server, road, home = connect("HiddenStores on\n")
    road.sftp(3)
    temporary = home / ".in.file."
    client = road.sftp(3)
    handle = client.open("file", UPLOAD)
    assert client.write(handle, 0, NEW[:1000]) == 0
    with traced(server, tmp_path / "trace", "-P", str(temporary), "-e", "trace=close", "-e",
                f"inject=close:error={error}:when=1"):
        assert client.close(handle) != 0
    assert list(home.iterdir()) == [], "neither a half file nor a temporary one"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ["renameat", "renameat2"])
def test_promise_03_a_failing_rename_leaves_the_source(connect: Connect, tmp_path: Path, call: str, error: str) -> None:
    server, road, home = connect("AllowOverwrite on\n")
    (home / "source").write_bytes(NEW)
    if call == "renameat":  # an existing target is replaced in one call
        (home / "target").write_bytes(OLD)
    client = road.sftp(3)
    with traced(server, tmp_path / "trace", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when=1"):
        assert _rename(road) != 0
    assert "(INJECTED)" in (tmp_path / "trace").read_text()
    assert (home / "source").read_bytes() == NEW
    assert not (home / "target").exists() or (home / "target").read_bytes() == OLD
    assert _rename(road) == 0 and (home / "target").read_bytes() == NEW and not (home / "source").exists()
    assert client.version == 3


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ["write", "fsync", "renameat", "unlinkat", "copy_file_range"])
def test_promise_03_a_failing_move_to_another_disk_leaves_one_whole_file(connect: Connect, tmp_path: Path, call: str,
                                                                        error: str) -> None:
    """The disk boundary is made by refusing the first rename with EXDEV."""
    server, road, home = connect("AllowOverwrite on\n")
    (home / "source").write_bytes(NEW)
    (home / "target").write_bytes(OLD)
    road.sftp(3)
    with traced(server, tmp_path / "trace", "-P", str(home), "-P", str(home / "source"), "-P", str(home / "target"),
                "-e", "trace=renameat,write,fsync,unlinkat,copy_file_range", "-e", "inject=renameat:error=EXDEV:when=1",
                *(() if call == "renameat" else ("-e", f"inject={call}:error={error}:when=1"))):
        status = _rename(road)
    whole = [name for name in ("source", "target") if (home / name).exists() and (home / name).read_bytes() == NEW]
    assert whole, "the content is nowhere whole"
    if status == 0:
        assert (home / "target").read_bytes() == NEW
    else:
        assert "source" in whole
    assert not [path.name for path in home.iterdir() if path.name.startswith(".rename.")] or call == "unlinkat"


def _rename(road: Road) -> int:
    client = road.sftp(3)
    return client.status(client.extended("posix-rename@openssh.com", text("source"), text("target")))
