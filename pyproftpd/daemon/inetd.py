"""ServerType inetd: one connection, already accepted, on descriptor 0."""

from __future__ import annotations

import os
import socket
from typing import NoReturn

from pyproftpd.daemon import child, signals
from pyproftpd.daemon.child import Birth
from pyproftpd.daemon.listener import Bindings
from pyproftpd.daemon.options import Options
from pyproftpd.daemon.world import StartError, World
from pyproftpd.log.system import ServerLogger
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.proctitle import title_setter
from pyproftpd.unix.scoreboard import Scoreboard
from pyproftpd.unix.sockets import Address


def serve(options: Options, world: World, log: ServerLogger, board: Scoreboard | None) -> NoReturn:
    """Serve the client on standard input and end. Raises ``StartError`` when there is none (started by hand)."""
    try:
        sock = socket.socket(fileno=os.dup(0))
        remote = Address.of(sock.getpeername())
    except OSError as error:
        raise StartError("ServerType is inetd, but standard input is not a connection; "
                         "set ServerType standalone to start the server by hand") from error
    privs = Privileges(log.notice)
    child.quiet_standard_streams(keep_stderr=False)
    privs.become_daemon(world.uid, world.gid)
    os.umask(0)
    with signals.held():
        child.main(Birth(options=options, world=world, bindings=Bindings(world), sock=sock, remote=remote, privs=privs,
                         log=log, board=board, set_title=title_setter()))
