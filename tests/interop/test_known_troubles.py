"""Where clients stumble over the real server: each numbered point, with the clients it names, is no trouble here.

Numbers are those of the list of such points; what is not here is: 1 in test_openssh (six channels under a ControlMaster) and
test_libraries (paramiko, ten channels), 7 in test_other_clients (Erlang, libssh, Ruby's SCP) and test_algorithms (arcfour).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.clients import openssh
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32, u64
from tests.interop.conftest import digest
from tests.interop.test_libraries import asyncssh_session, connect
from tests.matrix.road import Road, scp_download, scp_upload
from tests.servers import Server


def home(server: Server) -> Path:
    return server.site.accounts["demo"].home


@pytest.fixture
def road(server: Server) -> Iterator[Road]:
    road = Road(server)
    yield road
    road.close()


def test_1_channels_at_once_from_paramiko(server: Server) -> None:
    """Requests of all of them under way at the same time."""
    with connect(server) as client:
        channels = [client.open_sftp() for _ in range(6)]
        files = [sftp.open(f"f{number}", "w+b") for number, sftp in enumerate(channels)]
        for file in files:
            file.set_pipelined(True)
        for _ in range(20):
            for number, file in enumerate(files):
                file.write(bytes((65 + number,)) * 10_000)
        for number, file in enumerate(files):
            file.close()
            assert (home(server) / f"f{number}").read_bytes() == bytes((65 + number,)) * 200_000


@pytest.mark.parametrize("mode", ["sftp", "-s", "-O"])
def test_2_recursive_uploads_into_names_that_do_not_exist(server: Server, tree: Path, mode: str) -> None:
    """OpenSSH asks REALPATH of the name that it is about to make."""
    if mode == "sftp":
        done = openssh.sftp(server, f"put -r {tree} new\n")
    else:
        done = openssh.scp(server, "-r", str(tree), "HOST:new", arguments=[mode])
    assert done.returncode == 0, done.stderr
    assert digest(home(server) / "new") == digest(tree)


@pytest.mark.parametrize("target", ["file", "../elsewhere/file", "missing", "./a//b/..", "/absolute"])
def test_3_links_keep_their_text(server: Server, target: str) -> None:
    """paramiko and OpenSSH make and read them."""
    with connect(server) as client, client.open_sftp() as sftp:
        sftp.symlink(target, "link")
        assert os.readlink(home(server) / "link") == sftp.readlink("link") == target
    done = openssh.sftp(server, f"ln -s {target} other\n")
    assert done.returncode == 0 and os.readlink(home(server) / "other") == target


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_3_and_4_links_of_asyncssh(server: Server, version: int) -> None:
    """A relative target, the draft's order of arguments, and LINK in version 6."""
    async def body(connection: asyncssh.SSHClientConnection, sftp: asyncssh.SFTPClient) -> None:
        await sftp.symlink("target", "link")
        assert await sftp.readlink("link") == "target"
    asyncssh_session(server, version, body)
    assert os.readlink(home(server) / "link") == "target"


def test_5_uploads_behind_downloads_on_one_connection(road: Road, server: Server) -> None:
    for _ in range(3):
        content = os.urandom(100_000)
        assert scp_upload(road, "file", b"C0644 100000 file\n", content + b"\0").status == 0
        assert scp_download(road, "file").content == content
    assert (home(server) / "file").stat().st_size == 100_000


def test_5_scp_beside_sftp(road: Road, server: Server) -> None:
    """Both in the middle of a file."""
    client = road.sftp(3)
    handle = client.create("by sftp")
    client.write(handle, 0, b"first")
    channel = road.exec("scp -t 'by scp'")
    assert channel.recv(1) == b"\0"
    channel.sendall(b"C0644 10 x\n")
    assert channel.recv(1) == b"\0"
    channel.sendall(b"01234")
    assert client.write(handle, 5, b"second") == raw.OK
    channel.sendall(b"56789\0")
    assert channel.recv(1) == b"\0"
    channel.close()
    assert client.read(handle, 0, 100) == b"firstsecond"
    assert client.close(handle) == raw.OK
    assert (home(server) / "by scp").read_bytes() == b"0123456789"


@pytest.mark.parametrize("name", [
    "two words", "it's", 'a "b"', "$(id)", "`id`", "semi;colon", "a*b", "[ab]", "back\\slash", "{a,b}"])
