"""OpenSSH's sftp and scp, the clients that most hosts have."""

from __future__ import annotations

import calendar
import hashlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.interop.conftest import digest
from tests.servers import Server
from tests.waiting import wait_until


def home(server: Server) -> Path:
    return server.site.accounts["demo"].home


def test_a_tree_goes_up_and_comes_down_unchanged(server: Server, tree: Path, tmp_path: Path) -> None:
    done = openssh.sftp(server, f"put -r {tree}\nget -r tree {tmp_path}\n")
    assert done.returncode == 0, done.stderr
    assert digest(home(server) / "tree") == digest(tree)
    assert digest(tmp_path / "tree") == digest(tree)


def test_the_password_is_asked_and_believed(server: Server) -> None:
    assert openssh.sftp(server, "pwd\n", password="secret").returncode == 0
    wrong = openssh.sftp(server, "pwd\n", password="wrong")
    assert wrong.returncode != 0 and "Permission denied" in wrong.stderr


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_keys_of_every_kind_log_in(server: Server, kind: str) -> None:
    site = server.site
    text = (site.keys / f"client_{kind}.pub").read_text()
    (site.root / "authorized_keys" / "demo").write_text(text)
    done = openssh.sftp(server, "pwd\n", key=site.keys / f"client_{kind}")
    assert done.returncode == 0, done.stderr + site.log("sftp.log")


def test_a_stranger_key_is_refused(server: Server, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "stranger"], check=True)
    done = openssh.sftp(server, "pwd\n", key=tmp_path / "stranger", arguments=["-oPreferredAuthentications=publickey"])
    assert done.returncode != 0 and "Permission denied" in done.stderr


def test_the_commands_of_the_client(server: Server, tmp_path: Path) -> None:
    (home(server) / "a").write_text("hello")
    os.chown(home(server) / "a", 63000, 63000)
    done = openssh.sftp(server, "\n".join([
        "mkdir d", "rename a d/b", "ln -s d/b link", "ln d/b hard", "chmod 600 d/b", "ls -la", "ls -l d", "df -h", "rm link",
        "rm hard", f"get -p d/b {tmp_path}/got", "rm d/b", "rmdir d", "-rmdir nothing", "ls -la"]) + "\n")
    assert done.returncode == 0, done.stderr
    assert "link" in done.stdout and "-rw-------" in done.stdout
    assert sorted(os.listdir(home(server))) == []


def test_symlinks_keep_the_target_that_was_given(server: Server) -> None:
    """Relative targets stay relative, and the argument order is OpenSSH's for OpenSSH."""
    done = openssh.sftp(server, "mkdir d\nln -s ../some/where d/link\n")
    assert done.returncode == 0, done.stderr
    assert os.readlink(home(server) / "d" / "link") == "../some/where"


def test_an_interrupted_upload_is_resumed(server: Server, tmp_path: Path) -> None:
    whole = os.urandom(1 << 20)
    (tmp_path / "file").write_bytes(whole)
    (home(server) / "file").write_bytes(whole[:400_000])
    os.chown(home(server) / "file", 63000, 63000)
    done = openssh.sftp(server, f"reput {tmp_path}/file file\n")
    assert done.returncode == 0, done.stderr
    assert (home(server) / "file").read_bytes() == whole


def test_an_interrupted_download_is_resumed(server: Server, tmp_path: Path) -> None:
    whole = os.urandom(1 << 20)
    (home(server) / "file").write_bytes(whole)
    (tmp_path / "file").write_bytes(whole[:400_000])
    done = openssh.sftp(server, f"reget file {tmp_path}/file\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").read_bytes() == whole


