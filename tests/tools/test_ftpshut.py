"""A planned shutdown: the notice that ftpshut writes, and a server with live sessions that obeys it."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.servers import Server, Site
from tests.tools.commands import Live, run
from tests.waiting import LIMIT, wait_until


def announce(site: Site, *words: str) -> None:
    done = run("ftpshut", "-f", str(site.root / "shutmsg"), *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def written(tmp_path: Path, *words: str) -> str:
    done = run("ftpshut", "-f", str(tmp_path / "shutmsg"), *words)
    assert (done.returncode, done.stderr) == (0, "")
    return (tmp_path / "shutmsg").read_text()


@pytest.mark.parametrize(("words", "offsets", "message"), [
    (["+30"], "0010 0005", "going down at %s"), (["-l", "90", "-d", "3", "now", "bye", "all"], "0130 0003", "bye all"),
    (["-l", "0", "2359", "%s gone"], "0000 0005", "%s gone")])
def test_the_notice_is_that_of_the_c_tool(tmp_path: Path, words: list[str], offsets: str, message: str) -> None:
    before = time.time()
    first, second, end = written(tmp_path, *words).split("\n")
    after = time.time()
    assert (second, end) == (message, "")
    *when, deny, disconnect = first.split(" ")
    assert f"{deny} {disconnect}" == offsets
    assert when[5] == "0"
    at = time.mktime((*(int(word) for word in when), 0, 0, -1))  # type: ignore[arg-type]
    distance = {"+30": 1800, "now": 0}.get(words[0] if words[0] == "+30" else words[-3])
    if distance is not None:
        assert before - 60 < at - distance <= after  # seconds are cut off
    else:
        assert when[3:5] == ["23", "59"]
        assert before - 60 < at <= after + 86400
    assert stat.S_IMODE((tmp_path / "shutmsg").stat().st_mode) == 0o644


@pytest.mark.parametrize("words", [[], ["foo"], ["2561"], ["+x"], ["-l", "x", "now"], ["-Z"], ["-d", "6000", "now"]])
def test_faults_write_nothing(tmp_path: Path, words: list[str]) -> None:
    done = run("ftpshut", "-f", str(tmp_path / "shutmsg"), *words)
    assert done.returncode == 1
    assert "usage: ftpshut" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_taking_it_back(tmp_path: Path) -> None:
    path = tmp_path / "shutmsg"
    written(tmp_path, "now")
    assert run("ftpshut", "-f", str(path), "-R").stdout == f"ftpshut: {path} removed\n"
    again = run("ftpshut", "-f", str(path), "-R")
    assert (again.returncode, again.stderr) == (1, f"ftpshut: error removing '{path}': No such file or directory\n")


def test_new_logins_are_denied_and_the_message_reaches_the_client(
        start: Callable[..., Server], site: Site, live: Callable[..., Live]) -> None:
    server = start(f"ShutdownFile {site.root}/shutmsg\n")
    announce(site, "-l", "5", "-d", "0", "+30", "new disks at %s")
    early = live(server)
    announce(site, "-l", "60", "-d", "0", "+30", "new disks for %L")
    refused = openssh.sftp(server, "pwd\n")
    assert refused.returncode != 0
    assert "new disks for 127.0.0.1" in refused.stderr
    site.wait_for_log("stderr", "Connection refused (shutdown notice): new disks for 127.0.0.1")
    assert early.answers()
    assert run("ftpshut", "-f", str(site.root / "shutmsg"), "-R").returncode == 0
    assert openssh.sftp(server, "pwd\n").returncode == 0
    assert early.answers()


def test_a_session_that_has_not_logged_in_by_then_does_not(start: Callable[..., Server], site: Site) -> None:
    import paramiko
    server = start(f"ShutdownFile {site.root}/shutmsg\n")
    transport = paramiko.Transport(("127.0.0.1", server.port))
    try:
        transport.start_client(timeout=LIMIT)
        announce(site, "+5")
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.auth_password("demo", "secret")
        assert not transport.is_authenticated()
    finally:
        transport.close()


def test_sessions_end_when_their_time_has_come(start: Callable[..., Server], site: Site, live: Callable[..., Live]) -> None:
    server = start(f"ShutdownFile {site.root}/shutmsg\n")
    client = live(server)
    announce(site, "-d", "0", "now")
    client.ended()
    wait_until(lambda: server.sessions() == [], "the end of the session")
    assert site.wait_for_log("stderr", "shutdown notice: sessions are disconnected")
    assert server.process is not None and server.process.poll() is None


@pytest.mark.parametrize("text", ["", "tomorrow\n", "2026 13 99 99 99 99 0010 0005\n\n", "9" * 5000])
def test_a_notice_that_nobody_can_read_denies_logins_and_ends_nothing(
        start: Callable[..., Server], site: Site, live: Callable[..., Live], text: str) -> None:
    server = start(f"ShutdownFile {site.root}/shutmsg\n")
    client = live(server)
    (site.root / "shutmsg").write_text(text)
    refused = openssh.sftp(server, "pwd\n")
    assert "Server is shutting down" in refused.stderr
    site.wait_for_log("stderr", "shutdown notice")
    assert client.answers()
