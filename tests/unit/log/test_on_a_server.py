"""The logs of a running server: who is written where, what happens when a log cannot be written, reopening."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import paramiko
import pytest

from tests.clients import openssh
from tests.clients.rawsftp import CREAT, READ_FLAG, TRUNC, WRITE_FLAG, RawSftp
from tests.machine import free_port
from tests.matrix.road import receive
from tests.servers import PASSWORD, Server, Site

pytestmark = pytest.mark.root

Start = Callable[..., Server]

SESSION = "put one up\nget up got\nls\nmkdir d\nrmdir d\nrm up\n-ls missing\n"


def one_session(server: Server) -> None:
    (server.site.root / "one").write_text("abc")
    ended = server.site.log("end")
    assert openssh.sftp(server, SESSION).returncode == 0
    server.site.wait_for_log("end", ended + "EXIT")


@pytest.fixture
def run(start: Start, site: Site) -> Start:
    def run(extra: str = "", **options: object) -> Server:
        root = site.root
        server = start('AllowOverwrite on\nLogFormat name "%m"\n' + extra.replace("LOG", f"{root}/log")
                       + f"ExtendedLog {root}/log/end EXIT name\n", **options)
        site.wait_for_log("end", "EXIT")  # of whoever looked whether the server listens
        return server
    return run


@contextlib.contextmanager
def connected(server: Server) -> Iterator[paramiko.Transport]:
    transport = paramiko.Transport(("127.0.0.1", server.port))
    transport.connect(username="demo", password=PASSWORD)
    yield transport
    transport.close()


@contextlib.contextmanager
def raw(server: Server) -> Iterator[RawSftp]:
    with connected(server) as transport:
        channel = transport.open_session()
        channel.invoke_subsystem("sftp")
        sftp = RawSftp(channel.sendall, lambda count: receive(channel, count))
        sftp.init(3)
        yield sftp


def names(server: Server, log: str) -> set[str]:
    return set(server.site.log(log).split())


CLASSES = {
    "READ": {"RETR", "READ", "OPEN", "STAT", "LSTAT", "CLOSE"},
    "WRITE": {"STOR", "WRITE", "OPEN", "CLOSE", "DELE", "REMOVE", "MKD", "MKDIR", "RMD", "RMDIR"},
    "DIRS": {"MLSD", "OPENDIR", "READDIR", "REALPATH", "MKD", "MKDIR", "RMD", "RMDIR"},
    "AUTH": {"USER", "PASS", "USERAUTH_REQUEST"},
    "SEC": {"KEXINIT", "ECDH_INIT", "NEWKEYS"},
    "CONNECT,DISCONNECT": {"EXIT"},
    "NONE": set(),
    "NONE+DELE,STOR": {"DELE", "STOR"},
    "DIRS,!WRITE+!MLSD": {"OPENDIR", "READDIR", "REALPATH", "MKD", "MKDIR", "RMD", "RMDIR"},
    "ALL,!SSH,!SFTP,!AUTH,!READ": {"STOR", "DELE", "MKD", "RMD", "MLSD", "OPEN", "KEXINIT"},
}


def test_every_class_and_filter_chooses_its_commands(run: Start) -> None:
    server = run("".join(f"ExtendedLog LOG/class{number} {spec} name\n" for number, spec in enumerate(CLASSES)))
    one_session(server)
    for number, (spec, expected) in enumerate(CLASSES.items()):
        found = names(server, f"class{number}")
        assert expected <= found if spec in ("READ", "WRITE", "DIRS", "AUTH", "SEC") or "ALL" in spec else expected == found, spec
    assert not names(server, "class0") & {"STOR", "MKD", "PASS", "KEXINIT", "EXIT"}
    assert not names(server, "class1") & {"RETR", "READ", "MLSD", "STAT"}
    assert not names(server, "class9") & {"USER", "PASS", "USERAUTH_REQUEST", "RETR", "STAT", "READ", "EXIT"}
    assert not names(server, "class3") & {"STOR", "OPEN", "KEXINIT", "CHANNEL_OPEN"}


def test_notes_and_environment_say_what_was_agreed_and_moved(run: Start) -> None:
    """``%{KEY}e``, because ``%{env:KEY}`` in a configuration file is replaced when it is read, by the real server too."""
    keys = ("SFTP", "SFTP_CLIENT_BANNER", "SFTP_KEX_ALGO", "SFTP_HOST_KEY_ALGO", "SFTP_CLIENT_CIPHER_ALGO",
            "SFTP_SERVER_CIPHER_ALGO", "SFTP_CLIENT_MAC_ALGO", "SFTP_CLIENT_COMPRESSION_ALGO", "SFTP_USER_AUTH_METHOD",
            "SFTP_USER_PUBLICKEY_FINGERPRINT",
            "SSH_CONNECTION", "SFTP_LIBRARY_VERSION")
    server = run('LogFormat notes "%m;' + ";".join(f"%{{note:{key}}};%{{{key}}}e" for key in keys)
                 + ';%{note:mod_xfer.store-path};%{note:sftp.file-handle};%{note:mod_xfer.file-size}"\n'
                 "ExtendedLog LOG/notes WRITE notes\n")
    one_session(server)
    line = next(line for line in server.site.log("notes").splitlines() if line.startswith("STOR")).split(";")
    pairs = dict(zip(keys, zip(line[1:-3:2], line[2:-3:2], strict=True), strict=True))
    assert {key: note for key, (note, _) in pairs.items()} == {key: value for key, (_, value) in pairs.items()}
    assert pairs["SFTP"][0] == "1" and pairs["SFTP_CLIENT_BANNER"][0].startswith("SSH-2.0-OpenSSH")
    assert pairs["SFTP_USER_AUTH_METHOD"][0].startswith("publickey") and all(note for note, _ in pairs.values())
    home = server.site.accounts["demo"].home
    assert line[-3] == f"{home}/up" and re.fullmatch("[0-9a-f]{16}", line[-2]) and line[-1] == "3"


def test_no_log_at_any_level_holds_a_password(run: Start) -> None:
    server = run("ExtendedLog LOG/all ALL\nExtendedLog LOG/json ALL json\nTrace DEFAULT:20\nTraceLog LOG/trace\nDebugLevel 10\n",
                 arguments=("-q",))
    (server.site.root / "one").write_text("abc")
    assert openssh.sftp(server, "pwd\n", password=PASSWORD).returncode == 0
    assert openssh.sftp(server, "pwd\n", password="wrong-" + PASSWORD).returncode != 0
    server.site.wait_for_log("end", "EXIT\nEXIT\nEXIT")
    logs = {path.name: path.read_text(errors="replace") for path in (server.site.root / "log").iterdir()}
    assert "PASS (hidden)" in logs["all"] and '"PASS (hidden)"' in logs["json"] and logs["trace"]
    assert [name for name, text in logs.items() if PASSWORD in text] == []


DOCUMENTED = Path(__file__).parents[3] / "docs" / "logging.md"
TYPES = {"string": str, "number": (int, float), "boolean": bool, "object": dict}


def documented_keys() -> dict[str, tuple[type, ...]]:
    """The table of docs/logging.md: key -> type of its value; a row may give one type for all its keys, or one for each."""
    found: dict[str, tuple[type, ...]] = {}
    for row in re.findall(r"^\| (`.*?) \| (.*?) \|", DOCUMENTED.read_text(), re.MULTILINE):
        keys, types = re.findall(r"`(\w+)`", row[0]), row[1].split(", ")
        for number, key in enumerate(keys):
            kind = TYPES.get(types[number if len(types) > 1 else 0])
            if kind is not None:
                found[key] = kind if isinstance(kind, tuple) else (kind,)
    return found


def test_json_lines_are_what_the_handbook_says(run: Start) -> None:
    server = run("ExtendedLog LOG/json ALL,CONNECT,EXIT json\n")
    one_session(server)
    keys = documented_keys()
    records = [json.loads(line) for line in server.site.log("json").splitlines()]
    for record in records:
        for key, value in record.items():
            assert key in keys, f"{key} is not documented"
            assert type(value) in keys[key], f"{key} is {value!r}"
    assert [r["connecting"] for r in records if "connecting" in r] == [True] * 2
    assert [r["disconnecting"] for r in records if "disconnecting" in r] == [True] * 2
    stored = next(r for r in records if r.get("command") == "STOR")
    assert (stored["response_code"], stored["bytes_sent"], stored["file_size"]) == ("226", 3, 3)
    assert (stored["transfer_status"], stored["file_modified"]) == ("success", False)
    assert set().union(*records) >= {"user", "group", "uid", "gid", "pid", "protocol", "file", "dir_path", "timestamp", "epoch"}


def test_transfers_beside_each_other_have_totals_of_their_own(run: Start) -> None:
    server = run()
    home = server.site.accounts["demo"].home
    (home / "three").write_text("0123456789")
    with raw(server) as sftp:
        first, second = (sftp.open(f"{home}/{name}", WRITE_FLAG | CREAT | TRUNC) for name in ("one", "two"))
        third = sftp.open(f"{home}/three", READ_FLAG)
        sftp.write(first, 0, b"abc")
        sftp.write(second, 0, b"abcde")
        sftp.read(third, 0, 3)
        sftp.write(first, 3, b"d")
        for handle in (second, third, first):
            sftp.close(handle)
    lines = [line.split() for line in server.site.wait_for_log("xferlog", "/one").splitlines()]
    assert [(line[7], line[8], line[11], line[-1]) for line in lines] == [
        ("5", f"{home}/two", "i", "c"), ("3", f"{home}/three", "o", "c"), ("4", f"{home}/one", "i", "c")]


def test_logs_that_cannot_be_written_stop_nothing_and_are_told_at_the_end(run: Start) -> None:
    server = run("ExtendedLog /dev/full ALL\nTrace ssh2:9\nTraceLog /dev/full\n",
                 prologue="TransferLog /dev/full\nSFTPLog /dev/full\n")
    one_session(server)
    assert (server.site.accounts["demo"].home / "up").exists() is False
    server.site.wait_for_log("stderr", "TransferLog: ")  # the session that found the port has told of its own logs already
    text = server.site.wait_for_log("stderr", "log of mod_sftp", since=server.site.log("stderr").partition("TransferLog: ")[0])
    assert re.search(r"ExtendedLog /dev/full: \d+ lines of this session could not be written", text)
    assert "TransferLog: 3 lines of this session could not be written" in text
    for name in ("TraceLog", "log of mod_sftp/1.1.1"):
        assert re.search(rf"{name}: \d+ lines of this session could not be written", text), name


def test_a_log_that_cannot_be_opened_is_said_and_left_out(run: Start, site: Site) -> None:
    root = site.root
    (root / "log" / "real").touch()
    (root / "log" / "link").symlink_to(root / "log" / "real")
    os.mkfifo(root / "log" / "nobody")
    server = run("".join(f"ExtendedLog LOG/{name} ALL\n" for name in ("link", "nobody", "missing/x", "good")))
    one_session(server)
    text = server.site.log("stderr")
    for name, reason in (("link", "symbolic link"), ("nobody", "No such device"), ("missing/x", "No such file")):
        assert re.search(f"cannot open ExtendedLog {root}/log/{name}: .*{reason}", text), name
    assert site.log("real") == "" and "STOR" in site.log("good")


def test_allow_log_symlinks(run: Start, site: Site) -> None:
    root = site.root
    (root / "log" / "real").touch()
    (root / "log" / "link").symlink_to(root / "log" / "real")
    one_session(run("AllowLogSymlinks on\nExtendedLog LOG/link ALL\n"))
    assert "STOR" in site.log("real")


def test_a_fifo_gets_whole_lines(run: Start, site: Site) -> None:
    path = site.root / "log" / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    one_session(run("ExtendedLog LOG/fifo WRITE,EXIT name\n"))
    got = os.read(reader, 65536).decode()
    os.close(reader)
    assert {"STOR", "DELE", "EXIT"} <= set(got.split()) and got.endswith("\nREMOVE\nEXIT\n")


def test_hup_reopens_the_logs_of_the_master_and_of_new_sessions(run: Start) -> None:
    server = run(arguments=("-q",))
    logs = server.site.root / "log"
    one_session(server)
    with raw(server) as sftp:
        for name in ("system.log", "xferlog", "end"):
            (logs / name).rename(logs / f"old-{name}")
        server.signal(signal.SIGHUP)
        server.site.wait_for_log("old-system.log", "received SIGHUP")
        server.site.wait_for_log("system.log", "")
        one_session(server)
        sftp.close(sftp.open(f"{server.site.accounts['demo'].home}/before", WRITE_FLAG | CREAT))
    server.site.wait_for_log("old-xferlog", "/before")
    assert "/up " in server.site.log("xferlog") and "/before" not in server.site.log("xferlog")
    assert "Login successful" in server.site.log("system.log")
    server.stop()
    assert "SHUTDOWN" in server.site.log("system.log")


def test_each_server_may_have_a_general_log_of_its_own(run: Start, site: Site) -> None:
    port = free_port()
    keys = site.keys
    server = run(f"<VirtualHost 127.0.0.1>\n  Port {port}\n  ServerLog LOG/second.log\n  SFTPEngine on\n"
                 f"  SFTPHostKey {keys}/ssh_host_ed25519_key\n  AuthOrder mod_auth_file.c\n  AuthUserFile {site.root}/passwd\n"
                 f"  AuthGroupFile {site.root}/group\n  RequireValidShell off\n  UseFtpUsers off\n  WtmpLog off\n"
                 "  LogOptions -Timestamp -Hostname\n</VirtualHost>\n", arguments=("-q",))
    one_session(server)
    transport = paramiko.Transport(("127.0.0.1", port))
    transport.connect(username="demo", password=PASSWORD)
    transport.close()
    text = server.site.wait_for_log("second.log", "SSH2 session closed.")
    lines = [re.sub(r"\[\d+\]", "[PID]", line, count=1) for line in text.splitlines()]
    assert "proftpd[PID] 127.0.0.1 (127.0.0.1[127.0.0.1]): SSH2 session closed." in lines
    assert len(re.findall("Login successful", server.site.log("system.log"))) == 1


def test_trace_by_channel_and_level(run: Start) -> None:
    server = run("Trace ssh2:3\nTraceLog LOG/trace\nTraceOptions -TimestampMillis\n")
    one_session(server)
    lines = server.site.log("trace").splitlines()
    assert lines and all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[\d+\] <ssh2:[123]>: ", line) for line in lines)


def test_display_login_once_on_the_first_channel_and_the_banner_before_login(run: Start, site: Site) -> None:
    root = site.root
    (root / "welcome").write_text("Welcome %U at %V, class %x\n%{env:SFTP} %{nothing}\n")
    (root / "banner").write_text("Only for %R\n")
    server = run(f"DisplayLogin {root}/welcome\nSFTPDisplayBanner {root}/banner\n")
    with connected(server) as transport:
        assert (transport.get_banner() or b"").decode().strip() == "Only for 127.0.0.1"
        shown = []
        for _ in range(2):
            channel = transport.open_session()
            channel.invoke_subsystem("sftp")
            sftp = RawSftp(channel.sendall, partial(receive, channel))
            sftp.init(3)
            shown.append(channel.recv_stderr(4096) if channel.recv_stderr_ready() else b"")
    assert shown == [b"Welcome demo at test server, class (unknown)\r\n1 (none)\r\n", b""]


def test_promise_15_what_is_refused_has_a_reason_in_the_log(run: Start) -> None:
    """Logins, channels and requests; connections are told of in tests/login."""
    server = run("<Directory ~>\n  <Limit MKD>\n    DenyAll\n  </Limit>\n</Directory>\nDenyFilter \\.exe$\n")
    openssh.sftp(server, "-mkdir d\n-put /etc/hostname x.exe\n-get missing\n")
    openssh.ssh(server, "id")
    openssh.sftp(server, "pwd\n", user="ghost", password="x")
    server.site.wait_for_log("end", "EXIT\nEXIT\nEXIT\nEXIT")
    text = server.site.log("sftp.log")
    assert re.search(r"MKDIR of '.*/d' denied by <Limit MKD> .*proftpd.conf:\d+", text)
    assert re.search(r"OPEN of '.*/x\.exe' denied by DenyFilter", text)
    assert re.search(r"STAT of '.*/missing' failed: No such file or directory", text)
    assert re.search(r"exec.*'id'", text)
    assert "USER ghost: no such user found" in server.site.log("stderr")
