"""PAM behind a running server: methods, ghosts, chains, sessions, the login timer. security.md T5, U2, U5 to U7."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from tests.clients.rawauth import SUCCESS, Ended, connect, failure, prompts
from tests.machine import administer
from tests.pam.test_driver import recording, wait_for
from tests.servers import PASSWORD, Server, Site
from tests.waiting import wait_until

Start = Callable[..., Server]
Service = Callable[[str], str]
UNIX = "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_permit.so"
FILE_USER = "account required pam_permit.so\nsession required pam_permit.so"
ASKED = [("Password: ", False)]


def system(service: str, extra: str = "") -> str:
    """Accounts of the system, questions of this service."""
    return f"AuthOrder mod_auth_unix.c\nSFTPPAMServiceName {service}\nSFTPAuthMethods keyboard-interactive\n{extra}\n"


def test_a_system_user_logs_in(start: Start, unix: Site, service: Service, account: Callable[..., str]) -> None:
    user = account("Secret-1")
    os.makedirs(unix.root / "home" / user)
    administer("usermod", "-d", unix.root / "home" / user, user)
    server = start(system(service(UNIX)))
    with connect(server) as client:
        assert prompts(client.ask(user)) == ASKED
        assert failure(client.answer("wrong")) == (["keyboard-interactive"], False)
        assert prompts(client.ask(user)) == ASKED
        assert client.answer("Secret-1") == bytes((SUCCESS,))
    unix.wait_for_log("sftp.log", f"user '{user}' authenticated via 'keyboard-interactive' method")


def test_u2_a_ghost_is_asked_the_same(start: Start, unix: Site, service: Service, account: Callable[..., str]) -> None:
    user = account("Secret-1")
    server = start(system(service(UNIX)))
    heard = []
    for name in (user, "nosuchuser"):
        with connect(server) as client:
            heard.append((client.ask(name), client.answer("wrong")))
    assert heard[0] == heard[1]


def test_text_and_questions_in_one_call(start: Start, service: Service, mixed_module: Path) -> None:
    name = service(f"auth required {mixed_module}\n{FILE_USER}")
    with connect(start(f"SFTPPAMServiceName {name}")) as client:
        assert prompts(client.ask("demo")) == [("hidden: ", False), ("shown: ", True)]
        assert client.answer("secret", "public") == bytes((SUCCESS,))


@pytest.mark.parametrize("count", [0, 1, 3, 501, 0xFFFFFFFF])
def test_t5_a_wrong_number_of_answers_ends_the_session(start: Start, service: Service, mixed_module: Path,
                                                       count: int) -> None:
    name = service(f"auth required {mixed_module}\n{FILE_USER}")
    server = start(f"SFTPPAMServiceName {name}")
    with connect(server) as client:
        client.ask("demo")
        with pytest.raises(Ended):
            client.answer(*["secret"] * min(count, 600), count=count)
    with connect(server) as client:
        assert client.password("demo", PASSWORD) == bytes((SUCCESS,))


def test_another_method_in_the_middle_takes_over(start: Start, service: Service, mixed_module: Path) -> None:
    """RFC 4256 3.1: the abandoned attempt gets no answer of its own."""
    name = service(f"auth required {mixed_module}\n{FILE_USER}")
    with connect(start(f"SFTPPAMServiceName {name}")) as client:
        client.ask("demo")
        assert prompts(client.ask("demo")) == [("hidden: ", False), ("shown: ", True)]
        assert client.password("demo", PASSWORD) == bytes((SUCCESS,))


def test_leaving_in_the_middle_leaves_the_server_well(start: Start, service: Service, mixed_module: Path) -> None:
    name = service(f"auth required {mixed_module}\n{FILE_USER}")
    server = start(f"SFTPPAMServiceName {name}")
    for _ in range(3):
        with connect(server) as client:
            client.ask("demo")
    with connect(server) as client:
        assert client.password("demo", PASSWORD) == bytes((SUCCESS,))
    wait_until(lambda: not server.sessions(), "the end of all sessions")


def test_u7_a_key_alone_is_not_enough_for_a_chain(start: Start, service: Service, mixed_module: Path,
                                                  keys: Path) -> None:
    name = service(f"auth required {mixed_module}\n{FILE_USER}")
    key = paramiko.Ed25519Key.from_private_key_file(str(keys / "client_ed25519"))
    extra = f"SFTPPAMServiceName {name}\nSFTPAuthMethods publickey+keyboard-interactive"
    with connect(start(extra)) as client:
        assert failure(client.key("demo", key)) == (["keyboard-interactive"], True)
        client.ask("demo")
        assert failure(client.answer("no", "no")) == (["keyboard-interactive"], False)
        client.ask("demo")
        assert client.answer("secret", "public") == bytes((SUCCESS,))


def test_u8_two_conversations_in_a_chain_need_two_drivers(start: Start, service: Service) -> None:
    """One driver vouches once; where there is no other the chain has no end."""
    name = service(f"auth required pam_permit.so\n{FILE_USER}")
    with connect(start(f"SFTPPAMServiceName {name}\nSFTPAuthMethods keyboard-interactive+keyboard-interactive")) as client:
        assert failure(client.ask("demo")) == (["keyboard-interactive"], True)
        assert failure(client.ask("demo")) == ([], False)


def test_a_service_that_is_missing_lets_nobody_in(start: Start, site: Site) -> None:
    server = start("SFTPPAMServiceName pyproftpd-no-such-service\nSFTPAuthMethods keyboard-interactive")
    with connect(server) as client:
        assert failure(client.ask("demo")) == (["keyboard-interactive"], False)
    site.wait_for_log("stderr", "PAM service 'pyproftpd-no-such-service' has no file in /etc/pam.d")


@pytest.mark.parametrize(("extra", "offered"), [
    ("", False), ("SFTPPAMEngine on", True), ("SFTPPAMServiceName sshd", True),
    ("AuthOrder mod_auth_file.c mod_auth_unix.c", True),
])
def test_offered_unasked_where_pam_can_vouch(start: Start, unix: Site, extra: str, offered: bool) -> None:
    order = "" if "AuthOrder" in extra else "AuthOrder mod_auth_file.c\n"
    with connect(start(f"{order}{extra}")) as client:
        assert ("keyboard-interactive" in failure(client.request("demo", "none"))[0]) is offered


def test_engine_off_offers_nothing(start: Start) -> None:
    with connect(start("SFTPPAMEngine off")) as client:
        assert failure(client.request("demo", "none")) == (["publickey", "password"], False)


def test_u5_the_session_is_opened_and_closed_once_as_root(start: Start, service: Service, site: Site,
                                                          tmp_path: Path) -> None:
    log = tmp_path / "session"
    name = service(recording(tmp_path, log))
    server = start(f"SFTPPAMServiceName {name}")
    with connect(server) as client:
        assert client.ask("demo") == bytes((SUCCESS,))
        wait_for(log, 1)
    lines = wait_for(log, 2)
    server.stop()
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["open_session", "close_session"]
    assert all(line.startswith(f"{line.split()[0]} demo demo 127.0.0.1 /dev/ftpd") for line in lines)
    assert all(line.endswith("uid=0") for line in lines)


def test_the_session_of_a_login_that_a_rule_refuses_is_closed_at_once(start: Start, service: Service, tmp_path: Path) -> None:
    """The connection stays; the next attempt is decided anew."""
    log = tmp_path / "session"
    name = service(recording(tmp_path, log))
    with connect(start(f"SFTPPAMServiceName {name}", prologue="<Limit LOGIN>\nDenyUser demo\n</Limit>\n")) as client:
        for count in (2, 4):
            failure(client.ask("demo"))
            lines = wait_for(log, count)
            assert [line.split()[0] for line in lines[-2:]] == ["open_session", "close_session"]


def test_the_session_is_closed_when_it_is_killed(start: Start, service: Service, tmp_path: Path) -> None:
    log = tmp_path / "session"
    name = service(recording(tmp_path, log))
    server = start(f"SFTPPAMServiceName {name}")
    with connect(server) as client:
        assert client.ask("demo") == bytes((SUCCESS,))
        wait_for(log, 1)
        for pid in server.sessions():
            os.kill(pid, 9)
        wait_for(log, 2)


@pytest.fixture
def sleeper(tmp_path: Path) -> str:
    """A PAM module that does not come back."""
    path = tmp_path / "sleeper"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    return f"pam_exec.so {path}"


@pytest.mark.parametrize("silent", [False, True])
def test_the_login_timer_ends_what_follows_a_conversation_that_failed(start: Start, service: Service, mixed_module: Path,
                                                                      sleeper: str, silent: bool) -> None:
    """The client begins another attempt, or says nothing more; the next module of the stack sleeps."""
    name = service(f"auth required {mixed_module}\nauth required {sleeper}")
    server = start(f"SFTPPAMServiceName {name}\nTimeoutLogin 4")
    with connect(server) as client, pytest.raises(Ended):
        client.ask("demo")
        if not silent:
            client.request("demo", "none")
        client.receive()
    server.site.wait_for_log("stderr", "ended by TimeoutLogin, in the middle of a PAM module")


@pytest.mark.parametrize("where", ["module", "client"])
def test_the_login_timer_ends_a_conversation(start: Start, service: Service, mixed_module: Path, sleeper: str,
                                             where: str) -> None:
    """Whether a PAM module sleeps or the client does."""
    module = sleeper if where == "module" else mixed_module
    server = start(f"SFTPPAMServiceName {service(f'auth required {module}')}\nTimeoutLogin 4")
    with connect(server) as client, pytest.raises(Ended):
        client.ask("demo")
        client.receive()
    wait_until(lambda: not server.sessions(), "the end of all sessions")
    if where == "module":
        server.site.wait_for_log("stderr", "ended by TimeoutLogin, in the middle of a PAM module")
    else:
        server.site.wait_for_log("stderr", "Login timeout exceeded (4 seconds), disconnected")
