"""Host keys as real tools write them: every type and container of ssh-keygen, the agent, pass phrases, refusals."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mod_sftp.crypto.hostkeys import SigningError
from mod_sftp.crypto.privatekeys import PassphraseNeeded, PassphraseWrong, load_private
from mod_sftp.crypto.verify import verify
from mod_sftp.keyring.agent import MAX_ANSWER
from mod_sftp.keyring.files import load_groups, load_host_keys, load_key
from mod_sftp.keyring.passphrase import Passphrases, run_provider
from mod_sftp.wire import keyblob
from mod_sftp.wire.keyfiles import KeyEntry, KeyFileError, read_public_keys

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")


@dataclass(frozen=True)
class Limits:
    rsa: int = 768
    dsa: int = 384
    ec: int = 160


def keygen(path: Path, *words: str, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-N", passphrase, "-f", str(path), *words], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    return path


def public_of(path: Path) -> bytes:
    [entry] = read_public_keys(Path(f"{path}.pub").read_bytes())
    assert isinstance(entry, KeyEntry)
    return entry.blob


TYPES = [
    ("ed25519",), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "384"), ("ecdsa", "-b", "521"), ("rsa", "-b", "2048"),
    ("dsa",),
]


#: ssh-keygen writes ed25519 in its own format only
CONTAINED = [pytest.param(words, container, id=f"{'-'.join(words)} {container}") for words in TYPES
             for container in ("RFC4716", "PEM", "PKCS8") if container == "RFC4716" or words != ("ed25519",)]


@pytest.mark.parametrize(("words", "container"), CONTAINED)
def test_every_type_in_every_container(tmp_path: Path, words: tuple[str, ...], container: str) -> None:
    path = keygen(tmp_path / "key", "-t", *words, "-m", container)
    signer = load_key(str(path))
    assert signer.blob == public_of(path)
    for algorithm in signer.algorithms:
        signature = signer.sign(algorithm, b"data")
        assert verify(algorithm, signer.blob, signature, b"data")
        assert not verify(algorithm, signer.blob, signature, b"Data")


def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    path = keygen(tmp_path / "key", "-t", "ed25519")
    signer = load_key(str(path))
    for style, name, encoding in (("sha256", "sha256", "base64"), ("md5", "md5", "hex+colons")):
        shown = subprocess.run(["ssh-keygen", "-l", "-E", style, "-f", f"{path}.pub"], capture_output=True, text=True)
        assert shown.stdout.split()[1].partition(":")[2] == signer.fingerprint(name, encoding)


@pytest.mark.parametrize("cipher", ["aes256-ctr", "aes128-ctr", "aes256-cbc", "aes128-cbc", "3des-cbc",
                                    "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"])
def test_encrypted_openssh_keys(tmp_path: Path, cipher: str) -> None:
    path = keygen(tmp_path / "key", "-t", "ed25519", "-Z", cipher, "-a", "2", passphrase="sesame")
    data = path.read_bytes()
    with pytest.raises(PassphraseNeeded):
        load_private(data)
    with pytest.raises(PassphraseWrong):
        load_private(data, b"simsim")
    assert load_key(str(path), passphrase=lambda name: b"sesame").blob == public_of(path)


@pytest.mark.parametrize("container", ["PEM", "PKCS8"])
def test_encrypted_pem_keys(tmp_path: Path, container: str) -> None:
    path = keygen(tmp_path / "key", "-t", "ecdsa", "-m", container, passphrase="sesame")
    with pytest.raises(PassphraseNeeded):
        load_private(path.read_bytes())
    with pytest.raises(PassphraseWrong):
        load_private(path.read_bytes(), b"simsim")
    assert load_key(str(path), passphrase=lambda name: b"sesame").blob == public_of(path)


def test_a_wrong_passphrase_is_asked_for_three_times(tmp_path: Path) -> None:
    path = keygen(tmp_path / "key", "-t", "ed25519", "-a", "1", passphrase="sesame")
    asked = []

    def answer(name: str) -> bytes:
        asked.append(name)
        return b"wrong"

    with pytest.raises(PassphraseWrong):
        load_key(str(path), passphrase=answer)
    assert asked == [str(path)] * 3


def test_ed448_from_openssl(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed448", "-out", str(path)], check=True, capture_output=True)
    path.chmod(0o600)
    signer = load_key(str(path))
    assert (signer.algorithms, signer.kind) == (("ssh-ed448",), "ed448")
    assert verify("ssh-ed448", signer.blob, signer.sign("ssh-ed448", b"x"), b"x")


@pytest.mark.parametrize(("content", "named"), [
    (b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n", "RFC 4716"),
    (b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n", "Tectia"),
    (b"PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTY"),
    (b"-----BEGIN PUBLIC KEY-----\n", "a public key"),
    (b"ssh-ed25519 AAAA me@here\n", "OpenSSH public key"),
    (b"", "no key"),
    (b"\0" * 100, "no key"),
    (b"-----BEGIN OPENSSH PRIVATE KEY-----\n****\n-----END OPENSSH PRIVATE KEY-----\n", "base64"),
    (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "version"),
    (b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "broken"),
])
def test_what_is_no_private_key_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=named):
        load_key(str(path))


def test_modes_sizes_and_kinds_of_files(tmp_path: Path) -> None:
    path = keygen(tmp_path / "key", "-t", "ed25519")
    for mode in (0o640, 0o604, 0o620, 0o601):
        path.chmod(mode)
        with pytest.raises(KeyFileError, match="0600"):
            load_key(str(path))
        assert load_key(str(path), insecure=True)
    path.chmod(0o600)
    with path.open("ab") as stream:
        stream.truncate(64 * 1024 + 1)
    with pytest.raises(KeyFileError, match="larger"):
        load_key(str(path))
    with pytest.raises(KeyFileError, match="regular"):
        load_key(str(tmp_path))
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyFileError, match="regular"):
        load_key(str(tmp_path / "pipe"))


def test_a_bad_key_costs_only_itself(tmp_path: Path) -> None:
    good = keygen(tmp_path / "good", "-t", "ed25519")
    small = keygen(tmp_path / "small", "-t", "rsa", "-b", "1024")
    said: list[str] = []
    words = [str(tmp_path / "missing"), str(good) + ".pub", str(small), str(good)]
    found = load_host_keys(words, limits=Limits(rsa=2048), say=said.append, insecure=True)
    assert [signer.blob for signer in found] == [public_of(good)]
    assert [text.split("'")[1] for text in said] == words[:3]
    assert "No such file" in said[0] and "public key" in said[1] and "1024" in said[2]


def test_flags_cancel_wherever_they_stand(tmp_path: Path) -> None:
    paths = {name: str(keygen(tmp_path / name, "-t", name)) for name in ("ed25519", "ecdsa", "dsa")}
    paths["rsa"] = str(keygen(tmp_path / "rsa", "-t", "rsa", "-b", "2048"))
    every = list(paths.values())
    for flag, kind in (("NoRSA", "rsa"), ("NoDSA", "dsa"), ("NoECDSA", "ecdsa"), ("NoED25519", "ed25519")):
        found = {signer.kind for signer in load_host_keys([flag, *every], limits=Limits())}
        assert found == set(paths) - {kind}


def test_the_last_key_of_a_kind_stays(tmp_path: Path) -> None:
    first, last = keygen(tmp_path / "a", "-t", "ed25519"), keygen(tmp_path / "b", "-t", "ed25519")
    curve = keygen(tmp_path / "c", "-t", "ecdsa", "-b", "384")
    other = keygen(tmp_path / "d", "-t", "ecdsa", "-b", "256")
    found = load_host_keys(map(str, (first, curve, last, other)), limits=Limits())
    assert {signer.blob for signer in found} == {public_of(path) for path in (last, curve, other)}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield str(path)
    process.terminate()
    process.wait(60)


def test_keys_behind_a_real_agent(tmp_path: Path, agent: str) -> None:
    environment = {**os.environ, "SSH_AUTH_SOCK": agent}
    blobs = set()
    for words in (("ed25519",), ("rsa", "-b", "2048"), ("ecdsa",)):
        path = keygen(tmp_path / words[0], "-t", *words)
        subprocess.run(["ssh-add", "-q", str(path)], env=environment, check=True, capture_output=True)
        blobs.add(public_of(path))
    found = load_host_keys([f"agent:{agent}"], limits=Limits())
    assert {signer.blob for signer in found} == blobs
    for signer in found:
        for algorithm in signer.algorithms:
            if algorithm != "ssh-rsa":
                assert verify(algorithm, signer.blob, signer.sign(algorithm, b"hash"), b"hash")
    subprocess.run(["ssh-add", "-q", "-D"], env=environment, check=True, capture_output=True)
    with pytest.raises(SigningError):
        found[0].sign(found[0].algorithms[0], b"hash")


def test_no_agent_is_a_line_in_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    assert load_host_keys([f"agent:{tmp_path}/none"], limits=Limits(), say=said.append) == ()
    assert "agent:" in said[0]


@pytest.mark.parametrize("answer", [
    b"", b"\0\0\0\1\5", b"\0\0\0\0", (MAX_ANSWER + 1).to_bytes(4, "big"), b"\0\0\0\5\x0c\xff\xff\xff\xff",
    b"\0\0\0\x09\x0c\0\0\0\1\0\0\0\x20",
])
def test_an_agent_that_talks_nonsense(tmp_path: Path, answer: bytes) -> None:
    import socket
    import threading

    path = str(tmp_path / "fake")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        connection.recv(100)
        connection.sendall(answer)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    said: list[str] = []
    assert load_host_keys([f"agent:{path}"], limits=Limits(), say=said.append) == ()
    assert len(said) == 1
    thread.join(5)
    server.close()


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return str(path)


def test_the_provider_gets_server_and_file(tmp_path: Path) -> None:
    key = keygen(tmp_path / "key", "-t", "ed25519", "-a", "1", passphrase="host:22 sesame")
    program = script(tmp_path / "provider", f'[ "$2" = "{key}" ] && echo "$1 sesame"')
    assert load_key(str(key), passphrase=Passphrases("host:22", program)).blob == public_of(key)


@pytest.mark.parametrize(("body", "limit", "line"), [
    ("exit 3", 60, "status 3"), ("exec sleep 60", 0.3, "more than"),
    ("trap '' TERM; while :; do sleep 1; done", 0.3, "more than")])
def test_a_provider_that_fails_or_hangs_is_ended(tmp_path: Path, body: str, limit: float, line: str) -> None:
    said: list[str] = []
    assert run_provider(script(tmp_path / "provider", body), "host:22", "/key", said.append, limit) is None
    assert line in said[0]


def test_a_provider_that_cannot_run(tmp_path: Path) -> None:
    said: list[str] = []
    assert run_provider(str(tmp_path / "none"), "host:22", "/key", said.append) is None
    assert "No such file" in said[0]


def test_parameter_files_that_cannot_be_used(tmp_path: Path) -> None:
    said: list[str] = []
    assert load_groups(str(tmp_path / "none"), said.append) == ()
    (tmp_path / "bad").write_bytes(b"rubbish")
    assert load_groups(str(tmp_path / "bad"), said.append) == ()
    assert all("built-in groups" in text for text in said) and len(said) == 2


def test_key_sizes_speak_of_the_right_number(tmp_path: Path) -> None:
    key = keyblob.parse_key(public_of(keygen(tmp_path / "key", "-t", "ecdsa", "-b", "384")))
    assert key.at_least(768, 384, 384) and not key.at_least(768, 384, 385)
