"""From the command line to a running server: everything that can fail does so while the terminal still listens."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import stat
import sys
from importlib.util import find_spec

from pyproftpd.daemon import child, inetd, signals
from pyproftpd.daemon.child import Birth
from pyproftpd.daemon.listener import Listeners
from pyproftpd.daemon.master import Estate, Master
from pyproftpd.daemon.options import Options
from pyproftpd.daemon.pidfile import PidFile
from pyproftpd.daemon.rehearsal import rehearse
from pyproftpd.daemon.world import StartError, World, build
from pyproftpd.log import system
from pyproftpd.log.system import ServerLogger
from pyproftpd.session.conf import DaemonConf
from pyproftpd.unix import rlimits
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.proctitle import title_setter
from pyproftpd.unix.scoreboard import Scoreboard

#: the master holds listeners, logs and a connection being handed over; children hold their own
_DESCRIPTORS = 4096
_STARTED = b"+"

#: package, the module in it, and what it costs to go without; README.md has the same
OPTIONAL = (
    ("python-prctl", "prctl", "RootRevoke gives every capability up, also those that mod_cap would keep"),
    ("setproctitle", "setproctitle", "ps shows no user and command per session"),
    ("bcrypt", "bcrypt", "encrypted host keys in OpenSSH's own format cannot be read"),
)


def start(options: Options) -> int:
    """Run the server; returns the exit status of this process. Raises ``ConfigErrors`` and ``StartError``."""
    settle_descriptors()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the master reloads at it, it would be the end of a server that listens
    os.umask(0o022)
    rlimits.forbid_core_dumps()
    rlimits.raise_descriptors(_DESCRIPTORS)
    codecs.lookup("idna")  # loaded at its first use, which would be in a session that cannot see the library any more
    complaints: list[str] = []
    world = build(options)
    log = system.open_logger(world.main, foreground=options.to_terminal, debug_level=options.debug_level,
                             warn=complaints.append)
    log.server = next(iter(world.main.addresses), "") or "0.0.0.0"
    if world.main.get(DaemonConf).server_type == "inetd":
        inetd.serve(options, world, log, open_scoreboard(world.main.get(DaemonConf), master=0, keep=True))
    if _is_socket(0):
        raise StartError("standard input is a socket, but ServerType is standalone; set ServerType inetd to run from inetd")
    return _standalone(options, world, log, complaints)


def _standalone(options: Options, world: World, log: ServerLogger, complaints: list[str]) -> int:
    conf = world.main.get(DaemonConf)
    listeners = Listeners(world, options)
    board = open_scoreboard(conf, master=os.getpid())
    for text in (*complaints, *missing_packages(), *world.notes, *listeners.notes):
        log.notice(text)
        if not options.quiet and not options.to_terminal:
            print(text, file=sys.stderr)
    privs = Privileges(log.notice)
    terminal = -1
    if options.single:
        return _serve_one(options, world, log, listeners, board, privs)
    set_title = title_setter()
    for frontend in dict.fromkeys(service.frontend for service in world.services):
        rehearse(frontend, log)
    if not options.foreground:
        terminal = detach()
    if board is not None:
        board.set_master(os.getpid())
    with signals.held():  # from the pid file on a TERM must find the master, which removes it
        estate = Estate(world, listeners, log, board, PidFile.write(conf, os.getpid()), set_title)
        child.quiet_standard_streams(keep_stderr=options.to_terminal)
        privs.become_daemon(world.uid, world.gid)
        os.umask(0)
        master = Master(options, estate, privs)
    if terminal >= 0:
        os.write(terminal, _STARTED)
        os.close(terminal)
    return master.run()


def missing_packages() -> list[str]:
    return [f"the Python package {package} is not installed: {cost}" for package, module, cost in OPTIONAL
            if find_spec(module) is None]


def settle_descriptors() -> None:
    """Descriptors that whoever started us left open would pass to every session (security.md M2); what is opened in the
    place of a standard stream that he closed would be lost when the streams become /dev/null."""
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(null)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.close(int(name))


def open_scoreboard(conf: DaemonConf, *, master: int, keep: bool = False) -> Scoreboard | None:
    """``ScoreboardFile none`` is ``None``. Raises ``StartError``."""
    if conf.scoreboard_file is None:
        return None
    try:
        return Scoreboard.create(conf.scoreboard_file, conf.scoreboard_mutex or f"{conf.scoreboard_file}.lck",
                                 master=master, keep=keep)
    except OSError as error:
        where = conf.source("scoreboard_file")
        place = f"{where}: " if where else ""
        culprit = f" ({error.filename})" if error.filename not in (None, conf.scoreboard_file) else ""
        raise StartError(f"{place}cannot open ScoreboardFile {conf.scoreboard_file}: {error.strerror}{culprit}") from error


def detach() -> int:
    """Become a daemon. Returns, in the daemon, the descriptor that tells the waiting command that all is well.

    The command itself never returns from here: it ends with 0 once the daemon has said so, with 1 when the daemon ends
    without a word (its error is on the terminal by then, which it still shares).
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    if os.fork():
        os.close(writer)
        os._exit(0 if os.read(reader, 1) == _STARTED else 1)
    os.close(reader)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    return writer


def _serve_one(options: Options, world: World, log: ServerLogger, listeners: Listeners, board: Scoreboard | None,
               privs: Privileges) -> int:
    """-X: accept one connection and serve it in this very process, for a debugger."""
    (fd, *_) = listeners.fds()
    os.set_blocking(fd, True)
    accepted = None
    while accepted is None:
        accepted = listeners.accept(fd)
    privs.become_daemon(world.uid, world.gid)
    os.umask(0)
    with signals.held():
        child.main(Birth(options=options, world=world, bindings=listeners.bindings, sock=accepted[0],
                         remote=accepted[1], privs=privs, log=log, board=board, set_title=title_setter(),
                         listeners=listeners))


def _is_socket(fd: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False

