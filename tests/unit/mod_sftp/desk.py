"""A program of the channel layer on a channel in memory, with a real View on a real directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from mod_sftp.sftp.server import SftpServer
from mod_sftp.sftp.terms import Terms
from pyproftpd.log.trace import Trace
from pyproftpd.session.dispatch import Dispatcher
from pyproftpd.session.session import Session
from pyproftpd.unix.timers import Timers
from tests.clients.rawsftp import RawSftp
from tests.unit.vfs.windows import Window

#: data of one outgoing packet, small so that replies cross packet borders
PACKET = 1000

ALLOWING = "AllowOverwrite on\nAllowStoreRestart on\n"
EVERYTHING = frozenset({"checkFile", "copyData", "copyFile", "fsync", "hardlink", "homeDirectory", "limits", "posixRename",
                        "spaceAvailable", "statvfs", "userGroupNames", "vendorID", "versionSelect", "xattr"})


class MemoryChannel:
    """Keeps the channel contract: reservations come in pieces, ``blocked`` holds input back until ``release``."""

    id = 0

    def __init__(self) -> None:
        self.output = bytearray()
        self.stderr = bytearray()
        self.status: int | None = None
        self.blocked = self.working = False
        self.refuse_reservations = False
        self.kept: list[bytes] = []
        self.paused = 0.0
        self._places: list[memoryview] | None = None

    def write(self, data: bytes) -> None:
        assert self._places is None, "a reservation was not committed"
        self.output += data

    def extended(self, data: bytes) -> None:
        self.stderr += data

    def reserve(self, count: int) -> list[memoryview] | None:
        assert self._places is None
        if self.refuse_reservations:
            return None
        sizes = [min(PACKET, count - start) for start in range(0, count, PACKET)]
        self._places = [memoryview(bytearray(size)) for size in sizes]
        return list(self._places)

    def commit(self, count: int) -> None:
        assert self._places is not None
        data = b"".join(bytes(place) for place in self._places)
        assert count <= len(data)
        self._places = None
        self.output += data[:count]

    def pause(self, seconds: float) -> None:
        self.paused = seconds

    def unread(self, view: memoryview) -> None:
        self.kept.append(bytes(view))

    def finish(self, status: int = 0) -> None:
        if self.status is None:
            self.status = status


def make_session(window: Window, *, user: str = "alice") -> Session:
    nothing: Any = None
    session = Session(sock=nothing, remote=("127.0.0.1", 1), local=("127.0.0.1", 22), configuration=nothing,
                      server=window.view.scope, dispatcher=Dispatcher(()), privs=window.view.privs, timers=Timers(),
                      loop=nothing, events=nothing, log=nothing, trace=Trace())
    session.scope, session.view, session.user = window.view.scope, window.view, user
    return session


class Desk:
    """An SftpServer and a raw client face to face."""

    def __init__(self, root: Path, *, version: int | None = 3, conf: str = ALLOWING, terms: Terms | None = None,
                 session: Session | None = None, **window: Any) -> None:
        self.root = root
        self.window = Window(root, conf, **window)
        self.session = session or make_session(self.window)
        self.channel = MemoryChannel()
        self.server = SftpServer(self.session, self.channel, self.window.view, terms or Terms(extensions=EVERYTHING))
        #: run long work to its end at once
        self.steps = True
        self.client = RawSftp(self.feed, self.take)
        if version is not None:
            assert self.client.init(version) == version

    def feed(self, data: bytes) -> None:
        """What the client sends arrives in one packet, whose memory is wiped afterwards: a kept view would show."""
        packet = bytearray(data)
        self.server.feed(memoryview(packet))
        packet[:] = b"\xee" * len(packet)
        while self.channel.working and self.steps:
            self.server.ready()

    def take(self, count: int) -> bytes:
        assert len(self.channel.output) >= count, "the server has not answered"
        data = bytes(self.channel.output[:count])
        del self.channel.output[:count]
        return data


class Desks(Protocol):
    """``desk(version=6)``: a server on the directory of the test, and a client that has said INIT."""

    def __call__(self, *, version: int = 3, conf: str = ALLOWING, terms: Terms | None = None) -> Desk: ...


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """``data`` cut at the given places."""
    edges = [0, *sorted(cuts), len(data)]
    return [data[start:stop] for start, stop in zip(edges, edges[1:], strict=False) if stop > start]
