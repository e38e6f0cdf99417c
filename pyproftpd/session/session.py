"""The session: what one child knows of its one client, from the first step after the fork to its end.

It satisfies ``api.facts.LogFacts``; lower floors see it through that protocol only. It holds no policy: login,
admission and dispatch stand beside it, and modules keep their state in ``store`` under a class of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from pyproftpd.api.events import EventBus
from pyproftpd.session.dispatch import Dispatcher, Phases
from pyproftpd.session.sources.order import Sources

if TYPE_CHECKING:
    import socket

    from pyproftpd.api.auth import Identity
    from pyproftpd.api.command import Command
    from pyproftpd.conf.scope import Configuration, Scope
    from pyproftpd.log.extended import ExtendedLogs
    from pyproftpd.log.sinks import Sink
    from pyproftpd.log.system import ServerLogger
    from pyproftpd.log.trace import Trace
    from pyproftpd.session.loop import Loop
    from pyproftpd.unix.privs import Privileges
    from pyproftpd.unix.scoreboard import Slot
    from pyproftpd.unix.timers import Timers
    from pyproftpd.unix.users import Names
    from pyproftpd.vfs.view import View

T = TypeVar("T")

#: how long a session does one thing before scoreboard and process title say so, in seconds
TELL_AFTER = 0.05
_TELLING = "Telling"
#: the environment of the daemon
INHERITED: dict[str, str] = dict(os.environ)


class Session:
    """Filled in by ``daemon/child.py`` (connection), ``session/login.py`` (identity, view) and the front end."""

    __slots__ = (
        # the connection
        "socket", "greeted", "remote_address", "remote_port", "remote_name", "local_address", "local_port", "connection_class",
        # settings: ``server`` as configured, ``scope`` bound to what is known of the client
        "configuration", "server", "scope",
        # the user
        "identity", "user", "original_user", "groups", "authenticated", "view", "chroot", "sources", "names",
        # the machinery
        "privs", "timers", "loop", "events", "dispatcher", "store",
        # the records
        "log", "trace", "extended", "transfer_log", "slot", "server_name", "server_dns", "protocol", "bytes_in",
        "bytes_out", "environ", "notes", "end_reason", "titles", "running", "_doing", "_telling",
    )

    def __init__(self, *, sock: socket.socket, remote: tuple[str, int], local: tuple[str, int],
                 configuration: Configuration, server: Scope, dispatcher: Dispatcher, privs: Privileges,
                 timers: Timers, loop: Loop, events: EventBus, log: ServerLogger, trace: Trace, greeted: bool = False) -> None:
        self.socket = sock
        #: has the master said ``FrontEnd.greeting`` to this client?
        self.greeted = greeted
        self.remote_address, self.remote_port = remote
        self.remote_name = self.remote_address
        self.local_address, self.local_port = local
        self.connection_class = ""
        self.configuration, self.server, self.scope = configuration, server, server
        self.identity: Identity | None = None
        self.user, self.original_user = "", ""
        self.groups: tuple[str, ...] = ()
        self.authenticated = False
        self.view: View | None = None
        self.chroot = ""
        self.sources = Sources(())
        self.names: Names | None = None
        self.privs, self.timers, self.loop, self.events, self.dispatcher = privs, timers, loop, events, dispatcher
        self.store: dict[type, object] = {}
        self.log, self.trace = log, trace
        self.extended: ExtendedLogs | None = None
        self.transfer_log: Sink | None = None
        #: this session's place in the scoreboard; None = ScoreboardFile none
        self.slot: Slot | None = None
        #: how to set the process title, and whether it tells what the user does (ProcessTitles)
        self.titles: tuple[Callable[[str], None], bool] = (lambda title: None, False)
        #: commands that have begun and not finished: a session is busy while there are any
        self.running = 0
        #: what ``show`` was told last, and whether scoreboard and title say so
        self._doing: Command | None = None
        self._telling = False
        self.server_name, self.server_dns = "", self.local_address
        self.protocol = ""
        self.bytes_in = self.bytes_out = 0
        self.environ = INHERITED.copy()
        self.notes: dict[str, str] = {}
        self.end_reason = ""

    @property
    def cwd(self) -> str:
        return self.view.cwd if self.view is not None else "/"

    def rebind(self, server: Scope | None = None) -> None:
        """Evaluate the conditions of the server's settings anew: after login, or for another server (HOST, SNI)."""
        if server is not None:
            self.server = server
        self.scope = self.server.bind(self)

    def phases(self, cmd: Command) -> AbstractContextManager[Command]:
        """PRE hooks before the block; POST and LOG, or their twins after a failure, behind it."""
        return Phases(self.dispatcher, self, cmd)

    def show(self, cmd: Command | None) -> None:
        """What the session does now; ``None``: it waits for its client. Scoreboard and process list say it a moment
        later: what is over by then nobody could have seen."""
        self._doing = cmd
        if not self._telling:
            self._telling = True
            self.timers.add(_TELLING, TELL_AFTER, self._tell)

    def _tell(self) -> None:
        """Write what was shown last to scoreboard and process title."""
        self._telling = False
        cmd = self._doing
        if self.slot is not None:
            cwd = self.cwd if self.view is not None else ""
            if cmd is None:
                self.slot.idle(protocol=self.protocol, cwd=cwd)
            else:
                self.slot.begin(cmd.name, cmd.arg, protocol=self.protocol, cwd=cwd)
        if self.authenticated:
            doing = "IDLE" if cmd is None else f"{cmd.name} {cmd.arg}"
            self.title(f"{self.user} - {self.remote_name}: {doing}")

    def title(self, text: str) -> None:
        """Set the process title; ``ProcessTitles terse`` says only that this is a session."""
        setter, verbose = self.titles
        setter(f"proftpd: {text}" if verbose else "proftpd: session")

    def begin(self, cmd: Command) -> None:
        """PRE of a command whose end comes in a later request (a transfer); ``finished`` closes it."""
        self.dispatcher.begin(self, cmd)

    def finished(self, cmd: Command) -> None:
        """POST and LOG of a command that ``begin`` opened."""
        self.dispatcher.finished(self, cmd)

    def emit(self, event: object) -> None:
        """Tell the modules; their handlers get ``(event, session)``."""
        self.events.emit(event, self)

    def end(self, reason: str) -> None:
        """Declare the session over: the next wait raises ``SessionEnd``. The first reason stands."""
        if not self.end_reason:
            self.end_reason = reason
        self.loop.stop(reason)

    def state(self, kind: type[T], *args: Any) -> T:
        """A module's own object of this session, made at first use."""
        found = self.store.get(kind)
        if found is None:
            found = self.store[kind] = kind(*args)
        return found  # type: ignore[return-value]
