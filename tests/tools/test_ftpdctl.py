"""ftpdctl and a running server with live sessions. Wordings: the C server's, which tools of administrators read."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pyproftpd.session.delay import DelayTable
from tests.clients import openssh
from tests.servers import Server, Site
from tests.tools.commands import Live, control, run, socket_path
from tests.waiting import LIMIT, wait_until

Steered = Callable[..., Server]
Connect = Callable[..., Live]

REAL_FTPDCTL = "/usr/bin/ftpdctl"


def serves(server: Server) -> bool:
    return openssh.sftp(server, "pwd\n").returncode == 0


def test_actions_come_from_the_modules(steered: Steered) -> None:
    server = steered()
    status, lines = control(server, "lsctrl")
    assert status == 0
    assert lines == sorted(lines)
    assert {"help (mod_ctrls.c)", "kick (mod_ctrls_admin.c)", "lsmod (mod_dso.c)"} <= set(lines)
    assert "kick: disconnect a class, host, or user" in control(server, "help")[1]
    assert "  mod_sftp.c" in control(server, "lsmod")[1]


@pytest.mark.real
def test_the_c_tool_is_understood(steered: Steered) -> None:
    server = steered()
    for words in (["lsctrl"], ["status", "all"], ["kick", "user", "nobody"], ["nonsense"]):
        theirs = subprocess.run([REAL_FTPDCTL, "-s", str(socket_path(server)), *words], capture_output=True, text=True)
        assert theirs.stdout == run("ftpdctl", "-s", str(socket_path(server)), *words).stdout != ""


@pytest.mark.parametrize(("words", "line"), [
    ("help foo", "wrong number of parameters"), ("nosuch", "unsupported action requested"),
    ("insctrl foo", "no such control: 'foo'"), ("rmctrl foo", "no such control: 'foo'"),
    ("down", "down: missing required parameters"), ("down foo", "down: no such server: foo#21"),
    ("status 127.0.0.1#1", "status: no server associated with 127.0.0.1#1"),
    ("up 127.0.0.1", "up: no server associated with 127.0.0.1#21"),
    ("kick", "missing required parameters"), ("kick foo", "unknown kick type requested: 'foo'"),
    ("kick user", "kick user: missing required user name(s)"), ("kick user -n x demo", "bad number: x"),
    ("kick user demo", "user 'demo' not connected"), ("kick class x", "class 'x' not connected"),
    ("restart foo", "unsupported parameter 'foo'"), ("scoreboard", "wrong number of parameters"),
    ("scoreboard foo", "unknown scoreboard action 'foo'"), ("get foo", "unknown get type requested: 'foo'"),
    ("debug foo", "unknown debug action: 'foo'"), ("dns foo", "dns: error: expected Boolean parameter: 'foo'"),
    ("trace foo", "trace: badly formatted parameter: 'foo'"), ("config foo", "config: unknown config action: 'foo'"),
    ("trace ssh2:x", "trace: error parsing level 'x' for channel 'ssh2': Invalid argument"),
    ("delay", "delay: missing required parameters"), ("delay foo", "unknown delay action: 'foo'"),
    ("get config Nonsense", "Nonsense: directive not found")])
def test_refusals(shared: Server, words: str, line: str) -> None:
    status, lines = control(shared, *words.split())
    assert lines == [line]
    assert (status == 0) == words.startswith("get config")


@pytest.mark.parametrize(("words", "line"), [
    ("scoreboard clean", "scrubbed scoreboard"), ("scoreboard scrub", "scrubbed scoreboard"),
    ("debug level 3", "debug level set to 3"), ("dns off", "dns: UseReverseDNS set to 'off'"),
    ("dns cache clear", "dns: netaddr cache cleared"), ("trace ssh2:3-5", "trace: set channel 'ssh2' to levels 3-5"),
    ("get config ServerName", "ServerName: test server"), ("who", "no users connected")])
def test_confirmations(shared: Server, words: str, line: str) -> None:
    assert control(shared, *words.split()) == (0, [line])


@pytest.fixture(scope="module")
def shared(keys: Path) -> object:
    """One server for questions that change nothing that another test could see."""
    from tests.servers import scratch
    from tests.tools.commands import PROLOGUE, wait_for_socket
    with scratch() as directory:
        server = Server(Site(directory, keys)).start(prologue=PROLOGUE)
        wait_for_socket(server)
        yield server
        server.stop()


def test_an_action_can_be_switched_off_and_on(steered: Steered) -> None:
    server = steered()
    assert control(server, "rmctrl", "who") == (0, ["'who' control disabled"])
    assert control(server, "who") == (1, ["unsupported action requested"])
    assert control(server, "insctrl", "who", "mod_ctrls_admin.c") == (0, ["'who' control enabled"])
    assert control(server, "who")[0] == 0
    assert control(server, "rmctrl", "all") == (0, ["all controls disabled", "restart the daemon to re-enable controls"])
    assert control(server, "insctrl", "who")[0] == 1
    server.signal(signal.SIGHUP)
    wait_until(lambda: control(server, "who")[0] == 0, "the reload that brings the actions back")


def test_kick_by_user_ends_live_sessions_of_that_user_only(steered: Steered, site: Site, live: Connect) -> None:
    site.add_account("other")
    server = steered()
    first, second, bystander = live(server), live(server), live(server, "other")
    status, lines = control(server, "kick", "user", "demo", "nobody")
    assert (status, lines) == (0, ["kicked user 'demo'", "user 'nobody' not connected"])
    for client in (first, second):
        client.ended()
        assert client.process.returncode != 0
    assert bystander.answers()
    wait_until(lambda: [line.split()[1] for line in control(server, "who")[1]] == ["other"], "places that are free again")


def test_kick_by_count_host_and_class(steered: Steered, live: Connect) -> None:
    server = steered("<Class office>\n From 127.0.0.1\n</Class>\n")
    clients = [live(server) for _ in range(3)]
    assert control(server, "kick", "user", "-n", "1", "demo") == (0, ["kicked user 'demo' (1 clients)"])
    wait_until(lambda: len(server.sessions()) == 2, "the end of one session")
    assert control(server, "kick", "host", "127.0.0.1") == (0, ["kicked host '127.0.0.1'"])
    for client in clients:
        client.ended()
    late = live(server)
    assert control(server, "kick", "class", "office") == (0, ["kicked class 'office'"])
    late.ended()
    assert serves(server)


def test_a_server_that_is_down_takes_nobody_and_keeps_whom_it_has(steered: Steered, live: Connect) -> None:
    server = steered()
    name = f"127.0.0.1#{server.port}"
    client = live(server)
    assert control(server, "down", name) == (0, [f"down: {name} disabled"])
    assert control(server, "down", name) == (1, [f"down: {name} already disabled"])
    assert control(server, "status", name) == (0, [f"status: {name} DOWN"])
    assert not serves(server)
    assert client.answers()
    assert control(server, "up", name) == (0, [f"up: {name} enabled"])
    assert control(server, "up", name) == (1, [f"up: {name} already enabled"])
    assert serves(server)
    assert control(server, "down", "all") == (0, ["down: all servers disabled"])
    assert control(server, "status", "all") == (0, [f"status: {name} DOWN"])
    assert not serves(server)
    server.site.wait_for_log("stderr", "new connection denied")


def test_restart_with_live_sessions_and_faulty_files(steered: Steered, live: Connect) -> None:
    """security.md M8: the server outlives every reload, with the old configuration where the new one is no good."""
    server = steered()
    client, good = live(server), (server.site.root / "proftpd.conf").read_text()
    for turn in range(10):
        (server.site.root / "proftpd.conf").write_text(good + "Nonsense on\n" * (turn % 2))
        status, lines = control(server, "restart")
        assert status == turn % 2
        assert lines == [["restarted server"],
                         ["configuration not changed: the new one is faulty, see the log"]][turn % 2]
    assert client.answers()
    assert serves(server)
    assert control(server, "restart", "count")[1][0].startswith("server restarted 5 times since 20")


def test_restart_puts_the_new_file_into_force(steered: Steered) -> None:
    server = steered()
    with (server.site.root / "proftpd.conf").open("a") as file:
        file.write("MaxClients 7\n")
    assert control(server, "get", "config", "MaxClients")[1] == ["MaxClients: not set, default none"]
    assert control(server, "restart") == (0, ["restarted server"])
    assert control(server, "get", "config", "MaxClients")[1] == ["MaxClients: 7"]


def test_dump_names_settings_and_their_lines(steered: Steered) -> None:
    server = steered("<VirtualHost 127.0.0.1>\n Port 0\n ServerName second\n</VirtualHost>\n")
    status, lines = control(server, "dump")
    path = server.site.root / "proftpd.conf"
    assert status == 0
    first = path.read_text().splitlines().index('ServerName "test server"') + 1
    assert f"  ServerName test server  ({path}:{first})" in lines
    assert [line.split()[0] for line in lines if not line.startswith("  ")] == ["server", "server"]


def test_shutdown(steered: Steered, live: Connect) -> None:
    server = steered()
    client = live(server)
    assert control(server, "shutdown") == (0, ["shutting down"])
    client.ended()
    assert server.process is not None
    assert server.process.wait(LIMIT) == 0
    assert not socket_path(server).exists()


def test_a_graceful_shutdown_waits_for_a_transfer(steered: Steered, live: Connect) -> None:
    """The running upload comes to its end, the idle session does not hold up anything."""
    server = steered("TransferRate STOR 400\n")
    idle = live(server)
    (server.site.root / "source").write_bytes(os.urandom(800_000))
    busy = subprocess.Popen(
        ["sftp", "-P", str(server.port), *openssh.options(server), "-b", "-", "demo@127.0.0.1"], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=server.site.root)
    assert busy.stdin is not None
    busy.stdin.write("put source target\n")
    busy.stdin.flush()
    target = server.site.accounts["demo"].home / "target"
    wait_until(lambda: target.exists() and target.stat().st_size > 0, "the transfer")
    assert control(server, "shutdown", "graceful", "60") == (0, ["shutting down"])
    idle.ended()
    assert server.process is not None
    assert server.process.wait(LIMIT) == 0
    busy.kill()
    busy.wait()
    busy.stdin.close()
    assert target.stat().st_size == 800_000


def test_trace_and_debug_level_hold_for_new_sessions(steered: Steered, site: Site) -> None:
    server = steered(f"TraceLog {site.root}/log/trace.log\n")
    assert serves(server)
    assert site.log("trace.log") == ""
    assert control(server, "trace", "info") == (0, ["trace: no info available"])
    assert control(server, "trace", "DEFAULT:20") == (0, ["trace: set channel 'DEFAULT' to levels 1-20"])
    assert control(server, "trace", "info")[1] == ["Channel    Level ", "---------- ------", "   DEFAULT 1     "]
    assert control(server, "debug", "level", "10") == (0, ["debug level set to 10"])
    before = site.log("stderr").count("\n")
    assert serves(server)
    wait_until(lambda: site.log("stderr").count("\n") > before + 2, "debug lines")


def test_who_and_scoreboard_after_a_crash(steered: Steered, live: Connect) -> None:
    """security.md M11: a session that was killed is not counted."""
    server = steered()
    client = live(server)
    def who() -> list[str]:
        (line,) = control(server, "who")[1]
        return line.split()

    wait_until(lambda: who()[6:] == ["idle"], "the session at rest")
    pid, *described = who()
    assert described[:4] == ["demo", "127.0.0.1", "[127.0.0.1]", "sftp"]
    os.kill(int(pid), signal.SIGKILL)
    client.ended()
    wait_until(lambda: control(server, "who")[1] == ["no users connected"], "the scoreboard to heal")


def test_delay_shows_and_forgets_the_times_of_failed_logins(steered: Steered, site: Site) -> None:
    path = site.root / "delay"
    server = steered(f"DelayTable {path}\n")
    table = DelayTable(str(path))
    table.add(server.port, 0.000250)
    table.add(server.port, 0.000125)
    head = f"Address 127.0.0.1#{server.port}: PASS values (usecs):"
    assert control(server, "delay", "info") == (0, [head, " + Protocol ssh2, 2 values: 125 250"])
    assert control(server, "delay", "reset") == (0, [f"DelayTable '{path}' reset"])
    assert control(server, "delay", "info") == (0, [head, " + Protocol ssh2, 0 values"])


def test_delaycontrolsacls_says_who_may(steered: Steered) -> None:
    assert control(steered("DelayControlsACLs all deny user root\n"), "delay", "info") == (1, ["access denied"])


def test_what_admin_controls_engine_names_is_all_there_is(steered: Steered) -> None:
    server = steered("AdminControlsEngine who,status\n")
    mine = {line for line in control(server, "lsctrl")[1] if line.endswith("(mod_ctrls_admin.c)")}
    assert mine == {"who (mod_ctrls_admin.c)", "status (mod_ctrls_admin.c)"}
    assert control(server, "kick", "user", "demo") == (1, ["unsupported action requested"])


def test_the_answer_comes_while_clients_do_nothing(steered: Steered, live: Connect) -> None:
    """The controls never wait for a session, nor sessions for the controls."""
    server = steered()
    clients = [live(server) for _ in range(3)]
    assert len(control(server, "who")[1]) == 3
    assert all(client.answers() for client in clients)


@pytest.mark.parametrize(("words", "text"), [
    ([], "missing required action"), (["-s", "relative", "help"], "alternate socket path must be an absolute path"),
    (["-s", "/nonexistent", "help"], "error contacting server using '/nonexistent': No such file or directory"),
    (["-x"], "unknown option: x")])
def test_faults_of_the_command_line(words: list[str], text: str) -> None:
    done = run("ftpdctl", *words)
    assert (done.returncode, done.stderr) == (1, f"ftpdctl: {text}\n")
