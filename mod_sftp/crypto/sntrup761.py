"""Streamlined NTRU Prime 761: encapsulation only, which is all that a server does (draft-josefsson-ntruprime-streamlined).

The kept libraries lack it. Polynomials are multiplied as big integers (Kronecker substitution), so an encapsulation
costs about 1 ms, two Diffie-Hellman of group 14. Python cannot promise constant time; the secret polynomial
serves one key exchange and X25519 stands beside it.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Sequence

P, Q, W = 761, 4591, 286
PUBLIC_SIZE, CIPHERTEXT_SIZE = 1158, 1039
_HALF = (Q - 1) // 2
#: Half of the 32 bits that a coefficient of a product has: above the largest, 761 * 4590.
_HALF_FIELD = 1 << 31


def encapsulate(public: bytes) -> tuple[bytes, bytes]:
    """``(ciphertext, shared secret)`` for a public key of ``PUBLIC_SIZE`` bytes.

    Raises: ValueError when a coefficient of the key is out of range.
    """
    if len(public) != PUBLIC_SIZE:
        raise ValueError("sntrup761 public key of the wrong length")
    h = _decode(public, [Q] * P)
    short = _short()
    packed = _pack_small(short)
    rounded = _round(_multiply(h, short))
    inner = _encode(rounded, [(Q + 2) // 3] * P)
    r_hash = _hash(3, packed)
    ciphertext = inner + _hash(2, r_hash + _hash(4, public))
    return ciphertext, _hash(1, r_hash + ciphertext)


def _hash(prefix: int, data: bytes) -> bytes:
    return hashlib.sha512(bytes((prefix,)) + data).digest()[:32]


def _short() -> list[int]:
    """A random polynomial of -1, 0 and 1 with exactly W coefficients that are not 0."""
    words = struct.unpack(f"<{P}I", secrets.token_bytes(4 * P))
    keyed = [(word & ~1) if i < W else (word & ~3) | 1 for i, word in enumerate(words)]
    keyed.sort()
    return [(word & 3) - 1 for word in keyed]


def _pack_small(small: Sequence[int]) -> bytes:
    """Four coefficients to a byte, each plus one."""
    digits = [value + 1 for value in small] + [0] * (-len(small) % 4)
    return bytes(
        digits[i] | digits[i + 1] << 2 | digits[i + 2] << 4 | digits[i + 3] << 6 for i in range(0, len(digits), 4)
    )


def _multiply(h: Sequence[int], small: Sequence[int]) -> list[int]:
    """h * small in Z/Q[x]/(x^P - x - 1), coefficients 0 to Q-1.

    One product of two integers with a coefficient in every 32 bits. Coefficients of the product may be negative;
    half a field added to each keeps them from borrowing of their neighbours.
    """
    wide = int.from_bytes(struct.pack(f"<{P}I", *h), "little")
    plus = int.from_bytes(struct.pack(f"<{P}I", *[value == 1 for value in small]), "little")
    minus = int.from_bytes(struct.pack(f"<{P}I", *[value == -1 for value in small]), "little")
    size = 2 * P - 1
    halves = int.from_bytes(struct.pack(f"<{size}I", *[_HALF_FIELD] * size), "little")
    product = struct.unpack(f"<{size}I", (wide * (plus - minus) + halves).to_bytes(4 * size, "little"))
    low, high = product[:P], product[P:]  # x^P = x + 1: high[i] belongs to x^i and to x^(i+1)
    return [
        (a + b + c - 3 * _HALF_FIELD) % Q
        for a, b, c in zip(low, (*high, _HALF_FIELD), (_HALF_FIELD, *high), strict=True)
    ]


def _round(values: Sequence[int]) -> list[int]:
    """Each coefficient, centred, to the nearest multiple of 3, as the digits 0 to (Q-1)/3 that are sent."""
    digits = []
    for value in values:
        centred = value - Q if value > _HALF else value
        nearest = centred - ((centred + 1) % 3 - 1)
        digits.append((nearest + _HALF) // 3)
    return digits


def _encode(values: Sequence[int], radices: Sequence[int]) -> bytes:
    """The mixed-radix code of NTRU Prime: pairs are merged, and whole bytes leave as soon as the radix allows."""
    out = bytearray()
    values, radices = list(values), list(radices)
    while len(values) > 1:
        merged, merged_radices = [], []
        for i in range(0, len(values) - 1, 2):
            value, radix = values[i] + values[i + 1] * radices[i], radices[i] * radices[i + 1]
            while radix >= 16384:
                out.append(value & 255)
                value, radix = value >> 8, radix + 255 >> 8
            merged.append(value)
            merged_radices.append(radix)
        if len(values) & 1:
            merged.append(values[-1])
            merged_radices.append(radices[-1])
        values, radices = merged, merged_radices
    value, radix = values[0], radices[0]
    while radix > 1:
        out.append(value & 255)
        value, radix = value >> 8, radix + 255 >> 8
    return bytes(out)


def _decode(data: bytes, radices: Sequence[int]) -> list[int]:
    """Undoes :func:`_encode` and recentres, for a public key. Raises: ValueError."""
    levels = []  # (radices of the level, bytes left over for each pair)
    at = 0
    level = list(radices)
    while len(level) > 1:
        tails, merged = [], []
        for i in range(0, len(level) - 1, 2):
            radix, tail, scale = level[i] * level[i + 1], 0, 1
            while radix >= 16384:
                tail, scale, at, radix = tail + data[at] * scale, scale << 8, at + 1, radix + 255 >> 8
            tails.append((tail, scale))
            merged.append(radix)
        if len(level) & 1:
            merged.append(level[-1])
        levels.append((level, tails))
        level = merged
    values = [int.from_bytes(data[at:], "little")]
    if values[0] >= level[0]:
        raise ValueError("sntrup761 public key is not in canonical form")
    for level, tails in reversed(levels):
        split: list[int] = []
        for i, (tail, scale) in enumerate(tails):
            value = tail + values[i] * scale
            high, low = divmod(value, level[2 * i])
            if high >= level[2 * i + 1]:
                raise ValueError("sntrup761 public key is not in canonical form")
            split += (low, high)
        if len(level) & 1:
            split.append(values[-1])
        values = split
    return [(value - _HALF) % Q for value in values]
