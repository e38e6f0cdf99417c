"""The dictionary of weak keys: our reader, and the real server over the same file."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from mod_sftp.auth.blacklist import DEFAULT_PATH, listed

SHIFT = 11


def dictionary(blobs: list[bytes]) -> bytes:
    """The file of these keys, with an index of 16 bits and records of 48, as the shipped one has them."""
    records = sorted(hashlib.md5(blob, usedforsecurity=False).digest()[:6] for blob in blobs)
    starts, at = [], 0
    for index in range(1 << 16):
        while at < len(records) and int.from_bytes(records[at][:2], "big") < index:
            at += 1
        starts.append(at - ((index * len(records)) >> 16) + SHIFT)
    head = b"SSH-FP00" + bytes((16, 16, 48)) + len(records).to_bytes(3, "big") + SHIFT.to_bytes(2, "big")
    return head + struct.pack(f">{1 << 16}H", *starts) + b"".join(record[2:] for record in records)


BLOBS = [f"key {number}".encode() for number in range(40)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "blacklist"
    target.write_bytes(dictionary(BLOBS))
    return target


def test_every_listed_key_is_found_and_no_other(path: Path) -> None:
    assert all(listed(str(path), blob) for blob in BLOBS)
    assert not any(listed(str(path), blob + b"!") for blob in BLOBS)


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: b"SSH-FP99" + data[8:], lambda data: data[:-1], lambda data: data + b"x",
    lambda data: data[:8] + b"\xff" + data[9:], lambda data: data[:10] + b"\x11" + data[11:],
])
def test_a_damaged_file_is_an_error(path: Path, damage: object) -> None:
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError, match="dictionary"):
        listed(str(path), BLOBS[0])


def test_offsets_that_point_outside_are_an_error(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[16:16 + 2 * 65536] = b"\xff" * (2 * 65536)
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="contradicts itself"):
        listed(str(path), BLOBS[0])


@pytest.mark.skipif(not Path(DEFAULT_PATH).exists(), reason="no blacklist.dat of a distribution here")
def test_the_shipped_file_is_readable_and_knows_no_stranger() -> None:
    assert not listed(DEFAULT_PATH, b"a key that nobody ever made")
