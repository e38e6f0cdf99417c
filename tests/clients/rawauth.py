"""A raw client of RFC 4252: paramiko carries the packets, every authentication message is made and read by the test."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Protocol

import paramiko

from tests.waiting import LIMIT

REQUEST, FAILURE, SUCCESS, BANNER, METHOD, RESPONSE = 50, 51, 52, 53, 60, 61


def text(data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


class _Recorder:
    """Takes the place of paramiko's own authentication: what comes is kept."""

    def __init__(self) -> None:
        self.received: queue.Queue[bytes] = queue.Queue()
        self._handler_table: dict[int, Callable[[paramiko.Message], None]] = {
            number: self._keep(number) for number in (6, *range(51, 80))}

    def is_authenticated(self) -> bool:
        return False

    def abort(self) -> None:
        """Called by paramiko when the connection ends."""

    def _keep(self, number: int) -> Callable[[paramiko.Message], None]:
        def keep(message: paramiko.Message) -> None:
            self.received.put(bytes((number,)) + message.get_remainder())
        return keep


class Ended(Exception):
    """The server closed the connection; ``reason`` of its DISCONNECT, 0 without one."""

    def __init__(self, reason: int) -> None:
        self.reason = reason
        super().__init__(f"disconnected with reason {reason}")


class Listener(Protocol):
    """A running server, or one of its virtual hosts."""

    @property
    def port(self) -> int: ...


class RawAuth:
    """One connection, keys exchanged, nothing said about authentication yet."""

    def __init__(self, server: Listener, source: str = "127.0.0.1") -> None:
        self._reason = 0
        self.transport = paramiko.Transport(socket.create_connection(("127.0.0.1", server.port), LIMIT, (source, 0)))
        self.transport._parse_disconnect = self._ended  # paramiko only logs the reason
        self.transport.start_client(timeout=LIMIT)
        self._recorder = _Recorder()
        self.transport.auth_handler = self._recorder

    @property
    def session_id(self) -> bytes:
        return bytes(self.transport.session_id)

    def _ended(self, message: paramiko.Message) -> None:
        self._reason = message.get_int()

    def send(self, *parts: bytes) -> None:
        message = paramiko.Message()
        message.add_bytes(b"".join(parts))
        with contextlib.suppress(EOFError):  # the server may have gone already: receive() says so
            self.transport._send_message(message)

    def receive(self, *, banners: bool = False) -> bytes:
        """The next authentication message. Raises: Ended."""
        for _ in range(int(LIMIT / 0.05)):
            with contextlib.suppress(queue.Empty):
                found = self._recorder.received.get(timeout=0.05)
                if found[0] != BANNER or banners:
                    return found
                continue
            if not self.transport.is_active() and self._recorder.received.empty():
                raise Ended(self._reason)
        raise TimeoutError("no answer")

    def service(self, name: str = "ssh-userauth") -> bytes:
        self.send(b"\x05", text(name))
        return self.receive()

    def request(self, user: str | bytes, method: str, fields: bytes = b"", service: str = "ssh-connection") -> bytes:
        self.send(bytes((REQUEST,)), text(user), text(service), text(method), fields)
        return self.receive()

    def password(self, user: str, password: str | bytes) -> bytes:
        return self.request(user, "password", b"\0" + text(password))

    def query(self, user: str, algorithm: str, blob: bytes) -> bytes:
        return self.request(user, "publickey", b"\0" + text(algorithm) + text(blob))

    def key(self, user: str, key: paramiko.PKey, algorithm: str = "") -> bytes:
        algorithm = algorithm or key.get_name()
        fields = b"\x01" + text(algorithm) + text(key.asbytes())
        data = text(self.session_id) + bytes((REQUEST,)) + text(user) + text("ssh-connection") + text("publickey") + fields
        signature = key.sign_ssh_data(data, algorithm).asbytes()
        return self.request(user, "publickey", fields + text(signature))

    def ask(self, user: str) -> bytes:
        """Begin keyboard-interactive."""
        return self.request(user, "keyboard-interactive", text("") + text(""))

    def answer(self, *answers: str, count: int | None = None) -> bytes:
        self.send(bytes((RESPONSE,)), struct.pack(">I", len(answers) if count is None else count), *map(text, answers))
        return self.receive()


def failure(message: bytes) -> tuple[list[str], bool]:
    """(methods, partial success) of a FAILURE."""
    assert message[0] == FAILURE, f"message {message[0]}"
    size = int.from_bytes(message[1:5], "big")
    names = message[5:5 + size].decode()
    assert len(message) == 6 + size
    return names.split(",") if names else [], message[-1] != 0


def prompts(message: bytes) -> list[tuple[str, bool]]:
    """The questions of an INFO_REQUEST, and whether their answers may be shown (RFC 4256 3.2)."""
    assert message[0] == METHOD, f"message {message[0]}"
    found = paramiko.Message(message[1:])
    found.get_text(), found.get_text(), found.get_text()
    asked = [(found.get_text(), found.get_boolean()) for _ in range(found.get_int())]
    assert not found.get_remainder()
    return asked


@contextlib.contextmanager
def connect(server: Listener, source: str = "127.0.0.1") -> Iterator[RawAuth]:
    client = RawAuth(server, source)
    try:
        client.service()
        yield client
    finally:
        client.transport.close()
