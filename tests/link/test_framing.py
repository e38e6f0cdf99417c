"""Packets that break the rules, under every way of sealing; what the peer is told must not depend on what was broken."""

from __future__ import annotations

import os

import pytest

from pyproftpd.errors import PeerError
from tests.link.client import MACS, Choice
from tests.link.pair import Pair

ETM = [name for name in MACS if "-etm@" in name]
SUITES = [*[("aes128-ctr", name) for name in ETM], ("aes128-gcm@openssh.com", "hmac-sha2-256"),
          ("chacha20-poly1305@openssh.com", "hmac-sha2-256"), ("aes128-ctr", "hmac-sha2-256"),
          ("aes128-cbc", "hmac-sha1")]


def refused(pair: Pair, data: bytes) -> PeerError:
    with pytest.raises(PeerError) as caught:
        pair.feed(data)
    return caught.value


def keyed(cipher: str, mac: str) -> Pair:
    return Pair(Choice(cipher=cipher, mac=mac)).run()


@pytest.mark.parametrize(("cipher", "mac"), SUITES)
@pytest.mark.parametrize("padding", [0, 1, 3, 31, 32, 255])
def test_T2_padding_longer_than_packet_or_too_short(cipher: str, mac: str, padding: int) -> None:
    pair = keyed(cipher, mac)
    assert refused(pair, pair.client.packet(bytes((192,)) + bytes(5), pad=padding)).reason == 2


@pytest.mark.parametrize("mac", ETM)
@pytest.mark.parametrize("beyond", [0, 1, 200])
def test_T2_padding_that_leaves_nothing_or_less(mac: str, beyond: int) -> None:
    pair = keyed("aes128-ctr", mac)
    assert refused(pair, pair.client.packet(bytes((192,)) + bytes(5), pad=15 + beyond)).reason == 2


@pytest.mark.parametrize(("cipher", "mac"), SUITES)
def test_T3_empty_payload(cipher: str, mac: str) -> None:
    pair = keyed(cipher, mac)
    size = len(pair.client.packet(b"")) - 4 - pair.client.sealing.tag
    pair = keyed(cipher, mac)
    assert refused(pair, pair.client.packet(b"", pad=size - 1)).reason == 2


def test_T3_empty_payload_before_any_keys() -> None:
    pair = Pair()
    pair.feed(b"SSH-2.0-x\r\n")
    assert refused(pair, b"\0\0\0\x0c\x0b" + bytes(11)).reason == 2


@pytest.mark.parametrize("length", [0, 1, 5, 13, 2**18 + 8, 2**31, 2**32 - 4])
def test_length_out_of_bounds_before_any_keys(length: int) -> None:
    pair = Pair()
    pair.feed(b"SSH-2.0-x\r\n")
    assert refused(pair, length.to_bytes(4, "big") + bytes(64)).reason == 2


@pytest.mark.parametrize(("cipher", "mac"), SUITES)
def test_changed_packet_is_a_mac_error(cipher: str, mac: str) -> None:
    for place in (0, 4, 5, -1):
        pair = keyed(cipher, mac)
        packet = bytearray(pair.client.packet(bytes((192,)) + bytes(64)))
        packet[place] ^= 1
        assert refused(pair, bytes(packet) + os.urandom(2**18 + 2048)).reason == 5


@pytest.mark.parametrize("damage", ["length", "tag", "odd length"])
def test_T10_length_and_tag_failures_read_equally_far_and_say_the_same(damage: str) -> None:
    """CBC: what an attacker learns from a broken first block must not tell what it decrypts to."""
    taken, said = set(), set()
    for position in {"length": (0,), "tag": (-1,), "odd length": (3,)}[damage]:
        pair = keyed("aes128-cbc", "hmac-sha1")
        packet = bytearray(pair.client.packet(bytes((192,)) + bytes(200)))
        packet[position] ^= 0x81
        data, used = bytes(packet) + bytes(2**19), 0
        while True:
            try:
                pair.feed(data[used:used + 1024])
            except PeerError as error:
                said.add((error.reason, error.text))
                break
            used += 1024
        taken.add(used // 1024)
    assert said == {(5, "packet integrity error")}
    assert taken == {2**18 // 1024}


def test_T9_long_but_legal_kexinit() -> None:
    pair = Pair()
    pair.client.choice.kex_before = tuple(f"algorithm-{number:04d}@example.org" for number in range(900))
    assert pair.run().client.exchanges == 1


def test_T9_kexinit_over_the_cap_is_refused() -> None:
    pair = Pair()
    pair.client.choice.kex_before = tuple(f"algorithm-{number:04d}@example.org" for number in range(2000))
    with pytest.raises(PeerError):
        pair.run()


@pytest.mark.parametrize("line", [b"GET / HTTP/1.0\r\n", b"SSH-1.5-x\r\n", b"SSH-2.0-\r\n", b"SSH-1.99-old\r\n",
                                  b"hello\r\nSSH-2.0-x\r\n", b"SSH-2.0-" + b"a" * 300 + b"\r\n"])
def test_version_lines_that_are_none(line: bytes) -> None:
    from mod_sftp.transport.transport import Hangup

    pair = Pair(early_kexinit=False)
    assert isinstance(refused(pair, line), Hangup)
    assert bytes(pair.server.output()).endswith(b"\r\nProtocol mismatch.\n")


def test_version_line_with_control_characters() -> None:
    assert refused(Pair(), b"SSH-2.0-a\x01b\r\n").reason == 8


def test_old_protocol_is_accepted_where_configured() -> None:
    pair = Pair(old_protocol=True)
    pair.feed(b"SSH-1.99-old\r\n")
    assert pair.log.software == "old"


def test_probe_is_hung_up_on() -> None:
    from mod_sftp.transport.transport import Hangup

    assert isinstance(refused(Pair(), b"SSH-2.0-Probe-1.0\r\n"), Hangup)


def test_comment_is_no_part_of_the_software_name() -> None:
    pair = Pair()
    pair.feed(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    assert pair.log.software == "OpenSSH_9.2p1"
