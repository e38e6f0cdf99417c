"""Ways around the rules of a place: links, /proc, other names of a directory, a chroot. (Security F7 to F10, F12, F14.)"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients import rawsftp
from tests.clients.rawsftp import CREAT, OPEN, READ_FLAG, TRUNC, WRITE_FLAG, SftpStatus, text, u32
from tests.matrix.road import Road, scp_download, scp_upload
from tests.servers import Server, Site

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

Enter = Callable[..., tuple[Road, Path]]


@pytest.fixture
def enter(start: Callable[..., Server]) -> Iterator[Enter]:
    roads: list[Road] = []

    def run(extra: str) -> tuple[Road, Path]:
        server = start(extra)
        roads.append(Road(server))
        return roads[-1], server.site.accounts["demo"].home

    yield run
    for road in roads:
        road.close()


def own(site: Site, *paths: Path) -> None:
    for path in paths:
        os.chown(path, site.accounts["demo"].uid, site.accounts["demo"].gid, follow_symlinks=False)


def readable(road: Road, path: str) -> bool:
    try:
        return road.sftp(3).close(road.sftp(3).open(path, READ_FLAG)) == 0
    except SftpStatus:
        return False


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A directory on another file system."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == Path("/tmp").stat().st_dev:
        pytest.skip("no second file system")
    path = Path(tempfile.mkdtemp(dir=shm))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("request_name", ["RENAME", "posix-rename@openssh.com"])
def test_f7_a_rename_to_another_disk_moves_the_link_itself(enter: Enter, site: Site, other_disk: Path, request_name: str) -> None:
    road, home = enter("AllowOverwrite on\n")
    secret = site.root / "secret"
    secret.write_bytes(b"outside")
    secret.chmod(0o666)
    (home / "link").symlink_to(secret)
    (home / "plain").write_bytes(b"moved")
    (other_disk / "trap").symlink_to(secret)
    own(site, home / "link", home / "plain", other_disk / "trap")

    def rename(source: Path, target: Path) -> int:
        client = road.sftp(3)
        paths = text(str(source)), text(str(target))
        return client.status(client.ask(rawsftp.RENAME, *paths) if request_name == "RENAME" else client.extended(
            request_name, *paths))

    assert rename(home / "link", other_disk / "link") == 0
    assert (other_disk / "link").is_symlink() and os.readlink(other_disk / "link") == str(secret)
    status = rename(home / "plain", other_disk / "trap")
    if request_name == "RENAME":
        assert status != 0 and (other_disk / "trap").is_symlink() and (home / "plain").exists()
    else:
        assert status == 0 and not (other_disk / "trap").is_symlink() and (other_disk / "trap").read_bytes() == b"moved"
    assert secret.read_bytes() == b"outside"


def test_f8_proc_is_no_way_around_the_rules_of_a_directory(enter: Enter, site: Site) -> None:
    home = site.accounts["demo"].home
    (home / "closed").mkdir()
    (home / "closed" / "file").write_bytes(b"secret")
    (home / "alias").symlink_to("closed")
    own(site, home / "closed", home / "closed" / "file")
    road, _ = enter(f"<Directory {home}/closed>\n<Limit ALL>\nDenyAll\n</Limit>\n</Directory>\n")
    assert readable(road, "/etc/hostname")
    for way in (str(home), f"/proc/self/root{home}", f"/proc/thread-self/root{home}", f"/proc/self/cwd{home}",
                f"/proc/{os.getpid()}/root{home}", "/proc/self/cwd", *(f"/proc/self/fd/{n}{home}" for n in range(12)),
                *(f"/dev/fd/{n}" for n in range(12))):
        for name in ("closed/file", "closed/../closed/file", "alias/file"):
            assert not readable(road, f"{way}/{name}"), f"{way}/{name}"
            assert scp_download(road, f"{way}/{name}").content == b""


def test_f9_ftpaccess_above_holds_however_one_gets_there(enter: Enter, site: Site) -> None:
    road, home = enter("AllowOverride on\n")
    deep = home / "top" / "middle" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"secret")
    (home / "short").symlink_to(deep)
    (home / "free").mkdir()
    own(site, home / "top", home / "top" / "middle", deep, deep / "file", home / "free")
    (home / "top" / ".ftpaccess").write_text("<Limit ALL>\nDenyAll\n</Limit>\n")
    for way in (str(deep), "top/middle/deep", "free/../top/middle/deep", "top/./middle//deep", "short",
                "top/middle/deep/../deep"):
        client = road.sftp(3)
        assert not readable(road, f"{way}/file"), way
        assert client.status(client.ask(rawsftp.OPENDIR, text(way))) == 3, way
        assert client.status(client.ask(rawsftp.MKDIR, text(f"{way}/new"), client.no_attrs())) == 3, way
        assert scp_upload(road, f"{way}/new", b"C0644 1 x\n", b"x\0").status == 1, way
    assert not (deep / "new").exists()


@pytest.mark.parametrize("root", ["", "DefaultRoot ~\n"])
def test_f9_ftpaccess_above_opens_nothing_that_the_configuration_closes(enter: Enter, site: Site, root: str) -> None:
    home = site.accounts["demo"].home
    (home / "top" / "closed").mkdir(parents=True)
    (home / "top" / "closed" / "file").write_bytes(b"secret")
    (home / "top" / "file").write_bytes(b"open")
    own(site, home / "top", *(home / "top").rglob("*"))
    (home / "top" / ".ftpaccess").write_text("<Limit READ>\nAllowAll\n</Limit>\n")
    road, _ = enter(f"{root}AllowOverride on\n<Limit READ>\nDenyAll\n</Limit>\n"
                    f"<Directory {home}/top/closed>\n<Limit READ>\nDenyAll\n</Limit>\n</Directory>\n")
    assert readable(road, "top/file") and not readable(road, "top/closed/file")
    assert scp_download(road, "top/closed/file").content == b""


def test_promise_09_an_unreadable_ftpaccess_closes_its_directory_and_is_told(enter: Enter, site: Site) -> None:
    """What the rules are cannot be known, so nothing is allowed."""
    road, home = enter("AllowOverride on\n")
    (home / "dark").mkdir()
    (home / "dark" / "file").write_bytes(b"x")
    own(site, home / "dark", home / "dark" / "file")
    (home / "dark" / ".ftpaccess").write_text("<Limit ALL>\nAllowAll\n</Limit>\n")
    (home / "dark" / ".ftpaccess").chmod(0)
    assert not readable(road, "dark/file")
    assert ".ftpaccess" in site.log("sftp.log") or ".ftpaccess" in site.log("stderr")


LINKS = [
    ("relative to a file", "link", "real/file", True), ("absolute inside", "link", "/real/file", True),
    ("relative directory", "dlink", "real", True), ("absolute directory", "dlink", "/real", True),
    ("up and down", "real/link", "../real/file", True), ("above the root", "link", "../../../../real/file", True),
    ("outside by path", "link", "{outside}/secret", False),
    ("outside by dots", "link", "../../../../../../..{outside}/secret", False),
]


@pytest.mark.parametrize(("what", "name", "target", "reached"), LINKS, ids=[row[0] for row in LINKS])
def test_f10_links_inside_a_chroot(enter: Enter, site: Site, what: str, name: str, target: str, reached: bool) -> None:
    road, home = enter("DefaultRoot ~\nAllowOverwrite on\n")
    outside = site.root / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (home / "real").mkdir()
    (home / "real" / "file").write_bytes(b"inside")
    own(site, home / "real", home / "real" / "file")
    (home / name).symlink_to(target.format(outside=outside))
    path = f"/{name}/file" if name == "dlink" else f"/{name}"
    client = road.sftp(3)
    assert readable(road, path) is reached
    assert scp_download(road, path).content == (b"inside" if reached else b"")
    if reached:
        handle = client.open(path, WRITE_FLAG | CREAT | TRUNC)
        assert client.write(handle, 0, b"written") == 0 and client.close(handle) == 0
        assert (home / "real" / "file").read_bytes() == b"written"
        assert scp_upload(road, path, b"C0644 6 x\n", b"by scp\0").status == 0
        assert (home / "real" / "file").read_bytes() == b"by scp"
    assert (outside / "secret").read_bytes() == b"secret" and client.names(client.ask(
        rawsftp.REALPATH, text(path)))[0].name.startswith(b"/")


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_f12_opening_to_read_changes_nothing(enter: Enter, site: Site, version: int) -> None:
    road, home = enter("AllowOverwrite on\n")
    file = home / "file"
    file.write_bytes(b"content")
    file.chmod(0o640)
    own(site, file)
    before = file.stat()
    client = road.sftp(version)
    attrs = u32(0x4) + (b"\1" if version >= 4 else b"") + u32(0o777)
    parts = [u32(0x1), u32(2)] if version >= 5 else [u32(READ_FLAG)]
    handle = client.expect(client.ask(OPEN, text(str(file)), *parts, attrs), rawsftp.HANDLE).text()
    assert client.close(handle) == 0
    after = file.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_uid, after.st_size) == (
        before.st_mode, before.st_mtime_ns, before.st_uid, before.st_size)
