"""Key exchanges against clients that do not play by the rules; the good ones are in tests/interop/test_algorithms.py."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mod_sftp.crypto import groups, sntrup761
from mod_sftp.crypto.exchanges import KexContext, kex
from mod_sftp.crypto.groups import Group, Groups, ffdhe, modp, read_parameters
from mod_sftp.crypto.hostkeys import PrivateSigner
from mod_sftp.wire.ssh import mpint, string, u32
from pyproftpd.errors import PeerError

PARAMETERS = Path(__file__).parents[4] / "etc" / "dhparams.pem"

#: RFC 3526 3, the 2048-bit group.
GROUP_14 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)


def context(weak: bool = False) -> KexContext:
    signer = PrivateSigner(Ed25519PrivateKey.generate())
    return KexContext(b"SSH-2.0-c", b"SSH-2.0-s", b"\x14c", b"\x14s", signer, "ssh-ed25519", Groups(weak=weak))


def refused(name: str, msg: int, payload: bytes) -> PeerError:
    with pytest.raises(PeerError) as caught:
        kex(name).make().receive(msg, memoryview(payload), context())
    return caught.value


def off_curve(size: int) -> bytes:
    return b"\x04" + bytes(2 * size - 1) + b"\x01"


BAD_VALUES = [
    ("curve25519-sha256", bytes(32)),
    ("curve25519-sha256", bytes([1]) + bytes(31)),
    ("curve25519-sha256", b"\x07" * 31),
    ("curve25519-sha256@libssh.org", b"\x07" * 33),
    ("curve25519-sha256", b""),
    ("curve448-sha512", bytes(56)),
    ("curve448-sha512", b"\x07" * 55),
    ("ecdh-sha2-nistp256", off_curve(32)),
    ("ecdh-sha2-nistp384", off_curve(48)),
    ("ecdh-sha2-nistp521", off_curve(66)),
    ("ecdh-sha2-nistp256", b"\x00"),
    ("ecdh-sha2-nistp256", b"\x04" + b"\x07" * 63),
    ("mlkem768x25519-sha256", b"\x07" * (1184 + 31)),
    ("mlkem768x25519-sha256", b"\xff" * 1184 + b"\x07" * 32),
    ("mlkem768x25519-sha256", bytes(1184 + 32)),
    ("sntrup761x25519-sha512", b"\x07" * (1157 + 32)),
    ("sntrup761x25519-sha512", b"\xff" * 1158 + b"\x07" * 32),
    ("sntrup761x25519-sha512@openssh.com", bytes(1158 + 32)),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_T12_bad_public_values_end_the_session(name: str, value: bytes) -> None:
    if not kex(name).available():
        pytest.skip("the library lacks it")
    assert refused(name, 30, string(value)).reason == 3


@pytest.mark.parametrize("name", ["diffie-hellman-group14-sha256", "diffie-hellman-group1-sha1"])
@pytest.mark.parametrize("value", [0, 1, -1, -5, "p-1", "p", "p+1"])
def test_T11_bad_diffie_hellman_values_end_the_session(name: str, value: int | str) -> None:
    p = modp(1024 if "group1-" in name else 2048).p
    e = value if isinstance(value, int) else {"p-1": p - 1, "p": p, "p+1": p + 1}[value]
    assert refused(name, 30, mpint(e)).reason == 3


def test_T5_a_huge_number_is_not_computed_with() -> None:
    refused("diffie-hellman-group14-sha256", 30, u32(1 << 20) + b"\x01" + bytes(1 << 20))


@pytest.mark.parametrize("sizes", [(1024, 1024, 1024), (2048, 1024, 8192), (2048, 8192, 4096), (2048, 2048, 8193),
                                   (0, 0, 0), (1, 512, 1024), (9000, 9000, 9000)])
def test_T11_group_requests_that_are_refused(sizes: tuple[int, int, int]) -> None:
    error = refused("diffie-hellman-group-exchange-sha256", 34, b"".join(map(u32, sizes)))
    assert error.reason == 3


@pytest.mark.parametrize(("sizes", "bits"), [((1024, 2048, 8192), 2048), ((1024, 1024, 8192), 2048),
                                             ((2048, 3000, 8192), 3072), ((2048, 8192, 8192), 8192),
                                             ((2048, 5000, 5000), 4096)])
def test_T11_groups_chosen(sizes: tuple[int, int, int], bits: int) -> None:
    for found in (Groups(), Groups(read_parameters(PARAMETERS.read_bytes()))):
        assert found.choose(*sizes).bits == bits


def test_T11_weak_groups_only_when_allowed() -> None:
    small = Group(modp(1024).p)
    assert Groups([small], weak=True).choose(1024, 1024, 2048) == small
    assert Groups([small]).choose(1024, 1024, 2048).bits == 2048


def test_the_old_group_request_has_one_number() -> None:
    exchange = kex("diffie-hellman-group-exchange-sha1").make()
    step = exchange.receive(30, memoryview(u32(1024)), context())
    size = int.from_bytes(step.replies[0][1:5], "big")
    assert step.replies[0][0] == 31
    assert int.from_bytes(step.replies[0][5 : 5 + size], "big").bit_length() == 2048


@pytest.mark.parametrize("name", ["curve25519-sha256", "diffie-hellman-group14-sha256", "rsa1024-sha1",
                                  "diffie-hellman-group-exchange-sha256"])
@pytest.mark.parametrize("msg", [29, 33, 35, 49])
def test_messages_of_another_method_are_refused(name: str, msg: int) -> None:
    assert refused(name, msg, b"").reason == 2


def test_rsa_secret_that_does_not_decrypt() -> None:
    assert refused("rsa1024-sha1", 31, string(os.urandom(255))).reason == 3


def test_T16_truncated_messages() -> None:
    point = ec.generate_private_key(ec.SECP256R1())
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    whole = string(point.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    for stop in range(len(whole)):
        refused("ecdh-sha2-nistp256", 30, whole[:stop])
    refused("ecdh-sha2-nistp256", 30, whole + b"\0")


def test_known_groups_are_those_of_rfc_3526_and_rfc_7919() -> None:
    assert modp(2048).p == GROUP_14
    shipped = {group.p for group in read_parameters(PARAMETERS.read_bytes())}  # written by OpenSSL
    assert {make(bits).p for make in (modp, ffdhe) for bits in (2048, 3072, 4096, 6144, 8192)} == shipped


@pytest.mark.parametrize("group", [modp(1024), modp(2048), ffdhe(2048)])
def test_the_library_and_python_agree(group: Group) -> None:
    public, shared = groups.key_pair(group)
    other, other_shared = groups._own_key_pair(group)
    assert shared(other) == other_shared(public)


def test_a_group_that_the_library_does_not_know_is_left_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would prove the prime anew for every client: seconds for 4096 bits."""
    monkeypatch.setattr(groups, "_library_key_pair", lambda group: pytest.fail("asked the library"))
    unknown = Group(modp(2048).p, 5)
    public, shared = groups.key_pair(unknown)
    assert shared(5) == public


