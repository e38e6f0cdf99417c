"""The PAM modules that administrators rely on, in the account and session phases of every method. security.md U4, U5."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.login.methods import METHODS, log_in, logged_in
from tests.machine import administer, alone
from tests.servers import Server, Site

Start = Callable[..., Server]
Service = Callable[[str], str]
TIME_CONF = Path("/etc/security/time.conf")


def serve(start: Start, name: str, extra: str = "") -> Server:
    """One service for passwords, keys and conversations."""
    return start(f"AuthOrder mod_auth_pam.c mod_auth_unix.c\nAuthPAMConfig {name}\nAuthPAMSession on\n"
                 f"SFTPPAMServiceName {name}\n{extra}")


@pytest.fixture
def server(start: Start, unix: Site, service: Service, tmp_path: Path) -> Callable[[str], Server]:
    def run(lines: str) -> Server:
        kinds = {line.split()[0] for line in lines.splitlines()}
        rest = [f"{kind} required pam_permit.so" for kind in ("account", "session") if kind not in kinds]
        return serve(start, service("\n".join(["auth required pam_unix.so nodelay", lines, *rest])))
    return run


def enters(server: Server, user: str) -> list[str]:
    return [method for method in METHODS if log_in(server, user, method, "Secret-1")]


def test_u5_pam_access(server: Callable[[str], Server], resident: str, tmp_path: Path) -> None:
    rules = tmp_path / "access.conf"
    rules.write_text(f"-:{resident}:127.0.0.1\n")
    running = server(f"account required pam_access.so accessfile={rules}")
    assert enters(running, resident) == []
    running.site.wait_for_log("stderr", "pyproftpd-test-")
    rules.write_text(f"+:{resident}:127.0.0.1\n-:ALL:ALL\n")
    assert enters(running, resident) == list(METHODS)


@pytest.fixture
def closing_time() -> Iterator[Callable[[str], None]]:
    """Adds lines to time.conf, which pam_time of this age reads from one place only."""
    with alone("time.conf"):
        before = TIME_CONF.read_text()
        yield lambda line: (TIME_CONF.write_text(f"{before}\n{line}\n"), None)[1]
        TIME_CONF.write_text(before)


def test_u5_pam_time(server: Callable[[str], Server], resident: str, closing_time: Callable[[str], None]) -> None:
    running = server("account required pam_time.so")
    assert enters(running, resident) == list(METHODS)
    closing_time(f"*;*;{resident};!Al0000-2400")
    assert enters(running, resident) == []


def test_pam_faillock(start: Start, unix: Site, service: Service, resident: str, tmp_path: Path) -> None:
    """Two wrong passwords lock the account for every method that PAM is asked to authenticate by; the account phase of this
    module refuses nobody, so a key is still one (pam_faillock(8); sshd alike)."""
    lock = f"dir={tmp_path} deny=2 fail_interval=900 unlock_time=600 nodelay"
    running = serve(start, service(
        f"auth required pam_faillock.so preauth {lock}\nauth sufficient pam_unix.so nodelay\n"
        f"auth [default=die] pam_faillock.so authfail {lock}\naccount required pam_unix.so\nsession required pam_permit.so"))
    assert enters(running, resident) == list(METHODS)
    for method in ("password", "keyboard-interactive"):
        assert not log_in(running, resident, method, "wrong")
    assert enters(running, resident) == ["publickey"]


@pytest.mark.parametrize(("method", "kind"), [("password", "auth"), ("publickey", "account"), ("publickey", "session")])
def test_a_module_that_sleeps_does_not_outlive_the_time_to_log_in(start: Start, unix: Site, service: Service, resident: str,
                                                                  tmp_path: Path, method: str, kind: str) -> None:
    """Not only in conversations; nothing of a session stays."""
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 20\n")
    sleeper.chmod(0o755)
    stack = [f"{one} required {f'pam_exec.so {sleeper}' if one == kind else 'pam_permit.so'}"
             for one in ("auth", "account", "session")]
    running = serve(start, service("\n".join(stack)), "SFTPPAMEngine off\nTimeoutLogin 2\n")
    assert not log_in(running, resident, method, "Secret-1")
    running.site.wait_for_log("stderr", "ended by TimeoutLogin, in the middle of a PAM module")
    assert running.sessions() == []


@pytest.mark.parametrize("method", METHODS)
def test_pam_mkhomedir(server: Callable[[str], Server], resident: str, method: str) -> None:
    running = server("session required pam_mkhomedir.so umask=0027")
    home = running.site.root / "home" / resident
    shutil.rmtree(home)
    assert log_in(running, resident, method, "Secret-1")
    assert home.owner() == resident and home.stat().st_mode & 0o777 == 0o750


def test_pam_limits(server: Callable[[str], Server], resident: str, tmp_path: Path) -> None:
    limits = tmp_path / "limits.conf"
    limits.write_text(f"{resident} hard nofile 123\n")
    running = server(f"session required pam_limits.so conf={limits}")
    with logged_in(running, resident):
        lines = [Path(f"/proc/{pid}/limits").read_text() for pid in running.sessions()]
    assert any(line.split()[-2] == "123" for text in lines for line in text.splitlines() if line.startswith("Max open files"))


@pytest.mark.parametrize(("options", "line"), [
    (("-E", "2020-01-01"), "Account expired"), (("-d", "0"), "Password expired")])
def test_u4_ageing_decides_for_every_method(server: Callable[[str], Server], resident: str, options: tuple[str, ...],
                                            line: str) -> None:
    administer("chage", *options, resident)
    running = server("account required pam_unix.so\npassword required pam_deny.so")
    assert enters(running, resident) == []
    running.site.wait_for_log("stderr", f"USER {resident} (Login failed): {line}")


def test_u4_nologin_keeps_everybody_out(server: Callable[[str], Server], resident: str, tmp_path: Path) -> None:
    notice = tmp_path / "nologin"
    notice.write_text("closed for repairs\n")
    running = server(f"account required pam_nologin.so file={notice}\naccount required pam_permit.so")
    assert enters(running, resident) == []
    notice.unlink()
    assert enters(running, resident) == list(METHODS)


def test_u19_the_file_and_the_system_have_different_passwords(start: Start, unix: Site, service: Service,
                                                              resident: str) -> None:
    """The account comes from the first source of AuthOrder, and only that one's password opens it."""
    from tests.servers import Account

    unix.accounts[resident] = Account(resident, 63300, 63300, unix.root / "home" / resident)  # password "secret"
    name = service("auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so")
    orders = {"mod_auth_file.c mod_auth_pam.c mod_auth_unix.c": {("password", "secret"), ("publickey", "")},
              "mod_auth_pam.c mod_auth_unix.c mod_auth_file.c":
                  {("password", "Secret-1"), ("keyboard-interactive", "Secret-1"), ("publickey", "")}}
    for order, good in orders.items():
        server = start(f"AuthOrder {order}\nAuthPAMConfig {name}\nSFTPPAMServiceName {name}\n")
        tried = [(method, password) for method in ("password", "keyboard-interactive") for password in ("secret", "Secret-1")]
        assert {(method, password) for method, password in [*tried, ("publickey", "")]
                if log_in(server, resident, method, password)} == good
        server.stop()
