"""Host keys on a running server: files, agents, pass phrases, flags, limits, rotation."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.link.client import Choice
from tests.link.live import Live
from tests.servers import OURS, Server, Site, wait_for_port
from tests.waiting import LIMIT, wait_until

SECRET = "correct horse"


def keygen(path: Path, *words: str, phrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-N", phrase, "-C", "", "-f", path, *words], check=True)
    return path


def offered(server: Server) -> set[str]:
    """The host key algorithms in KEXINIT."""
    with Live(server.port) as live:
        assert live.pump(lambda: bool(live.client.server_lists))
        return set(live.client.server_lists[1])


@pytest.fixture
def bare(site: Site) -> Site:
    """A site whose configuration names no host key of its own."""
    site.host_keys = ()
    return site


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A real ssh-agent with an ed25519 and an RSA key."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
    try:
        wait_until(path.exists, "the agent")
        for kind in ("ed25519", "rsa"):
            subprocess.run(["ssh-add", "-q", keygen(tmp_path / kind, "-t", kind)], check=True, env=environment)
        yield path, environment
    finally:
        process.terminate()
        process.wait()


def test_an_agent_signs_the_exchange(start: Callable[..., Server], bare: Site, agent: tuple[Path, dict[str, str]]) -> None:
    server = start(f"SFTPHostKey agent:{agent[0]}\n")
    for algorithm in ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"):
        done = openssh.sftp(server, "pwd\n", arguments=[f"-oHostKeyAlgorithms={algorithm}"])
        assert done.returncode == 0, done.stderr + bare.log("sftp.log")


def test_an_agent_that_dies_costs_its_sessions_only(start: Callable[..., Server], site: Site,
                                                    agent: tuple[Path, dict[str, str]]) -> None:
    """The server's own keys serve on; the reason is in the log."""
    site.host_keys = ("ecdsa",)
    server = start(f"SFTPHostKey agent:{agent[0]}\n")
    assert {"ssh-ed25519", "ecdsa-sha2-nistp256"} <= offered(server)
    agent[0].unlink()
    assert offered(server) == {"ecdsa-sha2-nistp256"}
    assert f"agent:{agent[0]}" in site.wait_for_log("sftp.log", "skipped")


def test_an_agent_that_lists_a_key_and_does_not_sign(start: Callable[..., Server], bare: Site,
                                                     agent: tuple[Path, dict[str, str]]) -> None:
    """Taken back between its listing and its use: the client gets a DISCONNECT, the administrator the reason."""
    server = start(f"SFTPHostKey agent:{agent[0]}\n")
    with Live(server.port) as live:
        live.client.auto = False
        assert live.pump(lambda: bool(live.client.server_lists))
        subprocess.run(["ssh-add", "-q", "-D"], check=True, env=agent[1], capture_output=True)
        live.client.begin()
        live.client.start_method()
        assert live.ended() == [(3, "host key cannot sign")]
    bare.wait_for_log("sftp.log", f"host key cannot sign: agent {agent[0]}: agent refuses the request")


def provider(site: Site, body: str) -> Path:
    path = site.root / "provider"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_the_provider_opens_an_encrypted_key_at_start(start: Callable[..., Server], bare: Site) -> None:
    key = keygen(bare.root / "locked", "-t", "ed25519", phrase=SECRET)
    program = provider(bare, f'echo "$@" > {bare.root}/arguments; echo "{SECRET}"')
    server = start(f"SFTPPassPhraseProvider {program}\nSFTPHostKey {key}\n")
    assert offered(server) == {"ssh-ed25519"}
    assert (bare.root / "arguments").read_text() == f"test server:{server.port} {key}\n"
    (bare.root / "arguments").unlink()
    server.signal(signal.SIGHUP)
    wait_until((bare.root / "arguments").exists, "the provider to be asked again at a restart")
    assert SECRET not in "".join(path.read_text(errors="replace") for path in (bare.root / "log").iterdir())


