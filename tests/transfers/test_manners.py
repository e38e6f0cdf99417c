"""Directives of transfers on a running server: sizes, rates, hidden names, environment, protocols.

security.md F15, U11, A10.15.
"""

from __future__ import annotations

import random
import time

import paramiko
import pytest

from tests.clients import rawsftp
from tests.clients.rawsftp import APPEND_FLAG, CREAT, READ_FLAG, TRUNC, WRITE_FLAG, SftpStatus, text, u32, u64
from tests.matrix.road import receive, scp_download, scp_upload
from tests.servers import Site
from tests.transfers.conftest import Connect
from tests.waiting import wait_until

BLOCK = b"x" * 32768
CUTS = 100
UPLOAD = WRITE_FLAG | CREAT | TRUNC


def test_f15_max_store_file_size_is_never_exceeded_on_disk(connect: Connect) -> None:
    """By parallel writes, a write far away, append, extension, copy and scp: at no moment is there a larger file."""
    server, road, home = connect("AllowOverwrite on\nAllowStoreRestart on\nMaxStoreFileSize 100 Kb\n")
    limit, sftp = 100 * 1024, road.sftp(3)
    handle = sftp.open("parallel", UPLOAD)
    for number in range(16):
        sftp.post(rawsftp.WRITE, text(handle), u64(number * len(BLOCK)), text(BLOCK))
    answers = [sftp.status(sftp.reply()) for _ in range(16)]
    assert answers[:3] == [0, 0, 0] and all(code != 0 for code in answers[3:])
    assert (home / "parallel").stat().st_size <= limit
    assert sftp.close(handle) == 0 and (home / "parallel").stat().st_size <= limit
    handle = sftp.open("far", UPLOAD)
    assert sftp.write(handle, 1 << 40, b"x") != 0 and (home / "far").stat().st_size == 0
    assert sftp.status(sftp.ask(rawsftp.FSETSTAT, text(handle), u32(1), u64(limit + 1))) != 0
    sftp.close(handle)
    assert sftp.status(sftp.ask(rawsftp.SETSTAT, text("far"), u32(1), u64(limit + 1))) != 0
    handle = sftp.open("parallel", WRITE_FLAG | APPEND_FLAG)
    assert sftp.write(handle, 0, BLOCK) != 0
    sftp.close(handle)
    (home / "large").write_bytes(b"y" * (limit + 1))
    (home / "large").chmod(0o644)
    assert sftp.status(sftp.extended("copy-file", text("large"), text("copied"), b"\0")) != 0
    assert not (home / "copied").exists() or (home / "copied").stat().st_size <= limit
    source, handle = sftp.open("large", READ_FLAG), sftp.open("by-handle", UPLOAD)
    assert sftp.status(sftp.extended("copy-data", text(source), u64(0), u64(0), text(handle), u64(0))) != 0
    assert sftp.close(handle) == 0 and (home / "by-handle").stat().st_size <= limit
    answer = scp_upload(road, "by-scp", b"C0644 %d x\n" % (limit + 1), b"z" * (limit + 1) + b"\0")
    assert answer.status and (home / "by-scp").stat().st_size <= limit
    assert "MaxStoreFileSize" in server.site.log("sftp.log")


def test_max_retrieve_file_size_refuses_the_download(connect: Connect) -> None:
    _, road, home = connect("MaxRetrieveFileSize 1 Kb\n")
    (home / "small").write_bytes(b"x" * 1024)
    (home / "large").write_bytes(b"x" * 1025)
    sftp = road.sftp(3)
    assert sftp.close(sftp.open("small", READ_FLAG)) == 0
    with pytest.raises(SftpStatus):
        sftp.open("large", READ_FLAG)
    assert scp_download(road, str(home / "large")).status == 1


@pytest.mark.parametrize(("condition", "applies"), [
    ("user demo", True), ("user other", False), ("group demo", True), ("group wheel", False), ("class here", True),
    ("class there", False)])
def test_u11_size_limits_hold_for_whom_they_name(connect: Connect, condition: str, applies: bool) -> None:
    classes = "<Class here>\nFrom 127.0.0.1\n</Class>\n<Class there>\nFrom 192.0.2.1\n</Class>\n"
    _, road, home = connect(classes + f"MaxStoreFileSize 10 B {condition}\nMaxRetrieveFileSize 10 B {condition}\n")
    (home / "large").write_bytes(b"x" * 11)
    sftp = road.sftp(3)
    handle = sftp.open("new", UPLOAD)
    assert (sftp.write(handle, 0, b"x" * 11) != 0) is applies
    sftp.close(handle)
    if applies:
        with pytest.raises(SftpStatus):
            sftp.open("large", READ_FLAG)
    else:
        sftp.open("large", READ_FLAG)


