"""What may be said when: strict key exchange, messages out of turn, extension information, new keys in mid-transfer."""

from __future__ import annotations

import os
from typing import Any

import pytest

from mod_sftp.transport.outbound import HIGH_WATER, MAX_QUEUED
from mod_sftp.transport.transport import MAX_EARLY_EXCHANGES, MAX_IDLE_MESSAGES, Disconnected
from pyproftpd.errors import PeerError
from tests.link.client import Choice, string, u32
from tests.link.pair import Pair

IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO = 2, 3, 4, 7


def before_method(**choice: Any) -> Pair:
    """Both KEXINITs are known, the client's method has not begun."""
    pair = Pair(Choice(**choice))
    pair.client.auto = False
    pair.run()
    pair.client.begin()
    return pair.run()


# T1: strict key exchange (CVE-2023-48795).

def test_T1_marker_is_answered() -> None:
    pair = Pair().run()
    assert "kex-strict-s-v00@openssh.com" in pair.client.server_lists[0] and pair.client.strict


@pytest.mark.parametrize("message", [
    (IGNORE, string(b"x")), (DEBUG, b"\0" + string(b"x") + string(b"")), (UNIMPLEMENTED, u32(0))])
def test_T1a_nothing_may_be_injected_into_the_first_exchange(message: tuple[int, bytes]) -> None:
    pair = before_method()
    pair.client.send(*message)
    with pytest.raises(PeerError):
        pair.run()


def test_T1b_kexinit_must_come_first() -> None:
    pair = Pair()
    pair.client.auto = False
    pair.client.send(IGNORE, string(b"x"))
    pair.client.begin()
    with pytest.raises(PeerError, match="not the first packet"):
        pair.run()


def test_T1c_sequence_numbers_start_again_at_each_newkeys() -> None:
    pair = Pair(Choice(cipher="chacha20-poly1305@openssh.com")).run()
    assert pair.client.seq_out == 0
    assert pair.client.seq_in == 1  # EXT_INFO
    for _ in range(3):
        pair.client.send(IGNORE, string(b"x"))
    pair.run()
    pair.server.rekey()
    pair.run()
    assert pair.client.seq_out == pair.client.seq_in == 0
    pair.client.send(192, b"after")
    assert pair.run().got == [(192, b"after")]


@pytest.mark.parametrize("first", [True, False])
def test_T1d_a_rekey_does_not_switch_the_mode(first: bool) -> None:
    pair = Pair(Choice(strict=first)).run()
    pair.client.choice.strict = not first
    pair.client.begin(markers=True)
    pair.run()
    assert pair.client.exchanges == 2 and pair.server.exchange.strict is first
    pair.client.send(192, b"after")
    assert pair.run().got == [(192, b"after")]


def test_T1e_without_the_marker_ignore_is_tolerated() -> None:
    pair = before_method(strict=False)
    pair.client.send(IGNORE, string(b"x"))
    pair.client.start_method()
    pair.run()
    assert pair.client.exchanges == 1 and not pair.server.exchange.strict


def test_T1_no_marker_where_switched_off() -> None:
    pair = Pair(strict=False).run()
    assert "kex-strict-s-v00@openssh.com" not in pair.client.server_lists[0]
    assert pair.client.exchanges == 1


# T19: every message number in every state of the transport.

@pytest.mark.parametrize("strict", [True, False])
def test_T19_before_kexinit(strict: bool) -> None:
    """DISCONNECT, and what means nothing, are all that may come before KEXINIT."""
    for number in range(1, 256):
        if number in (1, IGNORE, UNIMPLEMENTED, DEBUG, 20):
            continue
        pair = Pair(Choice(strict=strict))
        pair.feed(b"SSH-2.0-x\r\n")
        with pytest.raises(PeerError):
            pair.feed(pair.client.packet(bytes((number,)) + bytes(40)))
        assert pair.got == []


