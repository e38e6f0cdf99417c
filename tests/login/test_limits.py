"""RLimit directives, as the kernel sees them in a session of a running server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from tests.servers import Server, Site
from tests.waiting import LIMIT, wait_until

pytestmark = pytest.mark.root


@pytest.mark.parametrize(("extra", "row", "limits"), [
    ("RLimitOpenFiles session 100 200\n", "Max open files", ("100", "200")),
    ("RLimitOpenFiles 300 300\n", "Max open files", ("300", "300")),
    ("RLimitCPU session 600\n", "Max cpu time", ("600", "unlimited")),
    ("RLimitMemory session 2G 3G\n", "Max address space", (str(2 << 30), str(3 << 30)))])
def test_limits_of_a_session(site: Site, start: Callable[..., Server], extra: str, row: str,
                             limits: tuple[str, str]) -> None:
    server = start(prologue=extra)
    transport = paramiko.Transport(("127.0.0.1", server.port))
    transport.start_client(timeout=LIMIT)
    transport.auth_password("demo", "secret")
    try:
        (child,) = server.sessions()
        line = next(line for line in Path(f"/proc/{child}/limits").read_text().splitlines() if line.startswith(row))
        assert tuple(line[len(row):].split()[:2]) == limits
    finally:
        transport.close()


def logged_in(server: Server, user: str = "demo") -> paramiko.Transport:
    transport = paramiko.Transport(("127.0.0.1", server.port))
    transport.start_client(timeout=LIMIT)
    transport.auth_password(user, "secret")
    return transport


def until_alone(server: Server) -> None:
    """Wait for sessions to end and for the master to clear their places."""
    wait_until(lambda: not server.sessions(), "the end of all sessions")


@pytest.mark.parametrize("line", ["MaxClients 1", "MaxClientsPerHost 1", "MaxClientsPerUser 1"])
def test_a_session_too_many_is_disconnected_and_a_place_becomes_free_again(site: Site, start: Callable[..., Server],
                                                                           line: str) -> None:
    """Behaviour 186: the connection ends with SSH_DISCONNECT_TOO_MANY_CONNECTIONS."""
    server = start(prologue=line + "\n")
    first = logged_in(server)
    with pytest.raises((paramiko.SSHException, EOFError, OSError)):
        logged_in(server)
    site.wait_for_log("stderr", f"Connection refused ({line})")
    first.close()
    until_alone(server)
    logged_in(server).close()


def test_connections_of_one_host_are_counted_before_login(site: Site, start: Callable[..., Server]) -> None:
    server = start(prologue="MaxConnectionsPerHost 1\n")
    first = logged_in(server)
    second = paramiko.Transport(("127.0.0.1", server.port))
    try:
        with pytest.raises((paramiko.SSHException, EOFError, OSError)):
            second.start_client(timeout=LIMIT)
            second.auth_password("demo", "secret")
        site.wait_for_log("stderr", "Connection refused (MaxConnectionsPerHost 1)")
    finally:
        second.close()
        first.close()
