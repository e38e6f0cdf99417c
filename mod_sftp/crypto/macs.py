"""The MACs: one row each, and how a row becomes a keyed function.

``authenticate(sequence, data)`` returns the tag over ``uint32 sequence || data`` (RFC 4253 6.4), or over the data with
the sequence number as nonce for UMAC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from mod_sftp.crypto import names

Authenticate = Callable[[int, memoryview], bytes]


@dataclass(frozen=True, slots=True)
class Mac:
    """One MAC. ``key`` and ``tag`` in bytes; ``etm`` is encrypt-then-MAC."""

    name: str
    key: int
    tag: int
    hash: str
    etm: bool = False

    @property
    def policy(self) -> names.Policy:
        return names.policy("mac", self.name)

    def available(self) -> bool:
        """Whether the installed libraries, or own code, can do it; tried once."""
        return _works(self)

    def fast(self) -> bool:
        """Whether it may be offered unasked: UMAC in pure Python costs a hundred times the rest."""
        if not self.hash.startswith("umac"):
            return True
        from mod_sftp.crypto.umac import native

        return native()


def _pair(name: str, key: int, tag: int, hash_name: str) -> tuple[Mac, Mac]:
    """A MAC and its encrypt-then-MAC twin."""
    stem = name.removesuffix("@openssh.com")
    return Mac(name, key, tag, hash_name), Mac(f"{stem}-etm@openssh.com", key, tag, hash_name, etm=True)


MACS = (
    *_pair("hmac-sha2-256", 32, 32, "SHA256"),
    *_pair("hmac-sha2-512", 64, 64, "SHA512"),
    *_pair("hmac-sha1", 20, 20, "SHA1"),
    *_pair("hmac-sha1-96", 20, 12, "SHA1"),
    *_pair("hmac-md5", 16, 16, "MD5"),
    *_pair("hmac-md5-96", 16, 12, "MD5"),
    Mac("hmac-ripemd160", 20, 20, "ripemd160"),
    *_pair("umac-64@openssh.com", 16, 8, "umac-64"),
    *_pair("umac-128@openssh.com", 16, 16, "umac-128"),
    Mac("none", 0, 0, "none"),
)


def mac(name: str) -> Mac:
    """The row of a name. Raises: KeyError."""
    for row in MACS:
        if row.name == name:
            return row
    raise KeyError(name)


@cache
def _works(row: Mac) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return len(authenticator(row, bytes(row.key))(0, memoryview(b""))) == row.tag
    except (UnsupportedAlgorithm, AttributeError, ValueError):
        return False


def authenticator(row: Mac, key: bytes) -> Authenticate:
    """The keyed function of a row; ``key`` has ``row.key`` bytes."""
    if row.hash == "none":
        return _nothing
    if row.hash.startswith("umac"):
        from mod_sftp.crypto.umac import authenticator as umac

        return umac(key, row.tag)
    if row.hash == "ripemd160":
        return _hashlib_hmac(row, key)
    return _library_hmac(row, key)


def _nothing(sequence: int, data: memoryview) -> bytes:
    return b""


def _library_hmac(row: Mac, key: bytes) -> Authenticate:
    """One keyed object, copied per packet: half the cost of ``hmac.digest`` for small packets."""
    from cryptography.hazmat.primitives import hashes, hmac

    copy = hmac.HMAC(key, getattr(hashes, row.hash)()).copy
    cut = row.tag

    def authenticate(sequence: int, data: memoryview) -> bytes:
        state = copy()
        state.update(sequence.to_bytes(4, "big"))
        state.update(data)
        return state.finalize()

    def authenticate_cut(sequence: int, data: memoryview) -> bytes:
        return authenticate(sequence, data)[:cut]

    return authenticate_cut if row.name.removesuffix("-etm@openssh.com").endswith("-96") else authenticate


def _hashlib_hmac(row: Mac, key: bytes) -> Authenticate:
    """For a hash that the cryptography package does not have."""
    import hmac

    copy = hmac.new(key, digestmod=row.hash).copy

    def authenticate(sequence: int, data: memoryview) -> bytes:
        state = copy()
        state.update(sequence.to_bytes(4, "big"))
        state.update(data)
        return state.digest()

    return authenticate
