"""Accounts of the machine itself, made by useradd: shadow, ageing, PAM's account and session phases."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyproftpd.session.session import Session
from pyproftpd.unix.pam_keeper import KeptSession
from tests.login.attempts import Outcome, attempt
from tests.machine import administer
from tests.pam.test_driver import wait_for
from tests.servers import BASE, Site

pytestmark = pytest.mark.root

SYSTEM = BASE.replace("AuthOrder mod_auth_file.c\n", "AuthOrder mod_auth_pam.c mod_auth_unix.c\n")
NO_PAM = "AuthPAM off\n"
METHODS = pytest.mark.parametrize("password", [b"secret", None], ids=["password", "key"])


@dataclass
class Machine:
    """A user and a PAM service that exist for one test."""

    site: Site
    user: str
    service: Path

    def log_in(self, password: bytes | None = b"secret", extra: str = NO_PAM,
               then: Callable[[Session], object] | None = None) -> Outcome:
        return attempt(self.site, self.user, password, extra=extra, base=SYSTEM, then=then)

    @property
    def with_pam(self) -> str:
        return f"AuthPAMConfig {self.service.name}\n"

    def serve(self, *lines: str) -> None:
        """Write the PAM service; what a line does not name is permitted."""
        kinds = {line.split()[0] for line in lines}
        rest = [f"{kind} required pam_permit.so" for kind in ("auth", "account", "password", "session")
                if kind not in kinds]
        self.service.write_text("\n".join([*lines, *rest]) + "\n")

    def age(self, *options: str) -> None:
        administer("chage", *options, self.user)


@pytest.fixture
def machine(site: Site) -> Iterator[Machine]:
    user = "pyt" + secrets.token_hex(4)
    service = Path("/etc/pam.d") / f"pyproftpd-{user}"
    administer("useradd", "-m", "-d", str(site.root / "home" / user), "-s", "/bin/sh", user)
    try:
        administer("chpasswd", data=f"{user}:secret\n")
        yield Machine(site, user, service)
    finally:
        service.unlink(missing_ok=True)
        administer("userdel", "-f", "-r", user)


@pytest.mark.parametrize("line", ["AuthUnixOptions NoGetgrouplist\n", "AuthUnixOptions NoInitgroups\n", "PersistentPasswd on\n"])
def test_groups_are_the_same_however_they_are_looked_up(machine: Machine, line: str) -> None:
    administer("groupadd", "g" + machine.user)
    try:
        administer("usermod", "-aG", "g" + machine.user, machine.user)
        got = machine.log_in(extra=NO_PAM + line)
    finally:
        administer("groupdel", "g" + machine.user)
    assert got.result == "in" and got.groups == [machine.user, "g" + machine.user]


@METHODS
def test_a_user_of_the_system_logs_in(machine: Machine, password: bytes | None) -> None:
    administer("groupadd", "g" + machine.user)
    try:
        administer("usermod", "-aG", "g" + machine.user, machine.user)
        got = machine.log_in(password)
    finally:
        administer("groupdel", "g" + machine.user)
    assert got.result == "in" and got.groups == [machine.user, "g" + machine.user] and not got.regained


def test_the_password_of_shadow_decides(machine: Machine) -> None:
    assert machine.log_in(b"wrong").result == "password"
    administer("passwd", "-d", machine.user)
    assert machine.log_in(b"").result == "password", "an empty field is no password (security.md U9)"


@METHODS
@pytest.mark.parametrize(("options", "line"), [
    (("-E", "2020-01-01"), "Account expired"), (("-d", "0"), "Password expired"),
    (("-d", "2020-01-01", "-M", "30"), "Password expired"),
    (("-d", "2020-01-01", "-M", "30", "-I", "5"), "Account expired")], ids=lambda value: str(value))
def test_an_account_that_has_expired(machine: Machine, password: bytes | None, options: tuple[str, ...],
                                     line: str) -> None:
    """security.md U4."""
    machine.age(*options)
    assert machine.log_in(password).result == "refused"
    assert line in machine.site.log("system.log")


@METHODS
def test_a_locked_account(machine: Machine, password: bytes | None) -> None:
    administer("usermod", "-L", machine.user)
    assert machine.log_in(password).result == ("password" if password else "refused")


def test_names_are_known_inside_a_jail(machine: Machine) -> None:
    def names(session: Session) -> list[object]:
        assert session.names is not None
        return [session.names.user_name(0), session.names.group_name(0), session.names.user_id("root"),
                session.names.user_name(4242424)]

    got = machine.log_in(extra=NO_PAM + "DefaultRoot ~\n", then=names)
    assert got.chroot and got.extra == ["root", "root", 0, "4242424"]


# PAM.


def test_pam_decides_about_the_password(machine: Machine) -> None:
    machine.serve("auth required pam_unix.so")
    assert machine.log_in(extra=machine.with_pam).result == "in"
    assert machine.log_in(b"wrong", extra=machine.with_pam).result == "password"


def test_shadow_does_not_overrule_pam(machine: Machine) -> None:
    """Never a login with less checking than configured; the real server asks shadow after a PAM refusal."""
    machine.serve("auth required pam_unix.so", "account required pam_deny.so")
    assert machine.log_in(extra=machine.with_pam).result == "password"
    machine.serve("auth required pam_deny.so")
    assert machine.log_in(extra=machine.with_pam).result == "password"


def test_a_service_that_does_not_exist_refuses(machine: Machine) -> None:
    assert machine.log_in(extra="AuthPAMConfig pyproftpd-no-such-service\n").result == "password"
    assert machine.log_in(None, extra="AuthPAMConfig pyproftpd-no-such-service\nAuthPAMSession on\n").result == "refused"
    assert "pyproftpd-no-such-service" in machine.site.log("system.log")


def test_a_module_that_does_not_exist_refuses(machine: Machine) -> None:
    machine.serve("auth required pam_no_such_module.so")
    assert machine.log_in(extra=machine.with_pam).result == "password"


def test_the_account_phase_decides_about_keys_where_it_is_asked_for(machine: Machine) -> None:
    """security.md U5; off is the real server's behaviour."""
    machine.serve("auth required pam_unix.so", "account required pam_deny.so")
    assert machine.log_in(None, extra=machine.with_pam).result == "in"
    got = machine.log_in(None, extra=machine.with_pam + "AuthPAMSession on\n")
    assert got.result == "refused" and machine.service.name in got.rule


