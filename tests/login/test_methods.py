"""Every rule of a login times every method: one server, one account for each rule, the same verdict whatever the proof."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.login.methods import METHODS, log_in
from tests.servers import Server, Site, scratch

pytestmark = pytest.mark.root

RULES = """\
LoadModule mod_ifsession.c
RequireValidShell on
UseFtpUsers on
RootLogin off
UserAlias webmaster demo
SFTPPAMServiceName {service}
SFTPPAMEngine on
DefaultRoot /nonexistent/%u lost
DefaultRoot {root}/link linked
DefaultRoot {root}/closed shut
AllowChrootSymlinks off
<Limit LOGIN>
  DenyUser banned
  DenyGroup outcasts
</Limit>
<IfUser newcomer>
  CreateHome on 750
</IfUser>
"""

#: user -> what the administrator reads, "" for one who gets in
CASES = {
    "demo": "", "webmaster": "", "newcomer": "",
    "ghost": "USER ghost: no such user found",
    "toor": "Root login attempted, denied by RootLogin [RootLogin off ({conf}:4)]",
    "noshell": "Invalid shell: '/no/shell' [RequireValidShell on ({conf}:2)]",
    "daemon": "User in /etc/ftpusers [UseFtpUsers on ({conf}:3)]",
    "banned": "Limit configuration denies login [<Limit LOGIN> ({conf}:12)]",
    "grouped": "Limit configuration denies login [<Limit LOGIN> ({conf}:12)]",
    "homeless": "home directory '/nonexistent/home' cannot be entered",
    "stray": "chroot to '/nonexistent/%u' (resolved to '/nonexistent/stray') failed: No such file or directory "
             "[DefaultRoot /nonexistent/%u ({conf}:8)]",
    "twisted": "is a symbolic link, which AllowChrootSymlinks off refuses",
    "walled": "failed: Permission denied [DefaultRoot {root}/closed ({conf}:10)]",
}

#: where PAM's word is about another account, the one of the system (security.md U19), no rule is reached
ANOTHERS = {("daemon", "keyboard-interactive"): "the account of user 'daemon' comes from mod_auth_file.c"}


def people(site: Site) -> None:
    site.add_account("toor", uid=0)
    site.add_account("noshell", shell="/no/shell")
    for name in ("daemon", "banned", "grouped", "stray", "twisted", "walled", "homeless", "newcomer"):
        site.add_account(name)
    for group, member in (("outcasts", "grouped"), ("lost", "stray"), ("linked", "twisted"), ("shut", "walled")):
        site.groups[group] = (63900 + len(site.groups), (member,))
    site.accounts["homeless"].home = Path("/nonexistent/home")
    shutil.rmtree(site.accounts["newcomer"].home)
    (site.root / "link").symlink_to(site.root / "home")
    (site.root / "closed").mkdir(mode=0o700)


@pytest.fixture(scope="module")
def town(keys: Path) -> Iterator[Server]:
    """One server for the whole table."""
    with scratch() as root:
        site = Site(root, keys)
        people(site)
        service = Path(f"/etc/pam.d/pyproftpd-town-{uuid.uuid4().hex}")
        service.write_text("\n".join(f"{kind} required pam_permit.so" for kind in ("auth", "account", "session")) + "\n")
        server = Server(site)
        try:
            yield server.start(prologue=RULES.format(root=root, service=service.name))
        finally:
            server.stop()
            service.unlink()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("user", CASES)
def test_the_rules_do_not_ask_how_somebody_proved_who_he_is(town: Server, user: str, method: str) -> None:
    before = town.site.log("stderr")
    expected = ANOTHERS.get((user, method), CASES[user]).format(conf=town.site.root / "proftpd.conf", root=town.site.root)
    assert log_in(town, user, method) is not bool(expected)
    if expected:
        told = town.site.wait_for_log("stderr", expected, since=before)[len(before):]
        assert sum(expected in line for line in told.splitlines()) == 1


def test_the_home_that_was_made_is_the_users(town: Server) -> None:
    assert log_in(town, "newcomer", "publickey")
    found = town.site.accounts["newcomer"].home.stat()
    assert (found.st_uid, found.st_mode & 0o7777) == (town.site.accounts["newcomer"].uid, 0o750)
