"""Signatures of users, security keys and certificates: good ones, and everything a hostile client may send instead."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from mod_sftp.crypto.algorithms import SIGNATURES
from mod_sftp.crypto.certificates import CertificateVerdict, Revocations, check_certificate
from mod_sftp.crypto.hostkeys import PrivateSigner
from mod_sftp.crypto.verify import verify
from mod_sftp.wire import keyblob
from mod_sftp.wire.keyfiles import KeyEntry, read_public_keys
from mod_sftp.wire.ssh import byte, mpint, string, u32
from pyproftpd.errors import PeerError

DATA = b"session, request and user"
ED = PrivateSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
RSA = PrivateSigner(rsa.generate_private_key(65537, 2048))
DSA = PrivateSigner(dsa.generate_private_key(1024))
EC = PrivateSigner(ec.generate_private_key(ec.SECP256R1()))


def test_ed25519_of_rfc_8032() -> None:
    """RFC 8032 7.1, test 2."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    blob = string("ssh-ed25519") + string(public)
    assert verify("ssh-ed25519", blob, string("ssh-ed25519") + string(signature), b"\x72")
    assert not verify("ssh-ed25519", blob, string("ssh-ed25519") + string(signature), b"\x73")


@pytest.mark.parametrize("length", [0, 19, 20, 39, 41, 40000])
def test_T4_dsa_parts_of_the_wrong_length(length: int) -> None:
    assert not verify("ssh-dss", DSA.blob, string("ssh-dss") + string(b"\1" * length), DATA)


def test_T4_names_that_contradict_each_other() -> None:
    good = RSA.sign("ssh-rsa", DATA)
    assert verify("ssh-rsa", RSA.blob, good, DATA)
    assert not verify("rsa-sha2-256", RSA.blob, good, DATA)
    assert not verify("rsa-sha2-512", RSA.blob, RSA.sign("rsa-sha2-256", DATA), DATA)
    assert not verify("ssh-ed25519", RSA.blob, good, DATA)
    assert not verify("no-such", RSA.blob, good, DATA)
    right = RSA.sign("rsa-sha2-256", DATA)
    renamed = string("ssh-rsa") + right[len(string("rsa-sha2-256")):]
    assert verify("rsa-sha2-256", RSA.blob, right, DATA)
    assert not verify("rsa-sha2-256", RSA.blob, renamed, DATA)


def test_T4_security_key_name_with_another_blob() -> None:
    signature = ED.sign("ssh-ed25519", DATA)
    renamed = string("sk-ssh-ed25519@openssh.com") + signature[15:]
    assert not verify("sk-ssh-ed25519@openssh.com", ED.blob, renamed, DATA)
    assert not verify("sk-ssh-ed25519@openssh.com", ED.blob, renamed + b"\1" + u32(1), DATA)


def test_T4_a_plain_signature_with_a_security_key() -> None:
    """Whoever has the key of a token's blob in software signs without touch and PIN: the name must be that of the blob."""
    token = string("sk-ssh-ed25519@openssh.com") + ED.blob[len(string("ssh-ed25519")):] + string("ssh:")
    assert keyblob.parse_key(token).point == keyblob.parse_key(ED.blob).point
    assert not verify("ssh-ed25519", token, ED.sign("ssh-ed25519", DATA), DATA)
    curve = string("ecdsa-sha2-nistp256")
    token = string("sk-ecdsa-sha2-nistp256@openssh.com") + EC.blob[len(curve):] + string("ssh:")
    assert keyblob.parse_key(token).point == keyblob.parse_key(EC.blob).point
    assert not verify("ecdsa-sha2-nistp256", token, EC.sign("ecdsa-sha2-nistp256", DATA), DATA)


def test_T4_empty_and_cut_signatures() -> None:
    for signer in (ED, RSA, DSA, EC):
        algorithm = signer.algorithms[0]
        good = signer.sign(algorithm, DATA)
        assert verify(algorithm, signer.blob, good, DATA)
        for bad in (b"", *(good[:stop] for stop in range(0, len(good), 7)), good + b"\0"):
            assert not verify(algorithm, signer.blob, bad, DATA)


def test_rsa_signatures_shorter_and_longer_than_the_modulus() -> None:
    """behaviours.md 91: a client that drops leading zeros is right, one byte too many is wrong."""
    for number in range(2000):
        data = b"%d" % number
        whole = RSA.sign("rsa-sha2-256", data)
        raw = whole[len(string("rsa-sha2-256")) + 4 :]
        if raw[0] == 0:
            assert verify("rsa-sha2-256", RSA.blob, string("rsa-sha2-256") + string(raw.lstrip(b"\0")), data)
            break
    assert not verify("rsa-sha2-256", RSA.blob, string("rsa-sha2-256") + string(b"\0" + raw), data)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (-1, 1), (1 << 530, 1)])
