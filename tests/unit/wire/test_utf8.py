"""No name is lost between wire and disk (security.md M10)."""

from __future__ import annotations

import os

import pytest

from pyproftpd.wire.utf8 import PathCodec, decode, encode


@pytest.mark.parametrize("raw", [b"plain", "gr\u00fc\u00df".encode(), b"\xff\xfe", b"caf\xe9", b"", bytes(range(1, 256))])
def test_bytes_come_back(raw: bytes) -> None:
    assert encode(decode(raw)) == raw
    assert os.fsencode(decode(memoryview(raw))) == raw


def test_two_character_sets() -> None:
    codec = PathCodec("utf-8", "iso-8859-1")
    assert codec.decode(b"caf\xe9") == "caf\u00e9"
    assert codec.encode("caf\u00e9") == b"caf\xe9"


def test_what_cannot_be_converted_goes_through_as_it_is() -> None:
    codec = PathCodec("utf-8", "iso-8859-1")
    assert codec.encode("\u4e2d") == "\u4e2d".encode()
    assert codec.encode(decode(b"\xff")) == b"\xff"


def test_unknown_character_sets_are_an_error() -> None:
    with pytest.raises(LookupError):
        PathCodec("utf-8", "no-such-set")
