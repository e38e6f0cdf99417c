"""Every key exchange, cipher, MAC and host key that the client in memory also has: a session whose data comes out right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.link.client import CIPHERS, KEXES, MACS, Choice, string
from tests.link.pair import OFFER, Pair

AEAD = ("chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com")


def talk(choice: Choice, **options: Any) -> Pair:
    """Keys, messages both ways of awkward lengths, new keys, and messages again."""
    pair = Pair(choice, **options).run()
    assert pair.client.exchanges == 1
    for _ in range(2):
        sent = [(192, bytes(range(256)) * (size // 256) + bytes(size % 256)) for size in (0, 1, 15, 16, 17, 255, 32768)]
        for kind, data in sent:
            pair.client.send(kind, data)
            pair.server.send(193, data)
        pair.got.clear()
        pair.client.messages.clear()
        pair.run()
        assert pair.got == sent
        assert pair.client.messages == [(193, data) for _, data in sent]
        pair.server.rekey()
        pair.run()
    assert pair.client.exchanges == 3
    return pair


@pytest.mark.parametrize("kex", [name for name in OFFER.kex if name in KEXES])
def test_key_exchange(kex: str) -> None:
    talk(Choice(kex=kex))


@pytest.mark.parametrize("host_key", OFFER.host_keys)
def test_host_key(host_key: str) -> None:
    talk(Choice(host_key=host_key))


@pytest.mark.parametrize(("cipher", "mac"), [
    (cipher, mac) for cipher in OFFER.ciphers if cipher in CIPHERS
    for mac in OFFER.macs if mac in MACS and (cipher not in AEAD or mac == "hmac-sha2-256")])
def test_cipher_and_mac(cipher: str, mac: str) -> None:
    talk(Choice(cipher=cipher, mac=mac))


def test_a_language_that_nobody_speaks_is_no_matter() -> None:
    """Behaviour 58: everything else must be shared."""
    pair = Pair(Choice(language="tlh")).run()
    assert pair.client.exchanges == 1 and pair.log.exchanges


@pytest.mark.parametrize("cipher", ["aes128-ctr", "aes128-cbc", *AEAD])
@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_packets_cut_anywhere(cipher: str, piece: int) -> None:
    pair = Pair(Choice(cipher=cipher), piece=piece).run()
    pair.client.send(192, bytes(300))
    pair.server.send(193, bytes(300))
    pair.run()
    assert pair.got == [(192, bytes(300))]
    assert pair.client.messages == [(193, bytes(300))]


def test_banner_and_kexinit_leave_together() -> None:
    pair = Pair()
    output = bytes(pair.server.output())
    assert output.startswith(b"SSH-2.0-mod_sftp\r\n")
    assert output[18 + 5] == 20


def test_kexinit_waits_for_the_client_when_told_so() -> None:
    pair = Pair(early_kexinit=False)
    assert bytes(pair.server.output()) == b"SSH-2.0-mod_sftp\r\n"
    assert pair.run().client.exchanges == 1


def test_wrong_guess_is_dropped_once() -> None:
    pair = Pair(Choice(guess=True, kex_before=("a-guess@example.org",))).run()
    assert pair.client.exchanges == 1
    assert pair.log.exchanges[0][0].kex == "curve25519-sha256"


def test_a_guess_with_another_host_key_is_wrong() -> None:
    """RFC 4253 7.1: the method may be right, its first message is dropped all the same, and sent again."""
    pair = Pair(Choice(guess=True, host_key="ecdsa-sha2-nistp384,ssh-ed25519"), offer=replace(OFFER, kex=("curve25519-sha256",)))
    pair.client.auto = False
    pair.run()
    pair.client.begin()
    pair.client.choice.host_key = "ssh-ed25519"
    pair.client.start_method()
    assert pair.run().client.exchanges == 0
    pair.client.send(30, string(pair.client._public))
    assert pair.run().client.exchanges == 1


def test_right_guess_is_taken() -> None:
    """The client's first choices are ours too, so the packet behind its KEXINIT is the method's own."""
    pair = Pair(Choice(guess=True), offer=replace(OFFER, kex=("curve25519-sha256",)))
    assert pair.run().client.exchanges == 1


def test_server_signature_algorithms_only_for_who_asks() -> None:
    asked = Pair(Choice(ext_info=True)).run().client.own
    assert asked[0][0] == 7 and b"server-sig-algs" in asked[0][1] and b"rsa-sha2-256" in asked[0][1]
    assert Pair(Choice(ext_info=False)).run().client.own == []


def test_no_extension_information_in_a_rekey() -> None:
    pair = Pair().run()
    pair.client.own.clear()
    pair.server.rekey()
    pair.run()
    assert pair.client.own == []


@pytest.mark.parametrize("compression", ["zlib", "zlib@openssh.com"])
def test_T7_inflated_size_is_bounded(compression: str) -> None:
    import zlib

    from pyproftpd.errors import PeerError

    pair = Pair(Choice(compression=compression)).run()
    pair.server.login_done()
    stream = zlib.compressobj()
    bomb = stream.compress(b"\xc0" + bytes(64 * 1024 * 1024)) + stream.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 100_000
    with pytest.raises(PeerError) as caught:
        pair.feed(pair.client.packet(bomb))
    assert caught.value.reason == 6
