"""Public keys, certificates and signatures as SSH2 carries them (RFC 4253 6.6, 5656 3, 8709; OpenSSH PROTOCOL.certkeys,
PROTOCOL.u2f). Structure only: whether the numbers make a key is for :mod:`mod_sftp.crypto` to say.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError

#: A key or certificate: an RSA key of 16384 bits, or a certificate with its lists.
MAX_BLOB = 64 * 1024
#: A signature: RSA of 16384 bits with its names; webauthn adds the client data.
MAX_SIGNATURE = 16 * 1024
#: OpenSSH PROTOCOL.certkeys names no limit; sshd takes 256.
MAX_PRINCIPALS = 256

CERTIFICATE_SUFFIX = "-cert-v01@openssh.com"

#: Curve identifiers of RFC 5656 10.1 and the bits of their fields.
CURVE_BITS = (("nistp256", 256), ("nistp384", 384), ("nistp521", 521))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A parsed public key.

    ``kind`` is rsa, dsa, ecdsa, ed25519, ed448, sk-ecdsa or sk-ed25519; ``numbers`` are (e, n) or (p, q, g, y);
    ``point`` is the curve point or the raw EdDSA key.
    """

    blob: bytes
    type: str
    kind: str
    numbers: tuple[int, ...] = ()
    curve: str = ""
    point: bytes = b""
    application: bytes = b""

    @property
    def bits(self) -> int:
        """The size that ``SFTPKeyLimits`` speaks of: modulus, prime or field."""
        if self.kind == "rsa":
            return self.numbers[1].bit_length()
        if self.kind == "dsa":
            return self.numbers[0].bit_length()
        if self.curve:
            return dict(CURVE_BITS)[self.curve]
        return 448 if self.kind == "ed448" else 256

    def at_least(self, rsa: int, dsa: int, ec: int) -> bool:
        """Whether the key is as large as ``SFTPKeyLimits`` wants; EdDSA keys have one size and always are."""
        return self.bits >= {"rsa": rsa, "dsa": dsa, "ecdsa": ec, "sk-ecdsa": ec}.get(self.kind, 0)

    @property
    def security_key(self) -> bool:
        """Whether the key lives in a FIDO token."""
        return self.kind.startswith("sk-")


@dataclass(frozen=True, slots=True)
class Certificate:
    """An OpenSSH certificate; ``signed`` is what the authority's signature covers. Times are seconds since 1970."""

    type: str
    key: PublicKey
    serial: int
    role: int
    key_id: bytes
    principals: tuple[bytes, ...]
    valid_after: int
    valid_before: int
    critical_options: tuple[tuple[bytes, bytes], ...]
    extensions: tuple[tuple[bytes, bytes], ...]
    authority: bytes
    signature: bytes
    signed: bytes

    USER = 1
    HOST = 2


def key_type(blob: bytes | memoryview) -> str:
    """The name that a blob begins with. Raises: PeerError."""
    return Reader(blob).text(64)


def parse_key(blob: bytes | memoryview) -> PublicKey:
    """Takes a plain public key apart.

    Raises: PeerError when the blob is cut, too long, of an unknown type, or holds a name that contradicts its type.
    """
    blob = _bounded(blob)
    reader = Reader(blob)
    name = reader.text(64)
    key = _fields(reader, name, blob)
    reader.end()
    return key


def _bounded(blob: bytes | memoryview) -> bytes:
    if len(blob) > MAX_BLOB:
        raise PeerError(f"public key of {len(blob)} bytes is over the limit of {MAX_BLOB}")
    return bytes(blob)


