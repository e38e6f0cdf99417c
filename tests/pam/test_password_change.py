"""An expired password over SSH's password method (RFC 4252 8): asked for anew, changed by PAM, then a login."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clients.rawauth import METHOD, SUCCESS, RawAuth, connect, failure, text
from tests.machine import administer
from tests.servers import Server, Site

Start = Callable[..., Server]
Service = Callable[[str], str]
STACK = ("auth required pam_unix.so nodelay\naccount required pam_unix.so\npassword required pam_unix.so minlen=8\n"
         "session required pam_permit.so")
NEW = "Other-pass-22"
METHODS = ["publickey", "password"]


def change(client: RawAuth, user: str, old: str, new: str) -> bytes:
    return client.request(user, "password", b"\1" + text(old) + text(new))


def asked(message: bytes) -> str:
    """The prompt of a SSH_MSG_USERAUTH_PASSWD_CHANGEREQ."""
    assert message[0] == METHOD, f"message {message[0]}"
    size = int.from_bytes(message[1:5], "big")
    assert message[5 + size:] == text("")
    return message[5:5 + size].decode()


@pytest.fixture
def server(start: Start, unix: Site, service: Service, resident: str) -> Server:
    administer("chage", "-d", "0", resident)
    return start(f"AuthOrder mod_auth_pam.c mod_auth_unix.c\nAuthPAMConfig {service(STACK)}\nSFTPPAMEngine off\n"
                 "MaxLoginAttempts 3\n")


def test_the_password_is_changed_and_the_user_is_in(server: Server, site: Site, resident: str) -> None:
    with connect(server) as client:
        assert asked(client.password(resident, "Secret-1")) == "Your password has expired."
        assert change(client, resident, "Secret-1", NEW) == bytes((SUCCESS,))
    log = site.wait_for_log("stderr", f"USER {resident}: expired password changed")
    assert NEW not in log and "Secret-1" not in log and NEW not in site.log("sftp.log")
    with connect(server) as client:
        assert failure(client.password(resident, "Secret-1")) == (METHODS, False)
        assert client.password(resident, NEW) == bytes((SUCCESS,))


def test_a_password_that_the_modules_refuse_is_asked_for_again(server: Server, resident: str) -> None:
    with connect(server) as client:
        client.password(resident, "Secret-1")
        assert "longer password" in asked(change(client, resident, "Secret-1", "abc"))
        assert asked(change(client, resident, "Secret-1", "Secret-1"))
        assert change(client, resident, "Secret-1", NEW) == bytes((SUCCESS,))


def test_who_does_not_know_the_old_one_learns_and_changes_nothing(server: Server, resident: str) -> None:
    with connect(server) as client:
        assert failure(client.password(resident, "wrong")) == (METHODS, False)
        assert failure(change(client, resident, "wrong", NEW)) == (METHODS, False)
        assert asked(client.password(resident, "Secret-1"))


@pytest.mark.parametrize("new", ["", "x" * 2000, "nul\0inside"])
def test_new_passwords_that_nothing_could_hold(server: Server, resident: str, new: str) -> None:
    with connect(server) as client:
        if not new:
            assert asked(change(client, resident, "Secret-1", new))
            return
        assert failure(change(client, resident, "Secret-1", new)) == (METHODS, False)
    with connect(server) as client:
        assert asked(client.password(resident, "Secret-1"))


def test_a_password_that_is_still_good_is_not_changed_here(server: Server, resident: str) -> None:
    administer("chage", "-d", "2024-01-01", resident)
    with connect(server) as client:
        assert failure(change(client, resident, "Secret-1", NEW)) == (METHODS, False)
        assert client.password(resident, "Secret-1") == bytes((SUCCESS,))


@pytest.mark.parametrize(("extra", "user"), [
    ("RequireValidShell on\n", "{resident}"), ("", "ghost"), ("", "root")])
def test_whom_the_rules_keep_out_gets_a_plain_failure(start: Start, unix: Site, service: Service, resident: str,
                                                      extra: str, user: str) -> None:
    """A question about a new password would say that the old one was right."""
    administer("chage", "-d", "0", resident)
    administer("usermod", "-s", "/no/shell", resident)
    user = user.format(resident=resident)
    prologue = f"AuthOrder mod_auth_pam.c mod_auth_unix.c\nAuthPAMConfig {service(STACK)}\nSFTPPAMEngine off\n"
    with connect(start(prologue=extra + prologue)) as client:
        assert failure(client.password(user, "Secret-1")) == (METHODS, False)
        assert failure(change(client, user, "Secret-1", NEW)) == (METHODS, False)


def test_without_pam_nobody_can_change_it(start: Start, unix: Site, resident: str) -> None:
    administer("chage", "-d", "0", resident)
    with connect(start("AuthOrder mod_auth_unix.c\nAuthPAM off\nSFTPPAMEngine off\n")) as client:
        assert failure(client.password(resident, "Secret-1")) == (METHODS, False)
    unix.wait_for_log("stderr", f"USER {resident} (Login failed): Password expired")