@pytest.mark.parametrize("text", [
    b"", b"no block at all", b"-----BEGIN DH PARAMETERS-----\nMAA=\n",
    b"-----BEGIN DH PARAMETERS-----\n*\n-----END DH PARAMETERS-----",
    b"-----BEGIN DH PARAMETERS-----\nMAYCAQUCAQI=\n-----END DH PARAMETERS-----",
    b"-----BEGIN DH PARAMETERS-----\nMIT/////\n-----END DH PARAMETERS-----",
])
def test_broken_parameter_files(text: bytes) -> None:
    with pytest.raises(ValueError, match="DH|DER"):
        read_parameters(text)


def test_sntrup761_agrees_with_another_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key in the file beside is one of PQClean's implementation (package pqcrypto 1.0.0), which took this ciphertext back to
    this secret; the random words are the output of SHAKE256, so that anybody can ask another one."""
    public = base64.b64decode((Path(__file__).parent / "sntrup761.pub").read_text())
    words = hashlib.shake_256(b"words of a short polynomial").digest(4 * 761)
    monkeypatch.setattr(secrets, "token_bytes", lambda size: words[:size])
    ciphertext, secret = sntrup761.encapsulate(public)
    assert hashlib.sha256(ciphertext).hexdigest() == "13e71ea32c6ba1a4b464b594a60c0ffa1664c63e93955f3b13342a0262bdd54a"
    assert secret.hex() == "38eefa3beee8824ef6bbe7694c42bd0e8e96771cbab1877e968e50e9d4469270"


def test_sntrup761_refuses_a_key_out_of_form() -> None:
    with pytest.raises(ValueError, match="length"):
        sntrup761.encapsulate(bytes(10))
    with pytest.raises(ValueError, match="canonical"):
        sntrup761.encapsulate(b"\xff" * sntrup761.PUBLIC_SIZE)