@METHODS
def test_the_pam_session_opens_and_closes_once_as_root(machine: Machine, password: bytes | None) -> None:
    record = machine.site.root / "pam-sessions"
    script = machine.site.root / "record.sh"
    script.write_text(f'#!/bin/sh\necho "$PAM_TYPE $PAM_USER $PAM_RHOST $(id -u)" >> {record}\n')
    script.chmod(0o755)
    machine.serve("auth required pam_unix.so", f"session required pam_exec.so {script}")
    opened = f"open_session {machine.user} 127.0.0.1 0"
    got = machine.log_in(password, extra=machine.with_pam + "AuthPAMSession on\nDefaultRoot ~\n",
                         then=lambda session: KeptSession in session.store)
    assert got.result == "in" and got.extra is True and got.uids[0] != 0 and not got.regained
    assert wait_for(record, 2) == [opened, f"close_session {machine.user} 127.0.0.1 0"]


def test_a_session_that_a_later_rule_refuses_is_closed_again(machine: Machine) -> None:
    record = machine.site.root / "pam-sessions"
    script = machine.site.root / "record.sh"
    script.write_text(f'#!/bin/sh\necho "$PAM_TYPE" >> {record}\n')
    script.chmod(0o755)
    machine.serve("auth required pam_unix.so", f"session required pam_exec.so {script}")
    got = machine.log_in(extra=machine.with_pam + "DefaultRoot /nonexistent\n")
    assert got.result == "refused" and wait_for(record, 2) == ["open_session", "close_session"]


def test_pam_mkhomedir_makes_the_home_before_it_is_looked_for(machine: Machine) -> None:
    home = Path(f"{machine.site.root}/home/{machine.user}")
    shutil.rmtree(home)
    machine.serve("auth required pam_unix.so", "session required pam_mkhomedir.so")
    got = machine.log_in(extra=machine.with_pam + "DefaultRoot ~\n")
    assert got.result == "in" and got.chroot == str(home)


def test_wtmp_and_lastlog_get_their_records(machine: Machine) -> None:
    wtmp = Path("/var/log/wtmp")
    if not wtmp.exists():
        pytest.skip("this machine keeps no wtmp")
    assert machine.log_in(extra=NO_PAM + "WtmpLog on\n", then=lambda session: os.getpid()).result == "in"
    shown = subprocess.run(["last", "-w", "-f", str(wtmp), machine.user], capture_output=True, text=True).stdout
    assert machine.user in shown and "ftpd" in shown
