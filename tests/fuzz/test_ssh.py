"""Hostile bytes before and after the keys, into key files and from agents: a PeerError, a documented error, or nothing.

The parts that need no server are met in memory; authentication and channels on a running one, whose logs must not know of
any error of our own.
"""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mod_sftp.crypto.exchanges import KEXES
from mod_sftp.crypto.groups import read_parameters
from mod_sftp.crypto.privatekeys import load_private
from mod_sftp.keyring.agent import load
from mod_sftp.transport.transport import Disconnected, Hangup
from mod_sftp.wire import keyblob, keyfiles, krl
from mod_sftp.wire.keyfiles import KeyFileError
from pyproftpd.errors import PeerError
from tests.link.client import Choice, string, u32
from tests.link.live import Live
from tests.link.pair import Pair
from tests.servers import Server, Site, scratch

#: what every example of must be a connection, or a helper process
COUNT = settings().max_examples
LIVE, SLOW = settings(max_examples=max(COUNT // 4, 15)), settings(max_examples=max(COUNT // 3, 10))
ENDS = (PeerError, Disconnected, Hangup)

#: what a peer can do in one packet, that is no protocol
LENGTHS = st.one_of(st.integers(0, 40), st.sampled_from([2**15, 2**18, 2**18 + 1, 2**31 - 1, 2**31, 2**32 - 1]))
BLOBS = st.one_of(st.binary(max_size=60), st.builds(string, st.binary(max_size=60)), st.builds(u32, LENGTHS),
                  st.builds(lambda data, size: u32(size) + data, st.binary(max_size=60), LENGTHS))
PAYLOADS = st.builds(lambda kind, parts: bytes((kind,)) + b"".join(parts), st.integers(0, 255), st.lists(BLOBS, max_size=5))
SUITES = (("none", "none"), ("aes128-ctr", "hmac-sha2-256"), ("aes128-ctr", "hmac-sha2-256-etm@openssh.com"),
          ("aes128-cbc", "hmac-sha2-256"), ("aes128-gcm@openssh.com", "hmac-sha2-256"),
          ("chacha20-poly1305@openssh.com", "hmac-sha2-256"))


def feed(pair: Pair, data: bytes) -> bool:
    """Did the connection stay?"""
    try:
        pair.feed(data)
    except ENDS:
        return False
    return True


@given(data=st.one_of(st.binary(max_size=400), st.builds(lambda rest: b"SSH-2.0-" + rest, st.binary(max_size=300))))
def test_version_lines(data: bytes) -> None:
    feed(Pair(), data)


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: f"{suite[0]}+{suite[1]}")
@given(data=st.binary(min_size=1, max_size=300))
def test_bytes_that_no_key_sealed(suite: tuple[str, str], data: bytes) -> None:
    """None of them is taken for a message of a service, except under ``none``, where anybody may say anything."""
    pair = Pair(Choice(cipher=suite[0], mac=suite[1])).run()
    feed(pair, data)
    assert suite[0] == "none" or pair.got == []


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: f"{suite[0]}+{suite[1]}")
@given(payload=PAYLOADS, pad=st.one_of(st.none(), st.integers(0, 255)), length=st.one_of(st.none(), LENGTHS),
       cut=st.integers(0, 40))
def test_packets_out_of_shape(suite: tuple[str, str], payload: bytes, pad: int | None, length: int | None, cut: int) -> None:
    pair = Pair(Choice(cipher=suite[0], mac=suite[1])).run()
    packet = pair.client.packet(payload, pad=pad, length=length)
    feed(pair, packet[:len(packet) - cut])


NAMES = st.lists(st.sampled_from(["curve25519-sha256", "ssh-ed25519", "aes128-ctr", "none", "hmac-sha2-256", "", "x" * 70, "\xff",
                                  "ext-info-c", "kex-strict-c-v00@openssh.com", "ext-info-s",
                                  "diffie-hellman-group-exchange-sha1"]),
                 max_size=6).map(lambda names: string(",".join(names).encode("latin-1")))


@given(lists=st.lists(st.one_of(NAMES, NAMES, BLOBS), min_size=8, max_size=11), tail=st.binary(max_size=8), twice=st.booleans())
def test_kexinit(lists: list[bytes], tail: bytes, twice: bool) -> None:
    pair = Pair()
    pair.client.auto = False
    assert feed(pair, b"SSH-2.0-fuzz\r\n")
    message = bytes((20,)) + bytes(16) + b"".join(lists) + tail
    for _ in range(1 + twice):
        if not feed(pair, pair.client.packet(message)):
            return


@pytest.mark.parametrize("kex", [row.name for row in KEXES if row.available()])
@given(number=st.integers(30, 35), parts=st.lists(BLOBS, max_size=3))
@SLOW
def test_messages_of_the_methods(kex: str, number: int, parts: list[bytes]) -> None:
    pair = Pair(Choice(kex=kex))
    pair.client.auto = False
    pair.client.begin()
    data = bytes(pair.client.out)
    assert feed(pair, data)
    feed(pair, pair.client.packet(bytes((number,)) + b"".join(parts)))
    assert not pair.server.exchange.complete


# Key files.

READERS: dict[str, Callable[[bytes], object]] = {
    "public": lambda data: list(keyfiles.read_public_keys(data)), "private": lambda data: load_private(data, b"phrase"),
    "blob": keyblob.parse_key, "certificate": keyblob.parse_certificate, "krl": krl.parse_krl, "groups": read_parameters,
}


