"""Half a session against ourselves, in the master, before anybody connects.

The first use of an algorithm fills fetch caches of the crypto library and of the interpreter; done once before the fork,
no session pays for it (measured: a fifth of the CPU time of a login).
"""

from __future__ import annotations

from collections.abc import Callable

from mod_sftp.crypto.ciphers import cipher
from mod_sftp.crypto.macs import mac
from mod_sftp.crypto.suites import make_opener, make_sealer
from mod_sftp.transport.negotiate import COOKIE, EXT_INFO_CLIENT, Negotiated, Offer, build
from mod_sftp.transport.transport import Settings, Transport
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import string

#: what current clients choose first, with a public value that any peer could send: the base point of X25519
KEX = "curve25519-sha256"
PUBLIC_VALUE = (9).to_bytes(32, "little")
PAYLOAD = 27


class Silent:
    """A ``Listener`` for connections that nobody watches."""

    traced = False

    def line(self, text: str) -> None:
        """Nobody listens."""

    def trace(self, level: int, text: str) -> None:
        """Nobody listens."""

    def client_known(self, software: str) -> None:
        """No overrides."""

    def keys_changed(self, negotiated: Negotiated, first: bool) -> None:
        """Nobody listens."""

    def received(self, name: str) -> None:
        """Nobody listens."""


def warm_up(settings: Settings, random: Callable[[int], bytes]) -> None:
    """A first key exchange up to our NEWKEYS, and one packet through every suite that is offered."""
    offer = settings.terms.offer
    if KEX in offer.kex and offer.host_keys:
        _exchange(settings, random)
    for name in offer.ciphers:
        _round_trip(name, offer.macs[0] if offer.macs else "none")
    for name in offer.macs:
        _round_trip("aes128-ctr", name)


def _exchange(settings: Settings, random: Callable[[int], bytes]) -> None:
    transport = Transport(settings, random=random, listener=Silent())
    ours = settings.terms.offer
    one = Offer((KEX, EXT_INFO_CLIENT), ours.host_keys[:1], ours.ciphers[:1], ours.macs[:1], ("none",))
    _feed(transport, b"SSH-2.0-warmup\r\n")
    _feed(transport, _clear(build(one, random(COOKIE), ext_info=False, strict=False)))
    _feed(transport, _clear(bytes((Msg.KEX_ECDH_INIT,)) + string(PUBLIC_VALUE)))
    transport.output()


def _feed(transport: Transport, data: bytes) -> None:
    transport.space()[:len(data)] = data
    transport.filled(len(data))
    transport.next_packet()


def _clear(payload: bytes) -> bytes:
    """A packet before any keys."""
    padding = -(5 + len(payload)) % 8 + 8
    return (1 + len(payload) + padding).to_bytes(4, "big") + bytes((padding,)) + payload + bytes(padding)


def _round_trip(cipher_name: str, mac_name: str) -> None:
    row, authentication = cipher(cipher_name), mac(mac_name)
    keys = bytes(range(row.key)), bytes(row.iv), bytes(authentication.key)
    sealer, opener = make_sealer(row, authentication, *keys), make_opener(row, authentication, *keys)
    body = bytes((PAYLOAD - 22,)) + bytes(PAYLOAD)
    size = (4 * (not sealer.clear_length) + len(body)) % sealer.block
    body += bytes((sealer.block - size) % sealer.block)
    plain = bytearray(len(body).to_bytes(4, "big") + body)
    wire, back = bytearray(len(plain) + sealer.tag), bytearray(len(plain))
    sealer.seal(0, memoryview(plain), memoryview(wire))
    opener.length(0, memoryview(wire)[:opener.need])
    opener.open(0, memoryview(wire), memoryview(back))
