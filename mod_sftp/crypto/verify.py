"""Checks signatures of user and host keys; hostile input gives "no", never an exception (security.md T4)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mod_sftp.crypto.algorithms import SignatureAlgorithm, signature_algorithm
from mod_sftp.wire import keyblob
from mod_sftp.wire.keyblob import MAX_SIGNATURE, PublicKey
from mod_sftp.wire.ssh import Reader, byte, u32
from pyproftpd.errors import PeerError

#: Flags of a security key's signature (OpenSSH PROTOCOL.u2f; CTAP 2).
USER_PRESENT, USER_VERIFIED = 0x01, 0x04
#: Flags that announce attestation or extension data behind the signed structure (W3C WebAuthn 6.1).
_WEBAUTHN_DATA = 0xC0

#: An EC point, r or s has at most 66 bytes and a sign byte; DSA numbers have 20.
_MAX_ECDSA_NUMBER = 67


@dataclass(frozen=True, slots=True)
class SigResult:
    """``touched`` and ``verified`` are what a security key says of its user; True for keys that cannot say."""

    ok: bool
    touched: bool = True
    verified: bool = True
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok


class _Bad(Exception):
    """The signature is not good; the text is for the log."""


def verify(algorithm: str, key_blob: bytes, signature_blob: bytes, data: bytes) -> SigResult:
    """Whether ``signature_blob`` (RFC 4253 6.6) is one of ``data`` by the key, under exactly this algorithm.

    For a certificate algorithm ``key_blob`` is the certificate; whom it is for and who issued it is the business of
    :mod:`.certificates`.
    """
    row = signature_algorithm(algorithm)
    if row is None:
        return SigResult(False, reason="unknown signature algorithm")
    if len(key_blob) > keyblob.MAX_BLOB or len(signature_blob) > MAX_SIGNATURE:
        return SigResult(False, reason="key or signature is too long")
    try:
        if keyblob.key_type(key_blob) != row.key_type:
            return SigResult(False, reason="key is of another type than the algorithm")
        key = keyblob.parse_certificate(key_blob).key if row.certificate else keyblob.parse_key(key_blob)
        reader = Reader(signature_blob)
        if reader.bytes(64) != row.signature.encode():
            return SigResult(False, reason="signature is of another algorithm")
        return _CHECKS[row.kind](row, key, reader, data)
    except (_Bad, PeerError) as error:
        return SigResult(False, reason=str(error))


def _library(check: Callable[[], object]) -> None:
    """Runs a call of the library, whose ways of saying no are many."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        check()
    except InvalidSignature:
        raise _Bad("signature does not fit") from None
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm) as error:
        raise _Bad(f"key cannot be used: {error}") from None


def _last_string(reader: Reader) -> bytes:
    data = reader.bytes(MAX_SIGNATURE)
    reader.end()
    return data