def test_T19_inside_the_first_exchange() -> None:
    """Under strict key exchange only the method's own messages, and of those only the one that is due."""
    for number in range(1, 256):
        pair = before_method()
        try:
            pair.feed(pair.client.packet(bytes((number,)) + bytes(40)))
        except (PeerError, Disconnected):
            pass
        else:
            pytest.fail(f"message {number} was taken")
        assert pair.got == []


def test_T19_between_the_newkeys() -> None:
    """The server's NEWKEYS is out; only the client's may come."""
    for number in range(1, 256):
        if number == 21:
            continue
        pair = before_method()
        pair.client.start_method()
        pair._to_server()
        pair.client.auto = False
        with pytest.raises((PeerError, Disconnected)):
            pair.feed(pair.client.packet(bytes((number,)) + bytes(40)))
        assert pair.got == []


def test_T19_after_the_exchange_services_get_5_and_from_50() -> None:
    """1 to 49 are never passed on, 5 excepted; what they do not mean ends a connection that is not logged in."""
    for number in range(1, 256):
        pair = Pair().run()
        try:
            pair.feed(pair.client.packet(bytes((number,)) + bytes(40)))
        except (PeerError, Disconnected):
            assert number < 50 and number != 5
            continue
        expected = [(number, bytes(40))] if number == 5 or number >= 50 else []
        assert pair.got == expected
        assert expected or number in (IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO)


def test_T19_newkeys_out_of_turn() -> None:
    pair = Pair().run()
    with pytest.raises(PeerError):
        pair.feed(pair.client.packet(b"\x15"))


def test_T15_unimplemented_names_the_packet() -> None:
    pair = Pair().run()
    pair.client.send(IGNORE, string(b"x"))
    pair.client.send(150, b"")
    pair.run()
    pair.server.unimplemented()
    pair.client.own.clear()
    pair.run()
    assert pair.client.own == [(UNIMPLEMENTED, u32(1))]


# T6: extension information.

@pytest.mark.parametrize(("count", "there"), [(33, 33), (2**32 - 1, 40)])
def test_T6_extension_count_is_bounded(count: int, there: int) -> None:
    pair = Pair().run()
    with pytest.raises(PeerError, match=f"EXT_INFO with {count} extensions"):
        pair.feed(pair.client.packet(bytes((EXT_INFO,)) + u32(count) + (string(b"n") + string(b"v")) * there))
    pair = Pair().run()
    pair.feed(pair.client.packet(bytes((EXT_INFO,)) + u32(32) + (string(b"n") + string(b"v")) * 32))


@pytest.mark.parametrize(("kind", "whole"), [
    (1, u32(11) + string("bye")), (4, b"\x01" + string("text") + string("")),
    (EXT_INFO, u32(2) + string("name") + string("value") + string("other") + string("value"))])
def test_T16_own_messages_cut_short(kind: int, whole: bytes) -> None:
    """DISCONNECT, DEBUG and EXT_INFO; a DISCONNECT without its language tag and DEBUG without it are known to exist."""
    for cut in range(len(whole)):
        if (kind, cut) in {(1, 4), (4, len(whole) - 4)} or kind == 4 and cut > len(whole) - 4:
            continue
        pair = Pair().run()
        with pytest.raises(PeerError):
            pair.feed(pair.client.packet(bytes((kind,)) + whole[:cut]))


def test_T6_second_extension_information() -> None:
    pair = Pair().run()
    message = bytes((EXT_INFO,)) + u32(1) + string(b"name") + string(b"value")
    pair.feed(pair.client.packet(message))
    with pytest.raises(PeerError):
        pair.feed(pair.client.packet(message))


def test_T6_extension_information_after_a_service_request() -> None:
    pair = Pair().run()
    pair.client.send(5, string(b"ssh-userauth"))
    pair.run()
    with pytest.raises(PeerError):
        pair.feed(pair.client.packet(bytes((EXT_INFO,)) + u32(0)))