def test_transfer_rate_slows_its_transfer_and_no_other_channel(connect: Connect) -> None:
    """256 KiB at 64 KiB/s take four seconds; STAT on another channel is answered meanwhile."""
    _, road, home = connect("TransferRate STOR 64\n")
    slow, other = road.sftp(3), road.sftp(4)
    began = time.monotonic()
    handle = slow.open("slow", UPLOAD)
    for number in range(8):
        slow.post(rawsftp.WRITE, text(handle), u64(number * len(BLOCK)), text(BLOCK))
    for _ in range(10):
        assert other.stat(".").type == 2
    assert (home / "slow").stat().st_size < 8 * len(BLOCK), "another channel stood still"
    assert [slow.status(slow.reply()) for _ in range(8)] == [0] * 8
    assert slow.close(handle) == 0
    assert time.monotonic() - began > 2.0


@pytest.mark.parametrize(("value", "temporary"), [
    ("on", ".in.file."), (".part.", ".part.file."), ("pre- -post", "pre-file-post")])
def test_hidden_stores_show_the_name_when_all_is_there(connect: Connect, value: str, temporary: str) -> None:
    _, road, home = connect(f"HiddenStores {value}\nAllowOverwrite on\nAllowStoreRestart on\n")
    sftp = road.sftp(3)
    handle = sftp.open("file", UPLOAD)
    assert sftp.write(handle, 0, BLOCK) == 0
    assert [path.name for path in home.iterdir()] == [temporary]
    assert sftp.close(handle) == 0
    assert [path.name for path in home.iterdir()] == ["file"] and (home / "file").read_bytes() == BLOCK
    for flags in (WRITE_FLAG | APPEND_FLAG, WRITE_FLAG):  # documented: neither append nor resume goes with it
        with pytest.raises(SftpStatus) as caught:
            sftp.open("file", flags)
        assert caught.value.code == 3


@pytest.mark.parametrize(("settings", "left"), [
    ("HiddenStores on\n", []), ("HiddenStores on\nDeleteAbortedStores off\n", [".in.new."]), ("", ["new"]),
    ("DeleteAbortedStores on\n", []), ("DeleteAbortedStores off\n", ["new"])])
def test_promise_05_what_a_broken_upload_leaves_is_one_table(connect: Connect, settings: str, left: list[str]) -> None:
    """docs/uploads.md: the row of lost connections, by SFTP and by SCP, with the bytes in the log."""
    for protocol in ("sftp", "scp"):
        server, road, home = connect(settings)
        for path in home.iterdir():
            path.unlink()
        if protocol == "sftp":
            handle = road.sftp(3).open("new", UPLOAD)
            assert road.sftp(3).write(handle, 0, BLOCK) == 0
        else:
            channel = road.exec("scp -t new")
            channel.recv(1)
            channel.sendall(b"C0644 99999 new\n")
            channel.recv(1)
            channel.sendall(BLOCK)
            wait_until(lambda: any(path.stat().st_size == len(BLOCK) for path in home.iterdir()), "the block on disk")  # noqa: B023
        assert road.transport.sock is not None
        road.transport.sock.close()
        line = server.site.wait_for_log("xferlog", " i r demo ")
        assert f" {len(BLOCK)} " in line and line.rstrip().endswith(" i")
        assert sorted(path.name for path in home.iterdir()) == left, protocol
        server.stop()
        (server.site.root / "log" / "xferlog").unlink()


def test_an_existing_file_survives_a_broken_upload(connect: Connect) -> None:
    server, road, home = connect("AllowOverwrite on\nHiddenStores on\n")
    (home / "file").write_bytes(b"old")
    (home / "file").chmod(0o666)
    handle = road.sftp(3).open("file", UPLOAD)
    road.sftp(3).write(handle, 0, BLOCK)
    assert road.transport.sock is not None
    road.transport.sock.close()
    server.site.wait_for_log("xferlog", " i r demo ")
    assert (home / "file").read_bytes() == b"old" and len(list(home.iterdir())) == 1