def _rsa(row: SignatureAlgorithm, key: PublicKey, reader: Reader, data: bytes) -> SigResult:
    """RFC 8332 3. A signature shorter than the modulus is padded (behaviours.md 91), a longer one is refused."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    signature = _last_string(reader)
    exponent, modulus = key.numbers
    size = (modulus.bit_length() + 7) // 8
    if len(signature) > size:
        raise _Bad("RSA signature is longer than the modulus")
    padded = signature.rjust(size, b"\0")

    def check() -> None:
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        public.verify(padded, data, padding.PKCS1v15(), row.library_hash())

    _library(check)
    return SigResult(True)


def _dsa(row: SignatureAlgorithm, key: PublicKey, reader: Reader, data: bytes) -> SigResult:
    """RFC 4253 6.6: two integers of 160 bits, one behind the other."""
    from cryptography.hazmat.primitives.asymmetric import dsa, utils

    signature = _last_string(reader)
    if len(signature) != 40:
        raise _Bad("DSA signature is not of 40 bytes")
    p, q, g, y = key.numbers
    der = utils.encode_dss_signature(int.from_bytes(signature[:20], "big"), int.from_bytes(signature[20:], "big"))

    def check() -> None:
        public = dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()
        public.verify(der, data, row.library_hash())

    _library(check)
    return SigResult(True)


def _ecdsa(row: SignatureAlgorithm, key: PublicKey, reader: Reader, data: bytes) -> SigResult:
    _check_ecdsa(row, key, _last_string(reader), data)
    return SigResult(True)


def _check_ecdsa(row: SignatureAlgorithm, key: PublicKey, signature: bytes, data: bytes) -> None:
    """RFC 5656 3.1.2: mpint r, mpint s."""
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    inner = Reader(signature)
    r, s = inner.mpint(_MAX_ECDSA_NUMBER), inner.mpint(_MAX_ECDSA_NUMBER)
    inner.end()
    if r <= 0 or s <= 0:
        raise _Bad("ECDSA signature out of range")
    curve: Any = getattr(ec, f"SECP{key.bits}R1")()

    def check() -> None:
        public = ec.EllipticCurvePublicKey.from_encoded_point(curve, key.point)
        public.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(row.library_hash()))

    _library(check)


def _ed25519(row: SignatureAlgorithm, key: PublicKey, reader: Reader, data: bytes) -> SigResult:
    _check_ed25519(key, _last_string(reader), data)
    return SigResult(True)


def _check_ed25519(key: PublicKey, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    _library(lambda: Ed25519PublicKey.from_public_bytes(key.point).verify(signature, data))


def _ed448(row: SignatureAlgorithm, key: PublicKey, reader: Reader, data: bytes) -> SigResult:
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey

    signature = _last_string(reader)
    _library(lambda: Ed448PublicKey.from_public_bytes(key.point).verify(signature, data))
    return SigResult(True)


def _security_key(row: SignatureAlgorithm, key: PublicKey, reader: Reader, data: bytes) -> SigResult:
    """OpenSSH PROTOCOL.u2f: the token signs SHA-256 of its application, flags, counter and SHA-256 of the data."""
    signature = reader.bytes(MAX_SIGNATURE)
    flags, counter = reader.u8(), reader.u32()
    reader.end()
    _check_token(row, key, signature, flags, counter, hashlib.sha256(data).digest())
    return _token_result(flags)


def _check_token(
    row: SignatureAlgorithm, key: PublicKey, signature: bytes, flags: int, counter: int, digest: bytes
) -> None:
    signed = hashlib.sha256(key.application).digest() + byte(flags) + u32(counter) + digest
    if key.kind == "sk-ed25519":
        _check_ed25519(key, signature, signed)
    else:
        _check_ecdsa(row, key, signature, signed)


def _token_result(flags: int) -> SigResult:
    return SigResult(True, touched=bool(flags & USER_PRESENT), verified=bool(flags & USER_VERIFIED))


def _webauthn(row: SignatureAlgorithm, key: PublicKey, reader: Reader, data: bytes) -> SigResult:
    """OpenSSH PROTOCOL.u2f: a browser's token signs its client data, in which our data is the challenge."""
    signature = reader.bytes(MAX_SIGNATURE)
    flags, counter = reader.u8(), reader.u32()
    origin, client_data, extensions = reader.bytes(1024), reader.bytes(8192), reader.bytes(4096)
    reader.end()
    if extensions or flags & _WEBAUTHN_DATA:
        raise _Bad("webauthn extensions are not understood")
    if b'"' in origin:
        raise _Bad("webauthn origin has a quote")
    challenge = base64.urlsafe_b64encode(data).rstrip(b"=")
    start = b'{"type":"webauthn.get","challenge":"' + challenge + b'","origin":"' + origin + b'"'
    if not client_data.startswith(start) or not _is_object(client_data):
        raise _Bad("webauthn client data does not fit")
    _check_token(row, key, signature, flags, counter, hashlib.sha256(client_data).digest())
    return _token_result(flags)


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


_CHECKS = {
    "rsa": _rsa,
    "dsa": _dsa,
    "ecdsa": _ecdsa,
    "ed25519": _ed25519,
    "ed448": _ed448,
    "sk-ed25519": _security_key,
    "sk-ecdsa": _security_key,
    "webauthn": _webauthn,
}
