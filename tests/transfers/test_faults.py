"""The kernel refuses a call in the middle of an upload or a rename: the client is told, and nothing is lost.

Each call that an upload or a rename makes is refused in turn, with each error that disks, quotas, signals and servers of
files have. security.md A10.14.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.clients.rawsftp import CREAT, TRUNC, WRITE_FLAG, text
from tests.matrix.road import Road
from tests.servers import Server, Site, scratch
from tests.transfers.faults import Faults
from tests.transfers.tracing import session_of, upload

Answer = TypeVar("Answer")

pytestmark = pytest.mark.root

UPLOAD = WRITE_FLAG | CREAT | TRUNC
OLD, NEW = b"old content", b"n" * 40000
ERRORS = ("ENOSPC", "EDQUOT", "EIO", "EINTR", "ESTALE")
#: (error, is there a file under the final name already?)
CASES = [*((error, True) for error in ERRORS), ("EIO", False)]

#: .ftpaccess files are looked for once a second, which would have the calls differ from one upload to the next
CONFIGURATION = """\
AllowOverwrite on
AllowOverride off
<Directory ~/hidden>
  HiddenStores on
  UploadDurability full
</Directory>
<Directory ~/plain>
  UploadDurability data
</Directory>
"""


@dataclass
class Ground:
    """One session for all faults: that it goes on is a part of what is proved."""

    faults: Faults
    road: Road
    pid: int
    home: Path
    elsewhere: Path
    log: Callable[[], str]

    def each(self, prepare: Callable[[], None], act: Callable[[], Answer], error: str) -> Iterator[tuple[str, Answer]]:
        """Do it again for each call that it makes, while that call fails: (which call, what was answered)."""
        prepare()
        _, calls = self._during(act)
        for name in dict.fromkeys(calls):
            for turn in count():
                prepare()
                answer, made = self._during(act, name, turn, getattr(errno, error))
                if made.count(name) <= turn:
                    break
                yield f"{name} {turn}", answer

    def _during(self, act: Callable[[], Answer], *fault: Any) -> tuple[Answer, list[str]]:
        self.faults.arm(self.pid, *fault)
        try:
            answer = act()
        except (EOFError, OSError) as lost:
            raise AssertionError(f"{fault} ended the session:\n{self.log()[-3000:]}") from lost
        finally:
            calls = self.faults.disarm()
        return answer, calls


@pytest.fixture(scope="module")
def ground(keys: Path) -> Iterator[Ground]:
    shm = Path("/dev/shm")
    with scratch() as root, scratch() as built:
        built.chmod(0o755)
        site, faults = Site(root, keys), Faults(built)
        demo = site.accounts["demo"]
        other = shm.is_dir() and shm.stat().st_dev != root.stat().st_dev
        elsewhere = Path(tempfile.mkdtemp(dir=shm)) if other else demo.home / "elsewhere"
        for place in (demo.home / "hidden", demo.home / "plain", elsewhere):
            place.mkdir(exist_ok=True)
            os.chown(place, demo.uid, demo.gid)
        server = Server(site)
        try:
            server.start(CONFIGURATION, environment=faults.environment)
            road = Road(server)
            road.sftp(3)
            yield Ground(faults, road, session_of(server), demo.home, elsewhere if other else Path(),
                         lambda: site.log("stderr"))
            road.close()
        finally:
            server.stop()
            if other:
                shutil.rmtree(elsewhere)


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o666)


@pytest.mark.parametrize(("error", "existing"), CASES)
def test_promise_02_whatever_call_of_a_hidden_upload_fails_the_final_name_is_whole(ground: Ground, error: str,
                                                                                   existing: bool) -> None:
    place = ground.home / "hidden"
    file = place / "file"

    def prepare() -> None:
        file.unlink(missing_ok=True)
        if existing:
            put(file, OLD)

    failed = set()
    for call, answers in ground.each(prepare, lambda: upload(ground.road, str(file), NEW, UPLOAD), error):
        what, found = f"{error} of {call}: {answers}", file.read_bytes() if file.exists() else None
        assert found in (NEW, OLD if existing else None), f"{what}: a part under the final name"
        assert any(answers) or found == NEW, f"{what}: acknowledged, and not there"
        assert upload(ground.road, str(file), NEW, UPLOAD) == [0, 0, 0, 0] and file.read_bytes() == NEW, f"after {what}"
        assert [path.name for path in place.iterdir()] == ["file"], f"{what}: left behind"
        failed.add(call.split()[0])
    assert failed >= {"openat2", "openat64", "flock", "fstatat64", "pwrite64", "fsync", "close", "renameat"}


@pytest.mark.parametrize("error", ERRORS)
def test_whatever_call_of_an_upload_fails_what_is_acknowledged_is_there(ground: Ground, error: str) -> None:
    file = ground.home / "plain" / "file"
    failed = set()
    for call, answers in ground.each(lambda: put(file, OLD), lambda: upload(ground.road, str(file), NEW, UPLOAD), error):
        what = f"{error} of {call}: {answers}"
        assert any(answers) or file.read_bytes() == NEW, f"{what}: acknowledged, and not there"
        assert upload(ground.road, str(file), NEW, UPLOAD) == [0, 0, 0, 0] and file.read_bytes() == NEW, f"after {what}"
        failed.add(call.split()[0])
    assert failed >= {"openat2", "openat64", "fstatat64", "pwrite64", "fdatasync", "close"}


def rename(road: Road, source: Path, target: Path) -> int:
    client = road.sftp(3)
    return client.status(client.extended("posix-rename@openssh.com", text(str(source)), text(str(target))))


@pytest.mark.parametrize(("error", "existing"), CASES)
@pytest.mark.parametrize("where", ["the same disk", "another disk"])
def test_promise_03_whatever_call_of_a_rename_fails_one_whole_file_is_there(ground: Ground, where: str, error: str,
                                                                            existing: bool) -> None:
    if where == "another disk" and ground.elsewhere == Path():
        pytest.skip("no second file system")
    source, target = ground.home / "source", (ground.home if where == "the same disk" else ground.elsewhere) / "target"

    def prepare() -> None:
        put(source, NEW)
        os.chown(source, 63000, 63000)
        target.unlink(missing_ok=True)
        if existing:
            put(target, OLD)

    failed = set()
    for call, done in ground.each(prepare, lambda: rename(ground.road, source, target), error):
        what = f"{error} of {call}: status {done}"
        contents = {path: path.read_bytes() if path.exists() else None for path in (source, target)}
        assert NEW in contents.values(), f"{what}: the content is nowhere whole"
        assert contents[target] in (NEW, OLD if existing else None), f"{what}: a part under the target's name"
        assert done or contents[target] == NEW, f"{what}: acknowledged, and not there"
        left = [path for path in target.parent.iterdir() if path.name.startswith(".rename.")]
        assert not left or call.startswith("unlinkat"), f"{what}: left behind"
        for path in left:
            path.unlink()
        failed.add(call.split()[0])
    prepare()
    assert rename(ground.road, source, target) == 0 and target.read_bytes() == NEW and not source.exists()
    assert failed & {"renameat", "renameat2"} and failed >= {"openat2", "fstatat64"}
    assert ("fsync" in failed) is (where == "another disk")
