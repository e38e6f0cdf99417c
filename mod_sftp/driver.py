"""One socket, one loop: bytes to the transport, messages to who takes them, and everything queued back.

::

    fill ──► next_packet ──► on[number] ──► resume ──► flush
      ▲  waits only when nothing is left to do         │
      └────────────────────────────────────────────────┘

``on`` is the table of handlers; login swaps its rows. Before login everything that authentication does not know ends
the connection (security.md T19); after it unknown numbers are answered UNIMPLEMENTED.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

from mod_sftp.api import Abandoned, Prompt
from mod_sftp.auth import kbdint
from mod_sftp.auth.service import AuthService
from mod_sftp.channel.globals import announce_host_keys
from mod_sftp.channel.mux import Mux
from mod_sftp.channel.padding import Padding, policy_for
from mod_sftp.conf import SftpConf
from mod_sftp.log import SftpLog
from mod_sftp.quirks import Overrides, overrides
from mod_sftp.timing import Timing
from mod_sftp.transport.inbound import MAX_PACKET
from mod_sftp.transport.kex import Terms
from mod_sftp.transport.negotiate import Negotiated
from mod_sftp.transport.transport import Disconnected, Hangup, Probed, Settings, Transport
from mod_sftp.wire.messages import Disconnect, Msg
from mod_sftp.wire.ssh import Reader, string
from pyproftpd.api.command import Command, LogClass
from pyproftpd.errors import PeerError, ProftpdError
from pyproftpd.session.loop import SessionEnd
from pyproftpd.session.session import Session

#: turns of a loop that never waits, after which timers and signals are looked at
TICK = 32
#: a client that says no more than this at a time waits for answers: nothing lies behind it in the socket. Not looking there
#: again saves a tenth and more of a small file's CPU time (put 840 us in place of 1,000, get 930 in place of 1,140)
BRIEF = 2048
#: seconds without a word after which buffers go back to the kernel
REST_AFTER = 5.0
#: bytes moved that make this worth its system calls
REST_WORTH = 128 * 1024
#: how long a farewell may take to be read, so that a reset does not overtake it
LINGER = 1.0
#: classes of the messages of the key exchange, and of EXT_INFO
_SECURED, _TOLD = LogClass.SSH | LogClass.SEC, LogClass.SSH | LogClass.INFO
#: messages of the authentication protocol (RFC 4250 4.1.2)
USERAUTH_MESSAGES = range(50, 80)

#: reason of a DISCONNECT in the log. Source: real server
REASONS: Mapping[int, str] = {
    Disconnect.HOST_NOT_ALLOWED_TO_CONNECT: "Host not allowed to connect",
    Disconnect.PROTOCOL_ERROR: "Protocol error",
    Disconnect.KEY_EXCHANGE_FAILED: "Key exchange failed",
    Disconnect.MAC_ERROR: "MAC error",
    Disconnect.COMPRESSION_ERROR: "Compression error",
    Disconnect.SERVICE_NOT_AVAILABLE: "Requested service not available",
    Disconnect.PROTOCOL_VERSION_NOT_SUPPORTED: "Protocol version not supported",
    Disconnect.HOST_KEY_NOT_VERIFIABLE: "Host key not verifiable",
    Disconnect.CONNECTION_LOST: "Connection lost",
    Disconnect.BY_APPLICATION: "Application disconnected",
    Disconnect.TOO_MANY_CONNECTIONS: "Too many connections",
    Disconnect.AUTH_CANCELLED_BY_USER: "Authentication cancelled by user",
    Disconnect.NO_MORE_AUTH_METHODS_AVAILABLE: "No other authentication mechanisms available",
    Disconnect.ILLEGAL_USER_NAME: "Illegal user name",
}


class Closed(ProftpdError):
    """The client closed the connection without a DISCONNECT."""


class _Answered(Exception):
    """Leaves the loop in the middle of a batch: what follows in it belongs to whoever asked."""


class Driver:
    """Serves one session to its end. ``make_terms(overrides)`` gives the algorithms for a client that is now known."""

    __slots__ = ("session", "conf", "log", "overrides", "traced", "_make_terms", "_offered", "transport", "mux", "timing",
                 "padding", "_socket", "_fd", "_left", "_busy", "_drained", "_turns", "_moved", "_answer", "_request",
                 "_failure", "auth", "on")

    def __init__(self, session: Session, settings: Settings, make_terms: Callable[[Overrides], Terms]) -> None:
        self.session, self.conf = session, session.scope.get(SftpConf)
        self.log = session.state(SftpLog)
        self.overrides = Overrides()
        self.traced = session.trace.on
        self._make_terms, self._offered = make_terms, settings.early_kexinit
        self.transport = Transport(settings, random=os.urandom, listener=self)
        self.mux: Mux | None = None
        self.timing = Timing(session, self)
        self.padding = Padding(self.transport, session.timers, os.urandom, self.flush)
        self._socket, self._fd = session.socket, session.socket.fileno()
        #: whole packets may be left in the transport, or channels have more to do: do not wait
        self._left = self._busy = False
        #: the socket was just emptied, as far as one can know
        self._drained = False
        self._turns = self._moved = 0
        #: inside a conversation of keyboard-interactive: what the client said to it
        self._answer: bytes | None = None
        self._request: bytes | None = None
        self._failure: ProftpdError | None = None
        self.auth = AuthService(session, AuthConnection(self), self.conf)
        self.on: dict[int, Callable[[memoryview], None]] = {
            number: partial(self._authenticate, number) for number in (Msg.SERVICE_REQUEST, Msg.USERAUTH_REQUEST)}

    def run(self) -> None:
        """Returns when the client has left; every other end is an exception, told to the client first."""
        session = self.session
        session.protocol = "ssh2"
        self.log.line(f"client ({session.remote_address}:{session.remote_port}) connected to server "
                      f"({session.local_address}:{session.local_port})")
        failure = "connection lost"
        try:
            self._flush()
            self.log.line(f"sent server version '{self.transport.version}'")
            self.timing.start()
            while True:
                self._turn()
        except Closed:
            failure = "client disconnected"
            session.end_reason = session.end_reason or "Read EOF from client"
            self.log.line("disconnecting client (received EOF)")
        except Disconnected as said:
            failure = "client disconnected"
            session.end_reason = session.end_reason or f"Quit: {said.text}"
            reason = REASONS.get(said.reason, f"reason {said.reason}")
            self.log.line(f"client at {session.remote_address} sent SSH_DISCONNECT message: {said.text} ({reason})")
        except SessionEnd as end:
            failure = end.reason
            self._say_farewell(Disconnect.BY_APPLICATION, end.reason)
            raise
        except Hangup as error:
            failure = error.text
            self.log.line(error.text if isinstance(error, Probed) else f"{error.text} from {session.remote_address}")
            self._flush()
            raise
        except PeerError as error:
            failure = error.text
            self.log.line(f"{error.text}: {error.detail}" if error.detail else error.text)
            self._say_farewell(error.reason, error.text)
            linger(self.session)
            raise
        finally:
            if self.mux is not None:
                self.mux.close(failure)

    # What the transport tells (``transport.Listener``).

    def line(self, text: str) -> None:
        self.log.line(text)

    def trace(self, level: int, text: str) -> None:
        if self.session.trace.on:
            self.session.trace("ssh2", level, text)

    def client_known(self, software: str) -> Terms | None:
        self._publish("SFTP_CLIENT_BANNER", self.transport.client_version)
        self.overrides = overrides(software, self.conf.client_match)
        if self._offered and not self.overrides.pessimistic_newkeys:
            return None
        return self._make_terms(self.overrides)

    def keys_changed(self, negotiated: Negotiated, first: bool) -> None:
        self.timing.rekeyed()
        for line in negotiated.lines():
            self.log.line(line)
        for name, value in (
            ("KEX", negotiated.kex), ("HOST_KEY", negotiated.host_key), ("CLIENT_CIPHER", negotiated.cipher_in),
            ("SERVER_CIPHER", negotiated.cipher_out), ("CLIENT_MAC", negotiated.mac_in),
            ("SERVER_MAC", negotiated.mac_out), ("CLIENT_COMPRESSION", negotiated.compression_in),
            ("SERVER_COMPRESSION", negotiated.compression_out),
        ):
            self._publish(f"SFTP_{name}_ALGO", value)
        if self.transport.logged_in:
            self._pad()

    def received(self, name: str) -> None:
        classes = _TOLD if name == "EXT_INFO" else _SECURED
        if self.session.extended is not None and self.session.extended.wants(classes, name):
            self.session.dispatcher.log(self.session, Command(name, classes=classes))

    def _pad(self) -> None:
        """The traffic policy that the cipher in force calls for."""
        agreed = self.transport.negotiated
        if agreed is not None:
            self.padding.follow(policy_for(self.conf.traffic_policy, agreed.cipher_out,
                                           takes_ignore=self.overrides.ignore))

    def _publish(self, name: str, value: str) -> None:
        """For hooks and log formats: an environment variable and a note of the session."""
        self.session.environ[name] = self.session.notes[name] = value

    # The loop.

    def _turn(self) -> None:
        transport, on = self.transport, self.on
        if not self._left:
            self._fill()
        elif transport.full():
            self._wait(True)
        self._left = True
        while not transport.full():
            packet = transport.next_packet()
            if packet is None:
                self._left = False
                break
            number, payload = packet
            handler = on.get(number)
            if handler is not None:
                handler(payload)
            else:
                self._stranger(number)
        if self.mux is not None:
            self._busy = self.mux.resume()
        if self.timing.wants_keys():
            self.rekey()
        self._flush()

    def _fill(self) -> None:
        """Take what the socket has; wait for it when there is nothing else to do."""
        self._turns += 1
        if self._turns % TICK == 0:
            self.session.loop.tick()
        full = self.transport.full()
        if full or (self._drained and not self._busy) or not self._receive():
            if self._busy and not full:
                return
            self._wait(full)

    def _receive(self) -> bool:
        try:
            count = self._socket.recv_into(self.transport.space())
        except BlockingIOError:
            return False
        if not count:
            raise Closed
        self._drained = count <= BRIEF
        self.transport.filled(count)
        self.session.bytes_in += count
        self._moved += count
        self.timing.heard()
        return True

    def _wait(self, full: bool) -> None:
        """Until the socket can do what is wanted, or a paused channel may go on. ``full``: nothing more can be taken in."""
        transport = self.transport
        pending = transport.pending
        rest = REST_AFTER if self._moved > REST_WORTH and not pending else None
        pause = self.mux.wakes_in() if self.mux is not None else None
        timeout = rest if pause is None else pause if rest is None else min(rest, pause)
        readable, writable = self.session.loop.wait(
            read=() if full else (self._fd,), write=(self._fd,) if pending else (), timeout=timeout)
        if writable:
            self._flush()
        elif readable:
            self._drained = False
            if not self._left:
                self._receive()
        elif rest is not None and pause is None:
            transport.rest()
            self._moved = 0

    def _flush(self) -> None:
        """Send what is queued, as far as the socket takes it."""
        transport, more = self.transport, True
        while more and (output := transport.output()):
            try:
                count = self._socket.send(output)
            except BlockingIOError:
                return
            more = transport.sent(count)
            self.session.bytes_out += count
            self._moved += count

    def flush(self) -> None:
        """For timers, whose messages would otherwise wait for the next packet of the client."""
        self._flush()

    def rekey(self) -> None:
        self.transport.rekey()
        self.timing.rekeying()
        self._flush()

    def _say_farewell(self, reason: int, text: str) -> None:
        self.log.line(f"disconnecting {self.session.remote_address} ({REASONS.get(reason, text)})")
        try:
            self.transport.close(reason, text)
            self._flush()
        except OSError as error:
            self.log.line(f"cannot tell the client: {error.strerror}")

    def _stranger(self, number: int) -> None:
        """A message without a handler. Authentication after success is ignored in silence (RFC 4252 5.1)."""
        if self.mux is None or number == Msg.SERVICE_REQUEST:
            raise PeerError(f"message {number} before login" if self.mux is None else f"message {number} after login")
        if number not in USERAUTH_MESSAGES:
            self.transport.unimplemented()

    # Before login.

    def _authenticate(self, number: int, payload: memoryview) -> None:
        """Hand one message to authentication, and behind it what came in the middle of its conversation."""
        self.auth.handle(number, payload)
        while self._request is not None or self._failure is not None:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            request, self._request = self._request, None
            if request is not None:
                self.auth.handle(Msg.USERAUTH_REQUEST, memoryview(request))

    def exchange(self, name: str, instruction: str, prompts: Sequence[Prompt]) -> Sequence[bytes]:
        """Ask the client and run the loop until it answers (RFC 4256).

        The caller may be deep inside PAM, so nothing but ``Abandoned`` leaves here; what ended the wait is raised again
        once PAM is out of the way.
        """
        if self._request is not None or self._failure is not None:
            raise Abandoned
        self.transport.send(Msg.USERAUTH_INFO_REQUEST, kbdint.info_request(name, instruction, prompts))
        saved = dict(self.on)
        self.on.clear()
        self.on[Msg.USERAUTH_INFO_RESPONSE] = self._answered
        self.on[Msg.USERAUTH_REQUEST] = self._abandoned
        self._answer = None
        try:
            self._flush()
            self._until_answered()
            if self._answer is None:
                raise Abandoned
            return kbdint.info_response(memoryview(self._answer), len(prompts))
        except (PeerError, Disconnected, Closed, SessionEnd) as error:
            self._failure = error
            raise Abandoned from error
        finally:
            self.on.clear()
            self.on.update(saved)

    def _until_answered(self) -> None:
        try:
            while True:
                self._turn()
        except _Answered:
            return

    def _answered(self, payload: memoryview) -> None:
        self._answer = bytes(payload)
        raise _Answered

    def _abandoned(self, payload: memoryview) -> None:
        self._request = bytes(payload)
        raise _Answered

    # After login.

    def logged_in(self) -> None:
        """USERAUTH_SUCCESS is queued: channels may open, strangers' limits are lifted."""
        self.conf = self.session.scope.get(SftpConf)
        self.transport.login_done()
        self.mux = Mux(self.session, self.transport, self.conf, self.overrides)
        self.on.clear()
        self.on[Msg.PING] = self._ping
        self.on.update(self.mux.handlers())
        self.timing.logged_in()
        self._pad()
        announce_host_keys(self.mux)

    def _ping(self, payload: memoryview) -> None:
        """ping@openssh.com: the data comes back."""
        reader = Reader(payload)
        data = reader.bytes()
        reader.end()
        self.transport.send(Msg.PONG, string(data))


