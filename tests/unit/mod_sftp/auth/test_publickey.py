"""Public keys: queries, signatures, options, certificates. security.md U1, U8, T4; behaviours.md 84 to 91."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from mod_sftp.auth.chains import Progress
from mod_sftp.auth.outcome import Attempt, Outcome, Result
from mod_sftp.auth.publickey import HOSTBOUND, PublicKey
from mod_sftp.conf import SftpConf
from mod_sftp.log import SftpLog
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import Reader, string
from pyproftpd.api.auth import Account
from pyproftpd.unix.privs import Privileges

SESSION_ID = bytes(range(32))
HOST_KEY = b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)


class Key:
    """A key pair of ssh-keygen, and signatures made here, not by the code under test."""

    def __init__(self, path: Path, kind: str = "ed25519", *options: str) -> None:
        subprocess.run(["ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", "test", "-f", path], check=True)
        self.path, self.public = path, path.with_name(path.name + ".pub")
        self.type, encoded = self.public.read_text().split()[:2]
        self.blob = base64.b64decode(encoded)
        self._private: Any = serialization.load_ssh_private_key(path.read_bytes(), None)

    @property
    def line(self) -> str:
        return self.public.read_text()

    def certificate(self, authority: Key, *options: str) -> tuple[str, bytes]:
        subprocess.run(["ssh-keygen", "-q", "-s", authority.path, "-I", "id", *options, self.public], check=True,
                       capture_output=True)
        words = self.path.with_name(self.path.name + "-cert.pub").read_text().split()
        return words[0], base64.b64decode(words[1])

    def sign(self, data: bytes, name: str = "") -> bytes:
        """A signature blob; ``name`` is what it claims to be."""
        if self.type == "ssh-rsa":
            digest = {"rsa-sha2-256": hashes.SHA256(), "rsa-sha2-512": hashes.SHA512()}.get(name, hashes.SHA1())
            raw = self._private.sign(data, padding.PKCS1v15(), digest)
        else:
            raw = self._private.sign(data)
        return string(name or self.type) + string(raw)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Key, Key]:
    directory = tmp_path_factory.mktemp("keys")
    return Key(directory / "one"), Key(directory / "two")


class Desk:
    """One user of a server whose store is a file, and the client at his desk."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.lines: list[str] = []
        self.sent: list[bytes] = []
        privs = Privileges()
        privs.connected()
        log = SftpLog(SimpleNamespace(write=self.lines.append))
        kept: dict[type, Any] = {SftpLog: log}

        def state(kind: type) -> Any:
            return kept.setdefault(kind, kind()) if kind not in kept else kept[kind]

        self.session: Any = SimpleNamespace(privs=privs, store=kept, state=state, remote_address="192.0.2.7",
                                            remote_name="desk.example.org", configuration=SimpleNamespace(labels=()))
        self.connection: Any = SimpleNamespace(
            session_id=SESSION_ID, host_key=HOST_KEY, insecure=False,
            send=lambda number, *parts: self.sent.append(bytes((number,)) + b"".join(parts)))
        self.settings: dict[str, Any] = {"authorized_user_keys": (f"file:{store}",), "key_blacklist": "none"}
        self.progress = Progress((("publickey", "publickey"),))
        self.facts: dict[str, str] = {}
        self.exists = True

    def authorise(self, *lines: str) -> None:
        self.store.write_text("".join(line if line.endswith("\n") else line + "\n" for line in lines))
        self.store.chmod(0o600)

    def ask(self, algorithm: str, blob: bytes, signature: bytes | None = None, *, bound: bytes | None = None,
            name: bytes = b"alice") -> Outcome:
        method = PublicKey(bound=bound is not None)
        fields = bytes((signature is not None,)) + string(algorithm) + string(blob)
        fields += string(bound) if bound is not None else b""
        fields += string(signature) if signature is not None else b""
        account = Account("alice", os.geteuid(), os.getegid(), str(self.store.parent), "/bin/sh") if self.exists else None
        candidate: Any = SimpleNamespace(user="alice", account=account)
        attempt = Attempt(self.session, self.connection, SftpConf(self.settings), self.progress, name,
                          HOSTBOUND if bound is not None else "publickey", candidate)
        request = method.read(Reader(fields))
        outcome = method.probe(attempt, request) or method.decide(attempt, request)
        self.facts = attempt.facts
        return outcome

    def login(self, key: Key, algorithm: str = "", blob: bytes | None = None, *, signed: str = "") -> Outcome:
        """A signed request as RFC 4252 7 lays it out; ``signed`` is the signature's own algorithm name."""
        algorithm, blob = algorithm or key.type, blob or key.blob
        return self.ask(algorithm, blob, key.sign(covered(algorithm, blob), signed))


