"""Rehearsal: some whole sessions in the master, on a configuration and an account of their own, before the first client.

The interpreter notes in a piece of code how often it ran and what it met there, the crypto library fetches what it needs
at its first use. Each note is a write, and after a fork each write to a page is a copy of that page. Measured: a login takes
2 ms of CPU time less, and a session has 0.8 MB less of its own. A first one, in a process that ends with it, shows which code
sessions run, and that code is moved together (``unix/layout.py``).

Nothing of a rehearsal stays: no id is switched, no log and no table of the real configuration is touched, and its files
are removed. One that fails costs speed only: whatever is wrong ends here, as it would end in the child of a session.
"""

from __future__ import annotations

import os
import socket
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from pyproftpd.api.auth import Identity
from pyproftpd.api.events import Connected
from pyproftpd.api.frontend import Client, FrontEnd, Rehearsal
from pyproftpd.conf.load import load
from pyproftpd.daemon import child
from pyproftpd.daemon.child import Birth
from pyproftpd.daemon.listener import Bindings
from pyproftpd.daemon.options import Options
from pyproftpd.daemon.world import Service, World
from pyproftpd.log.sinks import StderrSink
from pyproftpd.log.system import ServerLogger
from pyproftpd.session.conf import ServerConf
from pyproftpd.session.dispatch import Dispatcher
from pyproftpd.session.loop import Loop, Signals
from pyproftpd.unix import layout
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.scoreboard import Scoreboard
from pyproftpd.unix.sockets import Address
from pyproftpd.unix.timers import Timers

#: the interpreter has settled on its shortcuts after some ten runs of a piece of code
TIMES = 12
#: what sessions run of these modules, and the master between two of them, is not played
UNPLAYED = tuple(f"pyproftpd.{name}" for name in (
    "daemon.census", "daemon.child", "daemon.controls", "daemon.listener", "daemon.master", "daemon.signals", "unix.privs",
    "unix.proctitle", "unix.sockets"))
#: whose place in the world nobody else has
CLIENT = Address("127.0.0.1", 1)
#: an id that no account has
NOBODY = 65534

#: what no real file, log or time is touched with; a session that does not come to its end is over soon
SETTINGS = """\
ServerName rehearsal
SystemLog {directory}/log
TransferLog {directory}/transfers
WtmpLog off
UseLastlog off
UseReverseDNS off
DelayEngine off
TimeoutLogin 2
TimeoutIdle 2
"""


#: steps of a child, without those that are about processes and listeners; the stage is set in between
BEFORE = (child.open_logs, child.make_session)
BEHIND = (child.name_client, child.classify, child.welcome, child.start_timers, child.enter_scoreboard, child.prepare_modules,
          child.admit)


class Stage(Loop):
    """The loop of a session whose client sits in the same process and has its turn before each wait."""

    def __init__(self, timers: Timers, signals: Signals, client: Client) -> None:
        super().__init__(timers, signals, lambda number: None)
        self._client = client

    def wait(self, *, read: Sequence[int] = (), write: Sequence[int] = (),
             timeout: float | None = None) -> tuple[list[int], list[int]]:
        self._client.turn()
        return super().wait(read=read, write=write, timeout=timeout)


class Silence:
    """No signal ever comes (``session.loop.Signals``)."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)

    def take(self) -> Sequence[int]:
        return ()


def rehearse(frontend: FrontEnd, log: ServerLogger) -> None:
    """Play :data:`TIMES` sessions of a front end against itself."""
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    silence = Silence()
    try:
        with tempfile.TemporaryDirectory(prefix="proftpd-") as directory:
            play = frontend.rehearsal(Path(directory))
            if play is not None:
                path = Path(directory, "conf")
                path.write_text(SETTINGS.format(directory=directory) + play.configuration)
                options = Options(path=str(path), quiet=True)
                world = _world(options, frontend)

                def some(times: int) -> None:
                    for number in range(times):
                        board = Scoreboard.create(f"{directory}/board", f"{directory}/lock", master=os.getpid())
                        try:
                            _play(play, number, options, world, silence, board)
                        finally:
                            board.close()

                def whole() -> None:
                    some(2)
                    _change_ids()

                layout.move_together(layout.code_run_by(whole), UNPLAYED)
                some(TIMES)
    except Exception as error:
        log.warning(f"the rehearsal ended early, sessions will start slower: {type(error).__name__}: {error}")
        for line in traceback.format_exc().splitlines():
            log.debug(1, line)
    finally:
        os.fchdir(here)
        os.close(here)
        os.close(silence.fd)


def _change_ids() -> None:
    """From root to nobody and no way back: for a process that ends with it."""
    privs = Privileges()
    privs.connected()
    privs.log_in(Identity("", NOBODY, NOBODY, (), (), "/", ""))
    privs.revoke()


def _world(options: Options, frontend: FrontEnd) -> World:
    configuration = load(options.path)
    main = configuration.servers[0]
    return World(configuration, Dispatcher(configuration.modules), (Service(main, frontend, main.get(ServerConf).port),),
                 os.geteuid(), os.getegid(), ())


def _play(play: Rehearsal, number: int, options: Options, world: World, signals: Signals, board: Scoreboard) -> None:
    """One session, from behind the fork to its end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    privs = Privileges(switching=False)
    privs.connected()
    birth = Birth(options=options, world=world, bindings=Bindings(world), sock=ours, remote=CLIENT, privs=privs,
                  log=ServerLogger(StderrSink()), board=board, set_title=lambda title: None, local=CLIENT, signals=signals,
                  service=world.services[0])
    client = play.client(theirs, number)
    try:
        for step in BEFORE:
            step(birth)
        session = birth.session
        assert session is not None
        session.loop = Stage(session.timers, signals, client)
        for step in BEHIND:
            step(birth)
        session.emit(Connected())
        play.run(session)
    finally:
        child.finish(birth)
        birth.log.sink.close()
        if birth.session is not None and birth.session.transfer_log is not None:
            birth.session.transfer_log.close()
        ours.close()
        theirs.close()
