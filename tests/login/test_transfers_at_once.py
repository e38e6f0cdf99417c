"""MaxTransfersPerHost and MaxTransfersPerUser over SFTP: files that are really open at the same time. security.md U11."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko
import pytest

from tests.servers import PASSWORD, Server, Site
from tests.waiting import LIMIT

pytestmark = pytest.mark.root
Start = Callable[..., Server]


@contextmanager
def client(server: Server, user: str = "demo", source: str = "127.0.0.1") -> Iterator[paramiko.SFTPClient]:
    sock = socket.create_connection(("127.0.0.1", server.port), LIMIT, (source, 0))
    transport = paramiko.Transport(sock)
    try:
        transport.start_client(timeout=LIMIT)
        transport.auth_password(user, PASSWORD)
        sftp = transport.open_sftp_client()
        assert sftp is not None
        yield sftp
    finally:
        transport.close()


@pytest.fixture
def files(site: Site) -> Site:
    site.add_account("other")
    for account in site.accounts.values():
        for name in ("a", "b"):
            (account.home / name).write_bytes(b"x" * 100)
            os.chown(account.home / name, account.uid, account.gid)
    return site


def test_downloads_of_a_user(files: Site, start: Start) -> None:
    server = start("MaxTransfersPerUser RETR 1\nAllowOverwrite on\n")
    with client(server) as one, client(server) as two, client(server, "other") as other:
        first = one.open("a")
        for again in (one, two):
            with pytest.raises(PermissionError):
                again.open("b")
        other.open("a").close()
        two.open("c", "w").close()
        first.close()
        two.open("b").close()
    files.wait_for_log("stderr", "MaxTransfersPerUser (RETR 1) exceeded for user 'demo'")


def test_uploads_from_a_host(files: Site, start: Start) -> None:
    server = start("MaxTransfersPerHost STOR,APPE 2\nAllowOverwrite on\nAllowStoreRestart on\n")
    with client(server) as one, client(server, "other") as other, client(server, source="127.0.0.2") as elsewhere:
        held = [one.open("u1", "w"), other.open("u2", "w")]
        with pytest.raises(PermissionError):
            one.open("u3", "w")
        assert "u3" not in one.listdir(), "what may not begin leaves nothing"
        elsewhere.open("u4", "w").close()
        one.open("a").close()
        held.pop().close()
        one.open("u3", "w").close()


def test_a_session_that_dies_gives_its_places_back(files: Site, start: Start) -> None:
    server = start("MaxTransfersPerUser RETR 1\n")
    with client(server) as one:
        one.open("a")
        (pid,) = server.sessions()
        os.kill(pid, 9)
        files.wait_for_log("stderr", f"session {pid} ended by signal 9")
    with client(server) as two:
        two.open("a").close()


@pytest.mark.parametrize("extra", [
    "<Directory {home}/in>\nMaxTransfersPerUser RETR 1\n</Directory>\n",
    "LoadModule mod_ifsession.c\n<IfUser demo>\nMaxTransfersPerUser RETR 1\n</IfUser>\n",
    "<Global>\nMaxTransfersPerUser RETR 1\n</Global>\n"])
def test_wherever_the_cap_is_written(files: Site, start: Start, extra: str) -> None:
    demo = files.accounts["demo"]
    (demo.home / "in").mkdir()
    for name in ("a", "b"):
        (demo.home / "in" / name).write_bytes(b"x")
    server = start(extra.format(home=demo.home))
    with client(server) as one:
        held = one.open("in/a")
        with pytest.raises(PermissionError):
            one.open("in/b")
        held.close()
        if "Directory" in extra:
            with one.open("a"), one.open("b"):
                pass