def test_ecdsa_numbers_out_of_range(r: int, s: int) -> None:
    signature = string("ecdsa-sha2-nistp256") + string(mpint(r) + mpint(s))
    assert not verify("ecdsa-sha2-nistp256", EC.blob, signature, DATA)


def ecdsa_token(flags: int, application: bytes = b"ssh:") -> tuple[bytes, bytes, ec.EllipticCurvePrivateKey]:
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    name = "sk-ecdsa-sha2-nistp256@openssh.com"
    return string(name) + string("nistp256") + string(point) + string(application), byte(flags) + u32(77), private


def sign_ecdsa(private: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
    return string(mpint(r) + mpint(s))


@pytest.mark.parametrize(("flags", "touched", "verified"), [(0, False, False), (1, True, False), (5, True, True)])
def test_ecdsa_security_key(flags: int, touched: bool, verified: bool) -> None:
    """The message as OpenSSH PROTOCOL.u2f writes it down."""
    blob, tail, private = ecdsa_token(flags)
    message = hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(DATA).digest()
    signature = string("sk-ecdsa-sha2-nistp256@openssh.com") + sign_ecdsa(private, message) + tail
    result = verify("sk-ecdsa-sha2-nistp256@openssh.com", blob, signature, DATA)
    assert (result.ok, result.touched, result.verified) == (True, touched, verified)
    lied = signature[:-5] + byte(flags ^ 4) + signature[-4:]
    assert not verify("sk-ecdsa-sha2-nistp256@openssh.com", blob, lied, DATA)


def test_ed25519_security_key() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    name, tail = "sk-ssh-ed25519@openssh.com", byte(1) + u32(5)
    blob = string(name) + string(public) + string("ssh:")
    message = hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(DATA).digest()
    signature = string(name) + string(private.sign(message)) + tail
    assert verify(name, blob, signature, DATA)
    assert not verify(name, string(name) + string(public) + string("other:"), signature, DATA)


def test_webauthn_signature() -> None:
    name = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
    blob, tail, private = ecdsa_token(1, b"example.org")
    challenge = base64.urlsafe_b64encode(DATA).rstrip(b"=").decode()
    origin = "https://example.org"

    def signed(client_data: bytes, extensions: bytes = b"") -> bytes:
        message = hashlib.sha256(b"example.org").digest() + tail + hashlib.sha256(client_data).digest()
        return (string(name) + sign_ecdsa(private, message) + tail
                + string(origin) + string(client_data) + string(extensions))

    good = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": origin}, separators=(",", ":"))
    assert verify(name, blob, signed(good.encode()), DATA)
    assert not verify(name, blob, signed(good.encode()), DATA + b"x")
    assert not verify(name, blob, signed(good.encode(), b"ext"), DATA)
    assert not verify(name, blob, signed(good.replace("example", "evil").encode()), DATA)
    assert not verify(name, blob, signed(good.encode()[:-1]), DATA)


@settings(max_examples=200)
@given(st.sampled_from([row.name for row in SIGNATURES]), st.binary(max_size=300), st.binary(max_size=300))
def test_hostile_input_is_answered_with_no(algorithm: str, blob: bytes, signature: bytes) -> None:
    row = next(row for row in SIGNATURES if row.name == algorithm)
    for key in (blob, string(row.key_type) + blob):
        for signed in (signature, string(row.signature) + string(signature)):
            assert not verify(algorithm, key, signed, DATA)


@settings(max_examples=200)
@given(st.sampled_from([ED, RSA, DSA, EC]), st.integers(0, 1000), st.integers(1, 255))
def test_one_changed_byte_is_noticed(signer: PrivateSigner, at: int, change: int) -> None:
    algorithm = signer.algorithms[0]
    good = bytearray(signer.sign(algorithm, DATA))
    good[at % len(good)] ^= change
    assert not verify(algorithm, signer.blob, bytes(good), DATA)


pytest_ssh_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("ca") / "ca", "ed25519")


def make(path: Path, kind: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True, capture_output=True)
    return path


def blob_of(path: Path) -> bytes:
    [entry] = read_public_keys(path.read_bytes())
    assert isinstance(entry, KeyEntry)
    return entry.blob


def certify(authority: Path, directory: Path, *words: str, kind: str = "ed25519", names: str = "alice,bob") -> bytes:
    user = make(directory / "user", kind)
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "id", "-n", names, *words, f"{user}.pub"],
                   check=True, capture_output=True)
    return blob_of(directory / "user-cert.pub")


def judged(blob: bytes, authority: Path, **changed: Any) -> CertificateVerdict:
    facts: dict[str, Any] = {"principals": ["alice"], "now": 1_800_000_000.0, "address": "192.0.2.7",
                             "trusted": {blob_of(Path(f"{authority}.pub"))}, **changed}
    return check_certificate(keyblob.parse_certificate(blob), blob, **facts)


