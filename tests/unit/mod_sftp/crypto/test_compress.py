"""Compression: streams that go on from packet to packet, and bombs (security.md T7)."""

from __future__ import annotations

import os
import zlib

import pytest

from mod_sftp.crypto.compress import Compressor, Decompressor
from pyproftpd.errors import PeerError


def test_packets_share_one_stream() -> None:
    ours, theirs = Compressor(), Decompressor()
    text = os.urandom(500)
    sizes = []
    for _ in range(3):
        packet = ours.compress(memoryview(text))
        sizes.append(len(packet))
        assert theirs.decompress(memoryview(packet), 1000) == text
    assert sizes[1] < sizes[0] / 4


def test_what_we_send_any_zlib_reads() -> None:
    ours, plain = Compressor(), zlib.decompressobj()
    assert plain.decompress(ours.compress(b"one")) + plain.decompress(ours.compress(b"two")) == b"onetwo"


def test_T7_a_bomb_is_refused_before_it_goes_off() -> None:
    stream = zlib.compressobj()
    bomb = stream.compress(bytes(64 << 20)) + stream.flush(zlib.Z_PARTIAL_FLUSH)
    with pytest.raises(PeerError) as caught:
        Decompressor().decompress(bomb, 256 * 1024)
    assert caught.value.reason == 6


@pytest.mark.parametrize("limit", [99, 100, 101])
def test_the_limit_is_exact(limit: int) -> None:
    packet = Compressor().compress(b"x" * 100)
    if limit < 100:
        with pytest.raises(PeerError):
            Decompressor().decompress(packet, limit)
    else:
        assert len(Decompressor().decompress(packet, limit)) == 100


@pytest.mark.parametrize("data", [b"rubbish", b"\x78\x9c\xff\xff\xff", zlib.compress(b"ended")])
def test_broken_and_ended_streams(data: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        Decompressor().decompress(data, 1000)
    assert caught.value.reason == 6
