"""SFTPKeyBlacklist: the compact dictionary of public keys that Debian's broken OpenSSL could make (CVE-2008-0166).

The file: a head of 16 bytes (``SSH-FP00``; bits of the index, of an offset, of a record; 3 bytes count of records; 2 bytes
shift), a table of 2^index offsets, then the records in order, without their index bits. The first index bits of a key's
fingerprint say about where its records begin, the table how far from there. Worked out from the file that Debian's
proftpd-core ships and checked against the real server with files made for the test.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import BinaryIO

#: The file where no directive names one (Debian's proftpd-core).
DEFAULT_PATH = "/etc/proftpd/blacklist.dat"

_MAGIC = b"SSH-FP00"
_HEAD = 16
#: What the format is defined for: an index of 8 to 24 bits, whole bytes elsewhere.
_INDEX_BITS = range(8, 25)
_OFFSET_BITS = (16, 24, 32)
_RECORD_BITS = (40, 48, 56, 64, 72, 80)


@dataclass(frozen=True, slots=True)
class _Head:
    index_bits: int
    offset_bytes: int
    record_bits: int
    records: int
    shift: int

    @property
    def record_bytes(self) -> int:
        return (self.record_bits - self.index_bits) // 8

    def expected(self, index: int) -> int:
        """Number of the first record of an index if the keys were spread evenly."""
        return (index * self.records) >> self.index_bits


def listed(path: str, blob: bytes) -> bool:
    """Is this key in the dictionary? Raises: OSError, ValueError for a file that is none."""
    digest = hashlib.md5(blob, usedforsecurity=False).digest()
    with open(path, "rb") as file:
        head = _read_head(file)
        index = int.from_bytes(digest[:4], "big") >> (32 - head.index_bits)
        first, last = _bounds(file, head, index)
        file.seek(_HEAD + (head.offset_bytes << head.index_bits) + first * head.record_bytes)
        records = _exactly(file, (last - first) * head.record_bytes)
    wanted = _tail(digest, head)
    return any(records[at:at + head.record_bytes] == wanted for at in range(0, len(records), head.record_bytes))


def _tail(digest: bytes, head: _Head) -> bytes:
    """The bits of a record behind its index."""
    value = int.from_bytes(digest, "big") >> (len(digest) * 8 - head.record_bits)
    return (value & ((1 << (head.record_bytes * 8)) - 1)).to_bytes(head.record_bytes, "big")


def _read_head(file: BinaryIO) -> _Head:
    data = _exactly(file, _HEAD)
    head = _Head(data[8], data[9] // 8, data[10], int.from_bytes(data[11:14], "big"), int.from_bytes(data[14:16], "big"))
    if data[:8] != _MAGIC or head.index_bits not in _INDEX_BITS or data[9] not in _OFFSET_BITS:
        raise ValueError("not a dictionary of weak keys")
    if head.record_bits not in _RECORD_BITS or (head.record_bits - head.index_bits) % 8 or not head.records:
        raise ValueError("dictionary of weak keys of an unknown layout")
    size = _HEAD + (head.offset_bytes << head.index_bits) + head.records * head.record_bytes
    if os.fstat(file.fileno()).st_size != size:
        raise ValueError("dictionary of weak keys is cut or too long")
    return head


def _bounds(file: BinaryIO, head: _Head, index: int) -> tuple[int, int]:
    """First record of an index, and of the next one."""
    file.seek(_HEAD + index * head.offset_bytes)
    both = _exactly(file, head.offset_bytes * (1 if index + 1 == 1 << head.index_bits else 2))
    bounds = [int.from_bytes(both[at:at + head.offset_bytes], "big") - head.shift + head.expected(index + number)
              for number, at in enumerate(range(0, len(both), head.offset_bytes))]
    if len(bounds) == 1:
        bounds.append(head.records)
    first, last = bounds
    if not 0 <= first <= last <= head.records:
        raise ValueError("dictionary of weak keys contradicts itself")
    return first, last


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("dictionary of weak keys is cut")
    return data
