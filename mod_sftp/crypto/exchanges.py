"""The key exchanges, server side, without input or output: one row each.

Every exchange ends in the shared secret K and the hash H over the identification strings, both KEXINIT payloads, the
host key, the method's own fields and K (RFC 4253 8), signed by the host key. A public value that is not a good one ends
the session (security.md T11, T12).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from mod_sftp.crypto import names
from mod_sftp.crypto.agreements import AGREEMENTS, Agree, agreement_available
from mod_sftp.crypto.groups import MAX_BITS, WEAK_MIN_BITS, Group, Groups, key_pair, modp
from mod_sftp.crypto.hashing import new_hash
from mod_sftp.crypto.hostkeys import Signer
from mod_sftp.wire.messages import Disconnect, Msg
from mod_sftp.wire.ssh import Reader, byte, mpint, string, u32
from pyproftpd.errors import PeerError

FAILED = Disconnect.KEY_EXCHANGE_FAILED

#: RFC 4432 4 and 6: more than the names of the methods ask for; the real server's sizes.
TRANSIENT_RSA_BITS = {"sha1": 2048, "sha256": 3072}
#: Public values of the curves and the hybrids; the longest is sntrup761 with X25519, 1190 bytes.
MAX_PUBLIC_VALUE = 2048


@dataclass(frozen=True, slots=True)
class KexContext:
    """What both sides said before, and the key that signs. Version lines are without CR LF, KEXINITs whole payloads."""

    client_version: bytes
    server_version: bytes
    client_kexinit: bytes
    server_kexinit: bytes
    host_key: Signer
    host_key_algorithm: str
    groups: Groups


@dataclass(frozen=True, slots=True)
class KexStep:
    """What one message led to: payloads to send, and at the end K (encoded as the key derivation wants it) and H."""

    replies: tuple[bytes, ...]
    secret: bytes | None = None
    hash: bytes | None = None

    @property
    def finished(self) -> bool:
        return self.hash is not None


class Exchange(ABC):
    """One run of a key exchange."""

    def __init__(self, hash_name: str) -> None:
        self.hash_name = hash_name

    def start(self, context: KexContext) -> bytes | None:
        """The payload that the server sends first, for methods where it speaks first."""
        return None

    @abstractmethod
    def receive(self, msg: int, payload: memoryview, context: KexContext) -> KexStep:
        """Takes a message of this method; ``payload`` is what follows the message number.

        Raises: PeerError.
        """

    def _hash(self, context: KexContext, fields: bytes, secret: bytes) -> bytes:
        """H of RFC 4253 8 with the method's own fields in between."""
        before = (
            context.client_version,
            context.server_version,
            context.client_kexinit,
            context.server_kexinit,
            context.host_key.blob,
        )
        hashed = new_hash(self.hash_name)
        hashed.update(b"".join(map(string, before)) + fields + secret)
        digest: bytes = hashed.digest()
        return digest

    def _finish(self, reply: int, shown: bytes, fields: bytes, secret: bytes, context: KexContext) -> KexStep:
        """The usual last reply: host key, the server's public value as encoded in ``shown``, signature of H."""
        digest = self._hash(context, fields, secret)
        signature = context.host_key.sign(context.host_key_algorithm, digest)
        payload = byte(reply) + string(context.host_key.blob) + shown + string(signature)
        return KexStep((payload,), secret, digest)


def _unexpected(msg: int) -> PeerError:
    return PeerError(f"message {msg} is not part of this key exchange", Disconnect.PROTOCOL_ERROR)


def _client_value(reader: Reader, group: Group) -> int:
    """The client's public value e; 1 < e < p-1, which also keeps out the values that fix the secret (RFC 4253 8)."""
    value = reader.mpint()
    reader.end()
    if not 1 < value < group.p - 1:
        raise PeerError("Diffie-Hellman public value is out of range", FAILED)
    return value


class Agreement(Exchange):
    """One message each way, public values as strings: RFC 5656, RFC 8731 and the post-quantum hybrids."""

    def __init__(self, hash_name: str, agree: Agree) -> None:
        super().__init__(hash_name)
        self._agree = agree

    def receive(self, msg: int, payload: memoryview, context: KexContext) -> KexStep:
        if msg != Msg.KEX_ECDH_INIT:
            raise _unexpected(msg)
        reader = Reader(payload)
        client = reader.bytes(MAX_PUBLIC_VALUE)
        reader.end()
        try:
            server, secret = self._agree(client)
        except ValueError as error:
            raise PeerError(f"key exchange public value refused: {error}", FAILED) from None
        shown = string(server)
        return self._finish(Msg.KEX_ECDH_REPLY, shown, string(client) + shown, secret, context)


class FixedGroup(Exchange):
    """Diffie-Hellman in a group that the method's name gives (RFC 4253 8, RFC 8268)."""

    def __init__(self, hash_name: str, group: Group) -> None:
        super().__init__(hash_name)
        self._group = group

    def receive(self, msg: int, payload: memoryview, context: KexContext) -> KexStep:
        if msg != Msg.KEXDH_INIT:
            raise _unexpected(msg)
        group = self._group
        e = _client_value(Reader(payload), group)
        f, shared = key_pair(group)
        shown = mpint(f)
        return self._finish(Msg.KEXDH_REPLY, shown, mpint(e) + shown, mpint(shared(e)), context)


