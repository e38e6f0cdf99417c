"""The client in memory on a socket: one connection to a running server."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable

from tests.link.client import Choice, Client, Keys, string, take_string, u32
from tests.waiting import LIMIT

INIT = u32(5) + b"\x01" + u32(3)
VERSION = b"\x02" + u32(3)


class Live:
    """``messages`` from 50 on arrive in ``client.messages``; ``closed`` once the server hung up."""

    def __init__(self, port: int, choice: Choice | None = None, *, source: str = "") -> None:
        self.client = Client(choice)
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT, (source, 0) if source else None)
        self.closed = False

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *args: object) -> None:
        self.socket.close()

    def push(self) -> None:
        data = bytes(self.client.out)
        self.client.out.clear()
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def pump(self, done: Callable[[], bool], limit: float = LIMIT) -> bool:
        """Exchange bytes until ``done()``; False when the limit passed or the server closed."""
        end = time.monotonic() + limit
        while not done():
            self.push()
            left = end - time.monotonic()
            if left <= 0 or self.closed:
                return False
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                return done()
            except OSError:
                data = b""
            if not data:
                self.closed = True
                return done()
            self.client.take(data)
        self.push()
        return True

    def until(self, kind: int, limit: float = LIMIT) -> bytes:
        """The payload of the next message of a kind; messages before it are dropped."""
        assert self.pump(lambda: any(one == kind for one, _ in self.client.messages), limit), f"no message {kind}: {self.said}"
        while True:
            found, payload = self.client.messages.pop(0)
            if found == kind:
                return payload

    @property
    def said(self) -> list[tuple[int, str]]:
        """(reason, text) of every DISCONNECT."""
        return [(struct.unpack(">I", payload[:4])[0], take_string(payload, 4)[0].decode())
                for kind, payload in self.client.own if kind == 1]

    def ended(self, limit: float = LIMIT) -> list[tuple[int, str]]:
        """Wait for the server to hang up; returns what it said."""
        self.pump(lambda: False, limit)
        assert self.closed, "the server did not close the connection"
        return self.said

    def exchange_keys(self) -> Live:
        assert self.pump(lambda: self.client.exchanges == 1 and isinstance(self.client.opening, Keys))
        return self

    def request_service(self) -> Live:
        self.exchange_keys().client.send(5, string("ssh-userauth"))
        self.until(6)
        return self

    def log_in(self, user: str = "demo", password: str = "secret") -> Live:
        self.request_service()
        self.client.send(50, string(user), string("ssh-connection"), string("password"), b"\0", string(password))
        self.until(52)
        return self

    def open(self, peer: int = 0, *, window: int = 2**31, packet: int = 32768) -> int:
        """A session channel; returns the server's number for it."""
        self.client.send(90, string("session"), u32(peer), u32(window), u32(packet))
        return int(struct.unpack(">I", self.until(91)[4:8])[0])

    def request(self, channel: int, kind: str, data: bytes = b"") -> bool:
        """A channel request; True when it was granted."""
        self.client.messages.clear()
        self.client.send(98, u32(channel), string(kind), b"\x01", data)
        assert self.pump(lambda: any(one in (99, 100) for one, _ in self.client.messages)), self.said
        return next(one for one, _ in self.client.messages if one in (99, 100)) == 99

    def sftp(self, channel: int) -> None:
        assert self.request(channel, "subsystem", string("sftp"))

    def data(self, channel: int, data: bytes) -> None:
        self.client.send(94, u32(channel), string(data))

    def received(self, peer: int = 0) -> bytes:
        """Channel data for our channel ``peer`` so far."""
        return b"".join(payload[8:] for kind, payload in self.client.messages if kind == 94 and payload[:4] == u32(peer))

    def alive(self) -> bool:
        """Does the session still answer?"""
        before = len([1 for kind, _ in self.client.messages if kind == 82])
        with contextlib.suppress(OSError):
            self.client.send(80, string("are-you-there@example.org"), b"\x01")
        return self.pump(lambda: len([1 for kind, _ in self.client.messages if kind == 82]) > before)
