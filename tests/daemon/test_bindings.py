"""Which server answers at which address, and where nobody listens."""

from __future__ import annotations

import socket
import subprocess

import pytest

from tests.daemon.master import BASE, Client, Master
from tests.machine import free_port
from tests.waiting import LIMIT, wait_until


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def answers(master: Master, host: str, port: int) -> str:
    """Name of the server that serves there, ``""`` for none."""
    try:
        return master.connect(host, port).ask("server")
    except ConnectionError:
        return ""


def test_virtual_hosts_by_port_and_by_address(master: Master) -> None:
    other = free_port()
    master.start(f"<VirtualHost 127.0.0.1>\nServerName byport\nPort {other}\n</VirtualHost>\n"
                 f"<VirtualHost 127.0.0.2 127.0.0.3>\nServerName byaddress\nPort {master.port}\n</VirtualHost>\n")
    assert answers(master, "127.0.0.1", master.port) == "main"
    assert answers(master, "127.0.0.1", other) == "byport"
    assert answers(master, "127.0.0.2", master.port) == answers(master, "127.0.0.3", master.port) == "byaddress"
    assert answers(master, "127.0.0.4", master.port) == ""
    assert answers(master, "127.0.0.2", other) == ""


def test_defaultserver_takes_the_addresses_that_nobody_has(master: Master) -> None:
    master.start(f"<VirtualHost 127.0.0.2>\nServerName rest\nPort {master.port}\nDefaultServer on\n</VirtualHost>\n")
    assert answers(master, "127.0.0.1", master.port) == "main"
    assert answers(master, "127.0.0.9", master.port) == "rest"


def test_socketbindtight_opens_nothing_else(master: Master) -> None:
    master.start(f"SocketBindTight on\n<VirtualHost 127.0.0.2>\nServerName rest\nPort {master.port}\nDefaultServer on\n"
                 "</VirtualHost>\n")
    assert answers(master, "127.0.0.2", master.port) == "rest"
    with pytest.raises(ConnectionRefusedError):
        master.connect("127.0.0.9", master.port)


def test_port_0_is_a_server_that_does_not_listen(master: Master) -> None:
    other = free_port()
    master.port, main = other, master.port
    master.configure(f"<VirtualHost 127.0.0.1>\nServerName only\nPort {other}\n</VirtualHost>\n",
                     base=BASE.replace("Port {port}", "Port 0"))
    assert master.run().returncode == 0
    master.daemon = int((master.root / "pid").read_text())
    assert answers(master, "127.0.0.1", other) == "only"
    assert answers(master, "127.0.0.1", main) == ""


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_ipv6_addresses_are_served_unless_switched_off(master: Master) -> None:
    host = f"<VirtualHost ::1>\nServerName six\nPort {master.port}\n</VirtualHost>\n"
    master.start(host)
    assert answers(master, "::1", master.port) == "six"
    assert answers(master, "127.0.0.1", master.port) == "main"
    master.stop()
    master.start("UseIPv6 off\n" + host)
    assert answers(master, "::1", master.port) == ""
    assert answers(master, "127.0.0.1", master.port) == "main"


def test_inetd_serves_the_connection_on_standard_input(master: Master) -> None:
    master.configure("ServerType inetd\n")
    with socket.create_server(("127.0.0.1", master.port)) as listener:
        client = Client(socket.create_connection(("127.0.0.1", master.port)))
        accepted, _ = listener.accept()
        descriptor = accepted.fileno()
        process = subprocess.Popen(master.command(), stdin=descriptor, stdout=descriptor, stderr=subprocess.PIPE,
                                   env=master.environment)
        accepted.close()
    assert client.ask("server") == "main"
    assert client.ask("login") == "login"
    client.close()
    assert (process.wait(LIMIT), process.stderr.read() if process.stderr else b"") == (0, b"")
    assert not (master.root / "pid").exists()


def test_inetd_mode_from_a_terminal_and_standalone_from_inetd_are_refused(master: Master) -> None:
    master.configure("ServerType inetd\n")
    result = master.run()
    assert (result.returncode, "ServerType standalone" in result.stderr) == (1, True)
    master.configure()
    here, there = socket.socketpair()
    with here, there:
        done = subprocess.run(master.command(), stdin=there.fileno(), capture_output=True, text=True, env=master.environment)
    assert (done.returncode, "ServerType inetd" in done.stderr) == (1, True)


def test_one_session_in_the_process_itself(master: Master) -> None:
    master.configure()
    process = subprocess.Popen(master.command("-X", "-q"), stdin=subprocess.DEVNULL, env=master.environment)
    try:
        client = connected(master)
        assert int(client.table("status")["Pid"]) == process.pid
        client.close()
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()


def connected(master: Master) -> Client:
    """The first connection that is answered; there is no second one under -X."""
    def connect() -> Client | None:
        try:
            return master.connect()
        except ConnectionRefusedError:
            return None
    return wait_until(connect, "somebody who listens")
