"""Diffie-Hellman groups and the arithmetic on them: RFC 2409, RFC 3526, and those of ``SFTPDHParamFile``."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pyproftpd.errors import PeerError

#: What a group of the group exchange must have unless SFTPOptions AllowWeakDH (security.md T11).
MIN_BITS = 2048
#: RFC 4419 3: the smallest and the largest modulus a request may name.
WEAK_MIN_BITS, MAX_BITS = 1024, 8192
#: A parameter file: a hundred groups of 8192 bits in PEM are 150 KiB.
MAX_PARAMETER_FILE = 1024 * 1024

#: RFC 3526 and RFC 2409 6.2: the number k of p = 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + k), by n.
_MODP_K = {1024: 129093, 2048: 124476, 3072: 1690314, 4096: 240904, 6144: 929484, 8192: 4743158}


#: RFC 7919 appendix A: the number k of p = 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * e) + k), by n.
_FFDHE_K = {2048: 560316, 3072: 2625351, 4096: 5736041, 6144: 15705020, 8192: 10965728}


@dataclass(frozen=True, slots=True)
class Group:
    """A safe prime and its generator."""

    p: int
    g: int = 2

    @property
    def bits(self) -> int:
        return self.p.bit_length()


def _pi(bits: int) -> int:
    """floor(2^bits * pi), by Machin's formula with guard digits."""
    scale = 1 << (bits + 64)

    def arctan_of_inverse(x: int) -> int:
        term = total = scale // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    return (16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)) >> 64


def _e(bits: int) -> int:
    """floor(2^bits * e), by its series with guard digits."""
    term = total = 1 << (bits + 64)
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return total >> 64


@cache
def modp(bits: int) -> Group:
    """The MODP group of a size: group 1 (1024 bits), 14 (2048), 15 (3072), 16 (4096), 17 (6144), 18 (8192)."""
    return _between_ones(bits, _pi(bits - 130) + _MODP_K[bits])


@cache
def ffdhe(bits: int) -> Group:
    """The group of RFC 7919 of a size."""
    return _between_ones(bits, _e(bits - 130) + _FFDHE_K[bits])


def _between_ones(bits: int, middle: int) -> Group:
    """The prime whose upper and lower 64 bits are ones (RFC 3526, RFC 7919)."""
    return Group((1 << bits) - (1 << (bits - 64)) - 1 + (middle << 64))


def built_in() -> tuple[Group, ...]:
    """The groups used when no parameter file can be read."""
    return tuple(modp(bits) for bits in (2048, 3072, 4096, 6144, 8192))


class Groups:
    """Answers a group exchange request (RFC 4419 3)."""

    __slots__ = ("_groups", "weak")

    def __init__(self, groups: Iterable[Group] = (), *, weak: bool = False) -> None:
        self._groups = tuple(groups)
        self.weak = weak

    def choose(self, minimum: int, preferred: int, maximum: int) -> Group:
        """A random group of the preferred size, else the nearest larger one, else the nearest smaller one.

        Raises: PeerError. Source: real server, behaviours.md 61; the fixed groups serve sizes the file lacks.
        """
        floor = WEAK_MIN_BITS if self.weak else MIN_BITS
        if not minimum <= preferred <= maximum:
            raise PeerError("group exchange request: sizes out of order", 3)
        if not floor <= maximum <= MAX_BITS:
            raise PeerError(f"group exchange request: no group of at most {maximum} bits", 3)
        minimum, preferred = max(minimum, floor), max(preferred, floor)
        sizes = minimum, preferred, maximum
        group = _pick(self._groups, *sizes) or _pick(built_in(), *sizes)
        if group is None:
            raise PeerError("group exchange request: no group fits", 3)
        return group


def _pick(pool: Sequence[Group], minimum: int, preferred: int, maximum: int) -> Group | None:
    sizes = sorted({group.bits for group in pool if minimum <= group.bits <= maximum})
    if not sizes:
        return None
    size = next((size for size in sizes if size >= preferred), sizes[-1])
    return secrets.choice([group for group in pool if group.bits == size])


def read_parameters(text: bytes) -> tuple[Group, ...]:
    """The groups of a file of ``DH PARAMETERS`` blocks (PKCS #3); text between the blocks is ignored.

    Raises: ValueError if a block is broken or there is none.
    """
    groups = []
    for block in text[:MAX_PARAMETER_FILE].split(b"-----BEGIN DH PARAMETERS-----")[1:]:
        body, mark, _ = block.partition(b"-----END DH PARAMETERS-----")
        if not mark:
            raise ValueError("DH PARAMETERS block without an end line")
        try:
            der = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error as error:
            raise ValueError(f"DH PARAMETERS block: {error}") from None
        groups.append(_group(der))
    if not groups:
        raise ValueError("no DH PARAMETERS block")
    return tuple(groups)


def _group(der: bytes) -> Group:
    """DHParameter ::= SEQUENCE { prime INTEGER, base INTEGER, ... }."""
    content, _ = _element(der, 0x30)
    prime, rest = _element(content, 0x02)
    base, _ = _element(rest, 0x02)
    p, g = int.from_bytes(prime, "big"), int.from_bytes(base, "big")
    if not 512 <= p.bit_length() <= MAX_BITS or p % 2 == 0 or not 1 < g < p - 1:
        raise ValueError("DH parameters out of range")
    return Group(p, g)


def _element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first DER element and what follows it."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("not a DER structure of DH parameters")
    size, at = der[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 3 or len(der) < 2 + count:
            raise ValueError("DER length out of range")
        size, at = int.from_bytes(der[2 : 2 + count], "big"), 2 + count
    if at + size > len(der):
        raise ValueError("DER element is cut short")
    return der[at : at + size], der[at + size :]


def key_pair(group: Group) -> tuple[int, Callable[[int], int]]:
    """A fresh public value and the function from the peer's public value to the shared secret.

    The library is ten times faster than ``pow``, but only for groups that it knows: it proves the prime of any other
    each time anew (measured: 3 s for 4096 bits, against 32 ms). It also announces the end of its ``dh``.
    """
    if group.bits not in _FFDHE_K or group not in (modp(group.bits), ffdhe(group.bits)):
        return _own_key_pair(group)
    try:
        return _library_key_pair(group)
    except (ImportError, AttributeError, ValueError):
        return _own_key_pair(group)


def _library_key_pair(group: Group) -> tuple[int, Callable[[int], int]]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cryptography.hazmat.primitives.asymmetric import dh

        parameters = dh.DHParameterNumbers(group.p, group.g)
        private = parameters.parameters().generate_private_key()
        public = private.public_key().public_numbers().y

    def shared(peer: int) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int.from_bytes(private.exchange(dh.DHPublicNumbers(peer, parameters).public_key()), "big")

    return public, shared


def _own_key_pair(group: Group) -> tuple[int, Callable[[int], int]]:
    """An exponent of 512 bits: twice the security of the largest group (RFC 4253 8, RFC 3526 8)."""
    private = secrets.randbits(512) | 1 << 511

    def shared(peer: int) -> int:
        return pow(peer, private, group.p)

    return pow(group.g, private, group.p), shared
