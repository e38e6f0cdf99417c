"""Packets sealed and opened: every pair of cipher and MAC, published vectors, and tampering."""

from __future__ import annotations

import hmac
import itertools
import os
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from mod_sftp.crypto import BadTag, suites, umac
from mod_sftp.crypto.ciphers import CIPHERS, chacha20, cipher, decrypting, encrypting
from mod_sftp.crypto.macs import MACS, authenticator, mac
from mod_sftp.crypto.suites import Opener, Sealer, make_opener, make_sealer

decrepit: ModuleType
try:
    from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
except ImportError:  # before version 43
    decrepit = algorithms

PAIRS = [
    (c.name, m.name)
    for c, m in itertools.product(CIPHERS, MACS)
    if not c.aead or m.name == "none"
]


def both_sides(cipher_name: str, mac_name: str) -> tuple[Sealer, Opener]:
    row, authentication = cipher(cipher_name), mac(mac_name)
    keys = os.urandom(row.key), os.urandom(row.iv), os.urandom(authentication.key)
    return make_sealer(row, authentication, *keys), make_opener(row, authentication, *keys)


def packet(sealer: Sealer, blocks: int) -> bytes:
    size = sealer.block * blocks - (0 if sealer.clear_length else 4)
    return size.to_bytes(4, "big") + os.urandom(size)


def sealed(sealer: Sealer, seq: int, plain: bytes) -> bytearray:
    wire = bytearray(len(plain) + sealer.tag)
    sealer.seal(seq, memoryview(plain), memoryview(wire))
    return wire


@pytest.mark.parametrize(("cipher_name", "mac_name"), PAIRS)
def test_what_is_sealed_opens_again(cipher_name: str, mac_name: str) -> None:
    sealer, opener = both_sides(cipher_name, mac_name)
    for seq, blocks in enumerate((2, 3, 70, 2)):
        plain = packet(sealer, blocks)
        wire = memoryview(sealed(sealer, seq, plain))
        assert opener.length(seq, wire[: opener.need]) == len(plain) - 4
        assert opener.length(seq, wire[: opener.need]) == len(plain) - 4, "asking twice must not move the cipher on"
        opened = bytearray(len(plain))
        opener.open(seq, wire, memoryview(opened))
        assert opened == plain
        if cipher_name != "none":
            assert bytes(wire[8 : len(plain)]) != plain[8:]


@pytest.mark.parametrize(
    ("cipher_name", "mac_name"), [(c, m) for c, m in PAIRS if cipher(c).tag or mac(m).tag]
)
@pytest.mark.parametrize("where", [4, 20, -1])
def test_a_changed_packet_is_refused(cipher_name: str, mac_name: str, where: int) -> None:
    sealer, opener = both_sides(cipher_name, mac_name)
    wire = sealed(sealer, 7, packet(sealer, 4))
    wire[where] ^= 1
    opener.length(7, memoryview(wire)[: opener.need])
    with pytest.raises(BadTag):
        opener.open(7, memoryview(wire), memoryview(bytearray(len(wire) - opener.tag)))


@pytest.mark.parametrize("mac_name", [m.name for m in MACS if m.tag])
def test_a_packet_out_of_its_place_is_refused(mac_name: str) -> None:
    sealer, opener = both_sides("aes128-ctr", mac_name)
    wire = sealed(sealer, 7, packet(sealer, 4))
    with pytest.raises(BadTag):
        opener.open(8, memoryview(wire), memoryview(bytearray(len(wire) - opener.tag)))


def test_T8_tags_are_compared_in_constant_time() -> None:
    assert suites._same is hmac.compare_digest


def test_chacha20_key_stream_of_rfc_8439() -> None:
    """RFC 8439 A.1, test vector 1."""
    assert chacha20(bytes(32)).update(bytes(32)).hex() == (
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    )


def test_aes_ctr_of_nist() -> None:
    """NIST SP 800-38A F.5.1, the first two blocks, taken in uneven pieces."""
    transform = encrypting(
        cipher("aes128-ctr"),
        bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"),
        bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
    )
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    out = bytearray(32)
    transform(memoryview(plain)[:5], memoryview(out)[:5])
    transform(memoryview(plain)[5:], memoryview(out)[5:])
    assert out.hex() == "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"


