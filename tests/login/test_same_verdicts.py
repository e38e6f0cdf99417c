"""The same accounts and rules on a C proftpd and on ours: the same verdicts, over SSH."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from tests.login.methods import log_in
from tests.servers import Server, Site
from tests.waiting import LIMIT

pytestmark = [pytest.mark.root, pytest.mark.real]

#: user -> verdict, with the rules below
EXPECTED = {
    ("demo", "secret"): True, ("demo", "wrong"): False, ("ghost", "secret"): False,
    ("toor", "secret"): False, ("nologin", "secret"): False, ("daemon", "secret"): False,
    ("banned", "secret"): False, ("homeless", "secret"): False,
    ("grouped", "secret"): False, ("shellless", "secret"): False,
}

RULES = """\
RequireValidShell on
UseFtpUsers on
DefaultRoot ~
<Limit LOGIN>
  DenyUser banned
  DenyGroup outcasts
</Limit>
"""


@pytest.fixture
def peopled(site: Site) -> Site:
    site.add_account("toor", uid=0)
    site.add_account("nologin", shell="/usr/sbin/nologin-of-nobody")
    site.add_account("shellless", shell="")
    site.add_account("daemon")  # named in /etc/ftpusers
    site.add_account("banned")
    site.add_account("grouped")
    site.groups["outcasts"] = (63990, ("grouped",))
    site.add_account("homeless").home = Path("/nonexistent/home")
    return site


def lets_in(server: Server, user: str, password: str) -> bool:
    transport = paramiko.Transport(("127.0.0.1", server.port))
    try:
        transport.start_client(timeout=LIMIT)
        transport.auth_password(user, password)
        return bool(transport.is_authenticated())
    except paramiko.SSHException:
        return False
    finally:
        transport.close()


#: those who prove themselves by a key
BY_KEY = {user: verdict for (user, password), verdict in EXPECTED.items() if password == "secret"}


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "real"])
def test_verdicts_of_every_rule(peopled: Site, start: Callable[..., Server], ours: bool) -> None:
    server = start(ours=ours, prologue=RULES)
    assert {case: lets_in(server, *case) for case in EXPECTED} == EXPECTED
    assert {user: log_in(server, user, "publickey") for user in BY_KEY} == BY_KEY


#: rules -> who gets in with the right password
TABLE = {
    "RootLogin on\n": {"demo", "toor", "daemon", "banned", "grouped"},
    "RequireValidShell off\nUseFtpUsers off\n": {"demo", "nologin", "shellless", "daemon", "banned", "grouped"},
    "<Limit LOGIN>\nAllowUser demo\nDenyAll\n</Limit>\nRequireValidShell off\n": {"demo"},
    "<Limit LOGIN>\nOrder deny,allow\nAllowGroup outcasts\n</Limit>\nUseFtpUsers off\n": {"grouped"},
    "DefaultRoot /nonexistent outcasts\nDefaultRoot ~ demo\nUseFtpUsers off\n": {"demo", "banned", "daemon"},
    "MaxLoginAttempts 1\nUseFtpUsers off\n": {"demo", "banned", "daemon", "grouped"},
    "CreateHome on\nUseFtpUsers off\n": {"demo", "banned", "daemon", "grouped", "homeless"},
}
NAMES = ("demo", "toor", "nologin", "shellless", "daemon", "banned", "grouped", "homeless")


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "real"])
@pytest.mark.parametrize("rules", TABLE)
def test_rules_one_by_one(peopled: Site, start: Callable[..., Server], rules: str, ours: bool) -> None:
    peopled.accounts["homeless"].home = peopled.root / "made" / "homeless"
    base = "" if "RequireValidShell" in rules else "RequireValidShell on\n"
    server = start(ours=ours, prologue=base + rules)
    assert {user for user in NAMES if lets_in(server, user, "secret")} == TABLE[rules]


#: user -> the administrator's line, in the words of both
LINES = {
    ("demo", "wrong"): "USER demo (Login failed): Incorrect password",
    ("ghost", "x"): "USER ghost: no such user found from",
    ("nologin", "secret"): "USER nologin (Login failed): Invalid shell: '/usr/sbin/nologin-of-nobody'",
    ("banned", "secret"): "USER banned (Login failed): Limit configuration denies login",
    ("daemon", "secret"): "USER daemon (Login failed): User in /etc/ftpusers",
    ("homeless", "secret"): "/nonexistent/home",
}


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "real"])
def test_a_refusal_is_one_line_in_the_words_of_the_real_server(peopled: Site, start: Callable[..., Server],
                                                               ours: bool) -> None:
    server = start("" if ours else "DebugLevel 1\n", ours=ours, prologue=RULES)
    for case, line in LINES.items():
        assert not lets_in(server, *case)
        peopled.wait_for_log("stderr", line)  # -n logs to the terminal