def covered(algorithm: str, blob: bytes, name: bytes = b"alice", method: str = "publickey") -> bytes:
    return (string(SESSION_ID) + b"\x32" + string(name) + string("ssh-connection") + string(method) + b"\x01"
            + string(algorithm) + string(blob))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path / "authorized_keys")


def test_u1_a_query_is_ok_only_for_a_key_that_would_do(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, two = pair
    desk.authorise(one.line)
    assert desk.ask(one.type, one.blob).result is Result.ANSWERED
    assert desk.sent == [bytes((Msg.USERAUTH_PK_OK,)) + string(one.type) + string(one.blob)]
    assert desk.ask(two.type, two.blob).result is Result.DECLINED
    assert len(desk.sent) == 1


def test_u1_a_ghost_gets_no_ok_even_for_a_key_in_a_store_for_everybody(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise(one.line)
    desk.exists = False
    assert desk.ask(one.type, one.blob).result is Result.DECLINED
    assert desk.login(one).result is Result.FAILED
    assert desk.sent == []


def test_a_signature_lets_in(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise("# a comment", one.line)
    assert desk.login(one).result is Result.SUCCEEDED
    assert desk.facts["SFTP_USER_PUBLICKEY_ALGO"] == "ssh-ed25519"
    assert desk.facts["SFTP_USER_PUBLICKEY_FINGERPRINT_ALGO"] == "SHA256"
    shown = subprocess.run(["ssh-keygen", "-l", "-f", one.public], check=True, capture_output=True, text=True).stdout
    assert desk.facts["SFTP_USER_PUBLICKEY_FINGERPRINT"] == shown.split()[1].removeprefix("SHA256:")


def test_rfc4716_store(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise(subprocess.run(["ssh-keygen", "-e", "-f", one.public], check=True, capture_output=True,
                                  text=True).stdout)
    assert desk.login(one).result is Result.SUCCEEDED


def test_the_signature_covers_the_name_as_sent(desk: Desk, pair: tuple[Key, Key]) -> None:
    """behaviours.md 78: the account may have another name."""
    one, _ = pair
    desk.authorise(one.line)
    signature = one.sign(covered(one.type, one.blob, b"alias"))
    assert desk.ask(one.type, one.blob, signature, name=b"alias").result is Result.SUCCEEDED
    assert desk.ask(one.type, one.blob, signature, name=b"alice").result is Result.FAILED


def test_a_signature_of_another_key_is_refused(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, two = pair
    desk.authorise(one.line)
    outcome = desk.ask(one.type, one.blob, two.sign(covered(one.type, one.blob)))
    assert outcome.result is Result.FAILED and "failed to verify signature" in outcome.reason


def test_rsa_keys_sign_with_sha2_names(desk: Desk, tmp_path: Path) -> None:
    key = Key(tmp_path / "rsa", "rsa", "-b", "2048")
    desk.authorise(key.line)
    for name in ("rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"):
        assert desk.login(key, name, signed=name).result is Result.SUCCEEDED
    assert desk.login(key, "rsa-sha2-256", signed="ssh-rsa").result is Result.FAILED


@pytest.mark.parametrize("signature", [b"", string("ssh-ed25519"), string("ssh-ed25519") + string(b""),
                                       string("ssh-ed25519") + string(bytes(64)), b"\xff" * 40,
                                       string("ssh-ed25519") + string(bytes(8000))])
def test_t4_malformed_signatures_fail(desk: Desk, pair: tuple[Key, Key], signature: bytes) -> None:
    one, _ = pair
    desk.authorise(one.line)
    assert desk.ask(one.type, one.blob, signature).result is Result.FAILED


@pytest.mark.parametrize("algorithm", ["ssh-rsa", "rsa-sha2-512", "sk-ssh-ed25519@openssh.com", "ssh-dss", "nonsense",
                                       "ssh-ed25519-cert-v01@openssh.com", ""])
def test_t4_names_that_do_not_fit_the_blob_fail(desk: Desk, pair: tuple[Key, Key], algorithm: str) -> None:
    one, _ = pair
    desk.authorise(one.line)
    assert desk.ask(algorithm, one.blob).result is Result.DECLINED
    assert desk.ask(algorithm, one.blob, one.sign(b"x")).result is Result.FAILED


@pytest.mark.parametrize("blob", [b"", b"\0\0\0\x0bssh-ed25519", b"\0\0\0\x0bssh-ed25519\0\0\0\x05short", bytes(4000)])
def test_t4_malformed_keys_fail(desk: Desk, pair: tuple[Key, Key], blob: bytes) -> None:
    assert desk.ask("ssh-ed25519", blob, b"").result is Result.FAILED


def test_an_algorithm_that_is_switched_off_fails_before_any_look_up(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise(one.line)
    desk.settings["auth_public_keys"] = ("rsa-sha2-256",)
    outcome = desk.login(one)
    assert outcome.result is Result.FAILED and "SFTPAuthPublicKeys" in outcome.reason


def test_small_keys_fail(desk: Desk, tmp_path: Path) -> None:
    from mod_sftp.conf import KeyLimits

    key = Key(tmp_path / "rsa", "rsa", "-b", "2048")
    desk.authorise(key.line)
    desk.settings["key_limits"] = KeyLimits(rsa=3072)
    outcome = desk.login(key, "rsa-sha2-256", signed="rsa-sha2-256")
    assert outcome.result is Result.FAILED and "2048 bits" in outcome.reason


def test_u8_a_second_link_needs_another_key(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, two = pair
    desk.authorise(one.line, two.line)
    first = desk.login(one)
    assert not desk.progress.succeed("publickey", first.proof)
    assert desk.login(one).result is Result.FAILED
    second = desk.login(two)
    assert second.result is Result.SUCCEEDED and desk.progress.succeed("publickey", second.proof)


def test_options_of_a_line_hold(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise(f'from="198.51.100.1" {one.line}')
    outcome = desk.login(one)
    assert outcome.result is Result.FAILED and "from" in outcome.reason
    desk.authorise(f'from="198.51.100.1" {one.line}', f'from="192.0.2.0/24" {one.line}')
    assert desk.login(one).result is Result.SUCCEEDED


def test_a_store_that_others_may_write_is_refused_without_a_word_of_it(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise(one.line)
    desk.store.chmod(0o666)
    assert desk.login(one).result is Result.FAILED
    log = "".join(map(str, desk.lines))
    assert "is writable by group or others (mode 0666)" in log
    assert one.line.split()[1] not in log


def test_several_stores_are_tried_in_order(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise(one.line)
    desk.settings["authorized_user_keys"] = ("file:/nonexistent/%u", "sql:/query", f"file:{desk.store}")
    assert desk.login(one).result is Result.SUCCEEDED


def test_a_name_cannot_lead_out_of_the_store(desk: Desk, pair: tuple[Key, Key]) -> None:
    from mod_sftp.auth.keystores import expand

    account = Account("x", 1, 1, "/home/x", "")
    assert expand("~/.ssh/%u", "x", account) == "/home/x/.ssh/x"
    for name in ("../other", "..", "", "a/b", "a\0b"):
        with pytest.raises(ValueError, match="cannot stand in a path"):
            expand("/etc/keys/%u", name, account)


def test_the_host_bound_variant(desk: Desk, pair: tuple[Key, Key]) -> None:
    one, _ = pair
    desk.authorise(one.line)
    data = covered(one.type, one.blob, method=HOSTBOUND) + string(HOST_KEY)
    assert desk.ask(one.type, one.blob, one.sign(data), bound=HOST_KEY).result is Result.SUCCEEDED
    other = one.sign(covered(one.type, one.blob, method=HOSTBOUND) + string(b"other"))
    assert desk.ask(one.type, one.blob, other, bound=b"other").result is Result.FAILED
    assert desk.ask(one.type, one.blob, one.sign(covered(one.type, one.blob)), bound=HOST_KEY).result is Result.FAILED


def test_a_revoked_key(desk: Desk, pair: tuple[Key, Key], tmp_path: Path) -> None:
    one, two = pair
    desk.authorise(one.line, two.line)
    revoked = tmp_path / "revoked"
    revoked.write_text(one.line)
    desk.settings["revoked_keys"] = str(revoked)
    assert desk.login(one).result is Result.FAILED
    assert desk.login(two).result is Result.SUCCEEDED
    shown = subprocess.run(["ssh-keygen", "-l", "-f", two.public], check=True, capture_output=True, text=True).stdout
    revoked.write_text(shown.split()[1] + "\n")
    assert desk.login(two).result is Result.FAILED
    revoked.unlink()
    assert desk.login(one).result is Result.FAILED


class TestCertificates:
    """Made by ssh-keygen, trusted by a file or by a line of the user's own store."""

    @pytest.fixture
    def keys(self, tmp_path: Path) -> tuple[Key, Key]:
        return Key(tmp_path / "user"), Key(tmp_path / "authority")

    def test_of_a_trusted_authority(self, desk: Desk, keys: tuple[Key, Key]) -> None:
        user, authority = keys
        name, blob = user.certificate(authority, "-n", "alice")
        assert desk.login(user, name, blob).result is Result.FAILED
        desk.settings["trusted_user_ca_keys"] = str(authority.public)
        assert desk.login(user, name, blob).result is Result.SUCCEEDED

    def test_for_somebody_else(self, desk: Desk, keys: tuple[Key, Key]) -> None:
        user, authority = keys
        desk.settings["trusted_user_ca_keys"] = str(authority.public)
        outcome = desk.login(user, *user.certificate(authority, "-n", "bob"))
        assert outcome.result is Result.FAILED and "does not name this user" in outcome.reason

    def test_expired(self, desk: Desk, keys: tuple[Key, Key]) -> None:
        user, authority = keys
        desk.settings["trusted_user_ca_keys"] = str(authority.public)
        outcome = desk.login(user, *user.certificate(authority, "-n", "alice", "-V", "20200101:20200102"))
        assert outcome.result is Result.FAILED and "expired" in outcome.reason

    def test_authority_in_the_store(self, desk: Desk, keys: tuple[Key, Key]) -> None:
        user, authority = keys
        desk.authorise(f"cert-authority {authority.line}")
        assert desk.login(user, *user.certificate(authority, "-n", "alice")).result is Result.SUCCEEDED
        assert desk.login(authority).result is Result.FAILED

    def test_principals_of_the_line(self, desk: Desk, keys: tuple[Key, Key]) -> None:
        user, authority = keys
        desk.authorise(f'cert-authority,principals="staff" {authority.line}')
        assert desk.login(user, *user.certificate(authority, "-n", "alice")).result is Result.FAILED
        assert desk.login(user, *user.certificate(authority, "-n", "staff")).result is Result.SUCCEEDED

    def test_principals_file(self, desk: Desk, keys: tuple[Key, Key], tmp_path: Path) -> None:
        user, authority = keys
        (tmp_path / "principals").write_text("# names\nstaff\n")
        desk.settings["trusted_user_ca_keys"] = str(authority.public)
        desk.settings["authorized_principals"] = str(tmp_path / "principals")
        assert desk.login(user, *user.certificate(authority, "-n", "alice")).result is Result.FAILED
        assert desk.login(user, *user.certificate(authority, "-n", "staff")).result is Result.SUCCEEDED

    def test_a_revoked_authority(self, desk: Desk, keys: tuple[Key, Key], tmp_path: Path) -> None:
        user, authority = keys
        desk.settings["trusted_user_ca_keys"] = desk.settings["revoked_keys"] = str(authority.public)
        assert desk.login(user, *user.certificate(authority, "-n", "alice")).result is Result.FAILED
