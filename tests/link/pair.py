"""A server's transport and a client joined in memory."""

from __future__ import annotations

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mod_sftp.crypto import names
from mod_sftp.crypto.ciphers import cipher
from mod_sftp.crypto.exchanges import kex
from mod_sftp.crypto.groups import Groups
from mod_sftp.crypto.hostkeys import PrivateSigner
from mod_sftp.crypto.macs import mac
from mod_sftp.transport.kex import Terms
from mod_sftp.transport.negotiate import Offer
from mod_sftp.transport.transport import Settings, Transport
from tests.link.client import Choice, Client, Log

HOST_KEYS = (PrivateSigner(ed25519.Ed25519PrivateKey.generate()), PrivateSigner(ec.generate_private_key(ec.SECP256R1())),
             PrivateSigner(rsa.generate_private_key(65537, 2048)))

OFFER = Offer(
    kex=tuple(name for name in names.known("kex") if kex(name).available()),
    host_keys=("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
    ciphers=tuple(name for name in names.known("cipher") if cipher(name).available()),
    macs=tuple(name for name in names.known("mac") if mac(name).available()),
    compressions=("none", "zlib@openssh.com", "zlib"))


def settings(**changes: Any) -> Settings:
    mine: dict[str, Any] = {"offer": OFFER, "host_keys": HOST_KEYS, "groups": Groups()}
    terms = Terms(**mine | {k: v for k, v in changes.items() if k in Terms.__dataclass_fields__})
    rest = {k: v for k, v in changes.items() if k not in Terms.__dataclass_fields__}
    return Settings("SSH-2.0-mod_sftp", terms, ("ssh-ed25519", "rsa-sha2-256"), **rest)


class Pair:
    """``run`` moves bytes until nothing moves; ``got`` holds the server's messages from 50 as copies."""

    def __init__(self, choice: Choice | None = None, *, piece: int = 0, **changes: Any) -> None:
        self.log = Log()
        self.client = Client(choice)
        self.server = Transport(settings(**changes), random=os.urandom, listener=self.log)
        self.piece = piece
        self.got: list[tuple[int, bytes]] = []

    def run(self) -> Pair:
        while self._to_client() | self._to_server():
            pass
        return self

    def feed(self, data: bytes) -> None:
        """Bytes to the server, in pieces if asked; its messages are collected, its errors raised."""
        view, piece = memoryview(data), self.piece or 16384
        while len(view):
            space = self.server.space()
            count = min(len(view), piece, len(space))
            space[:count] = view[:count]
            self.server.filled(count)
            view = view[count:]
            self.collect()

    def collect(self) -> None:
        while (packet := self.server.next_packet()) is not None:
            self.got.append((packet[0], bytes(packet[1])))

    def _to_server(self) -> bool:
        data = bytes(self.client.out)
        self.client.out.clear()
        self.feed(data)
        return bool(data)

    def _to_client(self) -> bool:
        moved = False
        while len(output := self.server.output()):
            data = bytes(output[:self.piece or len(output)])
            self.server.sent(len(data))
            self.client.take(data)
            moved = True
        return moved
