"""<Anonymous> over SFTP, which the real server ignores: logins of guests, and what cannot work said by line at start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clients import openssh
from tests.clients.rawauth import connect
from tests.login.methods import log_in, prove
from tests.servers import Server, Site

pytestmark = pytest.mark.root
Start = Callable[..., Server]

GUESTS = """\
<Anonymous {root}/pub>
  User demo
  UserAlias anonymous demo
  UserAlias guest demo
  RequireValidShell off
  MaxClients 2
  {more}
  <Limit WRITE>
    DenyAll
  </Limit>
  <Directory incoming>
    <Limit STOR SITE_CHMOD>
      AllowAll
    </Limit>
  </Directory>
</Anonymous>
"""


@pytest.fixture
def guests(site: Site) -> Site:
    public = site.root / "pub"
    (public / "incoming").mkdir(parents=True)
    (public / "incoming").chmod(0o777)
    (public / "readme").write_text("welcome\n")
    return site


def test_guests_read_and_drop_files_and_see_nothing_else(guests: Site, start: Start) -> None:
    server = start(GUESTS.format(root=guests.root, more=""))
    (guests.root / "mine").write_text("x")
    done = openssh.sftp(server, "pwd\nls /\nls /etc\n", user="anonymous", password="me@example.org")
    assert "/incoming" in done.stdout and "/readme" in done.stdout and "/etc" in done.stderr
    done = openssh.sftp(server, f"get readme {guests.root}/got\n-put {guests.root}/mine mine\n"
                                f"-put {guests.root}/mine incoming/mine\n", user="guest", password="x")
    assert (guests.root / "got").read_text() == "welcome\n"
    assert not (guests.root / "pub" / "mine").exists() and (guests.root / "pub" / "incoming" / "mine").exists()
    guests.wait_for_log("stderr", "ANON demo: Login successful.")


def test_the_account_itself_is_a_guest_too_and_others_are_not(guests: Site, start: Start) -> None:
    """The account that a section is run as logs in to it by its own name. Source: real server, for FTP."""
    guests.add_account("real")
    server = start(GUESTS.format(root=guests.root, more=""))
    assert log_in(server, "demo", "password", "anything")
    assert not log_in(server, "real", "password", "anything") and log_in(server, "real", "password")


def test_rules_inside_the_section(guests: Site, start: Start) -> None:
    server = start(GUESTS.format(root=guests.root, more="AnonRequirePassword on"))
    assert not log_in(server, "anonymous", "password", "me@example.org") and log_in(server, "anonymous", "password")
    server.stop()
    server = start(GUESTS.format(root=guests.root, more="<Limit LOGIN>\nDenyAll\n</Limit>"))
    assert not log_in(server, "anonymous", "password", "x")


def test_places_of_guests_are_counted(guests: Site, start: Start) -> None:
    server = start(GUESTS.format(root=guests.root, more=""))
    with connect(server) as one, connect(server) as two:
        for client in (one, two):
            assert prove(client, server, "guest", "password", "x")[0] == 52
        assert not log_in(server, "guest", "password", "x")


#: section -> what is said at start, with its line
FAULTS = {
    "<Anonymous {root}/missing>\nUser demo\n</Anonymous>\n":
        "proftpd.conf:1: <Anonymous {root}/missing>: is not a directory, logins will be refused",
    "<Anonymous {root}/pub>\nUmask 022\n</Anonymous>\n":
        "proftpd.conf:1: <Anonymous {root}/pub>: names neither User nor UserAlias, so no name leads here",
    "<Anonymous {root}/pub>\nUser demo\n</Anonymous>\nSFTPAuthMethods publickey\n":
        "offers no method that takes any password; guests can log in only as it says",
    "<Anonymous {root}/pub>\nUser nosuchaccount\n</Anonymous>\n": "",
    "<Anonymous ~nosuchaccount>\nUser demo\n</Anonymous>\n": "",
}


@pytest.mark.parametrize("section", FAULTS)
def test_what_cannot_work_is_a_warning_and_never_a_refused_start(guests: Site, start: Start, section: str) -> None:
    guests.add_account("real")
    server = start(prologue=section.format(root=guests.root))
    guests.wait_for_log("stderr", FAULTS[section].format(root=guests.root))
    assert log_in(server, "real", "publickey")
