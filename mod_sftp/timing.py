"""What a session does by the clock: time-outs, probes for silent clients, new keys. Named timers in the session's heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mod_sftp.conf import Rekey, SftpConf
from mod_sftp.log import SftpLog
from mod_sftp.wire.messages import Disconnect, Msg
from mod_sftp.wire.ssh import boolean, string, u32
from pyproftpd.errors import PeerError
from pyproftpd.session.conf import TimeoutConf
from pyproftpd.session.session import Session

if TYPE_CHECKING:
    from mod_sftp.driver import Driver

IDLE, NO_TRANSFER, SESSION = "TimeoutIdle", "TimeoutNoTransfer", "TimeoutSession"
ALIVE, REKEY, REKEY_TIMEOUT = "SFTPClientAlive", "SFTPRekey", "SFTPRekey timeout"

#: packets of one direction under the same keys (behaviour 41); beyond 2^32 sequence numbers repeat (RFC 4344 3.1)
MAX_PACKETS = 2**31
PROBE = "keepalive@proftpd.org"


class Timing:
    """The timers of one connection."""

    __slots__ = ("_session", "_driver", "_timers", "_log", "_rekey", "_bytes", "_probes", "_unanswered", "_probing", "_begun")

    def __init__(self, session: Session, driver: Driver) -> None:
        self._session, self._driver, self._timers = session, driver, session.timers
        self._log = session.state(SftpLog)
        self._rekey: Rekey | None = None
        self._bytes = 0
        self._probes = self._unanswered = 0
        self._probing = self._begun = False

    def start(self) -> None:
        """Connected: TimeoutLogin runs already."""
        self._start_idle()

    def logged_in(self) -> None:
        """Settings of the user's own sections count from here on."""
        own = self._session.scope.get(SftpConf)
        self._start_idle()
        conf = self._session.scope.get(TimeoutConf)
        self._start(NO_TRANSFER, "No transfer timeout", conf.timeout_no_transfer)
        self._start(SESSION, "Session timeout", conf.timeout_session)
        self._probes, interval = own.client_alive
        if self._probes and interval:
            self._probing = True
            self._timers.add(ALIVE, interval, self._probe, repeat=True)
        self._rekey = own.rekey
        if self._driver.overrides.rekey and self._rekey is not None:
            self._bytes = self._rekey.bytes
            if self._rekey.interval:
                self._timers.add(REKEY, self._rekey.interval, self._driver.rekey, repeat=True)
        self._begun = self._driver.overrides.rekey and (self._rekey is None or self._rekey != Rekey())

    def heard(self) -> None:
        """Bytes came from the client."""
        self._timers.reset(IDLE)
        if self._probing:
            self._unanswered = 0
            self._timers.reset(ALIVE)

    def wants_keys(self) -> bool:
        """Have the present keys done enough? Asked once per batch."""
        volume, packets = self._driver.transport.volume()
        if not self._begun or self._driver.transport.held:
            return False
        return packets >= MAX_PACKETS or (self._bytes > 0 and volume >= self._bytes)

    def rekeying(self) -> None:
        """Our KEXINIT is out."""
        if self._rekey is not None and self._rekey.timeout and REKEY_TIMEOUT not in self._timers:
            self._timers.add(REKEY_TIMEOUT, self._rekey.timeout, self._rekey_timed_out)

    def rekeyed(self) -> None:
        self._timers.remove(REKEY_TIMEOUT)
        self._timers.reset(REKEY)

    def _start_idle(self) -> None:
        self._start(IDLE, "Idle timeout", self._session.scope.get(TimeoutConf).timeout_idle)

    def _start(self, name: str, what: str, seconds: float) -> None:
        """Start a time-out again with what holds now; 0 ends it."""
        if seconds:
            self._timers.add(name, seconds, lambda: self._end(name, what, seconds))
        else:
            self._timers.remove(name)

    def _end(self, name: str, what: str, seconds: float) -> None:
        self._log.line(f"{what} ({seconds:g} seconds) exceeded, disconnecting client")
        self._session.log.info(f"{what} exceeded ({seconds:g} seconds), disconnected")
        self._session.end(name)

    def _rekey_timed_out(self) -> None:
        raise PeerError("client did not finish the key exchange in time", Disconnect.KEY_EXCHANGE_FAILED)

    def _probe(self) -> None:
        """Ask for any answer; a request that must be refused is one (behaviour 44)."""
        if self._unanswered >= self._probes:
            self._end(ALIVE, "client alive interval", self._timers.left(ALIVE) or 0.0)
            return
        self._unanswered += 1
        driver = self._driver
        channel = next(iter(driver.mux.channels.values()), None) if driver.mux is not None else None
        if channel is not None and not channel.close_sent:
            driver.transport.send(Msg.CHANNEL_REQUEST, u32(channel.peer), string(PROBE), boolean(True))
        else:
            driver.transport.send(Msg.GLOBAL_REQUEST, string(PROBE), boolean(True))
        driver.flush()
