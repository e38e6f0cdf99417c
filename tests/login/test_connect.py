"""What is decided when a client connects, before it says who it is: <Limit LOGIN> by address and class; the greeting."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import Server, Site
from tests.waiting import LIMIT, wait_until

pytestmark = [pytest.mark.root]
Start = Callable[..., Server]

#: rules of <Limit LOGIN> -> is somebody from 127.0.0.1 spoken to at all
RULES = {
    "Deny from 127.0.0.1": False,
    "Order deny,allow\nDeny from 127.0.0.1\nAllowAll": False,
    "DenyAll": False,
    "Allow from 127.0.0.1\nDenyAll": True,
    "DenyClass here": False,
    "DenyClass elsewhere": True,
    "DenyUser demo": True,
    "DenyUser !demo": True,
    "DenyGroup demo": True,
    "AllowUser demo\nDenyAll": True,
    "Order deny,allow\nAllowGroup nobodys": True,
}
CLASSES = "<Class here>\nFrom 127.0.0.1\n</Class>\n<Class elsewhere>\nFrom 192.0.2.1\n</Class>\n"


def greeting(server: Server) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), LIMIT) as client:
        client.settimeout(LIMIT)
        try:
            return client.recv(8)
        except ConnectionResetError:
            return b""


#: rules by which nobody is known yet, and one by address: the real server answers alike
COMPARED = ("Deny from 127.0.0.1", "DenyClass here", "DenyUser !demo", "AllowUser demo\nDenyAll")


@pytest.mark.parametrize(("rules", "ours"), [
    *((rules, True) for rules in RULES),
    *(pytest.param(rules, False, marks=pytest.mark.real) for rules in COMPARED)])
def test_limit_login_by_address(site: Site, start: Start, rules: str, ours: bool) -> None:
    server = start(ours=ours, prologue=f"{CLASSES}<Limit LOGIN>\n{rules}\n</Limit>\n")
    assert bool(greeting(server)) is RULES[rules]
    if not RULES[rules]:
        site.wait_for_log("stderr", "Connection from 127.0.0.1 [127.0.0.1] denied")


def test_an_anonymous_section_may_be_open_where_the_server_is_not(site: Site, start: Start) -> None:
    section = f"<Anonymous {site.root}/home/demo>\nUser demo\n<Limit LOGIN>\nAllowAll\n</Limit>\n</Anonymous>\n"
    assert greeting(start(prologue=f"<Limit LOGIN>\nDenyAll\n</Limit>\n{section}")) == b"SSH-2.0-"


@contextlib.contextmanager
def sessions_held_up(site: Site) -> Iterator[None]:
    """No session gets further than to its place in the scoreboard, whose lock another process has."""
    reader, writer = os.pipe()
    holder = os.fork()
    if not holder:
        with open(site.root / "proftpd.scoreboard.lck", "r+b") as mutex:
            fcntl.lockf(mutex, fcntl.LOCK_EX)
            os.write(writer, b"+")
            os.close(writer)
            signal.pause()
    assert os.read(reader, 1) == b"+"
    try:
        yield
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        os.close(reader)
        os.close(writer)


def waits_for_a_lock(server: Server) -> bool:
    return any("->" in line and line.split()[5] in map(str, server.sessions())
               for line in Path("/proc/locks").read_text().splitlines())


#: configuration -> does the master greet the client before its session exists
GREETED = {
    "": True,
    'ServerIdent on "no variable"\n': True,
    "ServerIdent off\n": True,
    "<Limit SITE_CHMOD>\nDenyAll\n</Limit>\n": True,
    'ServerIdent on "you are %a"\n': False,
    "<Limit LOGIN>\nAllowAll\n</Limit>\n": False,
    f"LoadModule mod_ifsession.c\n{CLASSES}<IfClass here>\nServerIdent on friend\n</IfClass>\n": False,
}


@pytest.mark.parametrize("conf", GREETED)
def test_a_client_is_greeted_at_once_where_all_are_greeted_alike(site: Site, start: Start, conf: str) -> None:
    server = start(prologue=conf)
    with contextlib.ExitStack() as stack:
        with sessions_held_up(site):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), LIMIT))
            wait_until(lambda: waits_for_a_lock(server), "a session that waits for the scoreboard")
            assert bool(select.select([client], [], [], 0)[0]) is GREETED[conf]
        line = client.makefile("rb").readline()
    assert line.startswith(b"SSH-2.0-") and line.endswith(b"\r\n")