def test_5_quoting_is_undone(server: Server, tmp_path: Path, name: str) -> None:
    """As OpenSSH's user must write it for the shell that its man page speaks of; nothing of it is run."""
    (tmp_path / "up").write_text(name)
    quoted = "'" + name.replace("'", "'\\''") + "'"
    done = openssh.scp(server, str(tmp_path / "up"), f"HOST:{quoted}", arguments=["-O"])
    assert done.returncode == 0, done.stderr
    assert os.listdir(home(server)) == [name]
    done = openssh.scp(server, f"HOST:{quoted}", str(tmp_path / "down"), arguments=["-O", "-T"])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "down").read_text() == name


def test_5_times_of_directories(server: Server, tmp_path: Path) -> None:
    tree = home(server) / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "f").write_text("x")
    for path in (tree / "sub" / "f", tree / "sub", tree):
        os.utime(path, (1_000_000_000, 1_100_000_000))
    done = openssh.scp(server, "HOST:tree", str(tmp_path), arguments=["-O", "-r", "-p"])
    assert done.returncode == 0, done.stderr
    for name in ("tree", "tree/sub", "tree/sub/f"):
        assert int((tmp_path / name).stat().st_mtime) == 1_100_000_000, name


@pytest.mark.parametrize("version", range(1, 7))
def test_6_unknown_requests_and_codes_of_the_version(road: Road, version: int) -> None:
    """The channel lives, and no code beyond those that the version defines is sent."""
    client = road.sftp(version)
    for kind in (24, 99, 150, 199, 255):
        assert client.status(client.ask(kind, text("x"), u32(1))) == raw.OP_UNSUPPORTED
    last = {1: 8, 2: 8, 3: 8, 4: 13, 5: 17, 6: 31}[version]
    handle = client.create("f")
    client.close(handle)
    client.ask(raw.MKDIR, text("d"), client.no_attrs())
    client.close(client.create("d/f"))
    for answer in (
        client.ask(raw.READ, text("no handle"), u64(0), u32(1)), client.ask(raw.CLOSE, text(handle)),
        client.ask(raw.RMDIR, text("d")), client.ask(raw.RMDIR, text("f")), client.ask(raw.REMOVE, text("d")),
        client.ask(raw.OPENDIR, text("f")), client.ask(raw.OPENDIR, text("n" * 300)),
        client.ask(raw.READDIR, text(handle)), client.ask(raw.STAT, text("f/x"), u32(0)),
    ):
        assert 0 < client.status(answer) <= last
    assert client.stat("f").size == 0


@pytest.mark.parametrize("asked", [False, True])
def test_8_renames_onto_a_name_that_exists(server: Server, asked: bool) -> None:
    """Refused unless the client asks to replace, and it is told so."""
    (home(server) / "a").write_text("a")
    (home(server) / "b").write_text("b")
    with connect(server) as client, client.open_sftp() as sftp:
        if asked:
            sftp.posix_rename("a", "b")
        else:
            with pytest.raises(OSError):
                sftp.rename("a", "b")
    assert (home(server) / "b").read_text() == ("a" if asked else "b")
    assert (home(server) / "a").exists() is not asked


def test_8_allow_overwrite_has_the_last_word(start: Callable[..., Server]) -> None:
    """OpenSSH's rename asks to replace."""
    server = start("AllowOverwrite off\n")
    (home(server) / "a").write_text("a")
    (home(server) / "b").write_text("b")
    done = openssh.sftp(server, "rename a b\n")
    assert done.returncode != 0 and "denied" in done.stderr
    assert (home(server) / "b").read_text() == "b" and (home(server) / "a").exists()


def test_scp_without_p_asks_for_no_chmod(start: Callable[..., Server], tmp_path: Path) -> None:
    """<Limit SITE_CHMOD> is about clients that want a mode; SCP sends one with every file."""
    server = start("AllowOverwrite on\n<Limit SITE_CHMOD>\nDenyAll\n</Limit>\n")
    (tmp_path / "f").write_text("x")
    (tmp_path / "f").chmod(0o640)
    done = openssh.scp(server, str(tmp_path / "f"), "HOST:", arguments=["-O"])
    assert done.returncode == 0, done.stderr
    assert (home(server) / "f").stat().st_mode & 0o777 == 0o640