def test_arcfour_drops_its_beginning() -> None:
    """RFC 6229 2, 128-bit key, the stream from offset 1536 on (RFC 4345 4)."""
    transform = decrypting(cipher("arcfour128"), bytes(range(1, 17)), b"")
    out = bytearray(16)
    transform(memoryview(bytes(16)), memoryview(out))
    assert out.hex() == "ffa0b514647ec04f6306b892ae661181"


@pytest.mark.parametrize(
    ("name", "algorithm"), [("3des-ctr", decrepit.TripleDES), ("blowfish-ctr", decrepit.Blowfish)]
)
def test_own_counter_mode(name: str, algorithm: type[Any]) -> None:
    """RFC 4344 4: each block is the encrypted counter, which wraps, mixed in; pieces need not be whole blocks."""
    row = cipher(name)
    key = bytes(range(row.key))
    counter = 2**64 - 2
    block = LibraryCipher(algorithm(key), modes.ECB()).encryptor().update
    stream = b"".join(block(((counter + i) % 2**64).to_bytes(8, "big")) for i in range(6))
    transform = encrypting(row, key, counter.to_bytes(8, "big"))
    plain, out = bytes(range(45)), bytearray(45)
    for start, stop in ((0, 3), (3, 8), (8, 8), (8, 31), (31, 45)):
        transform(memoryview(plain)[start:stop], memoryview(out)[start:stop])
    assert bytes(out) == bytes(a ^ b for a, b in zip(plain, stream, strict=False))


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("hmac-sha2-256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "hmac-sha2-512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        ("hmac-sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("hmac-sha1-96", "effcdf6ae5eb2fa2d27416d5"),
        ("hmac-md5", "750c783e6ab0b503eaa86e310a5db738"),
        ("hmac-md5-96", "750c783e6ab0b503eaa86e31"),
        ("hmac-ripemd160", "dda6c0213a485a9e24f4742064a7f033b43c4069"),
    ],
)
def test_hmac_vectors(name: str, tag: str) -> None:
    """RFC 4231 test case 2, RFC 2202 and RFC 2286: the first four bytes of the text stand as sequence number."""
    text = b"what do ya want for nothing?"
    authenticate = authenticator(mac(name), b"Jefe")
    assert authenticate(int.from_bytes(text[:4], "big"), memoryview(text)[4:]).hex() == tag


UMAC_VECTORS = [
    (b"", "6e155fad26900be1", "32fedb100c79ad58f07ff7643cc60465"),
    (b"a" * 3, "44b5cb542f220104", "185e4fe905cba7bd85e4c2dc3d117d8d"),
    (b"a" * 2**10, "26bf2f5d60118bd9", "7a54abe04af82d60fb298c3cbd195bcb"),
    (b"a" * 2**15, "27f8ef643b0d118d", "7b136bd911e4b734286ef2be501f2c3c"),
    (b"abc", "d4d7b9f6bd4fbfcf", "883c3d4b97a61976ffcf232308cba5a5"),
    (b"abc" * 500, "d4cf26ddefd5c01a", "8824a260c53c66a36c9260a62cb83aa1"),
]


@pytest.mark.parametrize(("text", "short", "long"), UMAC_VECTORS)
def test_umac_vectors_in_pure_python(text: bytes, short: str, long: str) -> None:
    """RFC 4418 appendix (the 128-bit ones as its errata give them)."""
    for tag, wanted in ((8, short), (16, long)):
        made = umac.PurePython(b"abcdefghijklmnop", tag).tag(b"bcdefghi", memoryview(text))
        assert made.hex() == wanted


@pytest.mark.skipif(not umac.native(), reason="no libnettle")
@pytest.mark.parametrize(("size", "tag"), [(0, 8), (5, 8), (1000, 16), (1024, 8), (1025, 16), (40000, 8), (40000, 16)])
def test_umac_of_libnettle_and_of_python_agree(size: int, tag: int) -> None:
    key, data = os.urandom(16), bytearray(os.urandom(size))
    native, pure = umac.authenticator(key, tag), umac.PurePython(key, tag)
    for seq in (0, 1, 2**32 - 1):
        wanted = pure.tag(seq.to_bytes(8, "big"), memoryview(data))
        assert native(seq, memoryview(data)) == wanted
        assert native(seq, memoryview(bytes(data))) == wanted