def test_many_small_files(server: Server, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(2000):
        (tmp_path / "many" / f"f{number:04d}").write_bytes(number.to_bytes(4) * 32)
    done = openssh.sftp(server, f"put -r {tmp_path}/many\n")
    assert done.returncode == 0, done.stderr
    assert digest(home(server) / "many") == digest(tmp_path / "many")


def test_a_large_file_and_its_digest(server: Server, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        for _ in range(256):
            file.write(os.urandom(1 << 20))
    done = openssh.sftp(server, f"put {tmp_path}/large\nget large {tmp_path}/back\n")
    assert done.returncode == 0, done.stderr
    def sha(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    assert sha(tmp_path / "large") == sha(home(server) / "large") == sha(tmp_path / "back")


def test_rekeys_in_the_middle_of_a_transfer(server: Server, tmp_path: Path) -> None:
    data = os.urandom(24 << 20)
    (tmp_path / "file").write_bytes(data)
    done = openssh.sftp(server, f"put {tmp_path}/file\nget file {tmp_path}/back\n", arguments=["-oRekeyLimit=1M"])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back").read_bytes() == data == (home(server) / "file").read_bytes()


@pytest.mark.parametrize("mode", ["-s", "-O"])
class TestScp:
    def test_a_tree_both_ways_with_its_times(self, server: Server, tree: Path, tmp_path: Path, mode: str) -> None:
        os.utime(tree / "one", (1_000_000_000, 1_100_000_000))
        done = openssh.scp(server, str(tree), "HOST:", arguments=[mode, "-r", "-p"])
        assert done.returncode == 0, done.stderr
        assert digest(home(server) / "tree") == digest(tree)
        assert int((home(server) / "tree" / "one").stat().st_mtime) == 1_100_000_000
        done = openssh.scp(server, "HOST:tree", str(tmp_path), arguments=[mode, "-r", "-p"])
        assert done.returncode == 0, done.stderr
        assert digest(tmp_path / "tree") == digest(tree)
        assert int((tmp_path / "tree" / "one").stat().st_mtime) == 1_100_000_000

    def test_names_with_blanks_and_quotes(self, server: Server, tmp_path: Path, mode: str) -> None:
        (tmp_path / "it's a file").write_text("x")
        done = openssh.scp(server, str(tmp_path / "it's a file"), "HOST:", arguments=[mode])
        assert done.returncode == 0, done.stderr
        assert (home(server) / "it's a file").read_text() == "x"
        quoted = "HOST:'it'\\''s a file'" if mode == "-O" else "HOST:it's a file"
        # -T: the client's own check of the answer does not know the quoting that it asks its user for
        done = openssh.scp(server, quoted, str(tmp_path / "back"), arguments=[mode, "-T"])
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "back").read_text() == "x"

    def test_globs_on_downloads(self, server: Server, tmp_path: Path, mode: str) -> None:
        for name in ("a1", "a2", "b1"):
            (home(server) / name).write_text(name)
        done = openssh.scp(server, "HOST:a*", str(tmp_path), arguments=[mode])
        assert done.returncode == 0, done.stderr
        assert sorted(os.listdir(tmp_path)) == ["a1", "a2"]

    def test_a_missing_file_is_said(self, server: Server, tmp_path: Path, mode: str) -> None:
        done = openssh.scp(server, "HOST:nothing", str(tmp_path), arguments=[mode])
        assert done.returncode != 0 and "No such file" in done.stderr


def test_six_channels_on_one_connection(server: Server, tmp_path: Path) -> None:
    """Several SFTP channels at once under a ControlMaster."""
    control = tmp_path / "control"
    data = {number: os.urandom(2 << 20) for number in range(6)}
    for number, content in data.items():
        (tmp_path / f"up{number}").write_bytes(content)
    shared = [f"-oControlPath={control}"]
    master = subprocess.Popen(["ssh", "-p", str(server.port), *openssh.options(server), "-oControlMaster=yes", *shared, "-N",
                               "demo@127.0.0.1"], stdin=subprocess.DEVNULL)
    try:
        wait_until(control.exists, "the socket of the first client")
        clients = [subprocess.Popen(
            ["sftp", "-q", "-P", str(server.port), *openssh.options(server), *shared, "-b", "-", "demo@127.0.0.1"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in data]
        for number, client in enumerate(clients):
            client.communicate(f"put {tmp_path}/up{number}\nget up{number} {tmp_path}/down{number}\n", timeout=120)
            assert client.returncode == 0
    finally:
        master.terminate()
        master.wait()
    for number, content in data.items():
        assert (tmp_path / f"down{number}").read_bytes() == content == (home(server) / f"up{number}").read_bytes()


@pytest.mark.parametrize("words", [["id"], ["sh", "-c", "id"], []])
def test_no_shell(server: Server, words: list[str]) -> None:
    done = openssh.ssh(server, *words)
    assert done.returncode != 0 and "uid=" not in done.stdout


def test_date_tells_the_time_of_the_server(start: Callable[..., Server]) -> None:
    """The one command beside scp, unless Protocols leaves it out."""
    server = start()
    before = int(time.time())
    done = openssh.ssh(server, "date", "-u")
    assert done.returncode == 0, done.stderr
    said = time.strptime(" ".join(done.stdout.split()[:4] + done.stdout.split()[-1:]), "%a %b %d %H:%M:%S %Y")
    assert before <= calendar.timegm(said) <= int(time.time())
    server.stop()
    assert openssh.ssh(start("Protocols sftp scp\n"), "date").returncode != 0


def test_forwarding_is_refused(server: Server) -> None:
    done = openssh.ssh(server, arguments=["-N", "-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1"])
    assert done.returncode != 0
