"""Every algorithm that a real client has too: the client must come as far as asking to log in."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from mod_sftp.crypto.ciphers import CIPHERS
from mod_sftp.crypto.exchanges import KEXES
from mod_sftp.crypto.groups import Groups, read_parameters
from mod_sftp.crypto.hostkeys import PrivateSigner
from mod_sftp.crypto.macs import MACS

from .peer import Peer, Suite

OPENSSH = shutil.which("ssh")
PARAMETERS = Path(__file__).parents[4] / "etc" / "dhparams.pem"

HOST_KEYS = {
    "ssh-ed25519": lambda: ed25519.Ed25519PrivateKey.generate(),
    "ssh-ed448": lambda: ed448.Ed448PrivateKey.generate(),
    "ecdsa-sha2-nistp256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-sha2-nistp384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-sha2-nistp521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-sha2-512": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-sha2-256": lambda: rsa.generate_private_key(65537, 2048),
    "ssh-rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ssh-dss": lambda: dsa.generate_private_key(1024),
}


def openssh_has(query: str, name: str) -> bool:
    return OPENSSH is not None and name in subprocess.run(
        [OPENSSH, "-Q", query], capture_output=True, text=True, timeout=20
    ).stdout.split()


def peer_of(suite: Suite) -> Peer:
    groups = Groups(read_parameters(PARAMETERS.read_bytes()))
    return Peer(suite, PrivateSigner(HOST_KEYS[suite.host_key]()), groups)


def judge(peer: Peer, said: str) -> None:
    peer.join(20)
    assert peer.user == b"probe", f"{peer.error!r}\n{said}"


def run_openssh(suite: Suite) -> None:
    peer = peer_of(suite)
    options = {
        "KexAlgorithms": suite.kex,
        "Ciphers": suite.cipher,
        "MACs": suite.mac,
        "HostKeyAlgorithms": suite.host_key,
        "UserKnownHostsFile": "/dev/null",
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "no",
        "PreferredAuthentications": "none",
        "BatchMode": "yes",
    }
    arguments = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    run = subprocess.run(
        [str(OPENSSH), "-F", "none", "-v", *arguments, "-p", str(peer.port), "probe@127.0.0.1"],
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
    )
    judge(peer, run.stderr)


def run_asyncssh(suite: Suite) -> None:
    asyncssh = pytest.importorskip("asyncssh")
    peer = peer_of(suite)

    async def connect() -> str:
        try:
            await asyncssh.connect(
                "127.0.0.1", peer.port, username="probe", known_hosts=None, config=None, client_keys=None,
                agent_path=None, kex_algs=[suite.kex], encryption_algs=[suite.cipher], mac_algs=[suite.mac],
                server_host_key_algs=[suite.host_key], gss_host=None, login_timeout=20,
            )
        except (asyncssh.Error, OSError) as error:
            return repr(error)
        return "connected"

    try:
        said = asyncio.run(connect())
    except ValueError as error:  # a name that this asyncssh does not have
        pytest.skip(str(error))
    judge(peer, said)


@pytest.mark.parametrize("name", [row.name for row in KEXES])
def test_kex_with_openssh(name: str) -> None:
    if not openssh_has("kex", name):
        pytest.skip("this OpenSSH does not have it")
    run_openssh(Suite(kex=name))


@pytest.mark.parametrize("name", [row.name for row in KEXES])
def test_kex_with_asyncssh(name: str) -> None:
    run_asyncssh(Suite(kex=name))


@pytest.mark.parametrize("name", [row.name for row in CIPHERS if row.name != "none"])
def test_cipher_with_openssh(name: str) -> None:
    if not openssh_has("cipher", name):
        pytest.skip("this OpenSSH does not have it")
    run_openssh(Suite(cipher=name))


@pytest.mark.parametrize("name", [row.name for row in CIPHERS if row.name != "none"])
def test_cipher_with_asyncssh(name: str) -> None:
    run_asyncssh(Suite(cipher=name))


@pytest.mark.parametrize("name", [row.name for row in MACS if row.name != "none"])
def test_mac_with_openssh(name: str) -> None:
    if not openssh_has("mac", name):
        pytest.skip("this OpenSSH does not have it")
    run_openssh(Suite(mac=name))


@pytest.mark.parametrize("name", [row.name for row in MACS if row.name != "none"])
def test_mac_with_asyncssh(name: str) -> None:
    run_asyncssh(Suite(mac=name))


@pytest.mark.parametrize("name", [name for name in HOST_KEYS if name != "ssh-ed448"])
def test_host_key_with_openssh(name: str) -> None:
    if not openssh_has("sig", name) and not openssh_has("key", name):
        pytest.skip("this OpenSSH does not have it")
    run_openssh(Suite(host_key=name))


@pytest.mark.parametrize("name", list(HOST_KEYS))
def test_host_key_with_asyncssh(name: str) -> None:
    run_asyncssh(Suite(host_key=name))
