"""The controls socket against those it is not for, and against bytes that are no message (security.md M3)."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.servers import DAEMON_USER, Server
from tests.tools.commands import Done, Live, connect, control, socket_path
from tests.waiting import LIMIT, wait_until

Steered = Callable[..., Server]

#: an ordinary user of every system, with a group of its own where others have none
OTHER = pwd.getpwnam(DAEMON_USER)


def as_other(server: Server, *words: str) -> Done:
    """The bytes of ftpdctl, sent by a user who may not be able to read our sources."""
    script = ("import socket, struct, sys\n"
              "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); w = [a.encode() for a in sys.argv[2:]]\n"
              "s.sendall(struct.pack('=iI', 0, len(w)) + b''.join(struct.pack('=I', len(a)) + a for a in w))\n"
              "d = b''\n"
              "while b := s.recv(65536): d += b\n"
              "print(struct.unpack('=i', d[:4])[0], d[12:].decode('utf-8', 'replace'))\n")
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable  # ours may lie in root's home
    return subprocess.run([python, "-c", script, str(socket_path(server)), *words], capture_output=True, text=True,
                          timeout=LIMIT, user=OTHER.pw_uid, group=OTHER.pw_gid, extra_groups=[])


def everything(sock: socket.socket) -> bytes:
    """What comes until the server closes."""
    received = b""
    try:
        while data := sock.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def serves(server: Server) -> bool:
    return openssh.sftp(server, "pwd\n").returncode == 0


def test_by_default_the_socket_is_its_owners(steered: Steered) -> None:
    found = socket_path(steered()).lstat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid())


@pytest.mark.root
def test_others_cannot_connect_by_default(steered: Steered) -> None:
    server = steered()
    assert "PermissionError" in as_other(server, "help").stderr
    assert control(server, "help")[0] == 0


@pytest.mark.root
def test_a_user_who_may_connect_may_do_only_what_is_allowed(steered: Steered) -> None:
    server = steered(f"ControlsSocketACL allow user root,{OTHER.pw_name}\nControlsACLs lsctrl allow user {OTHER.pw_name}\n"
                     f"AdminControlsACLs status,who allow user {OTHER.pw_name}\n")
    assert as_other(server, "status", "all").stdout.startswith("0 ")
    assert as_other(server, "lsctrl").stdout.startswith("0 ")
    for words in (["shutdown"], ["kick", "user", "demo"], ["help"], ["lsmod"]):
        assert as_other(server, *words).stdout == "-1 access denied\n"
    assert control(server, "shutdown")[0] == 0


@pytest.mark.root
def test_an_access_list_without_root_refuses_root(steered: Steered) -> None:
    server = steered(f"AdminControlsACLs kick allow user {OTHER.pw_name}\n")
    assert control(server, "kick", "user", "demo") == (1, ["access denied"])
    assert control(server, "who")[0] == 0


@pytest.mark.root
def test_groups_count_as_the_kernel_knows_them(steered: Steered) -> None:
    import grp
    name = grp.getgrgid(OTHER.pw_gid).gr_name
    server = steered(f"ControlsSocketACL allow group {name}\nAdminControlsACLs who deny user {OTHER.pw_name}\n"
                     f"AdminControlsACLs who,status allow group {name}\n")
    assert as_other(server, "status", "all").stdout.startswith("0 ")
    assert as_other(server, "who").stdout == "-1 access denied\n"
    assert control(server, "help") == (1, ["access denied"])


@pytest.mark.parametrize("message", [
    struct.pack("=iI", 0, 2**32 - 1), struct.pack("=iII", 0, 1, 2**30) + b"help", struct.pack("=iI", -1, 65),
    b"GET / HTTP/1.0\r\n\r\n", struct.pack("=iII", 0, 1, 4) + b"helpmore",
    pytest.param(random.Random(3).randbytes(65536), id="noise")])
def test_a_message_that_is_none_is_refused_and_logged(steered: Steered, message: bytes) -> None:
    server = steered()
    with connect(server) as sock:
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(message)
        answer = everything(sock)
    assert answer in (b"", struct.pack("=iII", -1, 1, 17) + b"malformed request")
    assert "refused a message of uid" in server.site.wait_for_log("controls.log", "malformed request")
    assert control(server, "who") == (0, ["no users connected"])
    assert serves(server)


def test_a_word_that_is_no_text_is_an_unknown_action(steered: Steered) -> None:
    server = steered()
    for word in (b"\xff\x00\n\x1b[2J", b"", b"x" * 16000):
        with connect(server) as sock:
            sock.sendall(struct.pack("=iII", 0, 1, len(word)) + word)
            assert everything(sock).endswith(b"unsupported action requested")
    assert "\x1b" not in server.site.log("controls.log")


def test_an_empty_request_is_answered(steered: Steered) -> None:
    with connect(steered()) as sock:
        sock.sendall(struct.pack("=iI", 0, 0))
        assert everything(sock).endswith(b"unsupported action requested")


def test_silent_clients_hold_up_nobody_and_are_sent_away(steered: Steered, live: Callable[..., Live]) -> None:
    """Not the accept loop, and other administrators only for as long as ControlsAuthFreshness says."""
    server = steered("ControlsMaxClients 2\nControlsAuthFreshness 2\n")
    silent = [connect(server) for _ in range(4)]
    silent[0].sendall(struct.pack("=i", 0))
    client = live(server)
    assert client.answers()
    assert control(server, "who")[0] == 0
    for sock in silent:
        assert everything(sock) == b""
        sock.close()
    server.site.wait_for_log("controls.log", "no complete request within 2 seconds")


def test_a_request_in_pieces_is_a_request(steered: Steered) -> None:
    with connect(steered()) as sock:
        for byte in struct.pack("=iII", 0, 1, 3) + b"who":
            sock.sendall(bytes([byte]))
        assert everything(sock) == struct.pack("=iII", 0, 1, 18) + b"no users connected"


def test_a_client_that_goes_before_its_answer_hurts_nobody(steered: Steered) -> None:
    server = steered()
    for _ in range(20):
        with connect(server) as sock:
            sock.sendall(struct.pack("=iII", 0, 1, 4) + b"dump")
    assert control(server, "who")[0] == 0


def test_sessions_do_not_hold_the_socket(steered: Steered, live: Callable[..., Live]) -> None:
    server = steered()
    live(server)
    (session,) = server.sessions()
    listed = [os.readlink(f"/proc/{session}/fd/{fd}") for fd in os.listdir(f"/proc/{session}/fd")]
    inode = next(line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines()
                 if line.endswith(str(socket_path(server))))
    assert f"socket:[{inode}]" not in listed


def test_engine_off_means_no_socket(steered: Steered) -> None:
    server = steered("ControlsEngine off\n", waits=False)
    assert serves(server)
    assert not socket_path(server).exists()


def test_reload_moves_the_socket(steered: Steered) -> None:
    server = steered()
    path = server.site.root / "proftpd.conf"
    path.write_text(path.read_text() + f"ControlsSocket {server.site.root}/elsewhere.sock\n")
    assert control(server, "restart") == (0, ["restarted server"])
    wait_until((server.site.root / "elsewhere.sock").is_socket, "the new socket")
    assert not socket_path(server).exists()


def test_a_stale_socket_is_replaced(steered: Steered) -> None:
    server = steered()
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    left_over = socket_path(server).stat().st_ctime_ns
    server.start(prologue="LoadModule mod_ctrls_admin.c\n")
    wait_until(lambda: socket_path(server).exists() and socket_path(server).stat().st_ctime_ns != left_over, "a new socket")
    assert control(server, "who")[0] == 0


def test_what_is_not_ours_stays(steered: Steered) -> None:
    """A file in the place of the socket is not removed; the server runs without controls and says so."""
    for make in (lambda path: path.write_text("precious"), lambda path: path.symlink_to("/etc/passwd")):
        server = _with_obstacle(steered, make)
        assert serves(server)
        assert "ftpdctl cannot reach this daemon" in server.site.log("stderr")
        server.stop()
        socket_path(server).unlink()


def _with_obstacle(steered: Steered, make: Callable[[Path], object]) -> Server:
    first = steered("ControlsEngine off\n", waits=False)
    first.stop()
    make(socket_path(first))
    return steered(waits=False)


def test_a_directory_that_everybody_may_change_is_no_place(steered: Steered, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    server = steered(f"ControlsSocket {tmp_path}/sock\n", waits=False)
    assert serves(server)
    assert "everybody may write to its directory" in server.site.log("stderr")
    assert not (tmp_path / "sock").exists()
