"""What the actions of ftpdctl may do to a running master (``api.controls.Daemon``): the master's own doors, nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from pyproftpd.api.controls import Presence
from pyproftpd.api.module import Control
from pyproftpd.conf.scope import Configuration
from pyproftpd.daemon.listener import addresses
from pyproftpd.log.conf import TraceConf
from pyproftpd.unix.sockets import Address

if TYPE_CHECKING:
    from pyproftpd.daemon.master import Master
    from pyproftpd.daemon.world import Service

#: how often a daemon that waits for its last sessions looks whether they have gone
_RETIRING_INTERVAL = 0.2


class Steering:
    def __init__(self, master: Master) -> None:
        self._master = master
        self.started, self.restarts = time.time(), 0
        self.disabled: set[tuple[str, int]] = set()
        self._until = 0.0

    @property
    def configuration(self) -> Configuration:
        return self._master.world.configuration

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """In the order of the configuration; what ``status all`` lists."""
        return [address for service in self._master.world.services for address in self._of(service)]

    def _of(self, service: Service) -> list[tuple[str, int]]:
        main = service.scope is self._master.world.main
        hosts = service.scope.addresses or addresses(service, main=main)
        return [(host or "0.0.0.0", service.port) for host in hosts]

    def refusal(self, sock: socket.socket) -> str:
        """Why a connection to its local address is not wanted: the server was taken down."""
        if not self.disabled:
            return ""
        local = Address.of(sock.getsockname())
        service = self._master.listeners.bindings.find(local)
        down = service is not None and not self.disabled.isdisjoint(self._of(service))
        return f"server {local} is down (ftpdctl), new connection denied" if down else ""

    # actions

    def actions(self) -> list[tuple[str, Control]]:
        main = self._master.world.main
        return sorted(((module.name, row) for module in self.configuration.modules for row in module.controls
                       if row.enabled(main)), key=lambda pair: pair[1].action)

    def switch(self, action: str, *, on: bool) -> None:
        (self._master.controls.off.discard if on else self._master.controls.off.add)(action)

    def root(self) -> AbstractContextManager[None]:
        return self._master.privs.root()

    # the daemon as a whole

    def reload(self) -> bool:
        if not self._master.reload():
            return False
        self.restarts += 1
        self.disabled.intersection_update(self.addresses)
        return True

    def retire(self, seconds: float | None) -> None:
        """Sessions end as soon as nothing of theirs is running; who is not through in time ends like everybody at TERM."""
        master = self._master
        if seconds is None:
            master.end(signal.SIGTERM)
            return
        self._until = master.timers.clock() + seconds
        master.listeners.close()
        self._signal_all(signal.SIGUSR1)
        master.timers.add("Retiring", _RETIRING_INTERVAL, self._look_whether_empty, repeat=True)

    def _look_whether_empty(self) -> None:
        if not len(self._master.census) or self._master.timers.clock() >= self._until:
            self._master.end(signal.SIGTERM)

    # sessions

    def sessions(self) -> list[Presence]:
        """Only our own children: the scoreboard is shared memory, and what it says of others must not reach kill(2)."""
        board = self._master.board
        mine = set(self._master.census.pids())
        return [] if board is None else [
            Presence(entry.pid, entry.user, entry.remote_address, entry.remote_name, entry.connection_class,
                     entry.protocol, entry.begin_session, f"{entry.command} {entry.argument}".rstrip())
            for entry in board.entries() if entry.pid in mine]

    def end_session(self, pid: int) -> None:
        if pid in self._master.census.pids():
            with self._master.privs.root(), contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def dismiss(self) -> None:
        """All sessions, each when its transfer is done."""
        self._signal_all(signal.SIGUSR1)

    def _signal_all(self, number: signal.Signals) -> None:
        with self._master.privs.root():
            for pid in self._master.census.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def scrub(self) -> None:
        if self._master.board is not None:
            self._master.board.scrub()

    # diagnosis: what is set here holds for sessions that begin from now on

    def set_debug_level(self, level: int | None) -> int:
        master = self._master
        master.options = dataclasses.replace(master.options, debug_level=level)
        master.log.debug_level = level or 0
        return master.log.debug_level

    def set_trace(self, channel: str, low: int, high: int) -> None:
        options = self._master.options
        levels = {**{name: (name, first, last) for name, first, last in options.trace}, channel: (channel, low, high)}
        self._master.options = dataclasses.replace(options, trace=tuple(levels.values()))

    def trace_levels(self) -> list[tuple[str, int, int]]:
        configured = self._master.world.main.get(TraceConf).trace or ()
        levels = {name: (name, low, high) for name, low, high in (*configured, *self._master.options.trace)}
        return sorted(levels.values())

    def set_reverse_dns(self, on: bool) -> None:
        self._master.options = dataclasses.replace(self._master.options, reverse_dns=on)
