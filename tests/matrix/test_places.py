"""Ways around the rules of a place: links, /proc, other names of a directory, a chroot. (Security F7 to F10, F12, F14.)"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients import rawsftp
from tests.clients.rawsftp import CREAT, OPEN, READ_FLAG, TRUNC, WRITE_FLAG, SftpStatus, text, u32
from tests.matrix.road import Road, scp_download, scp_upload
from tests.servers import Server, Site, scratch

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


#: what the link is, its name, its text
LINKS = [
    ("relative", "{name}", "real/{kind}"), ("absolute", "{name}", "/real/{kind}"),
    ("written outside", "{name}", "{home}/real/{kind}"),
    ("up and down", "real/{name}", "../real/{kind}"), ("above the root", "{name}", "../../../../real/{kind}"),
    ("through a link", "{name}", "/way/{kind}"),
]


@pytest.fixture(scope="module")
def jail(keys: Path) -> Iterator[tuple[Road, Path]]:
    """A session in a chroot with ``real/file`` and ``real/directory`` in it, and a link ``way`` to ``real``."""
    with scratch() as root:
        site = Site(root, keys)
        home = site.accounts["demo"].home
        (home / "real" / "directory").mkdir(parents=True)
        (home / "real" / "file").touch()
        (home / "way").symlink_to("real")
        own(site, home / "real", home / "real" / "file", home / "real" / "directory", home / "way")
        server = Server(site).start("DefaultRoot ~\nAllowOverwrite on\n")
        road = Road(server)
        yield road, home
        road.close()
        server.stop()


@pytest.fixture
def link(jail: tuple[Road, Path], request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """(the link's virtual path, its text) of one row of LINKS."""
    (_, name, text), kind = request.param
    home = jail[1]
    name = name.format(name="link")
    text = text.format(kind=kind, home=home)
    (home / name).symlink_to(text)
    os.chown(home / name, 63000, 63000, follow_symlinks=False)
    yield f"/{name}", text
    (home / name).unlink(missing_ok=True)


def every_link(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("link", [(row, kind) for row in LINKS], ids=[row[0] for row in LINKS], indirect=True)


@every_link("file")
def test_f10_links_to_files_inside_a_chroot(jail: tuple[Road, Path], link: tuple[str, str]) -> None:
    """Each request that follows links gets to the file, each that does not finds the link."""
    (road, home), (path, leads) = jail, link
    client, file = road.sftp(3), home / "real" / "file"
    file.write_bytes(b"inside")
    assert client.stat(path).size == 6 and stat.S_ISLNK(client.stat(path, rawsftp.LSTAT).permissions)
    assert client.read(client.open(path, READ_FLAG), 0, 100) == scp_download(road, path).content == b"inside"
    handle = client.open(path, WRITE_FLAG | CREAT | TRUNC)
    assert client.write(handle, 0, b"written") == 0
    assert client.status(client.ask(rawsftp.FSETSTAT, text(handle), u32(4) + u32(0o600))) == 0 and client.close(handle) == 0
    assert file.read_bytes() == b"written" and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert client.status(client.ask(rawsftp.SETSTAT, text(path), u32(4) + u32(0o644))) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert scp_upload(road, path, b"C0644 6 x\n", b"by scp\0").status == 0 and file.read_bytes() == b"by scp"
    assert client.names(client.ask(rawsftp.REALPATH, text(path)))[0].name == b"/real/file"
    told = client.names(client.ask(rawsftp.READLINK, text(path)))[0].name.decode()
    assert told == leads.removeprefix(str(home))
    assert client.status(client.ask(rawsftp.RENAME, text(path), text("/moved"))) == 0
    assert os.readlink(home / "moved") == leads
    assert client.status(client.ask(rawsftp.REMOVE, text("/moved"))) == 0 and file.read_bytes() == b"by scp"


@every_link("directory")
def test_f10_links_to_directories_inside_a_chroot(jail: tuple[Road, Path], link: tuple[str, str]) -> None:
    (road, home), (path, _) = jail, link
    client, directory = road.sftp(3), home / "real" / "directory"
    assert stat.S_ISDIR(client.stat(path).permissions)
    handle = client.open(f"{path}/new", WRITE_FLAG | CREAT)
    assert client.write(handle, 0, b"new") == 0 and client.close(handle) == 0
    assert (directory / "new").read_bytes() == scp_download(road, f"{path}/new").content == b"new"
    assert [entry.name for entry in client.listing(path)] == [b".", b"..", b"new"]
    assert client.names(client.ask(rawsftp.REALPATH, text(f"{path}/new")))[0].name == b"/real/directory/new"
    assert scp_download(road, path, "-r ").content == b"new"
    assert scp_upload(road, path, b"C0644 2 up\n", b"up\0").status == 0 and (directory / "up").read_bytes() == b"up"
    assert client.status(client.ask(rawsftp.MKDIR, text(f"{path}/sub"), client.no_attrs())) == 0
    assert client.status(client.ask(rawsftp.RMDIR, text(path))) != 0
    assert client.status(client.ask(rawsftp.RMDIR, text(f"{path}/sub"))) == 0
    for name in ("new", "up"):
        assert client.status(client.ask(rawsftp.REMOVE, text(f"{path}/{name}"))) == 0
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("target", ["{outside}/secret", "../../../../../../..{outside}/secret", "{home}/../{outside}/secret",
                                    "/proc/self/root{outside}/secret"])
def test_f10_links_out_of_a_chroot_lead_nowhere(jail: tuple[Road, Path], target: str) -> None:
    road, home = jail
    client, outside = road.sftp(3), home.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret").write_bytes(b"secret")
    (outside / "secret").chmod(0o666)
    (home / "out").symlink_to(target.format(outside=outside, home=home))
    try:
        assert not readable(road, "/out") and scp_download(road, "/out").content == b""
        for kind in (rawsftp.STAT, rawsftp.SETSTAT, rawsftp.OPENDIR):
            assert client.status(client.ask(kind, text("/out"), u32(0))) == 2
        with pytest.raises(SftpStatus):
            client.open("/out", WRITE_FLAG | CREAT | TRUNC)
        assert scp_upload(road, "/out", b"C0644 1 x\n", b"x\0").status == 1
        assert client.names(client.ask(rawsftp.REALPATH, text("/out")))[0].name == b"/out"
        assert (outside / "secret").read_bytes() == b"secret"
    finally:
        (home / "out").unlink()


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