@pytest.fixture(scope="module")
def samples(keys: Path) -> list[bytes]:
    """Good files, to be spoilt."""
    return [path.read_bytes() for path in sorted(keys.iterdir())]


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=400))
def test_any_bytes_as_a_key_file(reader: str, data: bytes) -> None:
    _read(reader, data)


@pytest.mark.parametrize("reader", ["public", "private", "blob"])
@given(which=st.integers(0, 100), at=st.floats(0, 1), change=st.binary(min_size=1, max_size=4), cut=st.booleans())
def test_spoilt_key_files(samples: list[bytes], reader: str, which: int, at: float, change: bytes, cut: bool) -> None:
    data = samples[which % len(samples)]
    place = int(at * len(data))
    _read(reader, data[:place] + change + (b"" if cut else data[place + len(change):]))


def _read(reader: str, data: bytes) -> None:
    try:
        READERS[reader](data)
    except (PeerError, KeyFileError, ValueError):
        return


# Agents.

@given(answers=st.lists(st.one_of(st.binary(max_size=60), st.builds(string, PAYLOADS), st.builds(
    lambda blobs: string(b"\x0c" + u32(len(blobs)) + b"".join(string(blob) + string(b"") for blob in blobs)),
    st.lists(st.binary(max_size=80), max_size=3))), min_size=1, max_size=2))
def test_answers_of_an_agent(answers: list[bytes]) -> None:
    """Keys, or an error that costs this agent's keys only."""
    with scratch() as directory:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(directory / "agent"))
        listener.listen()
        thread = threading.Thread(target=_play, args=(listener, answers))
        thread.start()
        try:
            load(str(directory / "agent"))
        except (OSError, KeyFileError):
            pass
        finally:
            thread.join(5)
            listener.close()


def _play(listener: socket.socket, answers: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"".join(answers))


# A running server.

@pytest.fixture(scope="module")
def server(keys: Path) -> Iterator[Server]:
    with scratch() as directory, scratch() as own:
        for path in keys.iterdir():
            shutil.copy2(path, own)
        own.chmod(0o755)
        running = Server(Site(directory, own)).start("MaxLoginAttempts 20\n")
        try:
            yield running
            with Live(running.port) as live:
                assert live.log_in().alive()
            logs = "".join(path.read_text(errors="replace") for path in (directory / "log").iterdir())
            assert "Traceback" not in logs and "internal error" not in logs
        finally:
            assert running.stop() == 0


FIELDS = st.lists(st.one_of(BLOBS, st.sampled_from([string("publickey"), string("password"), string("keyboard-interactive"),
                                                    string("hostbased"), string("none"), b"\0", b"\1", string("ssh-ed25519")])),
                  max_size=5)
REQUESTS = st.builds(
    lambda user, service, method, fields: (50, string(user) + string(service) + string(method) + b"".join(fields)),
    st.sampled_from(["demo", "ghost", "", "\0", "x" * 300]),
    st.sampled_from(["ssh-connection", "ssh-connection", "ssh-connection", ""]),
    st.sampled_from(["publickey", "password", "none", "keyboard-interactive", "hostbased", "x",
                     "publickey-hostbound-v00@openssh.com"]),
    FIELDS)
OTHERS = st.builds(lambda kind, parts: (kind, b"".join(parts)), st.integers(50, 79), st.lists(BLOBS, max_size=4))


@given(messages=st.lists(st.one_of(REQUESTS, REQUESTS, OTHERS), min_size=1, max_size=6))
@LIVE
def test_authentication(server: Server, messages: list[tuple[int, bytes]]) -> None:
    """Answered, or ended with a DISCONNECT; nobody is let in."""
    with Live(server.port) as live:
        live.request_service()
        for kind, body in messages:
            live.client.send(kind, body)
        live.pump(lambda: len(live.client.messages) >= len(messages), 0.4)
        assert not any(kind == 52 for kind, _ in live.client.messages)
        assert all(reason in (2, 7, 11, 14, 15) for reason, _ in live.said)


CHANNEL = st.builds(
    lambda kind, number, parts: (kind, u32(number) + b"".join(parts)), st.sampled_from([90, 93, 94, 95, 96, 97, 98]),
    st.sampled_from([0, 0, 0, 0, 1, 2**32 - 1]), st.lists(st.one_of(BLOBS, st.sampled_from([
        string("exec") + b"\1", string("subsystem") + b"\1", string("env") + b"\0", string("scp -t ."), string("scp -f ."),
        string("date"), string("sftp"), u32(5) + b"\x01" + u32(3)])), max_size=4))
GLOBALS = st.builds(lambda parts: (80, b"".join(parts)), st.lists(st.one_of(BLOBS, st.just(
    string("hostkeys-prove-00@openssh.com") + b"\1")), max_size=3))
ANY = st.builds(lambda kind, parts: (kind, b"".join(parts)), st.integers(50, 255), st.lists(BLOBS, max_size=4))


@given(messages=st.lists(st.one_of(CHANNEL, CHANNEL, CHANNEL, GLOBALS, ANY), min_size=1, max_size=12))
@LIVE
def test_channels(server: Server, messages: list[tuple[int, bytes]]) -> None:
    """The session lives, or it ended with a DISCONNECT; a later one finds the server as it was."""
    with Live(server.port) as live:
        live.log_in().open()
        for kind, body in messages:
            live.client.send(kind, body)
        live.pump(lambda: False, 0.15)
        assert all(reason in (2, 8, 11) for reason, _ in live.said)
        if not live.closed:
            assert live.alive() or live.closed
