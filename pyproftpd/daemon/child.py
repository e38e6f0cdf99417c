"""A session process, from the fork to its last instruction: an ordered tuple of steps, then the front end.

``main`` never returns: whatever happens ends in the one ``os._exit`` at its foot. A child that fails takes nobody with it.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from pyproftpd.api.command import Command, LogClass
from pyproftpd.api.events import Connected, Ended, LoginDone
from pyproftpd.daemon.listener import Bindings, Listeners
from pyproftpd.daemon.options import Options
from pyproftpd.daemon.signals import ENDING, SESSION, SESSION_IGNORES, SESSION_RESETS, Recorder, deliver
from pyproftpd.daemon.world import Service, World, event_bus
from pyproftpd.errors import PeerError
from pyproftpd.log import system
from pyproftpd.log.conf import SystemLogConf, TraceConf
from pyproftpd.log.extended import ExtendedLogs
from pyproftpd.log.sinks import Sink, UnsafePath, open_sink
from pyproftpd.log.system import ServerLogger
from pyproftpd.log.trace import Trace
from pyproftpd.session import admission
from pyproftpd.session.conf import LOGIN_TIMER, DaemonConf, ServerConf, SocketConf, TimeoutConf
from pyproftpd.session.loop import Loop, SessionEnd, Signals
from pyproftpd.session.session import Session
from pyproftpd.session.sources import order
from pyproftpd.unix import sockets
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.scoreboard import Scoreboard, ScoreboardFull
from pyproftpd.unix.sockets import Address
from pyproftpd.unix.timers import Timers
from pyproftpd.unix.users import Names

#: what a child tells the master through the shared pipe: its process id and a word; shorter than PIPE_BUF, so whole
REPORT = struct.Struct("=II")
READY, LOGGED_IN = 1, 2

#: exit statuses, for the master's log only
_ENDED, _FAILED = 0, 1

#: how often a session that was asked to end after its transfer looks whether there still is one
_FAREWELL_INTERVAL = 0.5


@dataclass(slots=True, kw_only=True)
class Birth:
    """What a new process inherits, and what its steps have made of it so far."""

    options: Options
    world: World
    bindings: Bindings
    sock: socket.socket
    remote: Address
    privs: Privileges
    log: ServerLogger
    board: Scoreboard | None
    #: loaded by the master: a session may no longer see the files of Python's packages
    set_title: Callable[[str], None]
    #: the master's own, to be closed or taken over; none in a process that was never a master (inetd)
    listeners: Listeners | None = None
    recorder: Recorder | None = None
    others: tuple[int, ...] = ()
    #: the master has said the service's greeting to the client
    greeted: bool = False
    #: where to report to the master, -1 = nowhere
    reports: int = -1
    pid: int = field(default_factory=os.getpid)
    local: Address = field(default_factory=lambda: Address("", 0))
    signals: Signals | None = None
    service: Service | None = None
    session: Session | None = None


class Unserved(Exception):
    """No session begins; the reason is in the log."""


def reset_signals(birth: Birth) -> None:
    if birth.recorder is None:
        birth.recorder = Recorder(SESSION, SESSION_IGNORES, SESSION_RESETS)
    else:
        birth.recorder.inherit(SESSION, SESSION_IGNORES, SESSION_RESETS)
    birth.signals = birth.recorder
    deliver()


def leave_master(birth: Birth) -> None:
    """Let go of everything that belongs to the master, and say so: only then may it restart without us in the way."""
    birth.privs.connected()
    if birth.listeners is not None:
        birth.listeners.close()
    for fd in birth.others:
        os.close(fd)
    report(birth, READY)


def quiet_standard_streams(*, keep_stderr: bool) -> None:
    """Descriptors 0-2 are /dev/null, so that no stray read or write meets a client, a terminal or a log."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in (0, 1) if keep_stderr else (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)


def report(birth: Birth, word: int) -> None:
    """A full pipe or a master that has gone is no reason to end a session."""
    if birth.reports >= 0:
        try:
            os.write(birth.reports, REPORT.pack(birth.pid, word))
        except OSError as error:
            birth.log.debug(3, f"cannot report to the master: {error}")


def find_server(birth: Birth) -> None:
    birth.local = Address.of(birth.sock.getsockname())
    birth.service = birth.bindings.find(birth.local)
    if birth.service is None:
        sockets.reset(birth.sock)
        birth.log.notice(f"no server is configured for {birth.local}, connection from {birth.remote.host} dropped")
        raise Unserved