def test_setenv_and_accepted_environment_reach_the_logs(connect: Connect, site: Site) -> None:
    log = site.root / "log" / "env"
    _, road, home = connect("SetEnv COLOUR blue\nSetEnv GONE x\nUnsetEnv GONE\nSFTPAcceptEnv LANG\n"
                            'LogFormat env "%m %{COLOUR}e %{GONE}e %{LANG}e %{OTHER}e"\n'
                            f"ExtendedLog {log} WRITE env\n")
    channel = road.transport.open_session()
    channel.set_environment_variable("LANG", "de_DE.UTF-8")
    channel.set_environment_variable("OTHER", "refused")
    channel.invoke_subsystem("sftp")
    client = rawsftp.RawSftp(channel.sendall, lambda count: receive(channel, count))
    client.init(3)
    assert client.status(client.ask(rawsftp.MKDIR, text("made"), client.no_attrs())) == 0
    assert "MKD blue  de_DE.UTF-8 " in site.wait_for_log("env", "MKD ")


@pytest.mark.parametrize(("allowed", "works"), [("sftp", (True, False)), ("scp", (False, True)), ("sftp scp", (True, True))])
def test_protocols(connect: Connect, allowed: str, works: tuple[bool, bool]) -> None:
    _, road, home = connect(f"Protocols {allowed}\n")
    (home / "file").write_bytes(b"content")

    def sftp() -> bool:
        try:
            return road.sftp(3).version == 3
        except paramiko.SSHException:
            return False

    def scp() -> bool:
        try:
            return scp_download(road, str(home / "file")).content == b"content"
        except paramiko.SSHException:
            return False

    assert (sftp(), scp()) == works


def test_promise_04_resuming_keeps_what_was_there(connect: Connect) -> None:
    """Bytes before an offset stay, bytes behind the new data stay, append ignores the client's offset."""
    _, road, home = connect("AllowOverwrite on\nAllowStoreRestart on\n")
    (home / "file").write_bytes(b"0123456789")
    (home / "file").chmod(0o666)
    sftp = road.sftp(3)
    handle = sftp.open("file", WRITE_FLAG)
    assert sftp.write(handle, 4, b"ab") == 0 and sftp.close(handle) == 0
    assert (home / "file").read_bytes() == b"0123ab6789"
    handle = sftp.open("file", WRITE_FLAG | APPEND_FLAG)
    assert sftp.write(handle, 0, b"end") == 0 and sftp.close(handle) == 0
    assert (home / "file").read_bytes() == b"0123ab6789end"


@pytest.mark.parametrize("flags", [WRITE_FLAG | CREAT, WRITE_FLAG | CREAT | APPEND_FLAG], ids=["offsets", "append"])
def test_promise_04_a_hundred_cuts_leave_the_source(connect: Connect, flags: int) -> None:
    """Each time the channel goes without a CLOSE, in the middle of the file and of what was sent ahead."""
    server, road, home = connect("AllowOverwrite on\nAllowStoreRestart on\n")
    dice = random.Random(4)
    source, file = dice.randbytes(400_000), home / "file"
    for cut in range(CUTS):
        sftp, channel = road.another(3)
        at = file.stat().st_size if file.exists() else 0
        handle = sftp.open("file", flags)
        sent = dice.randrange(4)
        for _ in range(sent):
            block = source[at:at + dice.randrange(1, 2000)]
            sftp.post(rawsftp.WRITE, text(handle), u64(at), text(block))
            at += len(block)
        if dice.random() < 0.5:  # the rest is on its way when the channel goes
            assert [sftp.status(sftp.reply()) for _ in range(sent)] == [0] * sent
        channel.close()
        wait_until(lambda: server.site.log("xferlog").count(" i r demo ") > cut, "the upload ended")  # noqa: B023
        assert source.startswith(file.read_bytes())
    sftp = road.sftp(3)
    at = file.stat().st_size
    assert 0 < at < len(source)
    handle = sftp.open("file", flags)
    assert {sftp.write(handle, place, source[place:place + 32768]) for place in range(at, len(source), 32768)} == {0}
    assert sftp.close(handle) == 0 and file.read_bytes() == source


def test_maxcommandrate_holds_requests_up_and_not_the_data(connect: Connect) -> None:
    """Source: real server, verified live: a third STAT has to wait, READ and WRITE have not."""
    server, road, _ = connect("MaxCommandRate 2 12\n")
    sftp = road.sftp(3)
    began = time.monotonic()
    handle = sftp.open("file", UPLOAD)
    for number in range(100):
        assert sftp.write(handle, number, b"x") == 0
    assert sftp.close(handle) == 0
    assert sftp.stat("file").size == 100
    assert time.monotonic() - began >= 6.0, "two requests at once, then one in six seconds"
    assert server.site.log("stderr").count("MaxCommandRate (2 cmds/12 secs) exceeded, injecting processing delay of ") == 1
