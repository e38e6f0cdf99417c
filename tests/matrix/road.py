"""One connection to a running server: an SFTP channel of each version and scp commands, byte by byte."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import paramiko

from tests.clients.rawsftp import RawSftp
from tests.servers import PASSWORD, Server
from tests.waiting import LIMIT

#: what became of a request
DONE, DENIED, MISSING = "done", "denied", "missing"


class Road:
    """``sftp(version)`` is a channel that lives as long as the road; ``exec`` one for a single command."""

    def __init__(self, server: Server, user: str = "demo") -> None:
        self.transport = paramiko.Transport(("127.0.0.1", server.port))
        self.transport.start_client(timeout=LIMIT)
        self.transport.auth_password(user, PASSWORD)
        self._clients: dict[int, RawSftp] = {}

    def sftp(self, version: int) -> RawSftp:
        if version not in self._clients:
            self._clients[version] = self.another(version)[0]
        return self._clients[version]

    def another(self, version: int) -> tuple[RawSftp, paramiko.Channel]:
        """A channel more, for whoever wants to end it."""
        channel = self._channel()
        channel.invoke_subsystem("sftp")
        client = RawSftp(channel.sendall, lambda count: receive(channel, count))
        assert client.init(version) == version
        return client, channel

    def exec(self, command: str) -> paramiko.Channel:
        channel = self._channel()
        channel.exec_command(command)
        return channel

    def _channel(self) -> paramiko.Channel:
        channel = self.transport.open_session(timeout=LIMIT)
        channel.settimeout(LIMIT)
        return channel

    def close(self) -> None:
        self.transport.close()


def receive(channel: paramiko.Channel, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = channel.recv(count - len(data))
        if not more:
            raise EOFError("channel ended in the middle of a reply")
        data += more
    return data


@dataclass
class ScpAnswer:
    """Status bytes and texts that came, and the content of files that were sent."""

    status: int
    text: bytes
    content: bytes = b""

    @property
    def outcome(self) -> str:
        if not self.status:
            return DONE
        if b"No such file" in self.text:
            return MISSING
        return DENIED if b"Permission denied" in self.text else f"scp: {self.text!r}"


def _answer(channel: paramiko.Channel) -> ScpAnswer:
    """One status of a sink."""
    code = receive(channel, 1)[0]
    text = b""
    while code and not text.endswith(b"\n"):
        text += receive(channel, 1)
    return ScpAnswer(code, text)


def scp_upload(road: Road, target: str, *records: bytes, flags: str = "") -> ScpAnswer:
    """Send records one by one, each only when the one before was taken; the last answer."""
    channel = road.exec(f"scp {flags}-t -- '{target}'")
    try:
        answer = _answer(channel)
        for record in records:
            if answer.status:
                break
            channel.sendall(record)
            answer = _answer(channel)
        return answer
    finally:
        channel.close()


def scp_download(road: Road, source: str, flags: str = "") -> ScpAnswer:
    """Take everything that comes."""
    channel = road.exec(f"scp {flags}-f -- '{source}'")
    content = b""
    try:
        channel.sendall(b"\0")
        while True:
            head = channel.recv(1)
            if not head:
                return ScpAnswer(0, b"", content)
            line = head
            while not line.endswith(b"\n"):
                line += receive(channel, 1)
            if line[:1] in (b"\1", b"\2"):
                return ScpAnswer(line[0], line[1:], content)
            channel.sendall(b"\0")
            if line[:1] == b"C":
                content += receive(channel, int(line.split(b" ")[1]))
                ending = _answer(channel)
                if ending.status:
                    return ending
                channel.sendall(b"\0")
    finally:
        with contextlib.suppress(OSError, EOFError):
            channel.close()
