"""The ciphers: one row each, and how a row becomes a keyed transform.

A transform is ``transform(source, target)``: it moves the cipher's state on by ``source`` and writes as many bytes to
``target``. Source and target must not overlap: cryptography 50.0.2 writes wrong ciphertext for a shifted overlap.
AEAD rows have no transform; :mod:`.suites` builds them whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mod_sftp.crypto import names

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

Transform = Callable[[memoryview, memoryview], object]

#: RFC 4345 4: the first 1536 bytes of the key stream are thrown away.
ARCFOUR_DISCARD = 1536


@dataclass(frozen=True, slots=True)
class Cipher:
    """One cipher. Sizes in bytes; ``tag`` is 0 unless the cipher authenticates by itself."""

    name: str
    key: int
    iv: int
    block: int
    mode: str
    algorithm: str = ""
    tag: int = 0

    @property
    def policy(self) -> names.Policy:
        return names.policy("cipher", self.name)

    @property
    def aead(self) -> bool:
        """Whether the negotiated MAC is without meaning."""
        return self.tag > 0

    def available(self) -> bool:
        """Whether the installed library can do it; tried once."""
        return _works(self)


CIPHERS = (
    Cipher("chacha20-poly1305@openssh.com", 64, 0, 8, "chacha", tag=16),
    Cipher("aes256-ctr", 32, 16, 16, "ctr", "AES"),
    Cipher("aes192-ctr", 24, 16, 16, "ctr", "AES"),
    Cipher("aes128-ctr", 16, 16, 16, "ctr", "AES"),
    Cipher("aes256-gcm@openssh.com", 32, 12, 16, "gcm", "AES", tag=16),
    Cipher("aes128-gcm@openssh.com", 16, 12, 16, "gcm", "AES", tag=16),
    Cipher("aes256-cbc", 32, 16, 16, "cbc", "AES"),
    Cipher("aes192-cbc", 24, 16, 16, "cbc", "AES"),
    Cipher("aes128-cbc", 16, 16, 16, "cbc", "AES"),
    Cipher("blowfish-ctr", 32, 8, 8, "counter", "Blowfish"),
    Cipher("blowfish-cbc", 16, 8, 8, "cbc", "Blowfish"),
    Cipher("cast128-cbc", 16, 8, 8, "cbc", "CAST5"),
    Cipher("arcfour256", 32, 0, 8, "stream", "ARC4"),
    Cipher("arcfour128", 16, 0, 8, "stream", "ARC4"),
    Cipher("3des-ctr", 24, 8, 8, "counter", "TripleDES"),
    Cipher("3des-cbc", 24, 8, 8, "cbc", "TripleDES"),
    Cipher("none", 0, 0, 8, "none"),
)


def cipher(name: str) -> Cipher:
    """The row of a name. Raises: KeyError."""
    for row in CIPHERS:
        if row.name == name:
            return row
    raise KeyError(name)


@cache
def _works(row: Cipher) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    key, iv = bytes(range(row.key)), bytes(row.iv)
    try:
        if row.mode == "gcm":
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            AESGCM(key).encrypt(iv, b"", b"")
        elif row.mode == "chacha":
            from cryptography.hazmat.primitives.poly1305 import Poly1305

            chacha20(key[:32])
            Poly1305.generate_tag(key[:32], b"")
        else:
            encrypting(row, key, iv)(memoryview(bytes(16)), memoryview(bytearray(16)))
    except (UnsupportedAlgorithm, AttributeError, ValueError):
        return False
    return True


def encrypting(row: Cipher, key: bytes, iv: bytes) -> Transform:
    """The transform of the sending side; not for AEAD rows."""
    return _transform(row, key, iv, encrypt=True)


def decrypting(row: Cipher, key: bytes, iv: bytes) -> Transform:
    """The transform of the receiving side; not for AEAD rows."""
    return _transform(row, key, iv, encrypt=False)


def _transform(row: Cipher, key: bytes, iv: bytes, *, encrypt: bool) -> Transform:
    from cryptography.hazmat.primitives.ciphers import modes

    if row.mode == "none":
        return _copy
    if row.mode == "counter":
        return Counter(_context(row.algorithm, key, modes.ECB(), encrypt=True).update, iv)
    if row.mode == "stream":
        context = _context(row.algorithm, key, None, encrypt=encrypt)
        context.update(bytes(ARCFOUR_DISCARD))
        return _updating(context)
    if row.mode == "ctr":
        context = _context(row.algorithm, key, modes.CTR(iv), encrypt=encrypt)
        return streaming(context)
    return _updating(_context(row.algorithm, key, modes.CBC(iv), encrypt=encrypt))


def _copy(source: memoryview, target: memoryview) -> None:
    target[:] = source


def streaming(context: CipherContext) -> Transform:
    """A stream cipher's context as a transform."""
    return context.update_into if exact_update_into() else _updating(context)


def _updating(context: CipherContext) -> Transform:
    """Through ``update``: for contexts whose ``update_into`` wants a target larger than the data."""
    update = context.update

    def transform(source: memoryview, target: memoryview) -> None:
        target[:] = update(source)

    return transform


def _context(algorithm: str, key: bytes, mode: Any, *, encrypt: bool) -> CipherContext:
    from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher

    made = LibraryCipher(_algorithm(algorithm)(key), mode)
    return made.encryptor() if encrypt else made.decryptor()


def _algorithm(name: str) -> Any:
    """The library's class; from version 43 on the old ciphers live in the ``decrepit`` package, which older ones warn
    of, as if an administrator could change it."""
    import warnings

    from cryptography.hazmat.primitives.ciphers import algorithms

    if name == "AES":
        return algorithms.AES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
        except ImportError:
            return getattr(algorithms, name)
        return getattr(decrepit, name, None) or getattr(algorithms, name)


def chacha20(key: bytes) -> CipherContext:
    """A ChaCha20 key stream in Bernstein's layout: 8 bytes block counter, 8 bytes nonce."""
    from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher
    from cryptography.hazmat.primitives.ciphers import algorithms

    return LibraryCipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor()


@cache
def exact_update_into() -> bool:
    """Whether ``update_into`` of a stream mode takes a target of the data's size; older libraries want a block more."""
    from cryptography.hazmat.primitives.ciphers import modes

    context = _context("AES", bytes(16), modes.CTR(bytes(16)), encrypt=True)
    try:
        return context.update_into(bytes(32), bytearray(32)) == 32
    except ValueError:
        return False


class Counter:
    """Counter mode (RFC 4344 4) over a block cipher that the library has in ECB mode only."""

    __slots__ = ("_encrypt", "_counter", "_left")

    BLOCK = 8

    def __init__(self, encrypt: Callable[[bytes], bytes], iv: bytes) -> None:
        self._encrypt, self._counter, self._left = encrypt, int.from_bytes(iv, "big"), b""

    def __call__(self, source: memoryview, target: memoryview) -> None:
        size = len(source)
        blocks = -(-(size - len(self._left)) // self.BLOCK)
        first = self._counter
        self._counter = (first + max(blocks, 0)) & (1 << 64) - 1
        counters = b"".join((first + i & (1 << 64) - 1).to_bytes(8, "big") for i in range(blocks))
        stream = self._left + self._encrypt(counters)
        self._left = stream[size:]
        mixed = int.from_bytes(source, "big") ^ int.from_bytes(stream[:size], "big")
        target[:] = mixed.to_bytes(size, "big")
