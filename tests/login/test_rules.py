"""Every rule that decides about a login, on real accounts and ids, for a password and for a key."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.login.attempts import attempt
from tests.servers import Site

pytestmark = pytest.mark.root

#: a password, and what a key login is to these rules
METHODS = pytest.mark.parametrize("password", [b"secret", None], ids=["password", "key"])


@METHODS
def test_the_session_is_the_user_and_nobody_else(site: Site, password: bytes | None) -> None:
    """security.md U13, U14."""
    demo = site.accounts["demo"]
    site.groups["staff"] = (63900, ("demo",))
    got = attempt(site, "demo", password)
    assert got.result == "in" and got.uids == (demo.uid,) * 3
    assert got.gids == {demo.gid, 63900} and got.groups == ["demo", "staff"]
    assert int(got.status["CapPrm"], 16) == int(got.status["CapEff"], 16) == 0
    assert got.status["NoNewPrivs"] == "1" and not got.regained
    assert got.cwd == got.home == str(demo.home) == got.real_cwd


def test_the_password_decides(site: Site) -> None:
    for wrong in (b"", b"wrong", b"secret ", b"secret\0", b"s" * 1025, b"s" * 100_000):
        assert attempt(site, "demo", wrong).result == "password"
    log = site.log("system.log")
    assert log.count("USER demo (Login failed): Incorrect password") == 6


@METHODS
def test_a_ghost_is_refused_and_named_in_the_log(site: Site, password: bytes | None) -> None:
    got = attempt(site, "ghost", password)
    assert got.result == ("refused" if password is None else "password")
    assert (f"USER ghost: no such user found from 127.0.0.1 [127.0.0.1] to 127.0.0.1:{site.port}"
            in site.log("system.log"))


REFUSALS = [
    ({"uid": 0}, "", "RootLogin off (default)", "Root login attempted"),
    ({"shell": "/no/shell"}, "RequireValidShell on\n", "RequireValidShell on", "Invalid shell: '/no/shell'"),
    ({}, "<Limit LOGIN>\nDenyUser eve\n</Limit>\n", "<Limit LOGIN>", "Limit configuration denies login"),
    ({}, "<Limit LOGIN>\nDenyGroup eve\n</Limit>\n", "<Limit LOGIN>", "Limit configuration denies login"),
    ({}, "<Limit LOGIN>\nOrder deny,allow\nAllowUser demo\nDenyAll\n</Limit>\n", "<Limit LOGIN>",
     "Limit configuration denies login"),
    ({"home": Path("/nonexistent/home")}, "", "home", "home directory '/nonexistent/home' cannot be entered"),
    ({"home": Path("/nonexistent/home")}, "DefaultRoot ~\n", "DefaultRoot ~", "chroot to '~'"),
    ({}, "DefaultRoot /nonexistent/%u\n", "DefaultRoot /nonexistent/%u", "chroot to '/nonexistent/%u'"),
    ({}, "DefaultRoot /etc/passwd\n", "DefaultRoot /etc/passwd", "Not a directory"),
]


@METHODS
@pytest.mark.parametrize(("account", "extra", "rule", "line"), REFUSALS, ids=[line for *_, line in REFUSALS])
def test_a_rule_refuses_after_the_right_proof(site: Site, password: bytes | None, account: dict[str, object], extra: str,
                                              rule: str, line: str) -> None:
    account = dict(account)
    uid, home = account.pop("uid", 63500), account.pop("home", None)
    site.add_account("eve", uid=uid, **account)  # type: ignore[arg-type]
    if home:
        site.accounts["eve"].home = home  # type: ignore[assignment]
    got = attempt(site, "eve", password, extra=extra)
    assert got.result == "refused" and rule in got.rule
    assert got.extra == ["", False, "connected"], "a refused session is again one that has not logged in"
    lines = [text for text in site.log("system.log").splitlines() if "Login failed" in text]
    assert len(lines) == 1 and line in lines[0] and "USER eve (Login failed): " in lines[0]


def test_rules_that_are_switched_off_let_in(site: Site) -> None:
    site.add_account("eve", uid=0, shell="/no/shell")
    got = attempt(site, "eve", extra="RootLogin on\nRequireValidShell off\n")
    assert got.result == "in" and got.uids == (0, 0, 0)


@pytest.mark.parametrize("field", ["!", "*", "x", "", "!$6$testsalt$x"])
def test_a_field_that_is_no_hash_takes_no_password(site: Site, field: str) -> None:
    """security.md U9."""
    site.accounts["demo"].hash = field
    for password in (b"", field.encode(), b"secret"):
        assert attempt(site, "demo", password).result == "password"


def test_a_lock_keeps_keys_out_too(site: Site) -> None:
    """security.md U4."""
    site.accounts["demo"].hash = "!" + site.accounts["demo"].hash
    got = attempt(site, "demo", None)
    assert got.result == "refused" and "Account disabled" in site.log("system.log")


def test_an_unsafe_user_file_vouches_for_nobody(site: Site) -> None:
    """It was safe when the server started; a login looks again."""
    def loosen() -> None:
        (site.root / "passwd").chmod(0o666)

    assert attempt(site, "demo", before=loosen).result == "password"
    assert "world-" in site.log("system.log")


# Names.


def test_an_alias_is_the_account(site: Site) -> None:
    got = attempt(site, "webmaster", extra="UserAlias webmaster demo\nUserAlias * nobody-real\n")
    assert got.result == "in" and got.user == "demo"


def test_the_alias_star_stands_for_every_other_name(site: Site) -> None:
    assert attempt(site, "whoever", extra="UserAlias * demo\n").user == "demo"


def test_alias_only_refuses_the_account_name_itself(site: Site) -> None:
    extra = "AuthAliasOnly on\nUserAlias web demo\n"
    assert attempt(site, "web", extra=extra).result == "in"
    assert attempt(site, "demo", extra=extra).result == "password"


def test_a_password_of_the_configuration_replaces_the_accounts(site: Site) -> None:
    """Hash of "correct horse", by openssl passwd."""
    extra = "UserPassword demo $5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB\n"
    assert attempt(site, "demo", b"correct horse", extra=extra).result == "in"
    assert attempt(site, "demo", b"secret", extra=extra).result == "password"


# Places.


def test_default_root_locks_in(site: Site) -> None:
    (site.accounts["demo"].home / "inside").mkdir()
    got = attempt(site, "demo", extra="DefaultRoot ~\n", then=lambda session: sorted(os.listdir("/")))
    assert got.chroot == str(site.accounts["demo"].home) and got.cwd == got.home == got.real_cwd == "/"
    assert got.extra == ["inside"] and got.uids == (site.accounts["demo"].uid,) * 3


def test_default_root_may_depend_on_groups(site: Site) -> None:
    site.add_account("free")
    site.groups["jailed"] = (63901, ("demo",))
    extra = "DefaultRoot ~ jailed\n"
    assert attempt(site, "demo", extra=extra).chroot and not attempt(site, "free", extra=extra).chroot


def test_default_root_above_home_starts_in_home(site: Site) -> None:
    got = attempt(site, "demo", extra=f"DefaultRoot {site.root}/home\n")
    assert (got.cwd, got.home, got.real_cwd) == ("/demo", "/demo", "/demo")


@pytest.mark.parametrize(("chdir", "root", "cwd"), [
    ("inside", "", "{home}/inside"), ("{home}/inside", "~", "/inside"), ("/inside", "~", "/inside"),
    ("~/inside", "", "{home}/inside"), ("/missing", "~", "/"), ("/missing", "", "{home}")])
def test_default_chdir(site: Site, chdir: str, root: str, cwd: str) -> None:
    home = str(site.accounts["demo"].home)
    (site.accounts["demo"].home / "inside").mkdir()
    extra = f"DefaultChdir {chdir.format(home=home)}\n" + (f"DefaultRoot {root}\n" if root else "")
    got = attempt(site, "demo", extra=extra)
    assert got.cwd == got.real_cwd == cwd.format(home=home)


def test_a_home_may_say_jail_and_directory_where_it_is_asked_for(site: Site) -> None:
    """AuthUnixOptions MagicTokenChroot: ``/jail/./inside``."""
    demo, jail = site.accounts["demo"], site.root / "home"
    demo.home = f"{jail}/./demo"  # type: ignore[assignment]
    got = attempt(site, "demo", extra="AuthUnixOptions MagicTokenChroot\n")
    assert (got.chroot, got.cwd, got.real_cwd) == (str(jail), "/demo", "/demo")
    got = attempt(site, "demo")
    assert (got.chroot, got.cwd) == ("", f"{jail}/demo")


def test_links_in_a_default_root(site: Site) -> None:
    home = site.accounts["demo"].home
    (site.root / "link").symlink_to(home)
    got = attempt(site, "demo", extra=f"DefaultRoot {site.root}/link\n")
    assert got.chroot == str(home)
    got = attempt(site, "demo", extra=f"DefaultRoot {site.root}/link\nAllowChrootSymlinks off\n")
    assert got.result == "refused" and "AllowChrootSymlinks" in site.log("system.log")


def test_a_missing_home_is_made(site: Site) -> None:
    demo = site.accounts["demo"]
    shutil.rmtree(demo.home)
    got = attempt(site, "demo", extra="CreateHome on 750\nDefaultRoot ~\n")
    found = demo.home.stat()
    assert got.result == "in" and (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (demo.uid, demo.gid, 0o750)


# What stays of root.


@pytest.mark.parametrize(("extra", "real", "caps"), [
    ("", False, 0), ("RootRevoke on\n", False, 0), ("RootRevoke off\n", True, None),
    ("RootRevoke on\n<Directory />\nUserOwner games\n</Directory>\n", False, 0),
    ("<Directory /srv/x>\nUserOwner games\n</Directory>\n", False, 1),
    ("<Directory /srv/x>\nUserOwner games\n</Directory>\nCapabilitiesEngine off\n", True, None),
    ("RootRevoke off\nCapabilitiesEngine on\n", False, 1),
    ("RootRevoke off\nCapabilitiesSet +CAP_FOWNER\n", False, 1 | 1 << 3),
    ("RootRevoke off\nCapabilitiesSet +CAP_SETUID -CAP_CHOWN\n", False, 0)])
def test_what_stays_of_root(site: Site, extra: str, real: bool, caps: int | None) -> None:
    """CAP_CHOWN is bit 0, CAP_FOWNER bit 3 (capability.h); nothing that leads back to root is kept."""
    demo = site.accounts["demo"]
    got = attempt(site, "demo", extra=extra)
    assert got.uids == ((0, demo.uid, 0) if real else (demo.uid,) * 3)
    assert int(got.status["CapEff"], 16) == 0
    assert got.regained is real
    if caps is not None:
        assert int(got.status["CapPrm"], 16) == caps and got.status["NoNewPrivs"] == "1"


# Anonymous.

ANONYMOUS = "<Anonymous {root}/home/demo>\nUser demo\nUserAlias anonymous demo\n{more}</Anonymous>\nUserAlias outside demo\n"


def test_anonymous_login_needs_no_password_and_is_locked_in(site: Site) -> None:
    extra = ANONYMOUS.format(root=site.root, more="")
    got = attempt(site, "anonymous", b"me@example.org", extra=extra)
    assert got.result == "in" and got.anonymous and got.chroot == str(site.accounts["demo"].home) and got.cwd == "/"
    assert got.uids == (site.accounts["demo"].uid,) * 3


def test_only_the_sections_own_names_are_anonymous(site: Site) -> None:
    """security.md U12."""
    site.add_account("real")
    extra = ANONYMOUS.format(root=site.root, more="")
    got = attempt(site, "real", extra=extra)
    assert not got.anonymous and not got.chroot
    assert attempt(site, "real", b"me@example.org", extra=extra).result == "password"
    assert attempt(site, "outside", b"me@example.org", extra=extra).result == "password"


def test_anonymous_passwords(site: Site) -> None:
    required = ANONYMOUS.format(root=site.root, more="AnonRequirePassword on\n")
    assert attempt(site, "anonymous", b"guess", extra=required).result == "password"
    assert attempt(site, "anonymous", b"secret", extra=required).result == "in"
    rejected = ANONYMOUS.format(root=site.root, more="AnonRejectPasswords ^mozilla@\n")
    assert attempt(site, "anonymous", b"mozilla@x", extra=rejected).result == "password"
    assert attempt(site, "anonymous", b"me@x", extra=rejected).result == "in"


def test_user_dir_root_is_below_the_section_and_nowhere_else(site: Site) -> None:
    extra = ANONYMOUS.format(root=site.root, more="UserDirRoot on\nUserAlias * demo\n")
    (site.accounts["demo"].home / "guest").mkdir()
    assert attempt(site, "guest@site", b"x", extra=extra).chroot == str(site.accounts["demo"].home / "guest")
    assert attempt(site, "..", b"x", extra=extra).result == "refused"
    assert attempt(site, "a/../..", b"x", extra=extra).result == "refused"