def _fields(reader: Reader, name: str, blob: bytes) -> PublicKey:
    """The fields behind the name; a certificate repeats them in its middle."""
    if name == "ssh-rsa":
        return PublicKey(blob, name, "rsa", (_positive(reader), _positive(reader)))
    if name == "ssh-dss":
        p, q, g, y = (_positive(reader) for _ in range(4))
        return PublicKey(blob, name, "dsa", (p, q, g, y))
    if name == "ssh-ed25519":
        return PublicKey(blob, name, "ed25519", point=_sized(reader, 32))
    if name == "ssh-ed448":
        return PublicKey(blob, name, "ed448", point=_sized(reader, 57))
    if name == "sk-ssh-ed25519@openssh.com":
        return PublicKey(blob, name, "sk-ed25519", point=_sized(reader, 32), application=reader.bytes(1024))
    for curve, _ in CURVE_BITS:
        if name == f"ecdsa-sha2-{curve}":
            return PublicKey(blob, name, "ecdsa", curve=curve, point=_point(reader, curve))
    if name == "sk-ecdsa-sha2-nistp256@openssh.com":
        point = _point(reader, "nistp256")
        return PublicKey(blob, name, "sk-ecdsa", curve="nistp256", point=point, application=reader.bytes(1024))
    raise PeerError("public key of an unknown type")


def _positive(reader: Reader) -> int:
    value = reader.mpint()
    if value <= 0:
        raise PeerError("public key has a number that is not positive")
    return value


def _sized(reader: Reader, size: int) -> bytes:
    data = reader.bytes(size)
    if len(data) != size:
        raise PeerError("public key of the wrong length")
    return data


def _point(reader: Reader, curve: str) -> bytes:
    if reader.bytes(32) != curve.encode():
        raise PeerError("public key names another curve than its type")
    return reader.bytes(256)


def parse_certificate(blob: bytes | memoryview) -> Certificate:
    """Takes an OpenSSH certificate apart (PROTOCOL.certkeys). Raises: PeerError."""
    blob = _bounded(blob)
    reader = Reader(blob)
    name = reader.text(64)
    if not name.endswith(CERTIFICATE_SUFFIX):
        raise PeerError("not a certificate")
    plain = name.removesuffix(CERTIFICATE_SUFFIX)
    if plain.startswith("sk-"):
        plain += "@openssh.com"
    reader.string(256)  # nonce
    start = reader.pos
    key = _fields(reader, plain, b"")
    plain_blob = len(plain).to_bytes(4, "big") + plain.encode() + blob[start : reader.pos]
    serial, role, key_id = reader.u64(), reader.u32(), reader.bytes(4096)
    principals = _strings(reader.bytes())
    valid_after, valid_before = reader.u64(), reader.u64()
    critical, extensions = _options(reader.bytes()), _options(reader.bytes())
    reader.string()  # reserved
    authority = reader.bytes()
    signed = blob[: reader.pos]
    signature = reader.bytes(MAX_SIGNATURE)
    reader.end()
    return Certificate(
        name,
        parse_key(plain_blob) if key.type == plain else key,
        serial,
        role,
        key_id,
        principals,
        valid_after,
        valid_before,
        critical,
        extensions,
        authority,
        signature,
        signed,
    )


def _strings(data: bytes) -> tuple[bytes, ...]:
    reader, found = Reader(data), []
    while reader.left:
        found.append(reader.bytes())
        if len(found) > MAX_PRINCIPALS:
            raise PeerError(f"certificate has more than {MAX_PRINCIPALS} principals")
    return tuple(found)


def _options(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Name and value pairs, names in lexical order and none twice; a value, where there is one, is a string inside."""
    reader = Reader(data)
    found: list[tuple[bytes, bytes]] = []
    while reader.left:
        name, value = reader.bytes(), reader.bytes()
        if found and name <= found[-1][0]:
            raise PeerError("certificate options are out of order")
        inner = Reader(value)
        if value:
            value = inner.bytes()
            inner.end()
        found.append((name, value))
    return tuple(found)


def fingerprint(blob: bytes, hash_name: str = "sha256", encoding: str = "base64") -> str:
    """The digest of a key as ``SFTPKeyFingerprints`` wants it written: base64, hex or hex+colons."""
    digest = hashlib.new(hash_name, blob, usedforsecurity=False).digest()
    if encoding == "base64":
        return base64.b64encode(digest).decode().rstrip("=")
    return digest.hex(":") if encoding == "hex+colons" else digest.hex()
