"""Algorithm negotiation: KEXINIT built, parsed and settled (RFC 4253 7.1), with the two markers that are no algorithms.

``ext-info-s`` (RFC 8308) and ``kex-strict-s-v00@openssh.com`` (the answer to CVE-2023-48795) travel in the list of key
exchanges; they are appended to what we send, never looked up in it, so that they cannot be chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mod_sftp.wire.messages import Disconnect, Msg
from mod_sftp.wire.ssh import Reader, boolean, byte, namelist, u32
from pyproftpd.errors import PeerError

EXT_INFO_SERVER = "ext-info-s"
EXT_INFO_CLIENT = "ext-info-c"
STRICT_SERVER = "kex-strict-s-v00@openssh.com"
STRICT_CLIENT = "kex-strict-c-v00@openssh.com"
MARKERS = frozenset({EXT_INFO_SERVER, EXT_INFO_CLIENT, STRICT_SERVER, STRICT_CLIENT})

#: what stands for the MAC of a cipher that authenticates by itself (real server's word in its log)
IMPLICIT = "implicit"

COOKIE = 16


@dataclass(frozen=True, slots=True)
class Offer:
    """The names that one side offers, best first, without markers; both directions alike."""

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compressions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KexInit:
    """One KEXINIT as it came; ``payload`` with its type byte, as the exchange hash wants it."""

    payload: bytes
    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers_in: tuple[str, ...]
    ciphers_out: tuple[str, ...]
    macs_in: tuple[str, ...]
    macs_out: tuple[str, ...]
    compressions_in: tuple[str, ...]
    compressions_out: tuple[str, ...]
    languages_in: tuple[str, ...]
    languages_out: tuple[str, ...]
    guess_follows: bool


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What both sides speak. ``in`` is client to server, ``out`` server to client."""

    kex: str
    host_key: str
    cipher_in: str
    cipher_out: str
    mac_in: str
    mac_out: str
    compression_in: str
    compression_out: str

    def lines(self) -> list[str]:
        """The lines of SFTPLog. Source: real server."""
        return [
            f" + Session key exchange: {self.kex}",
            f" + Session host key algorithm: {self.host_key}",
            f" + Session server hostkey: {self.host_key}",
            f" + Session client-to-server encryption: {self.cipher_in}",
            f" + Session server-to-client encryption: {self.cipher_out}",
            f" + Session client-to-server MAC: {self.mac_in}",
            f" + Session server-to-client MAC: {self.mac_out}",
            f" + Session client-to-server compression: {self.compression_in}",
            f" + Session server-to-client compression: {self.compression_out}",
        ]


_OWN_NAMES: dict[int, str] = {Msg.KEXINIT: "KEXINIT", Msg.NEWKEYS: "NEWKEYS"}
_GROUP_EXCHANGE: dict[int, str] = {
    Msg.KEX_DH_GEX_REQUEST_OLD: "DH_GEX_REQUEST_OLD", Msg.KEX_DH_GEX_REQUEST: "DH_GEX_REQUEST",
    Msg.KEX_DH_GEX_INIT: "DH_GEX_INIT",
}


def log_name(kind: int, agreed: Negotiated | None) -> str:
    """What ExtendedLog calls a client's message of a key exchange. Source: real server."""
    if kind in _OWN_NAMES or agreed is None:
        return _OWN_NAMES.get(kind, "KEXINIT")
    if agreed.kex.startswith("diffie-hellman-group-exchange-"):
        return _GROUP_EXCHANGE.get(kind, "DH_GEX_INIT")
    if agreed.kex.startswith("rsa"):
        return "KEXRSA_SECRET"
    return "DH_INIT" if agreed.kex.startswith("diffie-hellman-") else "ECDH_INIT"


def build(offer: Offer, cookie: bytes, *, ext_info: bool, strict: bool) -> bytes:
    """The payload of our KEXINIT. ``strict`` belongs into the first one of a connection only."""
    markers = (EXT_INFO_SERVER,) * ext_info + (STRICT_SERVER,) * strict
    ciphers, macs, compressions = namelist(offer.ciphers), namelist(offer.macs), namelist(offer.compressions)
    return b"".join((
        byte(Msg.KEXINIT), cookie, namelist(offer.kex + markers), namelist(offer.host_keys),
        ciphers, ciphers, macs, macs, compressions, compressions, namelist(()), namelist(()),
        boolean(False), u32(0)))


def parse(message: memoryview) -> KexInit:
    """Read the peer's KEXINIT from ``message``, its type byte stripped. Raises ``PeerError``."""
    reader = Reader(message)
    reader.take(COOKIE)
    names = iter([tuple(reader.namelist()) for _ in range(10)])
    follows = reader.boolean()
    reader.u32()
    reader.end()
    return KexInit(byte(Msg.KEXINIT) + bytes(message), next(names), next(names), next(names), next(names), next(names),
                   next(names), next(names), next(names), next(names), next(names), follows)


def settle(client: KexInit, offer: Offer, authenticates: Callable[[str], bool]) -> Negotiated:
    """The client's first choice that we offer, list by list; a cipher that ``authenticates`` itself needs no MAC.

    Raises ``PeerError`` that names both lists.
    """
    cipher_in = _choose("client-to-server cipher", client.ciphers_in, offer.ciphers)
    cipher_out = _choose("server-to-client cipher", client.ciphers_out, offer.ciphers)
    return Negotiated(
        _choose("key exchange", client.kex, offer.kex),
        _choose("host key", client.host_keys, offer.host_keys),
        cipher_in, cipher_out,
        IMPLICIT if authenticates(cipher_in) else _choose("client-to-server MAC", client.macs_in, offer.macs),
        IMPLICIT if authenticates(cipher_out) else _choose("server-to-client MAC", client.macs_out, offer.macs),
        _choose("client-to-server compression", client.compressions_in, offer.compressions),
        _choose("server-to-client compression", client.compressions_out, offer.compressions))


def wrong_guess(client: KexInit, offer: Offer) -> bool:
    """Does a packet follow that was made for a method we did not choose? (RFC 4253 7.1)"""
    if not client.guess_follows:
        return False
    kex = next((name for name in client.kex if name not in MARKERS), None)
    return (kex, client.host_keys[:1]) != (offer.kex[0], offer.host_keys[:1])


def _choose(what: str, theirs: tuple[str, ...], ours: tuple[str, ...]) -> str:
    known = frozenset(ours)
    for name in theirs:
        if name in known and name not in MARKERS:
            return name
    raise PeerError(f"no shared {what} algorithm found (client sent '{','.join(theirs)[:1024]}', server sent '{','.join(ours)}')",
                    Disconnect.KEY_EXCHANGE_FAILED)
