"""paramiko and asyncssh, the SSH libraries of Python; asyncssh speaks versions 3 to 6."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.interop.conftest import digest
from tests.servers import Server


def connect(server: Server) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", server.port, "demo", "secret", allow_agent=False, look_for_keys=False, timeout=60)
    return client


def test_paramiko_reads_and_writes(server: Server) -> None:
    data = os.urandom(1 << 20)
    with connect(server) as client, client.open_sftp() as sftp:
        with sftp.open("file", "wb") as file:
            file.set_pipelined(True)
            file.write(data)
        with sftp.open("file", "rb") as file:
            file.prefetch()
            assert file.read() == data
        with sftp.open("file", "r+b") as file:
            file.seek(500)
            file.write(b"middle")
        with sftp.open("file", "ab") as file:
            file.write(b"end")
        sftp.truncate("file", 600)
        assert sftp.stat("file").st_size == 600
        sftp.chmod("file", 0o600)
        sftp.utime("file", (5, 1_000_000_000))
        sftp.symlink("file", "link")
        assert sftp.readlink("link") == "file"
        assert stat.S_ISLNK(sftp.lstat("link").st_mode) and stat.S_ISREG(sftp.stat("link").st_mode)
        sftp.mkdir("d", 0o700)
        sftp.rename("file", "d/file")
        sftp.posix_rename("d/file", "d/other")
        assert sftp.listdir("d") == ["other"]
        assert sftp.normalize("d/../d/./nothing") == str(server.site.accounts["demo"].home / "d" / "nothing")
        with pytest.raises(FileNotFoundError):
            sftp.stat("missing")
        with pytest.raises(OSError):
            sftp.rmdir("d")
    written = server.site.accounts["demo"].home / "d" / "other"
    assert written.read_bytes() == data[:500] + b"middle" + data[506:600]
    assert written.stat().st_mode & 0o777 == 0o600 and int(written.stat().st_mtime) == 1_000_000_000


def test_paramiko_several_channels_at_once(server: Server) -> None:
    with connect(server) as client:
        channels = [client.open_sftp() for _ in range(10)]
        for number, sftp in enumerate(channels):
            with sftp.open(f"file{number}", "wb") as file:
                file.write(str(number).encode() * 1000)
        for number in range(len(channels)):
            with channels[-1 - number].open(f"file{number}", "rb") as file:
                assert file.read() == str(number).encode() * 1000
        with pytest.raises(paramiko.ssh_exception.ChannelException):
            client.open_sftp()


Session = Callable[[asyncssh.SSHClientConnection, asyncssh.SFTPClient], Awaitable[None]]


def asyncssh_session(server: Server, version: int, body: Session, **options: object) -> None:
    async def run() -> None:
        async with asyncssh.connect("127.0.0.1", server.port, username="demo", password="secret", known_hosts=None, config=None,
                                    client_keys=None, agent_path=None, **options) as connection, \
                connection.start_sftp_client(sftp_version=version) as sftp:
            assert sftp.version == version
            await asyncio.wait_for(body(connection, sftp), 120)
    asyncio.run(run())


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_asyncssh_in_every_version_that_it_speaks(server: Server, tree: Path, tmp_path: Path, version: int) -> None:
    async def body(connection: asyncssh.SSHClientConnection, sftp: asyncssh.SFTPClient) -> None:
        await sftp.put(str(tree), "tree", recurse=True, preserve=True)
        await sftp.get("tree", str(tmp_path / "back"), recurse=True, preserve=True)
        names = {entry.filename async for entry in sftp.scandir("tree")}
        assert names == {".", "..", *os.listdir(tree)}
        attributes = await sftp.stat("tree/big.bin")
        assert attributes.size == 3 << 20
        if version >= 4:
            assert attributes.owner == "demo" and attributes.type == asyncssh.FILEXFER_TYPE_REGULAR
        await sftp.symlink("one", "tree/link")
        assert await sftp.readlink("tree/link") == "one"
        await sftp.chmod("tree/one", 0o604)
        await sftp.utime("tree/one", (11, 22))
        await sftp.rename("tree/one", "tree/uno")
        with pytest.raises(asyncssh.SFTPError):
            await sftp.rename("tree/uno", "tree/block")
        await sftp.posix_rename("tree/uno", "tree/block")
        async with sftp.open("tree/block", "r+b") as file:
            await file.seek(10)
            await file.write(b"xyz")
        assert (await sftp.realpath("tree/nothing")).endswith("tree/nothing")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await sftp.stat("nothing")
        with pytest.raises(asyncssh.SFTPError):
            await sftp.mkdir("missing/dir")
        await sftp.remove("tree/link")

    asyncssh_session(server, version, body)
    assert digest(tmp_path / "back") == digest(tree)
    block = server.site.accounts["demo"].home / "tree" / "block"
    assert block.read_bytes()[10:13] == b"xyz" and block.stat().st_mode & 0o777 == 0o604


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_what_else_asyncssh_asks_for(server: Server, version: int) -> None:
    """Extensions, LINK, locks and flags of the later versions, in the client's own words."""
    async def body(connection: asyncssh.SSHClientConnection, sftp: asyncssh.SFTPClient) -> None:
        async with sftp.open("a", "wb") as file:
            await file.write(bytes(100_000))
            await file.fsync()
            await file.setstat(asyncssh.SFTPAttrs(permissions=0o640))
            await file.utime(ns=(1_000_000_005, 2_000_000_007))
            if version >= 6:
                await file.lock(0, 10, asyncssh.FXF_BLOCK_WRITE)
                await file.unlock(0, 10)
            assert (await file.statvfs()).bsize == (await sftp.statvfs(".")).bsize
        found = await sftp.stat("a")
        assert found.permissions is not None and found.permissions & 0o777 == 0o640
        assert (found.atime, found.mtime, found.mtime_ns) == (1, 2, 7 if version >= 4 else None)
        await sftp.link("a", "hard")
        await sftp.remote_copy("a", "copy")
        await sftp.symlink("a", "link")
        await sftp.setstat("link", asyncssh.SFTPAttrs(atime=5, mtime=6), follow_symlinks=False)
        assert (await sftp.lstat("link")).mtime == 6 and (await sftp.stat("link")).mtime == 2
        await sftp.makedirs("x/y/z")
        await sftp.rmtree("x")
        assert sftp.limits.max_write_len == 511 * 1024
        if version >= 5:
            await sftp.rename("copy", "hard", flags=asyncssh.FXR_OVERWRITE)
            opened = await sftp.open56("gone", asyncssh.ACE4_WRITE_DATA,
                                       asyncssh.FXF_CREATE_NEW | asyncssh.FXF_DELETE_ON_CLOSE)
            assert await sftp.exists("gone")
            await opened.close()
        else:
            await sftp.posix_rename("copy", "hard")
        if version >= 6:
            checked = await sftp.realpath("a", "b", "../../hard", check=asyncssh.FXRP_STAT_ALWAYS)
            assert checked.filename == str(home / "hard") and checked.attrs.size == 100_000
            assert {entry.filename: entry.attrs.nlink for entry in await sftp.readdir(".")}["a"] == 1

    home = server.site.accounts["demo"].home
    asyncssh_session(server, version, body)
    assert sorted(os.listdir(home)) == ["a", "hard", "link"]
    assert (home / "hard").read_bytes() == bytes(100_000) and not (home / "hard").samefile(home / "a")
