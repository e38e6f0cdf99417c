"""The connection protocol (RFC 4254): channels by number, and the messages 80 to 100.

Only ``session`` channels, only opened by the client: every forwarding is refused with the right code (security.md C9).
Nothing is kept of a channel that both sides closed (C3).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mod_sftp.channel.channel import MAX_DATA, Channel
from mod_sftp.channel.globals import answer_global
from mod_sftp.channel.requests import STARTERS, answer_request
from mod_sftp.log import SftpLog
from mod_sftp.wire.messages import Msg, OpenFailure
from mod_sftp.wire.ssh import Reader, string, u32
from pyproftpd.api.command import Command, LogClass
from pyproftpd.errors import PeerError

if TYPE_CHECKING:
    from mod_sftp.conf import SftpConf
    from mod_sftp.quirks import Overrides
    from mod_sftp.transport.transport import Transport
    from pyproftpd.session.session import Session

#: our window: what a peer can make us hold of one channel (security.md C2)
WINDOW = 2 * 1024 * 1024
#: data of one packet that we take; what every client sends anyhow
PACKET = 32 * 1024
#: a configured packet size stays below the transport's own limit
MAX_PACKET = 128 * 1024
#: recipient channel and length of the string (RFC 4254 5.2)
_NUMBER_AND_SIZE = struct.Struct(">II")
_HEADER_SIZE = _NUMBER_AND_SIZE.size
#: names of channel types and requests in RFC 4250 4.6.1 have at most 64 characters
MAX_NAME = 64


class Mux:
    """The channels of one connection."""

    def __init__(self, session: Session, transport: Transport, conf: SftpConf, overrides: Overrides) -> None:
        self.session, self.transport, self.conf, self.overrides = session, transport, conf, overrides
        self.log = session.state(SftpLog)
        self.channels: dict[int, Channel] = {}
        #: environment variables that the client set
        self.variables: set[str] = set()
        self._window = min(overrides.channel_window_size or WINDOW, WINDOW)
        self._packet = min(overrides.channel_packet_size or PACKET, MAX_PACKET)
        #: called whenever the peer answered a probe of ours
        self.alive: Callable[[], None] = lambda: None

    def handlers(self) -> Mapping[int, Callable[[memoryview], None]]:
        """Message number -> what takes its payload."""
        return {
            Msg.GLOBAL_REQUEST: self._global_request,
            Msg.REQUEST_SUCCESS: self._answered,
            Msg.REQUEST_FAILURE: self._answered,
            Msg.CHANNEL_OPEN: self._open,
            Msg.CHANNEL_WINDOW_ADJUST: self._adjust,
            Msg.CHANNEL_DATA: self.data,
            Msg.CHANNEL_EXTENDED_DATA: self._extended,
            Msg.CHANNEL_EOF: self._eof,
            Msg.CHANNEL_CLOSE: self._close,
            Msg.CHANNEL_REQUEST: self._request,
            Msg.CHANNEL_SUCCESS: self._answered,
            Msg.CHANNEL_FAILURE: self._answered,
        }

    def data(self, payload: memoryview) -> None:
        """CHANNEL_DATA, the one message that is hot."""
        room = len(payload) - _HEADER_SIZE
        if room < 0:
            raise PeerError("channel data of the wrong length")
        number, size = _NUMBER_AND_SIZE.unpack_from(payload)
        if size != room:
            raise PeerError("channel data of the wrong length")
        channel = self.channels.get(number)
        if channel is None:
            raise PeerError("data for a channel that does not exist")
        channel.data(payload[_HEADER_SIZE:], size)

    def resume(self) -> bool:
        """Let every channel go on that was held up; True when something moved."""
        moved = False
        for channel in tuple(self.channels.values()):
            moved = channel.resume() or moved
        return moved

    def wakes_in(self) -> float | None:
        """Seconds until the first paused channel may go on."""
        first: float | None = None
        for channel in self.channels.values():
            wait = channel.wakes_in
            if wait is not None and (first is None or wait < first):
                first = wait
        return first

    def close(self, failure: str) -> None:
        """The connection is over."""
        channels, self.channels = self.channels, {}
        for channel in channels.values():
            channel.gone(failure)

    def _logged(self, name: str, arg: str = "") -> Command:
        return Command(name, arg, classes=LogClass.MISC | LogClass.SSH)

    def _channel(self, reader: Reader) -> Channel:
        number = reader.u32()
        channel = self.channels.get(number)
        if channel is None:
            raise PeerError(f"message for channel {number}, which does not exist")
        return channel

    def _open(self, payload: memoryview) -> None:
        reader = Reader(payload)
        kind = str(reader.string(), "utf-8", "replace")
        peer, window, packet = reader.u32(), reader.u32(), reader.u32()
        with self.session.phases(self._logged("CHANNEL_OPEN", kind[:MAX_NAME])):
            if kind != "session":
                self.log.line(f"unsupported channel type '{kind[:MAX_NAME]}' requested, denying")
                self._refuse(peer, OpenFailure.UNKNOWN_CHANNEL_TYPE, "Unknown channel type")
            elif not window or not packet:
                self.log.line("client opens a channel without window or packet size, denying")
                self._refuse(peer, OpenFailure.RESOURCE_SHORTAGE, "Window and packet size must be above 0")
            elif len(self.channels) >= self.conf.max_channels:
                self.log.line(f"maximum number of channels ({self.conf.max_channels}) open, denying")
                self._refuse(peer, OpenFailure.ADMINISTRATIVELY_PROHIBITED, "Too many channels open")
            else:
                self._accept(peer, window, packet)

    def _accept(self, peer: int, window: int, packet: int) -> None:
        number = next(free for free in range(self.conf.max_channels) if free not in self.channels)
        self.channels[number] = Channel(
            self.transport, number, peer, window=window, packet=packet, our_window=self._window,
            our_packet=self._packet, clock=self.session.timers.clock)
        self.transport.send(Msg.CHANNEL_OPEN_CONFIRMATION, u32(peer), u32(number), u32(self._window), u32(self._packet))

    def _refuse(self, peer: int, reason: int, text: str) -> None:
        self.transport.send(Msg.CHANNEL_OPEN_FAILURE, u32(peer), u32(reason), string(text), string(""))

    def _adjust(self, payload: memoryview) -> None:
        reader = Reader(payload)
        channel = self.channels.get(reader.u32())
        count = reader.u32()
        if channel is not None:  # some clients adjust behind their CLOSE; OpenSSH overlooks it too
            channel.adjust(count)
        # every 64 KiB of a download with some clients: logged, but no command that titles and hooks are told of
        self.session.dispatcher.log(self.session, self._logged("CHANNEL_WINDOW_ADJUST"))

    def _extended(self, payload: memoryview) -> None:
        """A client has no standard error to send: counted against the window and dropped (security.md C8)."""
        reader = Reader(payload)
        channel = self._channel(reader)
        reader.u32()
        channel.discard(len(reader.string()))

    def _eof(self, payload: memoryview) -> None:
        with self.session.phases(self._logged("CHANNEL_EOF")):
            self._channel(Reader(payload)).eof()

    def _close(self, payload: memoryview) -> None:
        with self.session.phases(self._logged("CHANNEL_CLOSE")):
            channel = self._channel(Reader(payload))
            channel.closed()
            self.channels.pop(channel.id, None)

    def _request(self, payload: memoryview) -> None:
        reader = Reader(payload)
        channel = self._channel(reader)
        kind = str(reader.string(), "utf-8", "replace")[:MAX_NAME]
        want_reply = reader.boolean()
        with self.session.phases(self._logged("CHANNEL_REQUEST", kind)):
            accepted, start = answer_request(self, channel, kind, reader)
            if want_reply and not channel.close_sent:
                self.transport.send(Msg.CHANNEL_SUCCESS if accepted else Msg.CHANNEL_FAILURE, u32(channel.peer))
            if start is not None:
                start()
            elif not accepted and not want_reply and kind in STARTERS and channel.program is None:
                channel.finish(1)  # dropbear's client asks for no reply and would wait for one thing or the other

    def _global_request(self, payload: memoryview) -> None:
        reader = Reader(payload)
        kind = str(reader.string(), "utf-8", "replace")[:MAX_NAME]
        want_reply = reader.boolean()
        reply = answer_global(self, kind, reader)
        if want_reply:
            self.transport.send(Msg.REQUEST_FAILURE if reply is None else Msg.REQUEST_SUCCESS, reply or b"")

    def _answered(self, payload: memoryview) -> None:
        self.alive()


assert MAX_DATA <= PACKET
