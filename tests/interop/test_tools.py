"""Transfer tools with SSH implementations of their own or OpenSSH's: lftp, curl, rclone, sshfs, rsync onto the mount, git."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.interop.conftest import digest
from tests.servers import Server

LIMIT = 120


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done  # type: ignore[no-any-return]


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_lftp_mirrors_a_tree_in_every_version_that_it_speaks(server: Server, tree: Path, tmp_path: Path, version: int) -> None:
    program = " ".join(["ssh", "-a", "-x", *openssh.options(server)])
    script = (f"set sftp:connect-program '{program}'; set sftp:protocol-version {version}; set net:max-retries 1; "
              f"set cmd:fail-exit yes; open -u demo, sftp://127.0.0.1:{server.port}; mirror -R {tree} tree; "
              f"mirror tree {tmp_path}/back; ls; rm -r tree")
    run(["lftp", "-c", script], env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    assert digest(tmp_path / "back") == digest(tree)
    assert os.listdir(server.site.accounts["demo"].home) == []


def test_curl_uploads_resumes_and_lists(server: Server, tmp_path: Path) -> None:
    data = os.urandom(700_000)
    (tmp_path / "file").write_bytes(data)
    base = ["curl", "-sS", "-k", "-u", "demo:secret"]
    url = f"sftp://127.0.0.1:{server.port}/~/file"
    run([*base, "-T", str(tmp_path / "file"), url])
    run([*base, "-o", str(tmp_path / "back"), url])
    assert (tmp_path / "back").read_bytes() == data
    (tmp_path / "part").write_bytes(data[:300_000])
    run([*base, "-C", "-", "-o", str(tmp_path / "part"), url])
    assert (tmp_path / "part").read_bytes() == data
    assert "file" in run([*base, f"sftp://127.0.0.1:{server.port}/~/"]).stdout
    scp = run([*base, f"scp://127.0.0.1:{server.port}{server.site.accounts['demo'].home}/file", "-o", str(tmp_path / "scp")])
    assert scp.returncode == 0 and (tmp_path / "scp").read_bytes() == data


def test_rclone_syncs_both_ways_and_checks(server: Server, tree: Path, tmp_path: Path) -> None:
    hidden = run(["rclone", "--config", "", "obscure", "secret"]).stdout.strip()
    remote = f":sftp,host=127.0.0.1,port={server.port},user=demo,pass='{hidden}':tree"
    base = ["rclone", "--config", "", "--retries", "1"]
    run([*base, "sync", "--create-empty-src-dirs", str(tree), remote])
    assert digest(server.site.accounts["demo"].home / "tree") == digest(tree)
    run([*base, "sync", "--create-empty-src-dirs", remote, str(tmp_path / "back")])
    assert digest(tmp_path / "back") == digest(tree)
    run([*base, "check", "--download", str(tree), remote])


@contextlib.contextmanager
def mounted(server: Server, point: Path) -> Iterator[Path]:
    point.mkdir()
    run(["sshfs", "-p", str(server.port), *openssh.options(server), "demo@127.0.0.1:", str(point)])
    try:
        yield point
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(point)], check=True)


@pytest.mark.root
def test_ordinary_tools_on_an_sshfs_mount(server: Server, tree: Path, tmp_path: Path) -> None:
    with mounted(server, tmp_path / "mount") as point:
        run(["cp", "-r", str(tree), str(point / "copied")])
        run(["rsync", "-r", "--inplace", f"{tree}/", str(point / "synced")])
        run(["tar", "-C", str(tree.parent), "-cf", str(point / "tree.tar"), "tree"])
        run(["git", "init", "-q", str(tree)])
        run(["git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@example.org", "add", "."])
        run(["git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "all"])
        run(["git", "clone", "-q", str(tree), str(point / "clone")])
        (point / "link").symlink_to("copied/one")
        assert os.readlink(point / "link") == "copied/one"
        os.rename(point / "copied" / "one", point / "copied" / "block")
        (point / "copied" / "big.bin").open("r+b").truncate(5)
    home = server.site.accounts["demo"].home
    plain = {name: value for name, value in digest(tree).items() if not name.startswith(".git")}
    assert digest(home / "synced") == plain
    assert {name: value for name, value in digest(home / "clone").items() if not name.startswith(".git")} == {
        name: value for name, value in plain.items() if name != "empty"}
    run(["tar", "-C", str(tmp_path), "-xf", str(home / "tree.tar")])
    assert digest(tmp_path / "tree") == plain
    assert (home / "copied" / "big.bin").stat().st_size == 5 and not (home / "copied" / "one").exists()


def test_dbclient_runs_scp_and_gets_no_shell(server: Server, tmp_path: Path) -> None:
    """dropbear's client: another SSH implementation, by password."""
    base = ["dbclient", "-y", "-y", "-p", str(server.port), "demo@127.0.0.1"]
    (server.site.accounts["demo"].home / "file").write_text("content of the file")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DROPBEAR_PASSWORD": "secret"}
    done = subprocess.run([*base, "scp -f file"], capture_output=True, timeout=LIMIT, env=environment, input=b"\0\0\0")
    assert b"content of the file" in done.stdout, done.stderr
    refused = subprocess.run([*base, "id"], capture_output=True, timeout=LIMIT, env=environment, stdin=subprocess.DEVNULL)
    assert refused.returncode != 0 and b"uid=" not in refused.stdout
