"""Hooks of modules around commands, compiled to plans before the first command.

Order, after the real server: modules loaded later come first, within a phase the hooks for every command (``*``)
before those for one name. PRE stops at the first refusal, which then counts as the outcome of the command; POST or
POST_ERR and LOG or LOG_ERR follow by that outcome. LOG hooks never stop each other and never the session.

The ExtendedLog of a session is asked at LOG whether it wants the command. A command that no hook and no log wants meets
empty tuples.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pyproftpd.api.command import Command, Phase
from pyproftpd.api.module import Hook, Module
from pyproftpd.errors import PeerError, ProftpdError, Refused
from pyproftpd.session.loop import SessionEnd

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

Handler = Callable[[Any, Command], None]


class Plan:
    """The handlers of one command name, by phase."""

    __slots__ = ("pre", "post", "post_err", "log", "log_err", "empty")

    def __init__(self, hooks: Iterable[Hook], name: str) -> None:
        rows = tuple(hooks)

        def handlers(phase: Phase) -> tuple[Handler, ...]:
            everywhere = tuple(row.handler for row in rows if row.phase is phase and row.command == "*")
            named = tuple(row.handler for row in rows if row.phase is phase and row.command == name)
            return everywhere + (named if name != "*" else ())

        self.pre, self.post, self.post_err = handlers(Phase.PRE), handlers(Phase.POST), handlers(Phase.POST_ERR)
        self.log, self.log_err = handlers(Phase.LOG), handlers(Phase.LOG_ERR)
        self.empty = not (self.pre or self.post or self.post_err or self.log or self.log_err)


class Dispatcher:
    """The plans of one configuration; compiled in the master, shared by its sessions."""

    def __init__(self, modules: Iterable[Module]) -> None:
        hooks = tuple(hook for module in reversed(tuple(modules)) for hook in module.hooks)
        self._plans = {name: Plan(hooks, name) for name in {hook.command for hook in hooks}}
        #: for the names that no hook names; a client cannot make this table grow
        self._others = self._plans.get("*", Plan(hooks, "*"))

    def plan(self, name: str) -> Plan:
        return self._plans.get(name, self._others)

    def watched(self, session: Session, name: str) -> bool:
        """May a hook or a log look at the commands of this name? What nobody reads need not be written on them."""
        return session.extended is not None or not self.plan(name).empty

    def begin(self, session: Session, cmd: Command) -> None:
        """Run the PRE hooks of a long command. A refusal closes the command (POST_ERR, LOG_ERR) and is raised again."""
        session.running += 1
        session.show(cmd)
        handlers = self.plan(cmd.name).pre
        if not handlers:
            return
        try:
            for handler in handlers:
                handler(session, cmd)
        except (ProftpdError, OSError) as error:
            record_outcome(cmd, error)
            self.finished(session, cmd)
            raise

    def finished(self, session: Session, cmd: Command) -> None:
        """Run POST and LOG, or their twins when ``cmd.errno`` says that it failed."""
        try:
            if self.watched(session, cmd.name):
                self._conclude(session, cmd)
        finally:
            session.running -= 1
            if not session.running:
                session.show(None)

    def _conclude(self, session: Session, cmd: Command) -> None:
        plan = self.plan(cmd.name)
        try:
            for handler in plan.post_err if cmd.errno else plan.post:
                handler(session, cmd)
        finally:
            self.log(session, cmd)

    def log(self, session: Session, cmd: Command) -> None:
        """The LOG phase alone, for events that are logged as commands (CONNECT, DISCONNECT)."""
        plan = self.plan(cmd.name)
        for handler in plan.log_err if cmd.errno else plan.log:
            self._run_log(handler, session, cmd)
        extended = session.extended
        if extended is not None and extended.wants(cmd.classes, cmd.name):
            self._run_log(_write_extended, session, cmd)

    @staticmethod
    def _run_log(handler: Handler, session: Session, cmd: Command) -> None:
        """A log that fails must not undo what was done, nor silence the next log."""
        try:
            handler(session, cmd)
        except SessionEnd:
            raise
        except Exception as error:
            session.log.error(f"logging of {cmd.name} failed: {error}")
            session.log.debug(1, traceback.format_exc())


class Phases:
    """``with session.phases(cmd):`` PRE before the block, the rest after it; exceptions pass through."""

    __slots__ = ("_dispatcher", "_session", "_cmd")

    def __init__(self, dispatcher: Dispatcher, session: Session, cmd: Command) -> None:
        self._dispatcher, self._session, self._cmd = dispatcher, session, cmd

    def __enter__(self) -> Command:
        self._dispatcher.begin(self._session, self._cmd)
        return self._cmd

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is not None:
            record_outcome(self._cmd, error)
        self._dispatcher.finished(self._session, self._cmd)


def record_outcome(cmd: Command, error: BaseException) -> None:
    """Write on the command how an exception ended it, unless its own code already did."""
    if cmd.errno == 0:
        if isinstance(error, Refused):
            cmd.errno = error.errno
        elif isinstance(error, OSError):
            cmd.errno = error.errno or errno.EIO
        else:
            cmd.errno = errno.ECONNABORTED if isinstance(error, SessionEnd | PeerError) else errno.EIO
        cmd.text = cmd.text or os.strerror(cmd.errno)
    if isinstance(error, Refused) and not cmd.reason:
        cmd.reason = error.rule


def _write_extended(session: Any, cmd: Command) -> None:
    session.extended.write(cmd, session)
