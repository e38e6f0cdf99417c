"""What is decided when a client connects, before it says who it is: <Limit LOGIN> by address and class."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.servers import Server, Site
from tests.waiting import LIMIT

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
