"""Key agreement by one public value each way: ``agree(client) -> (server, encoded secret)``, one function per family.

Each raises ValueError for a public value of the wrong length, off its curve, of low order or failing its own check.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from mod_sftp.wire.ssh import mpint, string

Agree = Callable[[bytes], tuple[bytes, bytes]]

X25519_SIZE, X448_SIZE = 32, 56
MLKEM768_PUBLIC_SIZE = 1184
#: the public value of the private key 1 (RFC 7748 4.1)
X25519_BASE_POINT = (9).to_bytes(X25519_SIZE, "little")


def _raw_x25519(client: bytes) -> tuple[bytes, bytes]:
    """RFC 7748 6.1; the library refuses the all-zero secret of a low-order point.

    Any 32 random bytes are a private key. The kernel's cost a system call; the library would first seed a generator of
    its own, as it does after every fork: 0.3 ms.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    if len(client) != X25519_SIZE:
        raise ValueError("X25519 value of the wrong length")
    private = X25519PrivateKey.from_private_bytes(os.urandom(X25519_SIZE))
    shared = private.exchange(X25519PublicKey.from_public_bytes(client))
    return _raw(private.public_key()), shared


def _raw(public: Any) -> bytes:
    """The raw encoding of a public key, without ``public_bytes_raw``, which came with version 40."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    data: bytes = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return data


def _x25519(client: bytes) -> tuple[bytes, bytes]:
    server, shared = _raw_x25519(client)
    return server, mpint(int.from_bytes(shared, "big"))


def _x448(client: bytes) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey

    if len(client) != X448_SIZE:
        raise ValueError("X448 value of the wrong length")
    private = X448PrivateKey.generate()
    shared = private.exchange(X448PublicKey.from_public_bytes(client))
    return _raw(private.public_key()), mpint(int.from_bytes(shared, "big"))


def _nist(curve_name: str) -> Agree:
    """RFC 5656 4 with uncompressed points; the library checks that the point is on the curve."""

    def agree(client: bytes) -> tuple[bytes, bytes]:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        curve = getattr(ec, curve_name)()
        if client[:1] != b"\x04":
            raise ValueError("elliptic curve point is not in uncompressed form")
        peer = ec.EllipticCurvePublicKey.from_encoded_point(curve, client)
        private = ec.generate_private_key(curve)
        shared = private.exchange(ec.ECDH(), peer)
        server = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return server, mpint(int.from_bytes(shared, "big"))

    return agree


def _mlkem768x25519(client: bytes) -> tuple[bytes, bytes]:
    """draft-ietf-sshm-mlkem-hybrid-kex: K = SHA-256(ML-KEM secret || X25519 secret), as a string."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

    if len(client) != MLKEM768_PUBLIC_SIZE + X25519_SIZE:
        raise ValueError("ML-KEM-768 and X25519 value of the wrong length")
    quantum_safe, ciphertext = MLKEM768PublicKey.from_public_bytes(client[:MLKEM768_PUBLIC_SIZE]).encapsulate()
    server, classical = _raw_x25519(client[MLKEM768_PUBLIC_SIZE:])
    return ciphertext + server, string(hashlib.sha256(quantum_safe + classical).digest())


def _sntrup761x25519(client: bytes) -> tuple[bytes, bytes]:
    """RFC 9941: K = SHA-512(sntrup761 secret || X25519 secret), as a string."""
    from mod_sftp.crypto import sntrup761

    if len(client) != sntrup761.PUBLIC_SIZE + X25519_SIZE:
        raise ValueError("sntrup761 and X25519 value of the wrong length")
    server, classical = _raw_x25519(client[sntrup761.PUBLIC_SIZE :])
    ciphertext, quantum_safe = sntrup761.encapsulate(client[: sntrup761.PUBLIC_SIZE])
    return ciphertext + server, string(hashlib.sha512(quantum_safe + classical).digest())


AGREEMENTS: Mapping[str, Agree] = MappingProxyType(
    {
        "x25519": _x25519,
        "x448": _x448,
        "nistp256": _nist("SECP256R1"),
        "nistp384": _nist("SECP384R1"),
        "nistp521": _nist("SECP521R1"),
        "mlkem768x25519": _mlkem768x25519,
        "sntrup761x25519": _sntrup761x25519,
    }
)


@cache
def agreement_available(family: str) -> bool:
    """Whether the library can agree on a key of the family, found out by doing so.

    What OpenSSL looks up and keeps at the first use of an algorithm is then the master's; of ML-KEM, a session would pay
    0.25 ms and 60 page faults for it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        AGREEMENTS[family](_some_value(family))
    except (ImportError, AttributeError, UnsupportedAlgorithm):
        return False
    return True


def _some_value(family: str) -> bytes:
    """A value that a client may send."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if family == "x25519":
        return X25519_BASE_POINT
    if family == "x448":
        return (5).to_bytes(X448_SIZE, "little")
    if family == "mlkem768x25519":
        return mlkem768_key()[1] + X25519_BASE_POINT
    if family == "sntrup761x25519":
        from mod_sftp.crypto import sntrup761

        return bytes(sntrup761.PUBLIC_SIZE) + X25519_BASE_POINT
    key = ec.generate_private_key(getattr(ec, f"SECP{family[5:]}R1")()).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def mlkem768_key() -> tuple[Any, bytes]:
    """What a client has: a private key of the library, and its public value."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    private = MLKEM768PrivateKey.generate()
    return private, _raw(private.public_key())
