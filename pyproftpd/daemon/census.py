"""The living children, and whether one more may be forked: what the master decides before any byte of a client is read.

MaxInstances and MaxConnectionRate are the administrator's. The caps on sessions that have not logged in are always there
(security.md T17): without them anybody can hold every process and descriptor of the machine for TimeoutLogin.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass

from pyproftpd.session.conf import DaemonConf
from pyproftpd.unix.sockets import source_network

#: sessions of one source (IPv4 address or IPv6 /64) that have not logged in; a browser-like client opens about ten
MAX_UNAUTHENTICATED_PER_SOURCE = 64
#: the same of all sources together: a child costs about 2 MiB, so 1 GiB at the most
MAX_UNAUTHENTICATED = 512
#: from here on connections are refused at random, with a chance that grows to 1 (sshd's MaxStartups): a legitimate client
#: that tries again comes through, where a hard limit would be held shut by whoever fills it first
RAMP_BEGINS = 256


@dataclass(slots=True)
class Child:
    source: str
    authenticated: bool = False


class Census:
    """Counts by process id; ids come from fork, so a child cannot change another's entry."""

    def __init__(self, seed: random.Random | None = None) -> None:
        self._children: dict[int, Child] = {}
        self._waiting: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._random = seed or random.SystemRandom()

    def __len__(self) -> int:
        return len(self._children)

    def pids(self) -> list[int]:
        return list(self._children)

    def refusal(self, host: str, conf: DaemonConf, now: float) -> str:
        """Why a connection from ``host`` must not be served now; ``""`` when it may."""
        if conf.max_instances is not None and len(self._children) >= conf.max_instances:
            return f"MaxInstances ({conf.max_instances}) reached, new connection denied"
        if conf.max_connection_rate is not None and self._too_fast(*conf.max_connection_rate, now):
            return "MaxConnectionRate ({} in {} s) reached, new connection denied".format(*conf.max_connection_rate)
        waiting = self._waiting.total()
        if self._waiting[source_network(host)] >= MAX_UNAUTHENTICATED_PER_SOURCE:
            return f"{MAX_UNAUTHENTICATED_PER_SOURCE} sessions from {source_network(host)} have not logged in yet"
        if waiting >= RAMP_BEGINS and self._random.random() < (waiting - RAMP_BEGINS) / (MAX_UNAUTHENTICATED - RAMP_BEGINS):
            return f"{waiting} sessions have not logged in yet"
        return ""

    def _too_fast(self, count: int, seconds: int, now: float) -> bool:
        """Are ``count`` connections of the last ``seconds`` here already? Memory is bounded by ``count``."""
        while self._recent and (now - self._recent[0] >= seconds or len(self._recent) > count):
            self._recent.popleft()
        if len(self._recent) >= count:
            return True
        self._recent.append(now)
        return False

    def born(self, pid: int, host: str) -> None:
        child = Child(source_network(host))
        self._children[pid] = child
        self._waiting[child.source] += 1

    def logged_in(self, pid: int) -> None:
        """A child says so; an unknown id is ignored."""
        child = self._children.get(pid)
        if child is not None and not child.authenticated:
            child.authenticated = True
            self._leave(child.source)

    def died(self, pid: int) -> bool:
        """Forget a child; false when it was none of ours."""
        child = self._children.pop(pid, None)
        if child is not None and not child.authenticated:
            self._leave(child.source)
        return child is not None

    def _leave(self, source: str) -> None:
        self._waiting[source] -= 1
        if self._waiting[source] <= 0:
            del self._waiting[source]
