"""Directives of the transport on a running server."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.link.client import Choice, string, u32
from tests.link.live import INIT, VERSION, Live
from tests.servers import Server, Site


def test_idle_timeout(start: Callable[..., Server]) -> None:
    server = start("TimeoutIdle 3\n")
    with Live(server.port) as live:
        live.log_in()
        assert [reason for reason, _ in live.ended()] == [11]


def test_silent_client_is_asked_and_dropped(start: Callable[..., Server]) -> None:
    """SFTPClientAlive: the probes want an answer; none comes."""
    server = start("SFTPClientAlive 2 1\n")
    with Live(server.port) as live:
        live.log_in()
        assert [reason for reason, _ in live.ended()] == [11]
        probes = [payload for kind, payload in live.client.messages if kind == 80 and b"keepalive@proftpd.org" in payload]
        assert len(probes) == 2


def test_client_that_answers_lives(start: Callable[..., Server]) -> None:
    """More probes than may be left without an answer in a row."""
    server = start("SFTPClientAlive 3 1\n")
    with Live(server.port) as live:
        live.log_in()
        for _ in range(5):
            live.client.messages.clear()
            live.until(80)
            live.client.send(82)
            live.push()
        assert live.alive()


def test_rekey_that_the_client_does_not_finish(start: Callable[..., Server]) -> None:
    server = start("SFTPRekey required 1 0 1\n")
    with Live(server.port) as live:
        live.log_in().client.auto = False
        assert [reason for reason, _ in live.ended()] == [3]


@pytest.mark.parametrize("direction", ["up", "down"])
def test_T14_rekey_in_mid_transfer(start: Callable[..., Server], site: Site, tmp_path: Path, direction: str) -> None:
    """Both sides ask for new keys again and again while a file goes by; what arrives is what was sent."""
    server = start("SFTPRekey required 3600 1\nAllowOverwrite on\n")
    data = os.urandom(24 << 20)
    remote, local = site.accounts["demo"].home / "file", tmp_path / "file"
    (local if direction == "up" else remote).write_bytes(data)
    batch = f"put {local} file\n" if direction == "up" else f"get file {local}\n"
    options = ("-o", "RekeyLimit=3M", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
               "-o", "IdentitiesOnly=yes", "-i", str(site.keys / "client_ed25519"), "-P", str(server.port))
    subprocess.run(["sftp", "-q", "-b", "-", *options, "demo@127.0.0.1"], input=batch.encode(), check=True, timeout=120,
                   capture_output=True)
    arrived = (remote if direction == "up" else local).read_bytes()
    assert hashlib.sha256(arrived).digest() == hashlib.sha256(data).digest()
    assert site.log("sftp.log").count("Session key exchange") >= 8


def test_client_match_sets_algorithms_and_window(start: Callable[..., Server]) -> None:
    server = start('SFTPClientMatch "LinkTest" sftpCiphers aes256-ctr channelWindowSize 64KB channelPacketSize 4KB\n')
    with Live(server.port, Choice(cipher="aes256-ctr")) as live:
        live.log_in()
        assert live.client.server_lists[2] == ["aes256-ctr"]
        live.client.send(90, string("session"), u32(0), u32(2**20), u32(32768))
        assert live.until(91)[8:16] == u32(64 * 1024) + u32(4 * 1024)


def test_pessimistic_newkeys_by_client_match(start: Callable[..., Server]) -> None:
    server = start('SFTPClientMatch "LinkTest" pessimisticNewkeys on\n')
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        live.data(channel, INIT)
        assert live.pump(lambda: VERSION in live.received())


def test_options_switch_the_markers_off(start: Callable[..., Server], site: Site) -> None:
    server = start("SFTPOptions NoStrictKex NoExtensionNegotiation NoHostkeyRotation\n")
    with Live(server.port) as live:
        live.log_in()
        assert not {"ext-info-s", "kex-strict-s-v00@openssh.com"} & set(live.client.server_lists[0])
        assert live.client.own == []
        assert live.alive() and not any(kind == 80 for kind, _ in live.client.messages)
        key = (site.keys / "ssh_host_ed25519_key.pub").read_text().split()[1]
        live.client.messages.clear()
        live.client.send(80, string("hostkeys-prove-00@openssh.com"), b"\x01", string(base64.b64decode(key)))
        assert live.pump(lambda: bool(live.client.messages))
        assert live.client.messages == [(82, b"")]


def test_T7_delayed_compression_lists_no_plain_zlib(start: Callable[..., Server]) -> None:
    server = start("SFTPCompression delayed\n")
    with Live(server.port) as live:
        live.exchange_keys()
        assert live.client.server_lists[6] == live.client.server_lists[7] == ["zlib@openssh.com", "none"]


def test_no_usable_host_key_refuses_the_session(start: Callable[..., Server], site: Site) -> None:
    """Behaviour 5: not a start error."""
    server = start("SFTPHostKeys ssh-dss\n")
    with Live(server.port) as live:
        live.ended()
    assert "no available host keys" in site.wait_for_log("sftp.log", "no available host keys")


def test_lines_that_administrators_know(start: Callable[..., Server], site: Site) -> None:
    server = start("")
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.request(channel, "shell")
        live.client.send(1, u32(11), string("bye"), string(""))
        live.push()
        text = site.wait_for_log("sftp.log", "SSH_DISCONNECT")
    for line in ("sent server version 'SSH-2.0-mod_sftp'", "received client version 'SSH-2.0-LinkTest_1.0'",
                 "handling connection from SSH2 client 'LinkTest_1.0'", " + Session key exchange: curve25519-sha256",
                 " + Session client-to-server MAC: implicit", "unsupported 'shell' channel requested, ignoring",
                 "client at 127.0.0.1 sent SSH_DISCONNECT message: bye (Application disconnected)"):
        assert line in text