def test_a_provider_that_hangs_and_ignores_term_is_killed(start: Callable[..., Server], site: Site) -> None:
    """10 seconds, TERM, and KILL at last; the start goes on without that key."""
    key = keygen(site.root / "locked", "-t", "ecdsa", "-b", "521", phrase=SECRET)
    program = provider(site, f"trap '' TERM; echo $$ > {site.root}/pid; while :; do sleep 0.2; done")
    before = time.monotonic()
    server = start(f"SFTPPassPhraseProvider {program}\nSFTPHostKey {key}\n")
    assert time.monotonic() - before >= 10
    assert not Path(f"/proc/{(site.root / 'pid').read_text().strip()}").exists()
    assert "ssh-ed25519" in offered(server) and "ecdsa-sha2-nistp521" not in offered(server)
    assert "took more than 10 seconds" in site.log("sftp.log")


@contextlib.contextmanager
def on_a_terminal(path: Path) -> Iterator[tuple[int, int]]:
    """A server in the foreground with a terminal of its own: its process id, and our end of the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(OURS, [OURS, "-n", "-c", str(path)])
    try:
        yield pid, terminal
    finally:
        os.kill(pid, signal.SIGTERM)
        drain(terminal)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_the_terminal_is_asked_at_start(bare: Site) -> None:
    """A wrong answer is asked for again; what is typed is not shown."""
    key = keygen(bare.root / "locked", "-t", "ed25519", phrase=SECRET)
    path = bare.configuration(f"SFTPHostKey {key}\n")
    with on_a_terminal(path) as (pid, terminal):
        seen = expect(terminal, b"Passphrase:")
        assert str(key).encode() in seen
        os.write(terminal, b"wrong\n")
        seen += expect(terminal, b"Passphrase:")
        os.write(terminal, SECRET.encode() + b"\n")
        wait_for_port(bare.port)
        with Live(bare.port) as live:
            assert live.pump(lambda: bool(live.client.server_lists))
            assert live.client.server_lists[1] == ["ssh-ed25519"]
        seen += drain(terminal)
        assert SECRET.encode() not in seen and b"wrong\n" not in seen


def expect(terminal: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        assert select.select([terminal], [], [], LIMIT)[0], seen
        seen += os.read(terminal, 4096)
    return seen


def drain(terminal: int) -> bytes:
    seen = b""
    while select.select([terminal], [], [], 0.2)[0]:
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            break
    return seen


def refusal(site: Site, extra: str) -> str:
    """The words of a server that does not start."""
    path = site.configuration(extra)
    done = subprocess.run([sys.executable, "-m", "pyproftpd", "-t", "-c", str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_stops_the_start(start: Callable[..., Server], bare: Site, mode: int) -> None:
    key = keygen(bare.root / "key", "-t", "ed25519")
    key.chmod(mode)
    assert "only its owner" in refusal(bare, f"SFTPHostKey {key}\n")
    assert "only its owner" in refusal(bare, f"SFTPHostKey {key}\nSFTPOptions InsecureHostKeyPerms\n")
    assert offered(start(f"SFTPOptions InsecureHostKeyPerms\nSFTPHostKey {key}\n")) == {"ssh-ed25519"}


def test_public_and_tectia_files_are_named_as_such(start: Callable[..., Server], site: Site) -> None:
    public = site.root / "key.pub"
    shutil.copy(site.keys / "ssh_host_ed25519_key.pub", public)
    public.chmod(0o600)
    assert "public key" in refusal(site, f"SFTPHostKey {public}\n")
    tectia = site.root / "tectia"
    tectia.write_text("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56wAAA\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n")
    tectia.chmod(0o600)
    server = start(f"SFTPHostKey {tectia}\n")
    assert "ssh-ed25519" in offered(server)
    line = next(line for line in site.log("sftp.log").splitlines() if "skipped" in line)
    assert str(tectia) in line and "Tectia" in line


@pytest.mark.parametrize(("flag", "gone"), [
    ("NoRSA", {"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}), ("NoECDSA", {"ecdsa-sha2-nistp256"}), ("NoED25519", {"ssh-ed25519"}),
    ("NoDSA", {"ssh-dss"})])
def test_a_flag_cancels_a_key_of_global(start: Callable[..., Server], bare: Site, flag: str, gone: set[str]) -> None:
    dsa = keygen(bare.root / "dsa", "-t", "dsa")
    keys = "".join(f"SFTPHostKey {bare.keys}/ssh_host_{kind}_key\n" for kind in ("ed25519", "ecdsa", "rsa"))
    server = start(f"SFTPHostKey {flag}\n<Global>\n{keys}SFTPHostKey {dsa}\n</Global>\n")
    everything = {"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ssh-dss"}
    assert offered(server) == everything - gone


@pytest.mark.parametrize(("limits", "gone"), [
    ("MinimumRSASize 4096", {"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}), ("MinimumECSize 300", {"ecdsa-sha2-nistp256"}),
    ("MinimumRSASize 2048 MinimumECSize 256", set())])
def test_key_limits_hold_for_host_keys(start: Callable[..., Server], site: Site, limits: str, gone: set[str]) -> None:
    server = start(f"SFTPKeyLimits {limits}\n")
    everything = {"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}
    assert offered(server) == everything - gone
    assert ("SFTPKeyLimits" in site.log("sftp.log")) == bool(gone)


def test_openssh_learns_and_forgets_host_keys(start: Callable[..., Server], site: Site, tmp_path: Path) -> None:
    """UpdateHostKeys: the client adds the keys that the server proved, and drops one that is served no more."""
    site.host_keys = ("ed25519", "ecdsa")
    server = start("")
    known = tmp_path / "known_hosts"
    arguments = [f"-oUserKnownHostsFile={known}", "-oUpdateHostKeys=yes",
                 "-oHostKeyAlgorithms=ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512"]

    def visit() -> set[str]:
        done = subprocess.run(
            ["ssh", "-p", str(server.port), *arguments, *openssh.options(server), "demo@127.0.0.1", "date"],
            capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return {line.split()[1] for line in known.read_text().splitlines() if line.strip()}

    assert visit() <= {"ssh-ed25519", "ecdsa-sha2-nistp256"}
    assert visit() == {"ssh-ed25519", "ecdsa-sha2-nistp256"}
    server.stop()
    site.host_keys = ("ed25519", "rsa")
    server = start("")
    visit()
    assert visit() == {"ssh-ed25519", "ssh-rsa"}


@pytest.mark.parametrize("option", ["", "SFTPOptions NoHostkeyRotation\n"])
def test_rotation_can_be_switched_off(start: Callable[..., Server], option: str) -> None:
    server = start(option)
    with Live(server.port, Choice()) as live:
        live.log_in()
        assert live.alive()
        announced = any(kind == 80 and b"hostkeys-00@openssh.com" in payload for kind, payload in live.client.messages)
        assert announced == (not option)


def test_a_file_that_is_no_key_is_named_at_start(bare: Site, start: Callable[..., Server]) -> None:
    """With its line; where it was the only key, nothing starts that would refuse everybody."""
    (bare.root / "garbage").write_text("nonsense\n")
    (bare.root / "garbage").chmod(0o600)
    line = f"SFTPHostKey {bare.root}/garbage\n"
    reason = f"host key '{bare.root}/garbage' skipped: not a private key but something that is no key in a known format\n"
    number = len(bare.configuration("").read_text().splitlines()) + 1
    assert refusal(bare, line).endswith(f"proftpd.conf:{number}: no host key of this server can be used; {reason}")
    key = keygen(bare.root / "key", "-t", "ed25519")
    assert offered(start(f"{line}SFTPHostKey {key}\n")) == {"ssh-ed25519"}
    assert f"proftpd.conf:{number}: {reason}" in bare.log("stderr")


def test_a_key_that_waits_for_a_pass_phrase_does_not_vanish_at_a_reload(bare: Site) -> None:
    """The terminal has gone: the keys that are there go on."""
    key = keygen(bare.root / "locked", "-t", "ed25519", phrase=SECRET)
    path = bare.configuration(f"SFTPHostKey {key}\n")
    with on_a_terminal(path) as (pid, terminal):
        expect(terminal, b"Passphrase:")
        os.write(terminal, SECRET.encode() + b"\n")
        wait_for_port(bare.port)
        expect(terminal, b"STARTUP")
        os.kill(pid, signal.SIGHUP)
        said = expect(terminal, b"the old one stays in force")
        assert b"no host key of this server can be used" in said
        with Live(bare.port) as live:
            assert live.pump(lambda: bool(live.client.server_lists))
            assert live.client.server_lists[1] == ["ssh-ed25519"]
