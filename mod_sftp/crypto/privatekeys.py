"""Private keys from their containers: PEM (PKCS #1, #8, SEC 1) and OpenSSH's own format, plain or encrypted."""

from __future__ import annotations

from typing import Any

from mod_sftp.crypto.ciphers import CIPHERS, Cipher, decrypting
from mod_sftp.wire.keyfiles import KeyFileError, OpensshContainer, container_of, parse_openssh_container
from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError

#: bcrypt_pbkdf rounds: ssh-keygen makes 16 to 24; a thousand take most of a minute.
MAX_KDF_ROUNDS = 4096


class PassphraseNeeded(KeyFileError):
    """The key is encrypted and no passphrase was given."""


class PassphraseWrong(KeyFileError):
    """The passphrase does not open the key."""


def load_private(data: bytes, passphrase: bytes | None = None) -> Any:
    """The library's private key in a file's content.

    Raises: PassphraseNeeded, PassphraseWrong; KeyFileError for everything that is no usable private key, with a text
    that names what it is instead.
    """
    container = container_of(data)
    try:
        if container == "openssh":
            return _openssh(parse_openssh_container(data), passphrase)
        if container == "pem":
            return _pem(data, passphrase)
    except PeerError as error:
        raise KeyFileError(f"broken private key: {error}") from None
    raise KeyFileError(f"not a private key but {container}")


def _pem(data: bytes, passphrase: bytes | None) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in data or b"Proc-Type: 4,ENCRYPTED" in data
    if encrypted and passphrase is None:
        raise PassphraseNeeded("key is encrypted")
    try:
        return load_pem_private_key(data, passphrase if encrypted else None)
    except UnsupportedAlgorithm as error:
        raise KeyFileError(f"key cannot be used: {error}") from None
    except (ValueError, TypeError) as error:
        if encrypted:
            raise PassphraseWrong("wrong passphrase, or a broken key") from None
        raise KeyFileError(f"broken private key: {error}") from None


def _openssh(container: OpensshContainer, passphrase: bytes | None) -> Any:
    private = container.private
    if container.cipher != "none":
        if passphrase is None:
            raise PassphraseNeeded("key is encrypted")
        private = _decrypt(container, passphrase)
    reader = Reader(private)
    if reader.u32() != reader.u32():  # the check integers (OpenSSH PROTOCOL.key)
        if container.cipher != "none":
            raise PassphraseWrong("wrong passphrase (check integers differ)")
        raise KeyFileError("broken private key: check integers differ")
    kind = reader.text(64)
    if kind not in _FIELDS:
        raise KeyFileError(f"private key of type {kind!r} cannot be used")
    try:
        return _FIELDS[kind](reader)
    except ValueError as error:
        raise KeyFileError(f"broken private key: {error}") from None


def _decrypt(container: OpensshContainer, passphrase: bytes) -> bytes:
    row = next((row for row in CIPHERS if row.name == container.cipher), None)
    if row is None or row.mode not in ("ctr", "cbc", "gcm") or not row.available():
        raise KeyFileError(f"private key is encrypted with {container.cipher!r}, which cannot be used")
    if container.kdf != "bcrypt" or not container.salt or not 1 <= container.rounds <= MAX_KDF_ROUNDS:
        raise KeyFileError(f"private key has a key derivation ({container.kdf!r}) that cannot be used")
    if not passphrase or len(container.private) % row.block:
        raise PassphraseWrong("empty passphrase, or a broken key")
    material = _bcrypt_kdf(passphrase, container.salt, row.key + row.iv, container.rounds)
    return _open(row, material[: row.key], material[row.key :], container)


def _bcrypt_kdf(passphrase: bytes, salt: bytes, size: int, rounds: int) -> bytes:
    try:
        import bcrypt
    except ImportError:
        raise KeyFileError("encrypted OpenSSH keys need the Python package bcrypt") from None
    return bcrypt.kdf(passphrase, salt, size, rounds, ignore_few_rounds=True)


def _open(row: Cipher, key: bytes, iv: bytes, container: OpensshContainer) -> bytes:
    if row.mode == "gcm":
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(key).decrypt(iv, container.private + container.tag, None)
        except InvalidTag:
            raise PassphraseWrong("wrong passphrase, or a broken key") from None
    plain = bytearray(len(container.private))
    decrypting(row, key, iv)(memoryview(container.private), memoryview(plain))
    return bytes(plain)


def _rsa(reader: Reader) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    n, e, d, iqmp, p, q = (reader.mpint() for _ in range(6))
    public = rsa.RSAPublicNumbers(e, n)
    dmp1, dmq1 = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q)
    return rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, public).private_key()


def _dsa(reader: Reader) -> Any:
    from cryptography.hazmat.primitives.asymmetric import dsa

    p, q, g, y, x = (reader.mpint() for _ in range(5))
    return dsa.DSAPrivateNumbers(x, dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g))).private_key()


def _ecdsa(reader: Reader) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = getattr(ec, {"nistp256": "SECP256R1", "nistp384": "SECP384R1", "nistp521": "SECP521R1"}[reader.text(32)])()
    point, secret = reader.bytes(256), reader.mpint()
    public = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    return ec.EllipticCurvePrivateNumbers(secret, public.public_numbers()).private_key()


def _ed25519(reader: Reader) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    reader.string(32)
    return Ed25519PrivateKey.from_private_bytes(reader.bytes(64)[:32])


def _ed448(reader: Reader) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

    reader.string(57)
    return Ed448PrivateKey.from_private_bytes(reader.bytes(114)[:57])


_FIELDS = {
    "ssh-rsa": _rsa,
    "ssh-dss": _dsa,
    "ecdsa-sha2-nistp256": _ecdsa,
    "ecdsa-sha2-nistp384": _ecdsa,
    "ecdsa-sha2-nistp521": _ecdsa,
    "ssh-ed25519": _ed25519,
    "ssh-ed448": _ed448,
}
