"""AuthUserFile, the system's users, and the order in which they are asked."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pyproftpd.api.auth import Account, AuthSource, Verdict
from pyproftpd.session.conf import AuthFile, AuthPamConf, LoginConf
from pyproftpd.session.sources import decoy
from pyproftpd.session.sources.auth_file import FileSource
from pyproftpd.session.sources.auth_pam import PamSource
from pyproftpd.session.sources.auth_pam import make as make_pam
from pyproftpd.session.sources.auth_unix import UnixSource
from pyproftpd.session.sources.order import Sources
from pyproftpd.unix import pam as pam_binding

#: password "correct horse", by openssl passwd
HASH = "$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB"
RIGHT = b"correct horse"
OWNERS = frozenset({0, os.getuid()})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path


def written(path: Path, text: str, mode: int = 0o600) -> AuthFile:
    path.write_text(text)
    path.chmod(mode)
    return AuthFile(str(path))


def source(folder: Path, users: str, groups: str = "") -> FileSource:
    return FileSource(written(folder / "passwd", users), written(folder / "group", groups, 0o644), owners=OWNERS)


PASSWD = f"""\
# a comment

alice:{HASH}:5001:5001:Alice:/home/alice:/bin/sh
bob:{HASH}:5002:5001::/home/bob:/bin/false
alice:other:9:9::/second:/bin/sh
locked:!{HASH}:5003:5003::/home/locked:/bin/sh
empty::5004:5004::/home/empty:/bin/sh
"""
GROUP = "staff:x:5001:\nftp:x:6001:alice,carol\nftp:x:6001:bob\nother:x:6002:carol\n"


def test_a_file_account_with_its_groups(folder: Path) -> None:
    file = source(folder, PASSWD, GROUP)
    alice = file.account("alice")
    assert alice == Account("alice", 5001, 5001, "/home/alice", "/bin/sh", "Alice", HASH, "auth_file")
    assert file.groups(alice) == [("staff", 5001), ("ftp", 6001)]
    bob = file.account("bob")
    assert bob is not None and file.groups(bob) == [("staff", 5001), ("ftp", 6001)]
    assert file.user_name(5002) == "bob" and file.user_id("bob") == 5002
    assert file.group_name(6002) == "other" and file.group_id("ftp") == 6001
    assert file.account("nobody-here") is None and file.group_id("none") is None


@pytest.mark.parametrize(("user", "password", "verdict"), [
    ("alice", RIGHT, Verdict.OK), ("alice", b"wrong", Verdict.BAD_PASSWORD), ("alice", b"", Verdict.BAD_PASSWORD),
    ("locked", RIGHT, Verdict.BAD_PASSWORD), ("empty", b"", Verdict.BAD_PASSWORD), ("empty", RIGHT, Verdict.BAD_PASSWORD)])
def test_passwords_of_a_file(folder: Path, user: str, password: bytes, verdict: Verdict) -> None:
    file = source(folder, PASSWD)
    account = file.account(user)
    assert account is not None and file.check(account, password) is verdict


def test_a_ghost_is_no_user_whatever_the_password(folder: Path) -> None:
    assert source(folder, PASSWD).check(decoy.ghost("ghost"), RIGHT) is Verdict.NO_USER
    assert source(folder, PASSWD).check(decoy.ghost("alice"), RIGHT) is Verdict.NO_USER


def test_a_locked_hash_locks_every_method(folder: Path) -> None:
    file = source(folder, PASSWD)
    for user, verdict in (("alice", Verdict.OK), ("locked", Verdict.DISABLED)):
        account = file.account(user)
        assert account is not None and file.authorize(account) is verdict


def test_a_changed_file_counts_at_once(folder: Path) -> None:
    file = source(folder, PASSWD)
    assert file.account("dora") is None
    written(folder / "passwd", PASSWD + f"dora:{HASH}:5009:5001::/home/dora:/bin/sh\n")
    assert file.account("dora") is not None


def test_names_stay_known_when_the_file_is_out_of_reach(folder: Path) -> None:
    file = source(folder, PASSWD, GROUP)
    file.enclose()
    (folder / "passwd").unlink()
    (folder / "group").unlink()
    assert file.user_name(5001) == "alice" and file.group_name(6001) == "ftp"


@pytest.mark.parametrize("line", ["broken", "a:b:c:d:e:f:g", "a:b:-1:1::/h:/s", "a:b:4294967295:1::/h:/s", ":b:1:1::/h:/s",
                                  "a:b:1:1::relative:/s", "a:b:99999999999:1::/h:/s", "a:b:²:1::/h:/s"])
def test_a_faulty_line_is_nobody_and_hides_nobody(folder: Path, line: str) -> None:
    file = source(folder, line + "\n" + PASSWD)
    assert [(fault.args[0]) for _, fault in file.load()] == [1]
    assert file.account("a") is None and file.account("alice") is not None


@pytest.mark.parametrize(("mode", "wrong"), [(0o604, "world-readable"), (0o602, "world-writable"), (0o644, "world-readable")])
def test_a_file_open_to_others_vouches_for_nobody(folder: Path, mode: int, wrong: str) -> None:
    file = FileSource(written(folder / "passwd", PASSWD, mode), None, owners=OWNERS)
    with pytest.raises(PermissionError, match=wrong):
        file.account("alice")
    assert FileSource(AuthFile(str(folder / "passwd")), None, insecure=True, owners=OWNERS).account("alice")


def test_a_file_that_opens_later_stops_vouching(folder: Path) -> None:
    file = source(folder, PASSWD)
    account = file.account("alice")
    assert account is not None
    (folder / "passwd").chmod(0o666)
    with pytest.raises(PermissionError):
        file.check(account, RIGHT)


def test_a_file_in_a_folder_open_to_others_vouches_for_nobody(folder: Path) -> None:
    file = source(folder, PASSWD)
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="folder"):
        file.account("alice")


@pytest.mark.root
def test_a_file_of_a_stranger_vouches_for_nobody(folder: Path) -> None:
    file = source(folder, PASSWD)
    os.chown(folder / "passwd", 12345, 12345)
    with pytest.raises(PermissionError, match="12345"):
        file.account("alice")


def test_a_missing_file_is_an_error_not_an_empty_list(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileSource(AuthFile(str(folder / "none")), None, owners=OWNERS).account("alice")


def test_entries_outside_of_the_id_range_do_not_exist(folder: Path) -> None:
    rules = replace(written(folder / "passwd", PASSWD), ids=(5002, 5002))
    file = FileSource(rules, None, owners=OWNERS)
    assert file.account("bob") and not file.account("alice") and file.user_name(5001) is None


def shadow(folder: Path, line: str) -> UnixSource:
    path = folder / "shadow"
    path.write_text(f"other:{HASH}:1:::::\n{line}\n")
    return UnixSource(shadow=str(path), clock=lambda: 20000 * 86400.0)


ROOT = Account("root", 0, 0, "/root", "/bin/sh", source="auth_unix")


@pytest.mark.parametrize(("fields", "verdict"), [
    ("19000:0:99999:7:::", Verdict.OK), ("19000::::::", Verdict.OK),
    ("19000:0:999:7:::", Verdict.EXPIRED), ("19000:0:1000:7:::", Verdict.OK),
    ("19000:0:990:7:5::", Verdict.ACCOUNT_EXPIRED), ("19000:0:990:7:100::", Verdict.EXPIRED),
    ("19000:0:99999:7::20000:", Verdict.ACCOUNT_EXPIRED), ("19000:0:99999:7::20001:", Verdict.OK),
    ("0:0:99999:7:::", Verdict.EXPIRED)])
def test_ageing_fields_of_shadow(folder: Path, fields: str, verdict: Verdict) -> None:
    """shadow(5); today is day 20000."""
    assert shadow(folder, f"root:{HASH}:{fields}").authorize(ROOT) is verdict


@pytest.mark.parametrize(("field", "password", "authorized", "checked"), [
    (HASH, RIGHT, Verdict.OK, Verdict.OK), (HASH, b"wrong", Verdict.OK, Verdict.BAD_PASSWORD),
    ("!" + HASH, RIGHT, Verdict.DISABLED, Verdict.BAD_PASSWORD), ("!", b"", Verdict.DISABLED, Verdict.BAD_PASSWORD),
    ("*", b"*", Verdict.OK, Verdict.BAD_PASSWORD), ("", b"", Verdict.OK, Verdict.BAD_PASSWORD)])
def test_hash_field_of_shadow(folder: Path, field: str, password: bytes, authorized: Verdict, checked: Verdict) -> None:
    unix = shadow(folder, f"root:{field}:19000:0:99999:7:::")
    assert unix.authorize(ROOT) is authorized
    assert unix.check(ROOT, password) is checked


def test_a_user_of_a_name_service_has_no_shadow_and_may_use_a_key(folder: Path) -> None:
    """Issue 890: nothing speaks against such an account, and no password opens it here."""
    unix = shadow(folder, "")
    assert unix.authorize(replace(ROOT, name="sssd-user")) is Verdict.OK
    assert unix.check(replace(ROOT, name="sssd-user"), RIGHT) is Verdict.BAD_PASSWORD


def test_system_names() -> None:
    unix = UnixSource()
    root = unix.account("root")
    assert root is not None and root.uid == 0 and root.hash is None
    assert unix.groups(root)[0] == ("root", 0)
    assert unix.account("no-such-user-here") is None and unix.account("") is None and unix.account("a\0b") is None
    assert unix.user_name(0) == "root" and unix.group_id("root") == 0


def test_persistent_passwd_knows_the_files_alone(folder: Path) -> None:
    """PersistentPasswd on: no other name service is asked, for accounts, groups, names or hashes."""
    (folder / "passwd").write_text(f"+::::::\nlocal:{HASH}:5001:5002:Gecos:/home/local:/bin/sh\nbroken:x:y:z::/:\n"
                                   "local:x:0:0::/:/bin/sh\n")
    (folder / "group").write_text("own:x:5002:\nstaff:x:5003:other,local\nroot:x:0:other\n")
    unix = UnixSource(passwd=str(folder / "passwd"), group=str(folder / "group"), shadow=str(folder / "none"), files=True)
    local = unix.account("local")
    assert local == Account("local", 5001, 5002, "/home/local", "/bin/sh", "Gecos", None, "auth_unix")
    assert unix.groups(local) == [("own", 5002), ("staff", 5003)]
    assert unix.check(local, RIGHT) is Verdict.OK and unix.check(local, b"wrong") is Verdict.BAD_PASSWORD
    assert unix.account("root") is unix.account("broken") is None
    assert unix.user_name(4) is None and unix.user_id("local") == 5001
    unix.enclose()
    assert unix.account("local") is None and unix.user_name(5001) == "local"


def test_system_names_survive_the_loss_of_the_root_directory() -> None:
    unix = UnixSource()
    unix.enclose()
    assert unix.user_name(0) == "root" and unix.user_id("root") == 0 and unix.group_name(0) == "root"
    assert unix.account("root") is None


def test_only_the_source_of_the_account_vouches(folder: Path) -> None:
    """security.md U19: root of the file is not root of shadow."""
    file = source(folder, "root:*:5001:5001::/home/x:/bin/sh\n")
    unix = shadow(folder, f"root:{HASH}:19000:0:99999:7:::")
    for order, expected in (((file, unix), Verdict.BAD_PASSWORD), ((unix, file), Verdict.OK)):
        sources = Sources([(one, False) for one in order])
        account = sources.account("root")
        verdict, _ = sources.check(account, "root", RIGHT)
        assert account is not None and account.source == order[0].name and verdict is expected


def test_a_star_ends_the_search(folder: Path) -> None:
    file = source(folder, PASSWD)
    assert Sources([(file, False), (UnixSource(), False)]).account("root") is not None
    assert Sources([(file, True), (UnixSource(), False)]).account("root") is None


def test_no_supplementary_group_comes_from_another_source(folder: Path) -> None:
    """security.md U13; behaviour 96: without groups the primary gid is the only one."""
    sources = Sources([(source(folder, f"root:{HASH}:5001:54321::/h:/bin/sh\n"), False), (UnixSource(), False)])
    account = sources.account("root")
    assert account is not None and sources.groups(account) == [("54321", 54321)]


def test_pam_speaks_for_the_system_and_not_for_a_file(folder: Path) -> None:
    file, pam = source(folder, PASSWD + "kept:x:5009:5001::/h:/bin/sh\n"), PamSource("no-such-service-here")
    sources = Sources([(pam, False), (file, False), (UnixSource(), False)])
    assert sources.check(sources.account("alice"), "alice", RIGHT) == (Verdict.OK, "auth_file")
    assert sources.check(sources.account("root"), "root", RIGHT)[1] == "auth_pam"
    assert sources.check(sources.account("kept"), "kept", RIGHT)[1] == "auth_pam"


def test_pam_with_a_star_is_final_for_what_stands_behind_it(folder: Path) -> None:
    """Never a login with less checking than configured: PAM does not know the accounts of the file."""
    file, pam, unix = source(folder, PASSWD), PamSource("no-such-service-here"), UnixSource()
    cases: list[tuple[list[tuple[AuthSource, bool]], Verdict]] = [
        ([(pam, True), (unix, False), (file, False)], Verdict.REFUSED),
        ([(pam, False), (unix, False), (file, False)], Verdict.OK),
        ([(file, False), (pam, True), (unix, False)], Verdict.OK)]
    for rows, expected in cases:
        sources = Sources(rows)
        account = sources.account("alice")
        assert account is not None and sources.check(account, "alice", RIGHT)[0] is expected
        assert bool(sources.reason(account)) is (expected is Verdict.REFUSED)


@dataclass
class Settings:
    """What PamSource is made from."""

    pam: AuthPamConf
    login: LoginConf

    def get(self, block: type) -> object:
        return self.pam if block is AuthPamConf else self.login


@pytest.mark.parametrize(("files", "order", "service"), [
    (("proftpd", "ftp"), ("auth_pam", False), "proftpd"), (("ftp",), ("auth_pam", False), "ftp"),
    ((), ("auth_pam", False), None), ((), ("auth_pam", True), "proftpd")])
def test_the_service_of_a_host_that_names_none(folder: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...],
                                               order: tuple[str, bool], service: str | None) -> None:
    """Debian's proftpd is built with proftpd, upstream's with ftp. A star asks for PAM: without a file nobody comes in."""
    monkeypatch.setattr(pam_binding, "SERVICE_DIRECTORIES", (str(folder),))
    for name in files:
        (folder / name).write_text("auth required pam_deny.so\n")
    made = make_pam(Settings(AuthPamConf({}), LoginConf({"auth_order": (order,)})))
    assert (made.service if made else None) == service


def test_a_pam_service_without_a_file_refuses(folder: Path) -> None:
    """Never a login with less checking than configured."""
    pam, unix = PamSource("no-such-service-here"), shadow(folder, f"root:{HASH}:19000:0:99999:7:::")
    sources = Sources([(pam, False), (unix, False)])
    verdict, _ = sources.check(sources.account("root"), "root", RIGHT)
    assert verdict is not Verdict.OK and "no-such-service-here" in pam.reason
