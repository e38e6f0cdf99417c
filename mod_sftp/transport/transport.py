"""The public face of the SSH transport: bytes in, messages out, and the reverse. No socket, no clock, no files.

::

    filled ──► inbound ──► next_packet ──► (number, payload)         numbers 5 and from 50; the rest is consumed here
    output ◄── outbound ◄── send, reserve                            waits by itself while keys change

Randomness, host keys and a :class:`Listener` are passed in. Source: RFC 4253; behaviours 31 to 36 after the real server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mod_sftp.crypto import compress
from mod_sftp.crypto.ciphers import cipher
from mod_sftp.crypto.macs import mac
from mod_sftp.crypto.suites import Opener, Sealer, make_opener, make_sealer
from mod_sftp.transport.inbound import Inbound
from mod_sftp.transport.kex import KeyExchange, Terms, Wire
from mod_sftp.transport.negotiate import Negotiated, log_name
from mod_sftp.transport.outbound import Outbound
from mod_sftp.wire.messages import Disconnect, Msg, packet_name
from mod_sftp.wire.ssh import Reader, namelist, string, u32
from pyproftpd.errors import PeerError, ProftpdError

#: IGNORE, DEBUG and UNIMPLEMENTED that a client may send before it is logged in (security.md T17)
MAX_IDLE_MESSAGES = 256
#: key exchanges that a client may ask for before it is logged in
MAX_EARLY_EXCHANGES = 4
#: entries of a client's EXT_INFO (security.md T6); real ones send one or two
MAX_EXTENSIONS = 32
#: packets under the same keys after which sequence numbers, and nonces made of them, would soon come again (RFC 4344 3.1):
#: also for those who never rekey. A batch has far less than what is kept back
MOST_PACKETS = 2**32 - 2**20
#: text of DISCONNECT and DEBUG that reaches a log
MAX_TEXT = 1024
#: what a client is told that does not speak SSH 2. Source: real server
MISMATCH = b"Protocol mismatch.\n"

#: hung up on without a word (behaviour 35), and what the log calls them. Source: real server
_PROBES = ((re.compile(r"^Probe-"), "probe"), (re.compile(r"^SSH_Version_Mapper"), "scan"))


class Hangup(PeerError):
    """The peer's fault, but it would not understand a DISCONNECT: flush what is queued and close."""


class Probed(Hangup):
    """Nobody who wants to log in."""


