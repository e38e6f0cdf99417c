"""Packets that are legal one by one and meant to hurt: what they make the server hold, and what they unpack to."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest

from mod_sftp.wire.messages import Disconnect
from pyproftpd.errors import PeerError
from tests.link.client import Choice, string, u32
from tests.link.live import Live
from tests.link.pair import Pair
from tests.servers import Server


def under_rekey() -> Pair:
    """The server asked for new keys, and the client goes on as if it had not heard."""
    pair = Pair().run()
    pair.server.rekey()
    return pair


def test_T7_a_packet_that_inflates_to_nothing() -> None:
    pair = Pair(Choice(compression="zlib")).run()
    empty = zlib.compressobj().flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(PeerError) as caught:
        pair.feed(pair.client.packet(empty))
    assert caught.value.reason == Disconnect.COMPRESSION_ERROR


def test_T17_answers_held_back_by_a_key_exchange_are_bounded_as_packets() -> None:
    """A refusal is one byte, its packet thirty-two: the bound is on what must be sent in the end."""
    pair = under_rekey()
    with pytest.raises(PeerError):
        for _ in range(60_000):
            pair.server.send(82)


def test_T17_answers_held_back_within_the_bound_all_leave() -> None:
    pair = under_rekey()
    for number in range(5000):
        pair.server.send(81, u32(number))
    pair.server.send(193, string(bytes(40_000)))
    pair.run()
    assert [payload for kind, payload in pair.client.messages if kind == 81] == [u32(number) for number in range(5000)]
    assert pair.client.messages[-1] == (193, string(bytes(40_000)))


def test_T17_service_requests_are_counted(start: Callable[..., Server]) -> None:
    """Each costs an answer and a log line, and none brings a stranger nearer to a login."""
    with Live(start().port) as client:
        client.request_service()
        for _ in range(1000):
            client.client.send(5, string("ssh-userauth"))
        assert client.ended() == [(Disconnect.BY_APPLICATION, "too many authentication requests")]