def test_T9_every_value_of_extension_information_is_read() -> None:
    pair = Pair().run()
    entries = b"".join(string(f"name{n}") + string(b"v" * n) for n in range(32))
    pair.feed(pair.client.packet(bytes((EXT_INFO,)) + u32(32) + entries))
    with pytest.raises(PeerError):
        Pair().run().feed(Pair().run().client.packet(bytes((EXT_INFO,)) + u32(2) + string(b"n") + string(b"v")))


# T17: cheap messages that cost us.

def test_T17_messages_without_a_meaning_are_counted_before_login() -> None:
    pair = Pair(Choice(strict=False)).run()
    for _ in range(MAX_IDLE_MESSAGES):
        pair.client.send(IGNORE, string(b"x"))
    pair.run()
    pair.client.send(IGNORE, string(b"x"))
    with pytest.raises(PeerError):
        pair.run()


def test_T17_key_exchanges_are_counted_before_login() -> None:
    pair = Pair().run()
    for _ in range(MAX_EARLY_EXCHANGES - 1):
        pair.client.begin()
        pair.run()
    pair.client.begin()
    with pytest.raises(PeerError):
        pair.run()


def test_T17_kexinit_after_kexinit() -> None:
    pair = before_method()
    pair.client.begin()
    with pytest.raises(PeerError):
        pair.run()


# New keys.

def test_rekey_in_mid_transfer_by_the_server() -> None:
    """What the client sent before it saw our KEXINIT is taken; what we send meanwhile follows in its order."""
    pair = Pair().run()
    pair.server.login_done()
    pair.client.messages.clear()
    pair.server.rekey()
    for number in range(20):
        pair.client.send(192, u32(number))
        pair.server.send(193, u32(number))
    assert pair.server.held
    pair.run()
    assert [data for _, data in pair.got] == [u32(number) for number in range(20)]
    assert pair.client.messages == [(193, u32(number)) for number in range(20)]
    assert pair.client.exchanges == 2 and not pair.server.held


def test_rekey_in_mid_transfer_by_the_client() -> None:
    pair = Pair().run()
    pair.client.messages.clear()
    for number in range(20):
        pair.server.send(193, u32(number))
    pair.client.begin()
    pair.run()
    assert pair.client.exchanges == 2
    assert pair.client.messages == [(193, u32(number)) for number in range(20)]


def test_compression_that_waits_for_the_login_goes_with_the_keys_it_came_with() -> None:
    """A client that rekeys before its login and no longer wants any gets none, and is not taken to send any."""
    pair = Pair(Choice(compression="zlib@openssh.com")).run()
    pair.client.choice.compression = "none"
    pair.client.begin()
    pair.run()
    assert pair.client.exchanges == 2
    pair.server.login_done()
    pair.server.send(193, u32(1))
    pair.client.send(192, u32(2))
    pair.run()
    assert (pair.client.messages[-1], pair.got[-1]) == ((193, u32(1)), (192, u32(2)))


@pytest.mark.parametrize("half", ["_in", "_out"])
def test_keys_that_are_never_changed_have_an_end(half: str) -> None:
    """Sequence numbers do not come again, whatever SFTPRekey and the client say (RFC 4344 3.1)."""
    pair = Pair().run()
    getattr(pair.server, half).packets = 2**32 - 2**20 - 1
    pair.server.volume()
    getattr(pair.server, half).packets = 2**32 - 2**20
    with pytest.raises(PeerError):
        pair.server.volume()


def test_no_data_from_the_client_behind_its_kexinit() -> None:
    pair = Pair().run()
    pair.client.auto = False
    pair.client.begin()
    pair.client.send(192, b"x")
    with pytest.raises(PeerError):
        pair.run()


