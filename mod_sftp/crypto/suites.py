"""One object per direction and key that seals or opens packets, between two buffers that never alias.

A packet in plain is ``packet_length | padding_length | payload | padding`` (RFC 4253 6); on the wire it has a tag
behind it. Nothing here allocates in proportion to the payload, but for CBC and the other old ciphers, and where the
library is too old to write to a buffer: its objects are made once per key and write to the caller's buffers (measured:
a new AESGCM object per packet costs half a microsecond, a copy of 32 KiB two).
"""

from __future__ import annotations

import hmac
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import chain, count

from mod_sftp.crypto import BadTag
from mod_sftp.crypto.ciphers import Cipher, chacha20, decrypting, encrypting, streaming
from mod_sftp.crypto.macs import Mac, authenticator, mac
from mod_sftp.wire.ssh import U32

_same = hmac.compare_digest
_ZERO64 = bytes(64)
_COUNT = struct.Struct(">Q")


class Sealer(ABC):
    """The sending side of one key.

    ``block`` is what the packet is padded to, ``tag`` the bytes behind it, and ``clear_length`` says that the four
    bytes of the length do not count when padding (AEAD and encrypt-then-MAC).
    """

    block: int
    tag: int
    clear_length: bool

    @abstractmethod
    def seal(self, seq: int, plain: memoryview, wire: memoryview) -> None:
        """Writes the packet ``plain`` to ``wire``, which is ``tag`` bytes longer."""


class Opener(ABC):
    """The receiving side of one key; ``need`` is the bytes of wire that tell the length of a packet, and ``readable`` says
    that the first four of them are that length."""

    block: int
    tag: int
    clear_length: bool
    readable: bool = True
    need: int = 4

    def length(self, seq: int, wire: memoryview) -> int:
        """packet_length of the packet that begins ``wire``; unverified, and may be asked again for the same packet."""
        value: int = U32.unpack_from(wire)[0]
        return value

    @abstractmethod
    def open(self, seq: int, wire: memoryview, plain: memoryview) -> None:
        """Writes the packet ``wire`` to ``plain``, which is ``tag`` bytes shorter; ``plain`` is void if it raises.

        Raises: BadTag.
        """


def _nonces(iv: bytes) -> Callable[[], bytes]:
    """The invocation counter of RFC 5647 7.1: 4 fixed bytes and 64 bits that count packets, modulo 2^64.

    Iterators all the way: one step per packet, without a Python function in it.
    """
    counts = chain(range(int.from_bytes(iv[4:12], "big"), 1 << 64), count())
    return map(iv[:4].__add__, map(_COUNT.pack, counts)).__next__