@pytest_ssh_keygen
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_of_ssh_keygen(tmp_path: Path, authority: Path, kind: str) -> None:
    blob = certify(authority, tmp_path, "-z", "42", kind=kind)
    certificate = keyblob.parse_certificate(blob)
    assert (certificate.serial, certificate.key_id, certificate.principals) == (42, b"id", (b"alice", b"bob"))
    assert certificate.key.blob == blob_of(tmp_path / "user.pub")
    verdict = judged(blob, authority)
    assert verdict.ok and verdict.touch and not verdict.verification


@pytest_ssh_keygen
def test_signatures_under_a_certificate(tmp_path: Path, authority: Path) -> None:
    from mod_sftp.crypto.privatekeys import load_private

    blob = certify(authority, tmp_path, kind="rsa")
    signer = PrivateSigner(load_private((tmp_path / "user").read_bytes()))
    name = "rsa-sha2-512-cert-v01@openssh.com"
    assert verify(name, blob, signer.sign("rsa-sha2-512", DATA), DATA)
    assert not verify(name, blob, signer.sign("rsa-sha2-256", DATA), DATA)
    assert not verify("rsa-sha2-512", blob, signer.sign("rsa-sha2-512", DATA), DATA)


@pytest_ssh_keygen
@pytest.mark.parametrize(("words", "facts", "reason"), [
    ((), {"principals": ["carol"]}, "name this user"),
    ((), {"trusted": set()}, "trusted"),
    (("-h",), {}, "wrong type"),
    (("-V", "20200101:20210101"), {}, "expired"),
    (("-V", "20990101:21000101"), {}, "not valid yet"),
    (("-O", "source-address=198.51.100.0/24"), {}, "address"),
    (("-O", "source-address=192.0.2.0/24"), {"address": "not an address"}, "address"),
    (("-O", "force-command=/bin/true"), {}, "force-command"),
    (("-O", "critical:new@example.org=x"), {}, "new@example.org"),
])
def test_certificates_that_do_not_let_in(tmp_path: Path, authority: Path, words: tuple[str, ...],
                                        facts: dict[str, Any], reason: str) -> None:
    verdict = judged(certify(authority, tmp_path, *words), authority, **facts)
    assert not verdict.ok and reason in verdict.reason


@pytest_ssh_keygen
def test_certificate_options_that_are_honoured(tmp_path: Path, authority: Path) -> None:
    words = ("-O", "source-address=192.0.2.0/24,2001:db8::/32", "-O", "no-touch-required", "-O", "verify-required",
             "-O", "force-command=internal-sftp", "-V", "always:forever")
    blob = certify(authority, tmp_path, *words)
    for address in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"):
        verdict = judged(blob, authority, address=address)
        assert verdict.ok and not verdict.touch and verdict.verification


@pytest_ssh_keygen
def test_a_certificate_without_names_lets_nobody_in(tmp_path: Path, authority: Path) -> None:
    user = make(tmp_path / "user", "ed25519")
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "id", f"{user}.pub"], check=True,
                   capture_output=True)
    assert "name" in judged(blob_of(tmp_path / "user-cert.pub"), authority).reason


@pytest_ssh_keygen
def test_revoked_and_forged_certificates(tmp_path: Path, authority: Path) -> None:
    blob = certify(authority, tmp_path)
    for revoked in (blob, blob_of(tmp_path / "user.pub"), blob_of(Path(f"{authority}.pub"))):
        assert "revoked" in judged(blob, authority, revoked=Revocations(frozenset({revoked}))).reason
        digest = hashlib.sha256(revoked).digest()
        assert "revoked" in judged(blob, authority, revoked=Revocations(fingerprints=frozenset({digest}))).reason
    forged = blob.replace(b"alice", b"mallo")
    assert "signature" in judged(forged, authority, principals=["mallo"]).reason


@pytest_ssh_keygen
@pytest.mark.parametrize(("algorithm", "good"), [("rsa-sha2-256", True), ("rsa-sha2-512", True), ("ssh-rsa", False)])
def test_an_authority_does_not_sign_with_sha_1(tmp_path: Path, algorithm: str, good: bool) -> None:
    authority = make(tmp_path / "ca", "rsa")
    verdict = judged(certify(authority, tmp_path, "-t", algorithm), authority)
    assert verdict.ok is good and ("signature" in verdict.reason) is not good


@pytest_ssh_keygen
def test_a_certificate_cut_anywhere_is_refused(tmp_path: Path, authority: Path) -> None:
    blob = certify(authority, tmp_path)
    for stop in range(0, len(blob), 3):
        with pytest.raises(PeerError):
            keyblob.parse_certificate(blob[:stop])