def test_only_key_exchange_leaves_while_keys_change() -> None:
    pair = Pair().run()
    pair.server.rekey()
    pair.server.send(193, b"queued")
    pair.server.send(IGNORE, string(b"x"))
    data = bytes(pair.server.output())
    pair.server.sent(len(data))
    pair.client.auto = False
    pair.client.take(data)
    assert pair.client.messages == []
    assert (IGNORE, string(b"x")) in pair.client.own


def test_queue_behind_a_key_exchange_that_never_ends_is_bounded() -> None:
    pair = Pair().run()
    pair.server.rekey()
    with pytest.raises(PeerError):
        for _ in range(2 * MAX_QUEUED // 1024):
            pair.server.send(81, bytes(1024))


def test_pessimistic_newkeys_waits_for_the_client() -> None:
    pair = Pair(pessimistic_newkeys=True)
    assert pair.run().client.exchanges == 1
    pair.server.send(193, b"x")
    assert pair.run().client.messages == [(193, b"x")]


def test_disconnect_without_language_tag() -> None:
    pair = Pair().run()
    with pytest.raises(Disconnected) as caught:
        pair.feed(pair.client.packet(b"\x01" + u32(11) + string(b"bye")))
    assert (caught.value.reason, caught.value.text) == (11, "bye")


# Channel data laid out in place.

def read_back(pair: Pair) -> bytes:
    pair.client.messages.clear()
    pair.run()
    data = b""
    for kind, payload in pair.client.messages:
        assert kind == 94 and payload[:4] == u32(7)
        data += payload[8:]
        assert len(payload) - 8 == int.from_bytes(payload[4:8], "big")
    return data


def test_data_shares_packets() -> None:
    pair = Pair().run()
    for number in range(100):
        pair.server.data(7, 32768, u32(number))
    assert read_back(pair) == b"".join(map(u32, range(100)))
    assert len(pair.client.messages) == 1


@pytest.mark.parametrize("limit", [64, 100, 1000, 32768])
def test_reserved_places_are_sent_in_order_and_unused_ones_given_back(limit: int) -> None:
    pair = Pair().run()
    expected = b""
    for count, used in ((5, 5), (3000, 3000), (3000, 17), (70, 0), (40000, 39999), (1, 1), (64, 64), (5000, 1)):
        data = os.urandom(used)
        pair.server.data(7, limit, b"<")
        places = pair.server.reserve(7, limit, count)
        assert places is not None and sum(map(len, places)) == count
        assert len(places[0]) >= min(count, 64)
        done = 0
        for place in places:
            piece = data[done:done + len(place)]
            place[:len(piece)] = piece
            done += len(piece)
        pair.server.commit(7, limit, count, used)
        expected += b"<" + data
    assert read_back(pair) == expected


def test_other_messages_keep_their_place_between_data() -> None:
    pair = Pair().run()
    pair.server.data(7, 32768, b"one")
    pair.server.send(96, u32(7))
    pair.server.data(7, 32768, b"two")
    pair.client.messages.clear()
    pair.run()
    assert [kind for kind, _ in pair.client.messages] == [94, 96, 94]


def test_client_that_does_not_read_makes_us_full() -> None:
    pair = Pair().run()
    sent = 0
    while not pair.server.full():
        pair.server.data(7, 32768, bytes(1000))
        sent += 1000
        pair.server.output()
    assert HIGH_WATER // 2 <= sent <= HIGH_WATER
    assert len(read_back(pair)) == sent


def test_a_dummy_ahead_of_reserved_places_does_not_move_the_data() -> None:
    """Its length differs from draw to draw; giving back what was not used must not draw again."""
    pair = Pair().run()
    lengths = iter((64, 200, 100, 70, 150, 90))
    pair.server.precede_data(lambda: bytes((IGNORE,)) + string(os.urandom(next(lengths))))
    for _ in range(3):
        data = os.urandom(300)
        places = pair.server.reserve(7, 32768, 1000)
        assert places is not None
        places[0][:300] = data
        pair.server.commit(7, 32768, 1000, 300)
        assert read_back(pair) == data
