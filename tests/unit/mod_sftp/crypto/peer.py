"""A server of one connection, written down from the RFCs for these tests: it brings our algorithms before real clients.

It derives keys and frames packets by itself, so that a client which reaches its USERAUTH_REQUEST has agreed with the
code under test on K, on H, on the host key's signature, on the cipher and on the MAC, in both directions.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import threading
from dataclasses import dataclass

from mod_sftp.crypto.ciphers import cipher
from mod_sftp.crypto.exchanges import KexContext, kex
from mod_sftp.crypto.groups import Groups
from mod_sftp.crypto.macs import mac
from mod_sftp.crypto.suites import make_opener, make_sealer

VERSION = b"SSH-2.0-peer"


def packed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


@dataclass
class Suite:
    kex: str = "curve25519-sha256"
    cipher: str = "aes128-ctr"
    mac: str = "hmac-sha2-256"
    host_key: str = "ssh-ed25519"


class Peer(threading.Thread):
    """Serves one client; afterwards ``user`` is the name it asked to log in as, or ``error`` what went wrong."""

    def __init__(self, suite: Suite, signer, groups: Groups | None = None) -> None:
        super().__init__(daemon=True)
        self.suite, self.signer, self.groups = suite, signer, groups or Groups()
        self.user: bytes | None = None
        self.error: Exception | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.in_sequence = self.out_sequence = 0
        self.opener = make_opener(cipher("none"), None, b"", b"", b"")
        self.sealer = make_sealer(cipher("none"), None, b"", b"", b"")
        self.start()

    def run(self) -> None:
        self.listener.settimeout(20)
        try:
            self.socket, _ = self.listener.accept()
            self.socket.settimeout(20)
            with self.socket:
                self.serve()
        except Exception as error:  # the thread's result, judged by the test
            self.error = error
        finally:
            self.listener.close()

    def serve(self) -> None:
        self.socket.sendall(VERSION + b"\r\n")
        ours = self.kexinit()
        self.send(ours)
        client_version = self.read_line()
        theirs = self.receive()
        assert theirs[0] == 20
        context = KexContext(
            client_version, VERSION, theirs, ours, self.signer, self.suite.host_key, self.groups
        )
        row = kex(self.suite.kex)
        exchange = row.make()
        first = exchange.start(context)
        if first:
            self.send(first)
        step = None
        while step is None or not step.finished:
            message = self.receive()
            step = exchange.receive(message[0], memoryview(message)[1:], context)
            for reply in step.replies:
                self.send(reply)
        self.send(b"\x15")
        self.take_keys(row.hash, step.secret, step.hash)
        self.greet()

    def kexinit(self) -> bytes:
        suite = self.suite
        lists = [suite.kex, suite.host_key, *[suite.cipher] * 2, *[suite.mac] * 2, "none", "none", "", ""]
        return b"\x14" + os.urandom(16) + b"".join(packed(names.encode()) for names in lists) + bytes(5)

    def take_keys(self, hash_name: str, secret: bytes, digest: bytes) -> None:
        def derive(letter: bytes, size: int) -> bytes:
            key = hashlib.new(hash_name, secret + digest + letter + digest).digest()
            while len(key) < size:
                key += hashlib.new(hash_name, secret + digest + key).digest()
            return key[:size]

        row, authentication = cipher(self.suite.cipher), mac(self.suite.mac)
        sizes = row.key, row.iv, authentication.key
        c2s = [derive(letter, size) for letter, size in zip((b"C", b"A", b"E"), sizes, strict=True)]
        s2c = [derive(letter, size) for letter, size in zip((b"D", b"B", b"F"), sizes, strict=True)]
        self.sealer = make_sealer(row, authentication, *s2c)
        assert self.receive() == b"\x15"
        self.opener = make_opener(row, authentication, *c2s)

    def greet(self) -> None:
        while (message := self.receive())[0] != 5:
            assert message[0] in (2, 7), message
        self.send(b"\x06" + packed(b"ssh-userauth"))
        while (message := self.receive())[0] != 50:
            assert message[0] in (2, 7), message
        size = struct.unpack(">I", message[1:5])[0]
        self.user = message[5 : 5 + size]
        self.send(b"\x01" + struct.pack(">I", 11) + packed(b"enough") + packed(b""))

    def send(self, payload: bytes) -> None:
        sealer = self.sealer
        bare = len(payload) + 1 + (0 if sealer.clear_length else 4)
        padding = -bare % sealer.block
        padding += sealer.block if padding < 4 else 0
        plain = struct.pack(">IB", len(payload) + 1 + padding, padding) + payload + bytes(padding)
        wire = bytearray(len(plain) + sealer.tag)
        sealer.seal(self.out_sequence, memoryview(plain), memoryview(wire))
        self.out_sequence += 1
        self.socket.sendall(wire)

    def receive(self) -> bytes:
        opener = self.opener
        wire = bytearray(self.read(opener.need))
        length = opener.length(self.in_sequence, memoryview(wire))
        assert 5 <= length <= 40000, f"length {length}"
        wire += self.read(4 + length + opener.tag - opener.need)
        plain = bytearray(4 + length)
        opener.open(self.in_sequence, memoryview(wire), memoryview(plain))
        self.in_sequence += 1
        return bytes(plain[5 : len(plain) - plain[4]])

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("client left")
            data += part
        return data

    def read_line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self.read(1)
        return line.rstrip(b"\r\n")
