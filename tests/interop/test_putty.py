"""PuTTY's psftp and pscp."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.interop.conftest import digest
from tests.servers import Server


def host_key(server: Server) -> list[str]:
    """The fingerprint that PuTTY is to believe, as ssh-keygen prints it."""
    shown = subprocess.run(["ssh-keygen", "-l", "-f", server.site.keys / "ssh_host_ed25519_key.pub"], check=True,
                           capture_output=True, text=True)
    return ["-hostkey", shown.stdout.split()[1]]


def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}


def test_psftp_moves_a_tree(server: Server, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "batch").write_text(f"put -r {tree} tree\nget -r tree {tmp_path}/back\nmkdir d\nrmdir d\nls\n")
    done = subprocess.run(["psftp", "-batch", "-P", str(server.port), "-pw", "secret", *host_key(server),
                           "-b", tmp_path / "batch", "demo@127.0.0.1"],
                          capture_output=True, text=True, timeout=120, env=environment(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert digest(tmp_path / "back") == digest(server.site.accounts["demo"].home / "tree") == digest(tree)


@pytest.mark.parametrize("mode", ["-sftp", "-scp"])
def test_pscp(server: Server, tree: Path, tmp_path: Path, mode: str) -> None:
    base = ["pscp", "-batch", mode, "-r", "-P", str(server.port), "-pw", "secret", *host_key(server)]
    for command in ([*base, str(tree), "demo@127.0.0.1:"], [*base, "demo@127.0.0.1:tree", str(tmp_path)]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment(tmp_path))
        assert done.returncode == 0, done.stdout + done.stderr
    assert digest(tmp_path / "tree") == digest(server.site.accounts["demo"].home / "tree") == digest(tree)