def linger(session: Session) -> None:
    """Read and drop until the client closes: unread input would make the kernel reset what we just said.

    No client can draw it out, by a byte now and then or by a flood.
    """
    connection, sink, left = session.socket, bytearray(65536), MAX_PACKET
    end = session.timers.clock() + LINGER
    try:
        connection.shutdown(socket.SHUT_WR)
        while left > 0 and session.loop.wait(read=(connection.fileno(),), timeout=max(0.0, end - session.timers.clock()))[0]:
            count = connection.recv_into(sink)
            if not count:
                return
            left -= count
    except OSError:
        return


class AuthConnection:
    """The driver as authentication sees it (``auth.outcome.Connection``)."""

    __slots__ = ("_driver", "send", "exchange")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.send = driver.transport.send
        self.exchange = driver.exchange

    @property
    def session_id(self) -> bytes:
        return self._driver.transport.session_id

    @property
    def client_version(self) -> str:
        return self._driver.transport.client_version

    @property
    def insecure(self) -> bool:
        """Do passwords travel in the clear, or unprotected against change?"""
        agreed = self._driver.transport.negotiated
        return agreed is None or "none" in (agreed.cipher_in, agreed.cipher_out, agreed.mac_in, agreed.mac_out)

    @property
    def host_key(self) -> bytes:
        return self._driver.transport.exchange.host_key().blob

    @property
    def banners(self) -> bool:
        """Can the client stand SSH_MSG_USERAUTH_BANNER?"""
        return self._driver.overrides.banner

    def authenticated(self) -> None:
        self._driver.logged_in()

    def disconnect(self, reason: int, text: str) -> NoReturn:
        raise PeerError(text, reason)