class GcmSealer(Sealer):
    """AES-GCM as OpenSSH does it: RFC 5647 with the MAC implied."""

    block, tag, clear_length = 16, 16, True

    def __init__(self, key: bytes, iv: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._gcm = AESGCM(key)
        self._nonce = _nonces(iv)
        self._into = getattr(self._gcm, "encrypt_into", None)

    def seal(self, seq: int, plain: memoryview, wire: memoryview) -> None:
        head = wire[:4]
        head[:] = plain[:4]
        if self._into is not None:
            self._into(self._nonce(), plain[4:], head, wire[4:])
        else:
            wire[4:] = self._gcm.encrypt(self._nonce(), bytes(plain[4:]), bytes(head))  # before version 47


class GcmOpener(Opener):
    block, tag, clear_length = 16, 16, True

    def __init__(self, key: bytes, iv: bytes) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._gcm = AESGCM(key)
        self._nonce = _nonces(iv)
        self._into = getattr(self._gcm, "decrypt_into", None)
        self._invalid = InvalidTag

    def open(self, seq: int, wire: memoryview, plain: memoryview) -> None:
        head = wire[:4]
        plain[:4] = head
        try:
            if self._into is not None:
                self._into(self._nonce(), wire[4:], head, plain[4:])
            else:
                plain[4:] = self._gcm.decrypt(self._nonce(), bytes(wire[4:]), bytes(head))
        except self._invalid:
            raise BadTag from None


class _ChachaKeys:
    """The two key streams of chacha20-poly1305@openssh.com (OpenSSH PROTOCOL.chacha20poly1305)."""

    __slots__ = ("header", "main", "body", "tag", "_keys", "_resets")

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.poly1305 import Poly1305

        self._keys = key[32:], key[:32]
        self.header, self.main = chacha20(key[32:]), chacha20(key[:32])
        #: transform of the main stream
        self.body = streaming(self.main)
        self.tag = Poly1305.generate_tag
        #: from version 43 on a context takes the nonce of the next packet
        self._resets = [context.reset_nonce for context in (self.header, self.main) if hasattr(context, "reset_nonce")]

    def begin(self, seq: int) -> None:
        """Sets both streams to block 0 of this packet."""
        nonce = seq.to_bytes(16, "big")  # 8 bytes block counter 0, 8 bytes sequence number
        for reset in self._resets:
            reset(nonce)
        if not self._resets:
            self._renew(nonce)

    def _renew(self, nonce: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher
        from cryptography.hazmat.primitives.ciphers import algorithms

        self.header, self.main = (
            LibraryCipher(algorithms.ChaCha20(key, nonce), None).encryptor() for key in self._keys
        )
        self.body = streaming(self.main)


class ChachaSealer(Sealer):
    """chacha20-poly1305@openssh.com; the length is encrypted under a key of its own."""

    block, tag, clear_length = 8, 16, True

    def __init__(self, key: bytes) -> None:
        self._keys = _ChachaKeys(key)

    def seal(self, seq: int, plain: memoryview, wire: memoryview) -> None:
        keys, end = self._keys, len(plain)
        keys.begin(seq)
        one_time = keys.main.update(_ZERO64)[:32]  # uses block 0 up: the payload starts at block 1
        wire[:4] = keys.header.update(plain[:4])
        keys.body(plain[4:], wire[4:end])
        wire[end:] = keys.tag(one_time, wire[:end])


class ChachaOpener(Opener):
    block, tag, clear_length, readable = 8, 16, True, False

    def __init__(self, key: bytes) -> None:
        self._keys = _ChachaKeys(key)
        self._head = b""

    def length(self, seq: int, wire: memoryview) -> int:
        if not self._head:
            self._keys.begin(seq)
            self._head = self._keys.header.update(wire[:4])
        return int.from_bytes(self._head, "big")

    def open(self, seq: int, wire: memoryview, plain: memoryview) -> None:
        keys, end = self._keys, len(plain)
        if not self._head:
            self.length(seq, wire)
        plain[:4] = self._head
        self._head = b""
        one_time = keys.main.update(_ZERO64)[:32]
        if not _same(keys.tag(one_time, wire[:end]), wire[end:]):
            raise BadTag
        keys.body(wire[4:end], plain[4:])


class EncryptAndMacSealer(Sealer):
    """RFC 4253 6.4: the tag is over the plain packet, the length is encrypted."""

    clear_length = False

    def __init__(self, cipher: Cipher, row: Mac, key: bytes, iv: bytes, mac_key: bytes) -> None:
        self.block, self.tag = max(8, cipher.block), row.tag
        self._transform = encrypting(cipher, key, iv)
        self._authenticate = authenticator(row, mac_key)

    def seal(self, seq: int, plain: memoryview, wire: memoryview) -> None:
        end = len(plain)
        self._transform(plain, wire[:end])
        wire[end:] = self._authenticate(seq, plain)


class EncryptAndMacOpener(Opener):
    """The other side: the first block is decrypted to learn the length, and kept until the packet is whole."""

    clear_length = readable = False

    def __init__(self, cipher: Cipher, row: Mac, key: bytes, iv: bytes, mac_key: bytes) -> None:
        self.block, self.tag = max(8, cipher.block), row.tag
        self.need = self.block if cipher.mode != "none" else 4
        self._transform = decrypting(cipher, key, iv)
        self._authenticate = authenticator(row, mac_key)
        self._head = memoryview(bytearray(self.need))
        self._begun = False

    def length(self, seq: int, wire: memoryview) -> int:
        if not self._begun:
            self._transform(wire[: self.need], self._head)
            self._begun = True
        value: int = U32.unpack_from(self._head)[0]
        return value

    def open(self, seq: int, wire: memoryview, plain: memoryview) -> None:
        need, end = self.need, len(plain)
        if not self._begun:
            self.length(seq, wire)
        self._begun = False
        plain[:need] = self._head
        self._transform(wire[need:end], plain[need:])
        if not _same(self._authenticate(seq, plain), wire[end:]):
            raise BadTag


class EncryptThenMacSealer(Sealer):
    """``*-etm@openssh.com``: clear length, tag over the encrypted packet (OpenSSH PROTOCOL 1.5)."""

    clear_length = True

    def __init__(self, cipher: Cipher, row: Mac, key: bytes, iv: bytes, mac_key: bytes) -> None:
        self.block, self.tag = max(8, cipher.block), row.tag
        self._transform = encrypting(cipher, key, iv)
        self._authenticate = authenticator(row, mac_key)

    def seal(self, seq: int, plain: memoryview, wire: memoryview) -> None:
        end = len(plain)
        wire[:4] = plain[:4]
        self._transform(plain[4:], wire[4:end])
        wire[end:] = self._authenticate(seq, wire[:end])


class EncryptThenMacOpener(Opener):
    clear_length = True

    def __init__(self, cipher: Cipher, row: Mac, key: bytes, iv: bytes, mac_key: bytes) -> None:
        self.block, self.tag = max(8, cipher.block), row.tag
        self._transform = decrypting(cipher, key, iv)
        self._authenticate = authenticator(row, mac_key)

    def open(self, seq: int, wire: memoryview, plain: memoryview) -> None:
        end = len(plain)
        if not _same(self._authenticate(seq, wire[:end]), wire[end:]):
            raise BadTag
        plain[:4] = wire[:4]
        self._transform(wire[4:end], plain[4:])


def make_sealer(cipher: Cipher, row: Mac | None, key: bytes, iv: bytes, mac_key: bytes) -> Sealer:
    """The sealer of a negotiated pair; ``row`` is ignored, and may be None, for AEAD ciphers."""
    if cipher.mode == "gcm":
        return GcmSealer(key, iv)
    if cipher.mode == "chacha":
        return ChachaSealer(key)
    row = row or mac("none")
    made = EncryptThenMacSealer if row.etm else EncryptAndMacSealer
    return made(cipher, row, key, iv, mac_key)


def make_opener(cipher: Cipher, row: Mac | None, key: bytes, iv: bytes, mac_key: bytes) -> Opener:
    """The opener of a negotiated pair; ``row`` is ignored, and may be None, for AEAD ciphers."""
    if cipher.mode == "gcm":
        return GcmOpener(key, iv)
    if cipher.mode == "chacha":
        return ChachaOpener(key)
    row = row or mac("none")
    made = EncryptThenMacOpener if row.etm else EncryptAndMacOpener
    return made(cipher, row, key, iv, mac_key)
