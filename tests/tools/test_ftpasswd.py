"""ftpasswd: every mode, every hash, and what it must never do to a file. Wordings and entries as the C distribution's tool."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.servers import Server, Site
from tests.tools.commands import Done, run

USER = ("--passwd", "--name=u1", "--uid=1001", "--gid=7", "--home=/tmp", "--shell=/bin/sh", "--stdin")


def ftpasswd(cwd: Path, *words: str, text: str = "pw1\n") -> Done:
    return run("ftpasswd", *words, text=text, cwd=cwd)


def ok(cwd: Path, *words: str, text: str = "pw1\n") -> str:
    done = ftpasswd(cwd, *words, text=text)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def field(path: Path, number: int, line: int = 0) -> str:
    return path.read_text().splitlines()[line].split(":")[number]


def matches(password: str, stored: str) -> bool:
    """By another program than ours: openssl for the kinds that it knows."""
    _, kind, salt, _ = stored.split("$")
    made = subprocess.run(["openssl", "passwd", f"-{kind}", "-salt", salt, password], capture_output=True, text=True, check=True)
    return made.stdout.strip() == stored


def test_an_entry_is_made_and_updated(tmp_path: Path) -> None:
    assert ok(tmp_path, *USER) == "ftpasswd: creating passwd entry for user u1\nftpasswd: entry created\n"
    path = tmp_path / "ftpd.passwd"
    name, stored, *rest = path.read_text().strip().split(":")
    assert (name, rest) == ("u1", ["1001", "7", "", "/tmp", "/bin/sh"])
    assert stored.startswith("$5$") and matches("pw1", stored)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert ok(tmp_path, *USER, "--gecos=A B", text="pw2\n") == (
        "ftpasswd: updating passwd entry for user u1\nftpasswd: entry updated\n")
    assert len(path.read_text().splitlines()) == 1
    assert field(path, 4) == "A B"
    assert matches("pw2", field(path, 1))


@pytest.mark.parametrize(("option", "prefix"), [("--md5", "$1$"), ("--sha256", "$5$"), ("--sha512", "$6$")])
def test_kinds_of_hash(tmp_path: Path, option: str, prefix: str) -> None:
    line = ok(tmp_path, "--hash", option, "--stdin").strip()
    stored = line.removeprefix("ftpasswd: ")
    assert stored.startswith(prefix) and matches("pw1", stored)
    assert list(tmp_path.iterdir()) == []


def test_des_is_made_by_name_only(tmp_path: Path) -> None:
    stored = ok(tmp_path, "--hash", "--des", "--stdin").strip().removeprefix("ftpasswd: ")
    assert len(stored) == 13 and "$" not in stored


def test_changing_a_password(tmp_path: Path) -> None:
    ok(tmp_path, *USER)
    change = ("--passwd", "--name=u1", "--change-password", "--stdin")
    same = ftpasswd(tmp_path, *change)
    assert (same.returncode, same.stderr) == (2, "ftpasswd: error: password matches current password\n")
    assert ok(tmp_path, *change, text="pw2\n").endswith("entry updated\n")
    assert matches("pw2", field(tmp_path / "ftpd.passwd", 1))
    unknown = ftpasswd(tmp_path, "--passwd", "--name=nobodyhere", "--change-password", "--stdin")
    assert (unknown.returncode, unknown.stderr) == (1, "ftpasswd: error: no such user nobodyhere in ./ftpd.passwd\n")


def test_lock_and_unlock(tmp_path: Path) -> None:
    ok(tmp_path, *USER)
    path = tmp_path / "ftpd.passwd"
    before = path.read_text()
    for _ in range(2):
        assert ok(tmp_path, "--passwd", "--name=u1", "--lock").endswith("ftpasswd: entry updated\n")
        assert path.read_text() == before.replace("$5$", "!$5$", 1)
    ok(tmp_path, "--passwd", "--name=u1", "-u")
    assert path.read_text() == before


def test_change_home_and_delete(tmp_path: Path) -> None:
    ok(tmp_path, *USER)
    ok(tmp_path, "--passwd", "--name=u1", "--change-home", "--home=/var")
    assert field(tmp_path / "ftpd.passwd", 5) == "/var"
    assert ok(tmp_path, "--passwd", "--name=u1", "--delete-user").endswith("ftpasswd: entry deleted\n")
    assert (tmp_path / "ftpd.passwd").read_text() == ""
    assert ftpasswd(tmp_path, "--passwd", "--name=u1", "--delete-user").returncode == 1


def test_a_relative_home_is_8(tmp_path: Path) -> None:
    done = ftpasswd(tmp_path, *USER, "--home=there")
    assert (done.returncode, done.stderr) == (8, "ftpasswd: error: relative path given for home directory\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_the_systems_password_is_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Against a shadow file of the test's own: that of the machine is not ours to write."""
    import io

    from pyproftpd.cli import ftpasswd as command
    made = subprocess.run(["openssl", "passwd", "-6", "pw1"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "shadow").write_text(f"root:*:1:\nu1:{made}:1:0:99999:7:::\n")
    monkeypatch.setattr(command, "_SHADOW", str(tmp_path / "shadow"))
    words = [*USER, f"--file={tmp_path}/file", "--not-system-password"]
    monkeypatch.setattr("sys.stdin", io.StringIO("pw1\n"))
    assert command.main(words) == 4
    assert "password matches system password" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("other\n"))
    assert command.main(words) == 0


