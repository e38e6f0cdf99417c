"""The master process: accepts, forks, reaps, reloads, ends. It never reads a byte from a client.

One loop over one poll set: listeners, the signal recorder, and the pipe through which children say that they are ready
or that their user has logged in. Nothing that a child does or suffers may end the master.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from pyproftpd import COMPATIBILITY
from pyproftpd.api.events import Restart
from pyproftpd.daemon import child, signals
from pyproftpd.daemon.census import Census
from pyproftpd.daemon.child import Birth
from pyproftpd.daemon.closing import Closing
from pyproftpd.daemon.controls import Controls
from pyproftpd.daemon.listener import Listeners
from pyproftpd.daemon.options import Options
from pyproftpd.daemon.pidfile import PidFile
from pyproftpd.daemon.steering import Steering
from pyproftpd.daemon.world import StartError, World, build, event_bus
from pyproftpd.errors import ConfigErrors
from pyproftpd.log import system
from pyproftpd.log.system import ServerLogger
from pyproftpd.session.conf import DaemonConf
from pyproftpd.session.loop import Loop, SessionEnd
from pyproftpd.session.shutmsg import ShutdownConf
from pyproftpd.unix import sockets
from pyproftpd.unix.immortal import share_modules
from pyproftpd.unix.layout import fill_gaps, open_gaps
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.scoreboard import Scoreboard
from pyproftpd.unix.sockets import Address
from pyproftpd.unix.timers import Timers

#: how long sessions may take to say goodbye before they are killed
TERM_LIMIT = 5.0
#: rest after accept(2) or fork(2) failed, mostly at a limit of the system: the connection waits in the backlog meanwhile
RESOURCE_PAUSE = 0.2
#: refusals are said at most this often; the number in between is added
REFUSAL_INTERVAL = 1.0
#: connections accepted before signals and timers get their turn again
ACCEPT_BATCH = 16
#: records read from the children's pipe at a time
REPORT_BATCH = 256


@dataclass(slots=True)
class Estate:
    """What the start made and the master goes on with."""

    world: World
    listeners: Listeners
    log: ServerLogger
    board: Scoreboard | None
    pidfile: PidFile
    set_title: Callable[[str], None]


class Master:
    def __init__(self, options: Options, estate: Estate, privs: Privileges) -> None:
        self.options, self.privs = options, privs
        self.world, self.listeners, self.log = estate.world, estate.listeners, estate.log
        self.board, self.pidfile, self.set_title = estate.board, estate.pidfile, estate.set_title
        self.census = Census()
        self.timers = Timers()
        self.recorder = signals.Recorder(signals.MASTER, signals.MASTER_IGNORES)
        self.loop = Loop(self.timers, self.recorder, self._on_signal)
        self._reports, self._report_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.steering = Steering(self)
        self.controls = Controls(self.steering, privs, self.timers)
        self.closing = Closing(self.timers, privs, self.steering.dismiss)
        self._resting = False
        self._unsaid, self._quiet_until = 0, 0.0
        self._ended_by = 0

    def run(self) -> int:
        """Serve until TERM; returns the exit status."""
        self._renew_doors()
        self._settle()
        self.log.notice(f"ProFTPD {COMPATIBILITY} standalone mode STARTUP")
        while not self._ended_by:
            try:
                self._turn()
            except SessionEnd:
                break
            except Exception as error:
                self.log.error(f"internal error in the master: {type(error).__name__}: {error}")
                for line in traceback.format_exc().splitlines():
                    self.log.error(line)
                self._rest()
        self._shut_down()
        return 0

    def _settle(self) -> None:
        """Right before the first fork of a world: what exists now is shared by all children and never collected.

        Measured: 8.4 MB of private memory a child without, 3.5 MB with (a configuration of 20,000 objects).
        """
        gc.collect()
        share_modules()
        fill_gaps()
        gc.freeze()
        self.set_title("proftpd: (accepting connections)")

    def _turn(self) -> None:
        asking, answering = self.controls.interest()
        watched = [self._reports, *asking, *(() if self._resting else self.listeners.fds())]
        ready, writable = self.loop.wait(read=watched, write=answering)
        for fd in ready:
            if fd == self._reports:
                self._read_reports()
            elif fd in self.listeners.fds():
                self._accept(fd)
        self.controls.serve(ready, writable)

    # connections

    def _accept(self, fd: int) -> None:
        for _ in range(ACCEPT_BATCH):
            try:
                accepted = self.listeners.accept(fd)
            except OSError as error:
                self.log.error(f"cannot accept a connection: {error.strerror}")
                self._rest()
                return
            if accepted is None:
                return
            sock, remote = accepted
            reason = (self.census.refusal(remote.host, self.world.main.get(DaemonConf), self.timers.clock())
                      or self.steering.refusal(sock))
            if reason:
                sockets.reset(sock)
                self._say_refusal(reason)
            else:
                self._fork(sock, remote)

    def _greet(self, sock: socket.socket) -> bool:
        """Give the client something to go on with while its session is made. It cannot be waited for: the buffer of a
        new connection is empty. One that has gone already is met by its session."""
        with contextlib.suppress(OSError):
            service = self.listeners.bindings.find(Address.of(sock.getsockname()))
            if service is not None and service.greeting:
                return sock.send(service.greeting, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) > 0
        return False

    def _fork(self, sock: socket.socket, remote: Address) -> None:
        greeted = self._greet(sock)
        with signals.held():
            try:
                pid = os.fork()
            except OSError as error:
                self.log.error(f"cannot fork for {remote.host}: {error}")
                sockets.reset(sock)
                self._rest()
                return
            if pid == 0:
                child.main(self._birth(sock, remote, greeted))
        self.census.born(pid, remote.host)
        sock.close()

    def _birth(self, sock: socket.socket, remote: Address, greeted: bool) -> Birth:
        return Birth(options=self.options, world=self.world, bindings=self.listeners.bindings, sock=sock, remote=remote,
                     greeted=greeted, privs=self.privs, log=self.log, board=self.board, set_title=self.set_title,
                     listeners=self.listeners, recorder=self.recorder, reports=self._report_end,
                     others=(self._reports, *self.controls.descriptors()))

    def _rest(self) -> None:
        """Leave new connections in the backlog for a moment instead of spinning on what the system cannot give."""
        self._resting = True
        self.timers.add("Rest", RESOURCE_PAUSE, self._rested)

    def _rested(self) -> None:
        self._resting = False
        self.loop.interrupt()

    def _say_refusal(self, reason: str) -> None:
        """A flood of connections must not become a flood of log lines."""
        now = self.timers.clock()
        if now < self._quiet_until:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} more connections before it)" if self._unsaid else ""
        self._unsaid, self._quiet_until = 0, now + REFUSAL_INTERVAL
        self.log.notice(reason + more)

    # children

    def _read_reports(self) -> None:
        """Records are written whole, so a remainder is nobody's; unknown ids are ignored."""
        size = child.REPORT.size
        try:
            data = os.read(self._reports, size * REPORT_BATCH)
        except BlockingIOError:
            return
        for pid, word in child.REPORT.iter_unpack(data[:len(data) // size * size]):
            if word == child.LOGGED_IN:
                self.census.logged_in(pid)

    def _reap(self) -> None:
        """Every child that ended; one signal may stand for many."""
        self._read_reports()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if not self.census.died(pid):
                continue
            if os.WIFSIGNALED(status):
                self.log.notice(f"session {pid} ended by {_cause(os.WTERMSIG(status))}")
            if self.board is not None:
                self.board.drop(pid)

    # signals

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif number == signal.SIGHUP:
            self.steering.reload()
        elif number in signals.ENDING:
            self.end(number)

    def end(self, number: int) -> None:
        """As if that signal had come."""
        self._ended_by = number
        self.loop.stop(f"signal {number}")

    def reload(self) -> bool:
        """Build a whole new world beside the old one and swap; on any error the old one stays and the log says why."""
        self.log.notice("received SIGHUP -- master server reparsing configuration file")
        open_gaps()
        try:
            with self.privs.root():
                world = build(self.options)
                listeners = Listeners(world, self.options, self.listeners)
                log = system.open_logger(world.main, foreground=self.options.to_terminal,
                                         debug_level=self.options.debug_level, warn=self.log.error)
        except (ConfigErrors, StartError, OSError) as error:
            for line in str(error).splitlines():
                self.log.error(line)
            self.log.error("configuration not changed: the old one stays in force")
            fill_gaps()
            return False
        event_bus(self.world.configuration.modules).emit(Restart())
        old, old_log = self.listeners, self.log
        log.server = old_log.server
        self.world, self.listeners, self.log = world, listeners, log
        self.privs.say = log.notice
        old.close(keep=listeners.sockets)
        if old_log.sink is not log.sink:
            old_log.sink.close()
        self._renew_files()
        self.privs.become_daemon(world.uid, world.gid)
        self._renew_doors()
        gc.unfreeze()
        self._settle()
        for note in (*world.notes, *listeners.notes):
            log.notice(note)
        log.notice("configuration reloaded")
        self.loop.interrupt()
        return True

    def _renew_doors(self) -> None:
        """Where ftpdctl and ftpshut reach this daemon, and what it looks after by the clock."""
        self.controls.renew(self.world.main, self.log)
        self.closing.watch(self.world.main.get(ShutdownConf).file, self.log)
        self.timers.remove("ScoreboardScrub")
        scrub = self.world.main.get(DaemonConf).scoreboard_scrub
        if scrub:
            self.timers.add("ScoreboardScrub", scrub, self.steering.scrub, repeat=True)

    def _renew_files(self) -> None:
        """PidFile may have moved; the scoreboard stays where the living sessions are."""
        conf = self.world.main.get(DaemonConf)
        if conf.scoreboard_file != (self.board.path if self.board else None):
            where = conf.source("scoreboard_file") or self.world.main.where
            self.log.notice(f"{where}: ScoreboardFile has its effect when the server is started anew")
        if conf.server_type == "inetd":
            self.log.notice(f"{conf.source('server_type')}: ServerType has its effect when the server is started anew")
        if conf.pid_file == self.pidfile.path:
            return
        with self.privs.root():
            try:
                moved = PidFile.write(conf, os.getpid())
            except StartError as error:
                self.log.error(str(error))
                return
            self.pidfile.remove()
            self.pidfile = moved

    # the end

    def _shut_down(self) -> None:
        """No new connections; TERM for the sessions, KILL for those that do not listen; nothing stays behind."""
        self.log.notice(f"ProFTPD killed (signal {self._ended_by})")
        self.listeners.close()
        self.controls.close()
        self._signal_children(signal.SIGTERM)
        deadline = self.timers.clock() + TERM_LIMIT
        self.loop = Loop(self.timers, self.recorder, self._on_signal_at_end)
        while len(self.census) and (left := deadline - self.timers.clock()) > 0:
            self.loop.wait(timeout=left)
            self._reap()
        self._signal_children(signal.SIGKILL)
        while len(self.census):
            pid, _ = os.waitpid(-1, 0)
            self.census.died(pid)
        with self.privs.root():
            self.pidfile.remove()
        self.log.notice(f"ProFTPD {COMPATIBILITY} standalone mode SHUTDOWN")

    def _on_signal_at_end(self, number: int) -> None:
        """A second TERM does not wait; the end of a child may be the end of waiting."""
        if number in signals.ENDING:
            self._signal_children(signal.SIGKILL)
        self.loop.interrupt()

    def _signal_children(self, number: signal.Signals) -> None:
        with self.privs.root():
            for pid in self.census.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)


def _cause(number: int) -> str:
    """Only a session that hangs in a PAM module ends by SIGALRM: the kernel keeps the login time there (unix/pam.py)."""
    return "TimeoutLogin, in the middle of a PAM module" if number == signal.SIGALRM else f"signal {number}"
