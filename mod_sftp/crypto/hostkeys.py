"""Private keys that sign, bytes in and bytes out: no files here, those are for :mod:`mod_sftp.keyring`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

from mod_sftp.crypto.algorithms import SIGNATURES, SignatureAlgorithm
from mod_sftp.crypto.verify import verify
from mod_sftp.wire import keyblob
from mod_sftp.wire.messages import Disconnect
from mod_sftp.wire.ssh import mpint, string
from pyproftpd.errors import PeerError


class SigningError(PeerError):
    """The host key cannot sign now (an agent that is gone): the peer is told so, the log gets the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__("host key cannot sign", Disconnect.KEY_EXCHANGE_FAILED, reason)


class Signer(ABC):
    """A host key: from a file, or behind an agent's socket; ``origin`` says which, for logs."""

    __slots__ = ("_public", "origin")

    def __init__(self, public: keyblob.PublicKey, origin: str) -> None:
        self._public, self.origin = public, origin

    @property
    def blob(self) -> bytes:
        return self._public.blob

    @property
    def kind(self) -> str:
        """As in :class:`keyblob.PublicKey`."""
        return self._public.kind

    @property
    def bits(self) -> int:
        return self._public.bits

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The signature algorithms that it can do, best first."""
        return tuple(row.name for row in SIGNATURES if row.key_type == self._public.type and not row.certificate)

    def fingerprint(self, hash_name: str = "sha256", encoding: str = "base64") -> str:
        return keyblob.fingerprint(self.blob, hash_name, encoding)

    @abstractmethod
    def sign(self, algorithm: str, data: bytes) -> bytes:
        """The signature blob (RFC 4253 6.6): algorithm name and signature. Raises: SigningError."""


class PrivateSigner(Signer):
    """A host key in memory."""

    __slots__ = ("_private",)

    def __init__(self, private: Any, origin: str = "") -> None:
        """``private`` is a private key of the library. Raises: ValueError when SSH2 has no name for its type."""
        super().__init__(keyblob.parse_key(public_blob(private.public_key())), origin)
        self._private = private

    def sign(self, algorithm: str, data: bytes) -> bytes:
        row = next(row for row in SIGNATURES if row.name == algorithm)
        return string(row.signature) + string(_SIGN[row.kind](self._private, row, data))


def rehearse(signer: Signer) -> None:
    """Sign and check under every algorithm of a key. What the library fetches at the first use is then the master's; a session
    would pay 0.8 ms and 125 page faults for RSA, more for ECDSA. An algorithm that fails here fails there, and is reported there.
    """
    for name in signer.algorithms:
        with suppress(Exception):
            verify(name, signer.blob, signer.sign(name, b""), b"")


def public_blob(public: Any) -> bytes:
    """The SSH2 blob of a public key of the library. Raises: ValueError."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(public, rsa.RSAPublicKey):
        n = public.public_numbers()
        return string("ssh-rsa") + mpint(n.e) + mpint(n.n)
    if isinstance(public, dsa.DSAPublicKey):
        y = public.public_numbers()
        group = y.parameter_numbers
        if group.q.bit_length() != 160:
            raise ValueError("DSA key whose q is not 160 bits (RFC 4253 6.6)")
        return string("ssh-dss") + mpint(group.p) + mpint(group.q) + mpint(group.g) + mpint(y.y)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return string("ssh-ed25519") + string(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if isinstance(public, ed448.Ed448PublicKey):
        return string("ssh-ed448") + string(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if isinstance(public, ec.EllipticCurvePublicKey):
        curve = f"nistp{public.curve.key_size}"
        if public.curve.name != f"secp{public.curve.key_size}r1" or curve not in dict(keyblob.CURVE_BITS):
            raise ValueError(f"elliptic curve {public.curve.name} has no SSH2 name")
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return string(f"ecdsa-sha2-{curve}") + string(curve) + string(point)
    raise ValueError("key type has no SSH2 name")


def _sign_rsa(private: Any, row: SignatureAlgorithm, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding

    signature: bytes = private.sign(data, padding.PKCS1v15(), row.library_hash())
    return signature


def _sign_dsa(private: Any, row: SignatureAlgorithm, data: bytes) -> bytes:
    """RFC 4253 6.6: r and s as 160-bit integers, one behind the other."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(private.sign(data, row.library_hash()))
    return r.to_bytes(20, "big") + s.to_bytes(20, "big")


def _sign_ecdsa(private: Any, row: SignatureAlgorithm, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(private.sign(data, ec.ECDSA(row.library_hash())))
    return mpint(r) + mpint(s)


def _sign_eddsa(private: Any, row: SignatureAlgorithm, data: bytes) -> bytes:
    signature: bytes = private.sign(data)
    return signature


_SIGN = {
    "rsa": _sign_rsa,
    "dsa": _sign_dsa,
    "ecdsa": _sign_ecdsa,
    "ed25519": _sign_eddsa,
    "ed448": _sign_eddsa,
}