class Disconnected(ProftpdError):
    """The peer sent DISCONNECT."""

    def __init__(self, reason: int, text: str) -> None:
        self.reason, self.text = reason, text
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one connection starts with."""

    #: our version line without CR LF, ``SSH-2.0-...``
    version: str
    terms: Terms
    #: for ``server-sig-algs`` (RFC 8308 3.1)
    signature_algorithms: tuple[str, ...] = ()
    #: send KEXINIT with the version line, before the client spoke (off: SFTPOptions PessimisticKexinit)
    early_kexinit: bool = True
    #: the version line has been sent already
    greeted: bool = False
    #: accept SSH-1.99 clients (SFTPOptions OldProtocolCompat)
    old_protocol: bool = False


class Listener(Protocol):
    """Who wants to know what happens inside."""

    #: is ``trace`` worth being called for every packet?
    traced: bool

    def line(self, text: str) -> None:
        """A line for SFTPLog."""
        ...

    def trace(self, level: int, text: str) -> None: ...

    def client_known(self, software: str) -> Terms | None:
        """``software`` is the version text behind ``SSH-2.0-`` without its comment; what of new terms can still count does."""
        ...

    def keys_changed(self, negotiated: Negotiated, first: bool) -> None: ...

    def received(self, name: str) -> None:
        """A message of the key exchange came, or our EXT_INFO went, by the name that logs give it."""
        ...


class Transport:
    """One connection."""

    __slots__ = ("_settings", "_listener", "_traced", "_in", "_out", "exchange", "version", "client_version", "logged_in",
                 "_service_open", "_ext_info_may_come", "_idle_messages", "_exchanges", "_delayed", "space", "filled",
                 "output", "sent", "reserve", "commit", "data", "capacity", "join", "send", "full", "crowded")

    def __init__(self, settings: Settings, *, random: Callable[[int], bytes], listener: Listener) -> None:
        self._settings, self._listener = settings, listener
        self._traced = listener.traced
        clear = cipher("none"), mac("none"), b"", b"", b""
        self._in = Inbound(make_opener(*clear))
        self._out = Outbound(make_sealer(*clear), random)
        if self._traced:
            self._out.watch = self._trace_sent
        self.exchange = KeyExchange(settings.terms, settings.version.encode(), random,
                                    Wire(self._send_own, self._seal_with, self._open_with))
        #: our version line
        self.version = settings.version
        #: the client's version line, ``""`` before it came
        self.client_version = ""
        self.logged_in = False
        #: may the peer send messages of services now?
        self._service_open = False
        self._ext_info_may_come = False
        self._idle_messages = self._exchanges = 0
        #: what a login starts, by direction
        self._delayed: dict[str, Callable[[], None]] = {}
        self.space, self.filled = self._in.space, self._in.filled
        self.output, self.sent = self._out.output, self._out.sent
        self.reserve, self.commit, self.data, self.capacity = (
            self._out.reserve, self._out.commit, self._out.data, self._out.capacity)
        self.join = self._out.join
        self.send, self.full, self.crowded = self._out.send, self._out.full, self._out.crowded
        if not settings.greeted:
            self._out.raw(settings.version.encode() + b"\r\n")
        if settings.early_kexinit:
            self.exchange.begin()

    @property
    def session_id(self) -> bytes:
        """The first exchange hash; empty before it is known."""
        return self.exchange.session_id

    @property
    def negotiated(self) -> Negotiated | None:
        return self.exchange.negotiated

    @property
    def pending(self) -> int:
        """Bytes of output that wait."""
        return self._out.pending

    @property
    def held(self) -> bool:
        """Do keys change, so that messages of services wait?"""
        return self._out.held

    @property
    def sequence(self) -> int:
        """Number of the packet that ``next_packet`` returned last."""
        return (self._in.sequence - 1) & 0xFFFFFFFF

    def volume(self) -> tuple[int, int]:
        """(bytes, packets) under the present keys, of the direction that has more. Raises: PeerError."""
        taken, sent = self._in, self._out
        packets = taken.packets if taken.packets > sent.packets else sent.packets
        if packets >= MOST_PACKETS:
            raise PeerError("keys were not changed in time", Disconnect.KEY_EXCHANGE_FAILED)
        return taken.bytes if taken.bytes > sent.bytes else sent.bytes, packets

    def next_packet(self) -> tuple[int, memoryview] | None:
        """The next message for a service, its number stripped; ``None`` until more bytes have come.

        Owner: the view dies with the next call.
        Raises: PeerError; Hangup; Disconnected.
        """
        while self.client_version or self._read_version():
            payload = self._in.next()
            if payload is None:
                return None
            kind = payload[0]
            if self._traced:
                self._listener.trace(3, f"received {packet_name(kind)} packet")
            if kind >= 50 or kind == Msg.SERVICE_REQUEST:
                if not self._service_open:
                    raise PeerError(f"message {kind} during a key exchange")
                self._ext_info_may_come = False
                return kind, payload[1:]
            if kind == Msg.IGNORE and self.logged_in:
                continue  # some clients send one with each message of theirs
            self._consume(kind, payload[1:])
        return None

    def rekey(self) -> None:
        """Start a key exchange, unless one is under way."""
        self.exchange.begin()

    def close(self, reason: int, text: str) -> None:
        """Queue DISCONNECT."""
        self._out.send(Msg.DISCONNECT, u32(reason), string(text), string(""))

    def unimplemented(self) -> None:
        """Answer the packet that ``next_packet`` returned last (RFC 4253 11.4)."""
        self._out.send(Msg.UNIMPLEMENTED, u32(self.sequence))

    def login_done(self) -> None:
        """USERAUTH_SUCCESS is queued: delayed compression starts behind it."""
        self.logged_in = True
        delayed, self._delayed = self._delayed, {}
        for start in delayed.values():
            start()

    def precede_data(self, dummy: Callable[[], bytes | None] | None) -> None:
        """Let ``dummy`` say before each batch of data whether a message, and which, goes ahead of it."""
        self._out.before_data = dummy

    def rest(self) -> None:
        """Hand the buffers of an idle connection back to the kernel."""
        self._in.rest()
        self._out.rest()

    def _read_version(self) -> bool:
        """Take the client's version line. Source: real server; RFC 4253 4.2."""
        try:
            line = self._in.version_line()
        except PeerError:
            raise self._mismatch("longer than 255 bytes") from None
        if line is None:
            return False
        text = line.decode("utf-8", "surrogateescape")
        prefixes = ("SSH-2.0-", "SSH-1.99-") if self._settings.old_protocol else ("SSH-2.0-",)
        prefix = next((prefix for prefix in prefixes if text.startswith(prefix)), None)
        if prefix is None or len(text) == len(prefix):
            raise self._mismatch(text)
        self._listener.line(f"received client version '{text}'")
        if not all(0x20 <= byte < 0x7F for byte in line):
            self._listener.line("client-sent version contains non-printable or illegal characters, disconnecting client")
            raise PeerError("version line holds illegal characters", Disconnect.PROTOCOL_VERSION_NOT_SUPPORTED)
        software = text[len(prefix):].split(" ", 1)[0]
        self._listener.line(f"handling connection from SSH2 client '{software}'")
        for pattern, kind in _PROBES:
            if pattern.match(software):
                raise Probed(f"SSH2 {kind} from '{software}', disconnecting")
        self.client_version, self.exchange.client_version = text, line
        self._begin_first(software)
        return True

    def _begin_first(self, software: str) -> None:
        terms = self._listener.client_known(software)
        if terms is not None:
            self.exchange.settle_for(terms)
        self.exchange.begin()

    def _mismatch(self, text: str) -> Hangup:
        self._out.raw(MISMATCH)
        return Hangup(f"Bad protocol version '{text}'")

    def _consume(self, kind: int, payload: memoryview) -> None:
        """A message of the transport itself."""
        if kind >= Msg.KEXINIT:
            self._key_exchange(kind, payload)
            return
        if self.exchange.strict and not self.exchange.complete:
            raise PeerError(f"strict key exchange: message {kind} in the first exchange")
        consume = _OWN.get(kind)
        if consume is None:
            if not self.logged_in:
                raise PeerError(f"message {kind} before login")
            self.unimplemented()
            return
        consume(self, payload)

    def _key_exchange(self, kind: int, payload: memoryview) -> None:
        exchange = self.exchange
        if kind == Msg.KEXINIT:
            self._service_open = False
            self._exchanges += 1
            if not self.logged_in and self._exchanges > MAX_EARLY_EXCHANGES:
                raise PeerError("too many key exchanges before login")
        first = not exchange.complete
        over = exchange.receive(kind, payload, sequence=self.sequence)
        self._listener.received(log_name(kind, exchange.negotiated))
        if not over:
            return
        self._service_open = True
        self._ext_info_may_come = first
        self._out.release()
        assert exchange.negotiated is not None
        self._listener.keys_changed(exchange.negotiated, first)
        if first and exchange.wants_ext_info:
            self._listener.received("EXT_INFO")

    def _send_own(self, kind: int, *parts: bytes) -> None:
        self._out.send(kind, *parts)
        if kind == Msg.KEXINIT:
            self._out.hold()

    def _seal_with(self, sealer: Sealer, compression: str, strict: bool) -> None:
        first = not self.exchange.complete
        self._out.change_keys(sealer, None, reset=strict)
        self._start_compression("out", compression, lambda: self._out.compress(compress.Compressor()))
        if first and self.exchange.wants_ext_info:
            self._out.send(
                Msg.EXT_INFO, u32(3),
                string("server-sig-algs"), namelist(self._settings.signature_algorithms),
                string("publickey-hostbound@openssh.com"), string("0"),
                string("ping@openssh.com"), string("0"))

    def _open_with(self, opener: Opener, compression: str, strict: bool) -> None:
        self._in.change_keys(opener, None, reset=strict)
        self._start_compression("in", compression, lambda: self._in.compress(compress.Decompressor()))

    def _start_compression(self, direction: str, name: str, start: Callable[[], None]) -> None:
        """``zlib`` starts with the keys (RFC 4253 6.2), ``zlib@openssh.com`` not before login."""
        self._delayed.pop(direction, None)
        if name == "zlib@openssh.com" and not self.logged_in:
            self._delayed[direction] = start
        elif name != "none":
            start()

    def _trace_sent(self, kind: int, size: int) -> None:
        self._listener.trace(3, f"sent {packet_name(kind)} packet ({size} bytes)")

    def _disconnect(self, payload: memoryview) -> None:
        reader = Reader(payload)
        reason = reader.u32()
        text = str(reader.string(), "utf-8", "replace")[:MAX_TEXT] if reader.left else ""
        raise Disconnected(reason, text)

    def _ignore(self, payload: memoryview) -> None:
        if not self.logged_in:
            self._idle_messages += 1
            if self._idle_messages > MAX_IDLE_MESSAGES:
                raise PeerError("too many messages without a meaning before login")

    def _debug(self, payload: memoryview) -> None:
        self._ignore(payload)
        reader = Reader(payload)
        always = reader.boolean()
        text = str(reader.string(), "utf-8", "replace")[:MAX_TEXT]
        if always:
            self._listener.line(f"client sent SSH_MSG_DEBUG '{text}'")
        else:
            self._listener.trace(9, f"client sent SSH_MSG_DEBUG '{text}'")

    def _ext_info(self, payload: memoryview) -> None:
        """Only directly behind the client's first NEWKEYS (RFC 8308 2.4); later ones mean nothing after login."""
        if not self._ext_info_may_come:
            if not self.logged_in:
                raise PeerError("EXT_INFO out of its place")
            return
        self._ext_info_may_come = False
        reader = Reader(payload)
        count = reader.u32()
        if count > MAX_EXTENSIONS:
            raise PeerError(f"EXT_INFO with {count} extensions")
        for _ in range(count):
            name, value = reader.string(), reader.string()
            text = f"{str(name, 'utf-8', 'replace')}={str(value, 'utf-8', 'replace')}"
            self._listener.trace(9, f"client sent extension {text[:MAX_TEXT]}")
        reader.end()
        self._listener.received("EXT_INFO")


#: messages below KEXINIT that are consumed here
_OWN: Mapping[int, Callable[[Transport, memoryview], None]] = {
    Msg.DISCONNECT: Transport._disconnect,
    Msg.IGNORE: Transport._ignore,
    Msg.UNIMPLEMENTED: Transport._ignore,
    Msg.DEBUG: Transport._debug,
    Msg.EXT_INFO: Transport._ext_info,
}