class GroupExchange(Exchange):
    """The client asks for a size, the server chooses the group (RFC 4419)."""

    def __init__(self, hash_name: str) -> None:
        super().__init__(hash_name)
        self._request = b""
        self._group: Group | None = None

    def receive(self, msg: int, payload: memoryview, context: KexContext) -> KexStep:
        if self._group is None:
            return self._choose(msg, payload, context)
        if msg != Msg.KEX_DH_GEX_INIT:
            raise _unexpected(msg)
        group = self._group
        e = _client_value(Reader(payload), group)
        f, shared = key_pair(group)
        shown = mpint(f)
        fields = self._request + mpint(group.p) + mpint(group.g) + mpint(e) + shown
        return self._finish(Msg.KEX_DH_GEX_REPLY, shown, fields, mpint(shared(e)), context)

    def _choose(self, msg: int, payload: memoryview, context: KexContext) -> KexStep:
        reader = Reader(payload)
        if msg == Msg.KEX_DH_GEX_REQUEST:
            minimum, preferred, maximum = reader.u32(), reader.u32(), reader.u32()
            self._request = u32(minimum) + u32(preferred) + u32(maximum)
        elif msg == Msg.KEX_DH_GEX_REQUEST_OLD:  # one number: RFC 4419 3; H then has only that one
            preferred = reader.u32()
            self._request = u32(preferred)
            minimum, maximum = WEAK_MIN_BITS, MAX_BITS
        else:
            raise _unexpected(msg)
        reader.end()
        group = self._group = context.groups.choose(minimum, preferred, maximum)
        return KexStep((byte(Msg.KEX_DH_GEX_GROUP) + mpint(group.p) + mpint(group.g),))


class RsaExchange(Exchange):
    """The client encrypts the secret to a transient RSA key (RFC 4432)."""

    def __init__(self, hash_name: str) -> None:
        super().__init__(hash_name)
        from mod_sftp.crypto.transient import TransientRsa

        self._bits = TRANSIENT_RSA_BITS[hash_name]
        self._key = TransientRsa(self._bits, hash_name)

    def start(self, context: KexContext) -> bytes:
        return byte(Msg.KEXRSA_PUBKEY) + string(context.host_key.blob) + string(self._key.blob)

    def receive(self, msg: int, payload: memoryview, context: KexContext) -> KexStep:
        if msg != Msg.KEXRSA_SECRET:
            raise _unexpected(msg)
        reader = Reader(payload)
        encrypted = reader.bytes(self._bits // 8)
        reader.end()
        secret = self._key.decrypt(encrypted)
        if secret is None:
            raise PeerError("RSA key exchange secret refused", FAILED)
        digest = self._hash(context, string(self._key.blob) + string(encrypted), mpint(secret))
        signature = context.host_key.sign(context.host_key_algorithm, digest)
        return KexStep((byte(Msg.KEXRSA_DONE) + string(signature),), mpint(secret), digest)


@dataclass(frozen=True, slots=True)
class Kex:
    """One key exchange method; ``hash`` is also the hash of the key derivation (RFC 4253 7.2)."""

    name: str
    hash: str
    family: str
    make: Callable[[], Exchange]

    @property
    def policy(self) -> names.Policy:
        return names.policy("kex", self.name)

    def available(self) -> bool:
        """Whether the installed library can do it; tried once."""
        return _works(self.name)


def _agreement(name: str, hash_name: str, family: str) -> Kex:
    return Kex(name, hash_name, family, lambda: Agreement(hash_name, AGREEMENTS[family]))


def _fixed(name: str, hash_name: str, bits: int) -> Kex:
    return Kex(name, hash_name, "dh", lambda: FixedGroup(hash_name, modp(bits)))


def _group_exchange(name: str, hash_name: str) -> Kex:
    return Kex(name, hash_name, "gex", lambda: GroupExchange(hash_name))


KEXES = (
    _agreement("mlkem768x25519-sha256", "sha256", "mlkem768x25519"),
    _agreement("sntrup761x25519-sha512", "sha512", "sntrup761x25519"),
    _agreement("sntrup761x25519-sha512@openssh.com", "sha512", "sntrup761x25519"),
    _agreement("curve448-sha512", "sha512", "x448"),
    _agreement("curve25519-sha256", "sha256", "x25519"),
    _agreement("curve25519-sha256@libssh.org", "sha256", "x25519"),
    _agreement("ecdh-sha2-nistp521", "sha512", "nistp521"),
    _agreement("ecdh-sha2-nistp384", "sha384", "nistp384"),
    _agreement("ecdh-sha2-nistp256", "sha256", "nistp256"),
    _fixed("diffie-hellman-group18-sha512", "sha512", 8192),
    _fixed("diffie-hellman-group16-sha512", "sha512", 4096),
    _fixed("diffie-hellman-group14-sha256", "sha256", 2048),
    _group_exchange("diffie-hellman-group-exchange-sha256", "sha256"),
    _group_exchange("diffie-hellman-group-exchange-sha1", "sha1"),
    _fixed("diffie-hellman-group14-sha1", "sha1", 2048),
    Kex("rsa1024-sha1", "sha1", "rsa", lambda: RsaExchange("sha1")),
    Kex("rsa2048-sha256", "sha256", "rsa", lambda: RsaExchange("sha256")),
    _fixed("diffie-hellman-group1-sha1", "sha1", 1024),
)


def kex(name: str) -> Kex:
    """The row of a name. Raises: KeyError."""
    for row in KEXES:
        if row.name == name:
            return row
    raise KeyError(name)


@cache
def _works(name: str) -> bool:
    row = kex(name)
    if row.family == "dh":
        row.make()  # computes the group once, in the master, for every session to come
    return row.family not in AGREEMENTS or agreement_available(row.family)
