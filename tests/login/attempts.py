"""One login in a process of its own, on the real configuration, accounts, ids and chroot, without any wire protocol.

The child does what a session does from the fork to the login, then reports what it has become: the kernel's view
(/proc/self/status), its own, and what it can still reach. The parent only compares.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyproftpd.api.auth import Verdict
from pyproftpd.conf.load import load
from pyproftpd.conf.scope import Configuration
from pyproftpd.daemon.signals import SESSION, SESSION_IGNORES, SESSION_RESETS, Recorder
from pyproftpd.daemon.world import event_bus
from pyproftpd.errors import PeerError, Refused
from pyproftpd.log import system
from pyproftpd.log.trace import Trace
from pyproftpd.session import login
from pyproftpd.session.dispatch import Dispatcher
from pyproftpd.session.loop import Loop, SessionEnd
from pyproftpd.session.session import Session
from pyproftpd.session.sources import order
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.timers import Timers
from pyproftpd.unix.users import Names
from tests.servers import BASE, DAEMON_USER, Site


@dataclass
class Outcome:
    """``result``: ``in``, ``password`` (wrong), ``refused``, ``full`` or ``ended``; the rest as the child saw it."""

    result: str
    rule: str = ""
    status: dict[str, str] = field(default_factory=dict)
    user: str = ""
    groups: list[str] = field(default_factory=list)
    cwd: str = ""
    home: str = ""
    chroot: str = ""
    real_cwd: str = ""
    anonymous: bool = False
    regained: bool = False
    extra: Any = None

    @property
    def uids(self) -> tuple[int, int, int]:
        real, effective, saved = self.status["Uid"].split()[:3]
        return int(real), int(effective), int(saved)

    @property
    def gids(self) -> set[int]:
        return {int(gid) for gid in self.status["Groups"].split()}


def attempt(site: Site, user: str, password: bytes | None = b"secret", *, extra: str = "", address: str = "127.0.0.1",
            base: str = BASE, then: Callable[[Session], Any] | None = None,
            before: Callable[[], None] = lambda: None) -> Outcome:
    """Log in with a password, or with ``None`` as by a key that was right. ``then`` runs in the session afterwards,
    ``before`` when the configuration stands and nobody has connected yet."""
    configuration = load(str(site.configuration(prologue=extra, base=base)))  # the first line of a keyword counts
    before()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            report = _run(configuration, site, user, password, address, then)
            os.write(writing, json.dumps(report).encode())
            status = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"session process ended with status {status}"
    return Outcome(**json.loads(data))


def make_session(configuration: Configuration, site: Site, address: str) -> Session:
    """What daemon/child.py does up to the front end, less sockets and scoreboard."""
    privs, timers = Privileges(), Timers()
    daemon = pwd.getpwnam(DAEMON_USER)
    privs.become_daemon(daemon.pw_uid, daemon.pw_gid)
    privs.connected()
    os.umask(0)
    server = configuration.servers[0]
    with privs.root():
        log = system.open_logger(server)
    session = Session(
        sock=socket.socketpair()[0], remote=(address, 40000), local=("127.0.0.1", site.port),
        configuration=configuration, server=server, dispatcher=Dispatcher(configuration.modules), privs=privs,
        timers=timers, loop=Loop(timers, Recorder(SESSION, SESSION_IGNORES, SESSION_RESETS), lambda number: None),
        events=event_bus(configuration.modules), log=log, trace=Trace())
    session.connection_class = next((one.name for one in configuration.classes if one.matches(address, address)), "")
    session.rebind()
    with privs.root():
        session.sources = order.build(session.scope, configuration, session, log)
    session.names = Names(session.sources)
    return session


def _run(configuration: Configuration, site: Site, user: str, password: bytes | None, address: str,
         then: Callable[[Session], Any] | None) -> dict[str, Any]:
    status = os.open("/proc/self/status", os.O_RDONLY)
    session = make_session(configuration, site, address)
    candidate = login.find(session, user)
    if password is not None and login.check_password(session, candidate, password) is not Verdict.OK:
        return {"result": "password"}
    try:
        login.establish(session, candidate, "publickey" if password is None else "password")
    except Refused as refusal:
        return {"result": "refused", "rule": refusal.rule, "extra": [session.user, session.authenticated,
                                                                    session.privs.state.value]}
    except PeerError as error:
        return {"result": "full", "rule": str(error)}
    except SessionEnd as end:
        return {"result": "ended", "rule": end.reason}
    return _report(session, then, status)


def _report(session: Session, then: Callable[[Session], Any] | None, status: int) -> dict[str, Any]:
    assert session.view is not None and session.identity is not None
    extra = then(session) if then else None
    return {
        "result": "in", "status": kernel_status(status), "user": session.user, "groups": list(session.groups),
        "cwd": session.view.cwd, "home": session.view.home, "chroot": session.chroot, "real_cwd": os.getcwd(),
        "anonymous": session.identity.anonymous, "extra": extra, "regained": regain()}


def kernel_status(descriptor: int) -> dict[str, str]:
    """/proc/self/status through a descriptor that was opened before the jail was entered."""
    text = os.pread(descriptor, 8192, 0).decode()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def regain() -> bool:
    """Try every way back to uid 0; true when one works."""
    ways: tuple[Callable[[], None], ...] = (
        lambda: os.seteuid(0), lambda: os.setuid(0), lambda: os.setreuid(0, 0), lambda: os.setresuid(0, 0, 0))
    for way in ways:
        with contextlib.suppress(OSError):
            way()
    return os.geteuid() == 0
