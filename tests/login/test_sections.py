"""Sections of mod_ifsession with real logins: what stands in them holds for those sessions and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.login.attempts import attempt
from tests.login.methods import METHODS, log_in, permit
from tests.servers import Server, Site, scratch

__all__ = ["permit"]
pytestmark = pytest.mark.root
Start = Callable[..., Server]

CLASSES = "<Class here>\nFrom 127.0.0.1\n</Class>\n<Class away>\nFrom 192.0.2.1\n</Class>\n"
LOAD = "LoadModule mod_ifsession.c\n" + CLASSES

#: the section -> (demo, other) are locked into their homes
SECTIONS = {
    "IfUser demo": (True, False),
    "IfUser !demo": (False, True),
    "IfUser regex ^d": (True, False),
    "IfUser demo,other": (True, True),
    "IfGroup staff": (False, True),
    "IfGroup OR staff,demo": (True, True),
    "IfGroup AND staff,other": (False, True),
    "IfClass here": (True, True),
    "IfClass away": (False, False),
    "IfClass !away": (True, True),
    "IfAuthenticated": (True, True),
}


@pytest.mark.parametrize("section", SECTIONS)
def test_who_is_meant(site: Site, section: str) -> None:
    site.add_account("other")
    site.groups["staff"] = (63970, ("other",))
    extra = f"{LOAD}<{section}>\nDefaultRoot ~\n</{section.split()[0]}>\n"
    for user, jailed in zip(("demo", "other"), SECTIONS[section], strict=True):
        assert bool(attempt(site, user, extra=extra).chroot) is jailed
    if "IfClass" in section:
        assert bool(attempt(site, "demo", extra=extra, address="192.0.2.1").chroot) is not SECTIONS[section][0]


#: directive in <IfUser demo> -> demo gets in; another user always does
EFFECTS = {
    "RequireValidShell on": False,
    "DefaultRoot /nonexistent": False,
    "<Limit LOGIN>\nDenyAll\n</Limit>": False,
    "<Limit LOGIN>\nAllowAll\n</Limit>": True,
    "MaxClientsPerUser 1": True,
    "UseFtpUsers on": True,
}


@pytest.mark.parametrize("directive", EFFECTS)
def test_login_rules_inside_a_section(site: Site, directive: str) -> None:
    site.add_account("other", shell="/no/shell")
    site.accounts["demo"].shell = "/no/shell"
    extra = f"{LOAD}<IfUser demo>\n{directive}\n</IfUser>\n"
    assert (attempt(site, "demo", None, extra=extra).result == "in") is EFFECTS[directive]
    assert attempt(site, "other", None, extra=extra).result == "in"


@pytest.fixture(scope="module")
def divided(keys: Path) -> Iterator[Server]:
    with scratch() as root:
        site = Site(root, keys)
        site.add_account("reader")
        site.groups["readers"] = (63971, ("reader",))
        server = Server(site)
        try:
            yield server.start("AllowOverwrite on\n", prologue=f"""{LOAD}
<IfGroup readers>
  <Limit WRITE>
    DenyAll
  </Limit>
  Protocols sftp
</IfGroup>
<IfClass here>
  PathDenyFilter \\.exe$
</IfClass>
<IfAuthenticated>
  SFTPMaxChannels 3
</IfAuthenticated>
""")
        finally:
            server.stop()


@pytest.mark.parametrize("user", ["demo", "reader"])
def test_rules_of_files_inside_a_section(divided: Server, user: str) -> None:
    (divided.site.root / "up").write_text("x")
    done = openssh.sftp(divided, f"-put {divided.site.root}/up {user}.txt\n-put {divided.site.root}/up virus.exe\n", user=user)
    home = divided.site.accounts[user].home
    assert (home / f"{user}.txt").exists() is (user == "demo") and not (home / "virus.exe").exists(), done.stderr


@pytest.mark.parametrize("user", ["demo", "reader"])
def test_protocols_inside_a_section(divided: Server, user: str) -> None:
    """A setting that is read after login."""
    (divided.site.accounts[user].home / "down").write_text("x")
    got = openssh.scp(divided, "HOST:down", str(divided.site.root / f"{user}.got"), user=user, arguments=["-O"])
    assert (got.returncode == 0) is (user == "demo")


@pytest.mark.parametrize("method", METHODS)
def test_a_section_holds_whatever_the_method(start: Start, permit: str, method: str) -> None:
    server = start(f"SFTPPAMServiceName {permit}\nSFTPPAMEngine on\n",
                   prologue=f"{LOAD}<IfUser demo>\n<Limit LOGIN>\nDenyAll\n</Limit>\n</IfUser>\n")
    assert not log_in(server, "demo", method)