def set_options(birth: Birth) -> None:
    assert birth.service is not None
    conf = birth.service.scope.get(SocketConf)
    birth.sock.setblocking(False)
    sockets.tune(birth.sock, nodelay=conf.tcp_no_delay[0], settings=conf.socket_options)


def open_logs(birth: Birth) -> None:
    """The logger of this server, as root; the terminal keeps everything in the foreground."""
    assert birth.service is not None
    with birth.privs.root():
        birth.log = system.open_logger(birth.service.scope, foreground=birth.options.to_terminal,
                                       debug_level=birth.options.debug_level, warn=birth.log.error)
    birth.privs.say = birth.log.notice
    birth.log.server = birth.local.host
    birth.log.client = f"{birth.remote.host}[{birth.remote.host}]"


def make_session(birth: Birth) -> None:
    assert birth.service is not None and birth.signals is not None
    scope, timers = birth.service.scope, Timers()
    loop = Loop(timers, birth.signals, lambda number: on_signal(session, number))
    session = Session(
        sock=birth.sock, remote=birth.remote, local=birth.local, configuration=birth.world.configuration,
        server=scope, dispatcher=birth.world.dispatcher, privs=birth.privs, timers=timers, loop=loop,
        events=event_bus(birth.world.configuration.modules), log=birth.log, trace=open_trace(birth), greeted=birth.greeted)
    session.server_name = scope.get(ServerConf).server_name
    session.titles = (birth.set_title, birth.world.main.get(DaemonConf).process_titles == "verbose")
    birth.session = session


def open_trace(birth: Birth) -> Trace:
    """Trace goes to TraceLog; without one there is nowhere for it to go, and it stays off."""
    assert birth.service is not None
    conf = birth.service.scope.get(TraceConf)
    levels = (*(conf.trace or ()), *birth.options.trace)
    if not levels or not conf.trace_log:
        return Trace()
    sink: Sink | None = None
    try:
        with birth.privs.root():
            sink = open_sink(conf.trace_log, allow_symlinks=birth.service.scope.get(SystemLogConf).allow_log_symlinks)
    except (OSError, UnsafePath) as error:
        birth.log.error(f"cannot open TraceLog {conf.trace_log}: {error}")
    return Trace({channel: (low, high) for channel, low, high in levels}, sink, conf.trace_options)


def on_signal(session: Session, number: int) -> None:
    """TERM ends the session now; USR1 (a planned shutdown) when its transfer is done."""
    if number in ENDING:
        session.end("Server is shutting down")
    elif number == signal.SIGUSR1 and session.running == 0:
        session.end("Server is going down")
    elif number == signal.SIGUSR1:
        def look_again() -> None:
            if session.running == 0:
                session.end("Server is going down")
        session.timers.add("Farewell", _FAREWELL_INTERVAL, look_again, repeat=True)


def name_client(birth: Birth) -> None:
    session = _session(birth)
    session.title(f"connected: {birth.remote.host} ({birth.local})")
    asked = birth.options.reverse_dns
    if birth.world.main.get(DaemonConf).use_reverse_dns if asked is None else asked:
        session.remote_name = sockets.confirmed_name(session.remote_address)
    birth.log.client = f"{session.remote_name}[{session.remote_address}]"


def classify(birth: Birth) -> None:
    """The first class that matches; then the settings that depend on it."""
    session = _session(birth)
    session.connection_class = next(
        (one.name for one in birth.world.configuration.classes
         if one.matches(session.remote_address, session.remote_name)), "")
    session.rebind()
    with birth.privs.root():
        session.sources = order.build(session.scope, birth.world.configuration, session, session.log)
        session.extended = ExtendedLogs.open(session.scope, session.log.error)
    session.names = Names(session.sources)


def welcome(birth: Birth) -> None:
    """<Limit LOGIN> by address, before a word is said. Source: real server, for the line as well."""
    session = _session(birth)
    if not admission.welcome(session):
        session.log.notice(f"Connection from {session.remote_name} [{session.remote_address}] denied")
        raise Unserved


def start_timers(birth: Birth) -> None:
    """TimeoutLogin counts from the connection and no activity resets it; a login removes it."""
    session = _session(birth)
    conf = session.scope.get(TimeoutConf)
    if conf.timeout_login:
        session.timers.add(LOGIN_TIMER, conf.timeout_login, lambda: _login_timeout(session, conf.timeout_login))
    if conf.timeout_session:
        session.timers.add("TimeoutSession", conf.timeout_session, lambda: _session_timeout(session, conf.timeout_session))
    session.events.on(LoginDone, lambda event, *context: after_login(birth))


