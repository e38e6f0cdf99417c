"""Where a login is locked in and where it starts; the rules that look at an account."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyproftpd.api.auth import Account, Verdict
from pyproftpd.errors import Where
from pyproftpd.session import places, rules
from pyproftpd.session.conf import LoginConf
from pyproftpd.session.rules import LoginRefused


@pytest.mark.parametrize(("text", "path"), [
    ("~", "/home/eve"), ("~/pub", "/home/eve/pub"), ("/srv/%u", "/srv/eve"), ("~/%u/x", "/home/eve/eve/x"),
    ("~root", "~root"), ("pub", "pub")])
def test_expansion_of_home_and_user(text: str, path: str) -> None:
    assert places.expand(text, "eve", "/home/eve") == path


@pytest.mark.parametrize(("root", "path", "virtual"), [
    ("", "/home/eve", "/home/eve"), ("/home/eve", "/home/eve", "/"), ("/home/eve", "/home/eve/pub", "/pub"),
    ("/home/eve", "/home/evelyn", "/home/evelyn"), ("/srv", "/home/eve", "/home/eve")])
def test_real_path_as_seen_from_inside(root: str, path: str, virtual: str) -> None:
    assert places.within_root(root, path) == virtual


def test_a_root_is_what_it_is_now(tmp_path: Path) -> None:
    root = places.resolve_root(str(tmp_path), allow_symlinks=False)
    assert root is not None and (root.device, root.inode) == (tmp_path.stat().st_dev, tmp_path.stat().st_ino)
    assert places.resolve_root("/", allow_symlinks=False) is None
    assert places.resolve_root("/tmp/..", allow_symlinks=True) is None


@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_a_link_at_any_position_is_refused_when_links_are_not_allowed(tmp_path: Path, position: str) -> None:
    """AllowChrootSymlinks off, security.md U15."""
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    at = {"first": "a", "middle": "a/b", "last": "a/b/c"}[position]
    os.rename(tmp_path / at, tmp_path / "moved")
    (tmp_path / at).symlink_to(tmp_path / "moved")
    path = str(tmp_path / "a" / "b" / "c")
    with pytest.raises(places.BadPlace, match="symbolic link"):
        places.resolve_root(path, allow_symlinks=False)
    followed = places.resolve_root(path, allow_symlinks=True)
    assert followed is not None and "moved" in followed.path


def test_what_is_no_directory_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file", "missing"):
        for allowed in (True, False):
            with pytest.raises(OSError):
                places.resolve_root(str(tmp_path / name), allow_symlinks=allowed)


@pytest.mark.root
def test_a_root_that_the_user_cannot_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    os.seteuid(54001)
    try:
        with pytest.raises(PermissionError):
            places.resolve_root(str(tmp_path / "closed"), allow_symlinks=True)
    finally:
        os.seteuid(0)


def account(**values: object) -> Account:
    return Account(**{"name": "eve", "uid": 1000, "gid": 1000, "home": "/", "shell": "/bin/sh", **values})  # type: ignore[arg-type]


def test_root_by_any_name_needs_rootlogin() -> None:
    toor = account(name="toor", uid=0)
    with pytest.raises(LoginRefused, match=r"RootLogin off \(p.conf:7\)"):
        rules.root(toor, LoginConf({"root_login": False}, {"root_login": Where("p.conf", 7)}))
    rules.root(toor, LoginConf({"root_login": True}))
    rules.root(account(), LoginConf())


def test_a_shell_must_be_one_of_etc_shells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shells = tmp_path / "shells"
    shells.write_text("# comment\n/bin/sh\n/bin/zsh # why not\nrelative\n\n")
    monkeypatch.setattr(rules, "SHELLS", str(shells))
    assert rules.valid_shells() == {"/bin/sh", "/bin/zsh"}
    rules.shell(account(), LoginConf())
    for shell in ("/usr/sbin/nologin", "", "relative", "/bin/sh "):
        with pytest.raises(LoginRefused) as refused:
            rules.shell(account(shell=shell), LoginConf())
        assert refused.value.line == f"Invalid shell: '{shell}'"
        rules.shell(account(shell=shell), LoginConf({"require_valid_shell": False}))


def test_names_in_ftpusers_are_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ftpusers = tmp_path / "ftpusers"
    ftpusers.write_text("# no\nroot\n  eve  # a remark\n#bob\n")
    monkeypatch.setattr(rules, "FTPUSERS", str(ftpusers))
    with pytest.raises(LoginRefused, match="UseFtpUsers on"):
        rules.ftpusers(account(), LoginConf())
    rules.ftpusers(account(), LoginConf({"use_ftp_users": False}))
    rules.ftpusers(account(name="bob"), LoginConf())
    ftpusers.unlink()
    rules.ftpusers(account(), LoginConf())


@pytest.mark.parametrize("verdict", [Verdict.EXPIRED, Verdict.ACCOUNT_EXPIRED, Verdict.DISABLED, Verdict.REFUSED,
                                     Verdict.NO_USER])
def test_a_source_that_does_not_say_ok_refuses(verdict: Verdict) -> None:
    with pytest.raises(LoginRefused):
        rules.authorized(account(), verdict)


def test_the_client_learns_nothing_of_the_rule() -> None:
    refused = LoginRefused("Invalid shell: '/bin/false'", "RequireValidShell on (p.conf:3)")
    assert refused.text == "Permission denied"
