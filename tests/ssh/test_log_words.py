"""Lines of SFTPLog that administrators and their log parsers know. Source: real server, 1.3.8, the same scenes."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable

import pytest

from tests.clients import openssh
from tests.link.client import Choice, string
from tests.link.live import Live
from tests.servers import Server
from tests.waiting import wait_until


def first_bytes(text: bytes) -> Callable[[Server], object]:
    def scene(server: Server) -> None:
        with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while connection.recv(4096):
                    pass
    return scene


def strange_service(server: Server) -> None:
    with Live(server.port) as live:
        live.exchange_keys().client.send(5, string("ssh-nonesuch"))
        live.ended()


def nothing_in_common(server: Server) -> None:
    with Live(server.port, Choice(compression="zlib@openssh.com")) as live:
        live.ended()


def requests_that_are_refused(server: Server) -> None:
    openssh.ssh(server, "id")
    openssh.ssh(server)
    openssh.ssh(server, "nonesuch", arguments=["-s"])
    openssh.ssh(server, "date", arguments=["-oSetEnv=FOO=bar"])
    openssh.ssh(server, arguments=["-N", "-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1"])
    openssh.ssh(server, arguments=["-W", "127.0.0.1:1"])


def passwords(server: Server) -> None:
    openssh.sftp(server, "pwd\n", password="secret")
    openssh.sftp(server, "pwd\n", password="wrong")
    openssh.sftp(server, "pwd\n", user="ghost", password="wrong")


SCENES: dict[str, tuple[Callable[[Server], object], tuple[str, ...]]] = {
    "password": (passwords, (
        r"client \(127\.0\.0\.1:\d+\) connected to server \(127\.0\.0\.1:\d+\)", r"sent server version 'SSH-2\.0-mod_sftp'",
        r"received client version 'SSH-2\.0-OpenSSH_.*'", r"handling connection from SSH2 client 'OpenSSH_.*'",
        r" \+ Session key exchange: \S+", r" \+ Session server hostkey: ssh-ed25519",
        r" \+ Session client-to-server compression: none",
        r"sending acceptable userauth methods: publickey,password", r"sending userauth success",
        r"user 'demo' authenticated via 'password' method", r"'subsystem' channel request for 'sftp' subsystem",
        r"using SFTP protocol version 3 for this session \(channel ID 0\)",
        r"password authentication for user 'demo' failed: Incorrect password", r"no account for user 'ghost' found",
        r"sending userauth failure; remaining userauth methods: publickey,password", r"disconnecting client \(received EOF\)",
        r"client at 127\.0\.0\.1 sent SSH_DISCONNECT message: disconnected by user \(Application disconnected\)")),
    "key": (lambda server: openssh.sftp(server, "pwd\n"), (
        r"public key SHA256 fingerprint: \S+", r"user 'demo' authenticated via 'publickey' method")),
    "refused": (requests_that_are_refused, (
        r"'exec' channel request: command = 'id'", r"unsupported exec command 'id'",
        r"unsupported 'shell' channel requested, ignoring", r"'subsystem' channel request for 'nonesuch' subsystem",
        r"'env' channel request: 'FOO' = 'bar'", r"environment variable 'FOO' prohibited by policy",
        r"client sent GLOBAL_REQUEST for 'tcpip-forward', denying",
        r"unsupported channel type 'direct-tcpip' requested, denying")),
    "http": (first_bytes(b"GET / HTTP/1.0\r\n\r\n"), (r"Bad protocol version 'GET / HTTP/1\.0' from 127\.0\.0\.1",)),
    "old": (first_bytes(b"SSH-1.99-old\r\n"), (r"Bad protocol version 'SSH-1\.99-old' from 127\.0\.0\.1",)),
    "probe": (first_bytes(b"SSH-2.0-Probe-x\r\n"), (r"SSH2 probe from 'Probe-x', disconnecting",)),
    "scan": (first_bytes(b"SSH-2.0-SSH_Version_Mapper\r\n"), (r"SSH2 scan from 'SSH_Version_Mapper', disconnecting",)),
    "illegal": (first_bytes(b"SSH-2.0-bad\x01char\r\n"), (
        r"client-sent version contains non-printable or illegal characters, disconnecting client",)),
    "service": (strange_service, (r"client requested unsupported 'ssh-nonesuch' service",)),
    "common": (nothing_in_common, (
        r"no shared client-to-server compression algorithm found \(client sent 'zlib@openssh\.com', server sent 'none'.*",)),
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("ours", [True, pytest.param(False, marks=pytest.mark.real)], ids=["ours", "real"])
def test_lines(start: Callable[..., Server], ours: bool, scene: str) -> None:
    """The same table holds for the real server, so that it cannot drift into our own words."""
    act, lines = SCENES[scene]
    server = start("SFTPAuthMethods publickey password\n", ours=ours)
    act(server)
    for line in lines:
        pattern = line.replace("server \\(127", "server \\(.*127")  # the real one writes ::ffff:127.0.0.1
        pattern = rf"^\S+ \S+ mod_sftp/\S+\[\d+\]: {pattern}$"
        wait_until(lambda pattern=pattern: re.search(pattern, server.site.log("sftp.log"), re.M),  # type: ignore[misc]
                   lambda pattern=pattern: f"{pattern}\n{server.site.log('sftp.log')}")  # type: ignore[misc]