def _session_timeout(session: Session, seconds: float) -> None:
    session.log.info(f"Session timeout exceeded ({seconds:g} seconds), disconnected")
    session.end("TimeoutSession")


def _login_timeout(session: Session, seconds: float) -> None:
    session.log.info(f"Login timeout exceeded ({seconds:g} seconds), disconnected")
    session.end(LOGIN_TIMER)


def after_login(birth: Birth) -> None:
    """The master counts this session as somebody's from now on, and nothing hurries its client any more."""
    session = _session(birth)
    session.timers.remove(LOGIN_TIMER)
    report(birth, LOGGED_IN)
    session.show(None)


def enter_scoreboard(birth: Birth) -> None:
    """A full or unreadable scoreboard: without it limits cannot be counted, so there is no session unless that is wanted."""
    session = _session(birth)
    if birth.board is None:
        return
    now = time.time_ns()
    try:
        session.slot = birth.board.add(
            birth.pid, begin_session=now, begin_idle=now, user="(none)", command="(authenticating)",
            server_address=session.local_address, server_port=session.local_port, server_label=session.server_name,
            remote_address=session.remote_address, remote_name=session.remote_name,
            connection_class=session.connection_class, protocol=session.protocol)
    except (ScoreboardFull, OSError) as error:
        session.log.error(f"no place in the scoreboard: {error}")
        if "AllowMissingEntry" not in session.scope.get(DaemonConf).scoreboard_options:
            sockets.reset(birth.sock)
            raise Unserved from error
    birth.board.close_mutex()


def prepare_modules(birth: Birth) -> None:
    """``session_init`` of every module, later-loaded first, as the real server does."""
    session = _session(birth)
    for module in reversed(birth.world.configuration.modules):
        if module.session_init is not None:
            module.session_init(session)


def admit(birth: Birth) -> None:
    """The administrator's limits; a refusal is spoken by the front end."""
    assert birth.service is not None
    session = _session(birth)
    refusal = admission.planned_shutdown(session)
    if refusal is None and birth.board is not None:
        refusal = admission.admit(session, birth.board.entries())
    if refusal is not None:
        session.end_reason = refusal.directive
        birth.service.frontend.refuse(session, refusal.directive, refusal.text)
        raise Unserved


STEPS: tuple[Callable[[Birth], None], ...] = (
    reset_signals, leave_master, find_server, set_options, open_logs, make_session, name_client, classify, welcome,
    start_timers, enter_scoreboard, prepare_modules, admit)


def serve(birth: Birth) -> int:
    """Run the steps and the front end; returns the exit status."""
    try:
        for step in STEPS:
            step(birth)
        session = _session(birth)
        assert birth.service is not None
        session.protocol = birth.service.frontend.protocol
        session.dispatcher.log(session, Command("CONNECT", classes=LogClass.CONNECT))
        session.emit(Connected())
        birth.service.frontend.run(session)
        session.end_reason = session.end_reason or "Client disconnected"
    except Unserved:
        return _ENDED
    except SessionEnd as end:
        _session(birth).end_reason = end.reason
    except (ConnectionError, TimeoutError) as error:
        _note(birth, f"client lost: {error}")
    except PeerError as error:
        _note(birth, str(error))
    return _ENDED


def _note(birth: Birth, reason: str) -> None:
    birth.log.info(reason)
    if birth.session is not None:
        birth.session.end_reason = birth.session.end_reason or reason


def finish(birth: Birth) -> None:
    """Tell modules and logs, then leave the scoreboard. Runs once, whatever ended the session."""
    session = birth.session
    if session is None:
        return
    session.dispatcher.log(session, Command("EXIT", classes=LogClass.EXIT))
    session.emit(Ended(session.end_reason))
    if session.slot is not None:
        session.slot.remove()


def main(birth: Birth) -> NoReturn:
    """The whole life of a session process."""
    status = _FAILED
    try:
        try:
            status = serve(birth)
        finally:
            finish(birth)
    except Exception as error:
        birth.log.error(f"session ended by an internal error: {type(error).__name__}: {error}")
        for line in traceback.format_exc().splitlines():
            birth.log.error(line)
    finally:
        os._exit(status)


def _session(birth: Birth) -> Session:
    assert birth.session is not None
    return birth.session