def test_groups(tmp_path: Path) -> None:
    path = tmp_path / "ftpd.group"
    group = ("--group", "--name=g1")
    assert ok(tmp_path, *group, "--gid=5", "-m", "a", "--member=b") == (
        "ftpasswd: creating group entry for group g1\nftpasswd: entry created\n")
    assert path.read_text() == "g1:x:5:a,b\n"
    ok(tmp_path, *group, "--add-member=c")
    ok(tmp_path, *group, "--add-member=c")
    ok(tmp_path, *group, "--delete-member=a")
    assert path.read_text() == "g1:x:5:b,c\n"
    ok(tmp_path, *group, "--gid=6", "--enable-group-passwd", "--stdin")
    assert matches("pw1", field(path, 1)) and field(path, 2) == "6"
    assert ftpasswd(tmp_path, "--group", "--name=g9", "--add-member=c").returncode == 1
    ok(tmp_path, *group, "--delete-group")
    assert path.read_text() == ""
    assert "missing required argument: --gid" in ftpasswd(tmp_path, "--group", "--name=g1").stderr


def test_other_lines_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "ftpd.passwd"
    others = b"# accounts of caf\xe9\n\nu0:*:1:1::/:/bin/false\n+::::::\nu10:!x:2:2::/:/bin/false\n"
    path.write_bytes(others)
    ok(tmp_path, *USER)
    assert path.read_bytes().startswith(others)
    ok(tmp_path, "--passwd", "--name=u1", "--delete-user")
    assert path.read_bytes() == others


def test_force_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "ftpd.passwd").write_text("old:*:1:1::/:/bin/false\n")
    ok(tmp_path, *USER, "-F")
    assert (tmp_path / "ftpd.passwd").read_text().startswith("u1:")
    assert len((tmp_path / "ftpd.passwd").read_text().splitlines()) == 1


@pytest.mark.root
def test_mode_and_owner_stay_and_a_link_stays_a_link(tmp_path: Path) -> None:
    """security.md M1."""
    path = tmp_path / "ftpd.passwd"
    ok(tmp_path, *USER)
    os.chown(path, 65001, 65002)
    path.chmod(0o440)
    path.rename(tmp_path / "real")
    path.symlink_to("real")
    ok(tmp_path, *USER, text="pw2\n")
    found = (tmp_path / "real").stat()
    assert path.is_symlink()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65001, 65002, 0o440)
    assert matches("pw2", field(path, 1))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ftpd.passwd", "real"]


@pytest.mark.parametrize("words", [
    ("--passwd", "--name=a:b", "--uid=1", "--home=/", "--shell=/s", "--stdin"), ("--passwd",), ("--passwd", "--name=u"),
    ("--passwd", "--name=u", "--uid=x", "--home=/", "--shell=/s", "--stdin"), (), ("--foo",), ("--passwd", "--group"),
    ("--passwd", "--name=u\nroot", "--uid=0", "--home=/", "--shell=/s", "--stdin"), ("--hash", "--use-cracklib"),
    ("--group", "--name=g", "--gid=1", "--member=a:b")])
def test_wrong_usage_is_1_and_writes_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = ftpasswd(tmp_path, *words)
    assert done.returncode == 1
    assert done.stderr.startswith("ftpasswd: ")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_password_is_none(tmp_path: Path) -> None:
    assert ftpasswd(tmp_path, *USER, text="\n").returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = ftpasswd(tmp_path, *USER, "--file=/nonexistent/file")
    assert done.returncode == 1
    assert "/nonexistent" in done.stderr


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: ftpasswd(tmp_path, "--group", f"--name=g{number}", "--gid=5"), range(12)))
    assert {one.returncode for one in done} == {0}
    assert len((tmp_path / "ftpd.group").read_text().splitlines()) == 12


def test_the_server_takes_what_was_written(start: Callable[..., Server], site: Site) -> None:
    server = start()
    ok(site.root, "--passwd", f"--file={site.root}/passwd", "--name=demo", "--change-password", "--stdin", text="new one\n")
    assert openssh.sftp(server, "pwd\n", password="new one").returncode == 0
    assert openssh.sftp(server, "pwd\n", password="secret").returncode != 0
    ok(site.root, "--passwd", f"--file={site.root}/passwd", "--name=demo", "--lock")
    assert openssh.sftp(server, "pwd\n", password="new one").returncode != 0
