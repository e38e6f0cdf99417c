"""SFTPTrafficPolicy: dummy packets that hide when and how much is really said (SSH_MSG_IGNORE, RFC 4253 11.2).

A dummy may precede the first data of each batch, and is sent when a session has been quiet for long. The policy
``rogaway`` puts one before every batch: with a CBC cipher the next packet's IV is then nothing that a peer could have
known (RFC 4253 9.3.1; security.md T10). It comes by itself with such ciphers, unless the configuration says ``none``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mod_sftp.transport.transport import Transport
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import string
from pyproftpd.unix.timers import Timers

ROGAWAY, NONE = "rogaway", "none"
TIMER = "SFTPTrafficPolicy"


@dataclass(frozen=True, slots=True)
class Policy:
    """One dummy in ``one_in`` batches, looked at every ``check`` seconds, of ``size`` bytes, at most ``quiet`` seconds apart."""

    name: str
    one_in: int
    check: tuple[int, int]
    size: tuple[int, int]
    quiet: float


#: Source: real server
POLICIES: Mapping[str, Policy] = {row.name: row for row in (
    Policy("low", 1000, (5, 15), (64, 256), 300.0),
    Policy("medium", 100, (5, 10), (32, 768), 60.0),
    Policy("high", 10, (1, 5), (16, 2048), 15.0),
    Policy("paranoid", 1, (1, 1), (0, 8192), 5.0),
    Policy(ROGAWAY, 1, (0, 0), (64, 256), 0.0),
)}


def policy_for(configured: str | None, cipher_out: str, *, takes_ignore: bool) -> Policy | None:
    """The policy in force for a connection whose output is encrypted with ``cipher_out``."""
    if configured == NONE or not takes_ignore:
        return None
    if cipher_out.endswith("-cbc"):
        return POLICIES[ROGAWAY]
    return POLICIES[configured] if configured else None


class Padding:
    """The dummy traffic of one connection. ``random`` is the system's, never a predictable one (security.md A10.16)."""

    def __init__(self, transport: Transport, timers: Timers, random: Callable[[int], bytes],
                 flush: Callable[[], None]) -> None:
        self._transport, self._timers, self._random, self._flush = transport, timers, random, flush
        self._policy: Policy | None = None
        self._last = 0.0

    def follow(self, policy: Policy | None) -> None:
        """Keep to ``policy`` from now on; called at login and after each key exchange."""
        if policy is self._policy:
            return
        self._policy = policy
        self._transport.precede_data(None if policy is None else self._before_data)
        self._timers.remove(TIMER)
        self._last = self._timers.clock()
        self._look_later()

    def _before_data(self) -> bytes | None:
        """A dummy message to go ahead of a batch of data, by chance."""
        policy = self._policy
        if policy is None or self._below(policy.one_in):
            return None
        self._last = self._timers.clock()
        return self._dummy(policy)

    def _look_later(self) -> None:
        if self._policy is not None and self._policy.check[1]:
            low, high = self._policy.check
            self._timers.add(TIMER, float(low + self._below(high - low + 1)), self._look)

    def _look(self) -> None:
        policy = self._policy
        assert policy is not None
        quiet = self._timers.clock() - self._last >= policy.quiet
        if not self._transport.held and not self._transport.full() and (quiet or not self._below(policy.one_in)):
            self._last = self._timers.clock()
            self._transport.send(Msg.IGNORE, self._dummy(policy)[1:])
            self._flush()
        self._look_later()

    def _dummy(self, policy: Policy) -> bytes:
        low, high = policy.size
        return bytes((Msg.IGNORE,)) + string(self._random(low + self._below(high - low + 1)))

    def _below(self, bound: int) -> int:
        """A number from 0 up to ``bound``, excluded; the bias of 64 bits modulo thousands shows nowhere."""
        return int.from_bytes(self._random(8), "big") % bound
