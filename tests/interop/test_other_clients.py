"""Clients of other families: Ruby's Net::SFTP and Net::SCP, Erlang's ssh_sftp, libssh, PHP's phpseclib, Java's J2SSH,
Node's ssh2. What is not installed is skipped; packaging/system-packages.sh installs all but the last, and
packaging/install.sh that where there is npm."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.conftest import digest
from tests.servers import Server

PROGRAMS = Path(__file__).parent.parent / "clients" / "programs"
LIMIT = 120
NODE_MODULES = Path(sys.prefix) / "node" / "node_modules"
DATA = os.urandom(300_000)


def findings(command: list[str], tmp_path: Path) -> dict[str, str]:
    """The lines that a program printed, by their first word."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=environment, cwd=tmp_path,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stdout + done.stderr
    return {word: rest for word, _, rest in (line.partition(" ") for line in done.stdout.splitlines())}


def require(program: str, *test: str) -> str:
    """The path of a program, after it has passed a test of its own."""
    path = shutil.which(program)
    if path is None or (test and subprocess.run([path, *test], capture_output=True).returncode):
        pytest.skip(f"{program} is not installed, or lacks what the test needs")
    return path


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_net_sftp_and_net_scp_of_ruby(server: Server, tree: Path, tmp_path: Path, version: int) -> None:
    """Its SCP upload hangs with the real server, and comes here behind SFTP on the same connection."""
    ruby = require("ruby", "-e", "require 'net/sftp'; require 'net/scp'")
    (tmp_path / "up").write_bytes(DATA)
    shutil.copytree(tree, tmp_path / "tree")
    found = findings([ruby, str(PROGRAMS / "net_sftp.rb"), str(server.port), str(version), str(tmp_path)], tmp_path)
    home = server.site.accounts["demo"].home
    link = ["link"] if version >= 3 else []
    assert found["version"] == str(version)
    assert found["entries"].split("|") == [".", "..", "d", *link, "ruby up"]
    assert found["size"] == str(len(DATA)) and found["missing"] == "2"
    assert (tmp_path / "down").read_bytes() == (tmp_path / "scp down").read_bytes() == DATA
    assert (home / "scp up's").read_bytes() == DATA
    assert digest(home / "scp tree") == digest(tmp_path / "tree down" / "scp tree") == digest(tree)
    if link:
        assert os.readlink(home / "link") == found["link"] == "ruby up"


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_ssh_sftp_of_erlang(server: Server, tmp_path: Path, version: int) -> None:
    """With the real server it hangs in the listing of version 6."""
    escript = require("escript")
    (tmp_path / "up").write_bytes(DATA)
    found = findings([escript, str(PROGRAMS / "ssh_sftp.erl"), str(server.port), str(version), str(tmp_path)], tmp_path)
    assert found["entries"] == ".|..|d|erlang up" and found["missing"] == "no_such_file"
    assert found["link"] == 'ok {ok,"erlang up"}'
    assert (tmp_path / "down").read_bytes() == DATA
    assert os.readlink(server.site.accounts["demo"].home / "link") == "erlang up"


def test_libssh_logs_in_by_ssh_rsa(server: Server, tmp_path: Path) -> None:
    """The real server refuses that login."""
    if ctypes.util.find_library("ssh") is None:
        pytest.skip("libssh is not installed")
    shutil.copy(server.site.keys / "client_rsa.rfc4716", server.site.root / "authorized_keys" / "demo")
    key = server.site.keys / "client_rsa"
    found = findings([sys.executable, str(PROGRAMS / "libssh.py"), str(server.port), str(key)], tmp_path)
    assert found["link"] == "target"
    assert os.readlink(server.site.accounts["demo"].home / "link") == "target"


def test_phpseclib(server: Server, tmp_path: Path) -> None:
    """It puts the link first, and quotes names for a shell in SCP."""
    php = require("php", "-r", "require 'phpseclib/autoload.php';")
    (tmp_path / "up").write_bytes(DATA)
    found = findings([php, str(PROGRAMS / "phpseclib.php"), str(server.port), str(tmp_path)], tmp_path)
    home = server.site.accounts["demo"].home
    assert found["link"] == "php up" == os.readlink(home / "link")
    assert found["entries"] == ".|..|d|link|php up" and found["size"] == str(len(DATA)) and found["missing"] == "false"
    assert (tmp_path / "down").read_bytes() == (home / "scp up's").read_bytes() == DATA
    server.site.wait_for_log("xferlog", "scp_up's b _ i r demo scp 0 * c")
    info = (home / "d" / "renamed").stat()
    assert info.st_mode & 0o777 == 0o600 and int(info.st_mtime) == 1_000_000_000


JARS = [f"/usr/share/java/{name}.jar" for name in ("bsh", "j2ssh-core", "j2ssh-common", "commons-logging")]


def test_j2ssh_of_java(start: Callable[..., Server], tmp_path: Path) -> None:
    """With the real server it never gets a file across. It is of 2003 and knows no algorithm of today."""
    java = require("java", "-cp", ":".join(JARS), "bsh.Interpreter", os.devnull)
    server = start("SFTPKeyExchanges diffie-hellman-group1-sha1\nSFTPCiphers 3des-cbc\nSFTPDigests hmac-sha1\n"
                   "SFTPOptions AllowWeakDH\n")
    (tmp_path / "up").write_bytes(DATA)
    found = findings([java, "-cp", ":".join(JARS), "-Djava.util.logging.config.file=/dev/null", "bsh.Interpreter",
                      str(PROGRAMS / "j2ssh.bsh"), str(server.port), str(tmp_path)], tmp_path)
    home = server.site.accounts["demo"].home
    assert found["size"] == str(len(DATA)) and found["entries"] == "4"
    assert (tmp_path / "down").read_bytes() == (home / "renamed").read_bytes() == DATA
    assert os.readlink(home / "link") == str(home / "java up")


def test_ssh2_of_node(server: Server, tmp_path: Path) -> None:
    node = require("node", "-e", f"require('{NODE_MODULES}/ssh2')")
    (tmp_path / "up").write_bytes(DATA)
    found = findings([node, str(PROGRAMS / "ssh2.js"), str(server.port), str(tmp_path)], tmp_path)
    assert found["link"] == "node up" and found["entries"] == "link|node up"
    assert (tmp_path / "down").read_bytes() == DATA
    assert os.readlink(server.site.accounts["demo"].home / "link") == "node up"
