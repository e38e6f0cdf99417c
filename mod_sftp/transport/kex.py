"""The key exchange as a state table: each message moves it on, so that one may run between any two data packets.

::

    IDLE ──begin──► SENT ──KEXINIT──► EXCHANGE ──method done──► NEWKEYS ──NEWKEYS──► IDLE
      └───────────KEXINIT (answered with ours)────┘

SENT      our KEXINIT is out, the peer's has not come: its data packets may still be on their way and are taken
EXCHANGE  both are known: the peer may send the messages of the method, nothing else
NEWKEYS   our NEWKEYS is out and our new keys seal; the peer's end the exchange

Sources: RFC 4253 7 to 9; OpenSSH PROTOCOL 1.10 for strict key exchange (security.md T1).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mod_sftp.crypto.ciphers import Cipher, cipher
from mod_sftp.crypto.exchanges import Exchange, Kex, KexContext, kex
from mod_sftp.crypto.groups import Groups
from mod_sftp.crypto.hashing import new_hash
from mod_sftp.crypto.hostkeys import Signer
from mod_sftp.crypto.macs import Mac, mac
from mod_sftp.crypto.suites import Opener, Sealer, make_opener, make_sealer
from mod_sftp.transport.negotiate import (
    COOKIE,
    EXT_INFO_CLIENT,
    IMPLICIT,
    STRICT_CLIENT,
    KexInit,
    Negotiated,
    Offer,
    build,
    parse,
    settle,
    wrong_guess,
)
from mod_sftp.wire.messages import Disconnect, Msg
from pyproftpd.errors import Bug, PeerError

#: messages 30 to 49 belong to the method (RFC 4250 4.1.2)
METHOD_MESSAGES = range(30, 50)


class State(enum.Enum):
    IDLE = "no exchange"
    SENT = "our KEXINIT is out"
    EXCHANGE = "the method runs"
    NEWKEYS = "our NEWKEYS is out"


@dataclass(frozen=True, slots=True)
class Terms:
    """What this server brings to every exchange of one connection."""

    offer: Offer
    host_keys: tuple[Signer, ...]
    #: what diffie-hellman-group-exchange chooses from
    groups: Groups
    #: answer a client's marker; both for ``SFTPOptions`` NoStrictKex and NoExtensionNegotiation
    strict: bool = True
    extensions: bool = True
    #: hold our NEWKEYS back until the client's has come (SFTPClientMatch pessimisticNewkeys)
    pessimistic_newkeys: bool = False


class Wire:
    """What an exchange may do to the connection; the transport hands it in."""

    __slots__ = ("send", "seal_with", "open_with")

    def __init__(self, send: Callable[..., None], seal_with: Callable[[Sealer, str, bool], None],
                 open_with: Callable[[Opener, str, bool], None]) -> None:
        self.send, self.seal_with, self.open_with = send, seal_with, open_with


class KeyExchange:
    """All key exchanges of one connection, one at a time."""

    __slots__ = ("terms", "state", "session_id", "strict", "wants_ext_info", "complete", "negotiated", "client_version",
                 "_server_version", "_random", "_wire", "_ours", "_theirs", "_method", "_row", "_skip_guess", "_opener",
                 "_finish")

    def __init__(self, terms: Terms, server_version: bytes, random: Callable[[int], bytes], wire: Wire) -> None:
        self.terms = terms
        self.state = State.IDLE
        self.session_id = b""
        #: both sides said so in their first KEXINIT
        self.strict = False
        #: the client said ``ext-info-c`` in its first KEXINIT
        self.wants_ext_info = False
        #: the first exchange came to its end in both directions
        self.complete = False
        self.negotiated: Negotiated | None = None
        self.client_version = b""
        self._server_version, self._random, self._wire = server_version, random, wire
        self._ours = b""
        self._theirs: KexInit | None = None
        self._method: Exchange | None = None
        self._row: Kex | None = None
        self._skip_guess = False
        self._opener: Opener | None = None
        self._finish: Callable[[], None] | None = None

    @property
    def first(self) -> bool:
        """Is no key in force yet?"""
        return not self.session_id

    def settle_for(self, terms: Terms) -> None:
        """The client is known now; an offer that is out stands."""
        if self.state is not State.IDLE:
            terms = replace(self.terms, pessimistic_newkeys=terms.pessimistic_newkeys)
        self.terms = terms

    def begin(self) -> None:
        """Send our KEXINIT, unless an exchange is under way already."""
        if self.state is State.IDLE:
            self._send_kexinit()
            self.state = State.SENT

    def receive(self, message: int, payload: memoryview, *, sequence: int) -> bool:
        """One message of numbers 20 to 49, its number stripped; ``sequence`` is its own. True when an exchange ended.

        Raises ``PeerError`` for a message that the state does not know.
        """
        kind = METHOD if message in METHOD_MESSAGES else message
        step = STEPS.get((self.state, kind))
        if step is None:
            raise PeerError(f"message {message} while {self.state.value}")
        return step(self, message, payload, sequence)

    def _send_kexinit(self) -> None:
        terms = self.terms
        self._ours = build(terms.offer, self._random(COOKIE), ext_info=terms.extensions,
                           strict=terms.strict and self.first)
        self._wire.send(self._ours[0], self._ours[1:])

    def _answer(self, message: int, payload: memoryview, sequence: int) -> bool:
        """The client asks for new keys: ours is due before its method starts."""
        self._send_kexinit()
        return self._agree(message, payload, sequence)

    def _agree(self, _: int, payload: memoryview, sequence: int) -> bool:
        theirs, terms = parse(payload), self.terms
        if self.first:
            self.strict = terms.strict and STRICT_CLIENT in theirs.kex
            self.wants_ext_info = terms.extensions and EXT_INFO_CLIENT in theirs.kex
            if self.strict and sequence != 0:
                raise PeerError("strict key exchange: KEXINIT was not the first packet")
        self.negotiated = agreed = settle(theirs, terms.offer, lambda name: cipher(name).aead)
        self._skip_guess = wrong_guess(theirs, terms.offer)
        self._theirs, self._row = theirs, kex(agreed.kex)
        self._method = self._row.make()
        self.state = State.EXCHANGE
        first = self._method.start(self._context())
        if first is not None:
            self._wire.send(first[0], first[1:])
        return False

    def _run_method(self, message: int, payload: memoryview, _: int) -> bool:
        if self._skip_guess:
            self._skip_guess = False
            return False
        assert self._method is not None and self._row is not None
        step = self._method.receive(message, payload, self._context())
        for reply in step.replies:
            self._wire.send(reply[0], reply[1:])
        if step.secret is not None and step.hash is not None:
            self._derive(step.secret, step.hash)
        return False

    def host_key(self) -> Signer:
        """The key that signs this exchange, or signed the last one."""
        assert self.negotiated is not None
        name = self.negotiated.host_key
        for key in self.terms.host_keys:
            if name in key.algorithms:
                return key
        raise Bug(f"no host key for {name}, though it was offered")

    def _context(self) -> KexContext:
        assert self._theirs is not None and self.negotiated is not None
        signer, name = self.host_key(), self.negotiated.host_key
        return KexContext(self.client_version, self._server_version, self._theirs.payload, self._ours, signer, name,
                          self.terms.groups)

    def _derive(self, secret: bytes, digest: bytes) -> None:
        """Make both directions' keys; ours come into force now, unless the client must be waited for."""
        assert self.negotiated is not None and self._row is not None
        agreed = self.negotiated
        if self.first:
            self.session_id = digest
        keys = KeyMaterial(self._row.hash, secret, digest, self.session_id)
        self._opener = make_opener(*keys.parts("ACE", agreed.cipher_in, agreed.mac_in))
        sealer = make_sealer(*keys.parts("BDF", agreed.cipher_out, agreed.mac_out))
        self._method = None
        self.state = State.NEWKEYS

        def finish() -> None:
            self._wire.send(Msg.NEWKEYS)
            self._wire.seal_with(sealer, agreed.compression_out, self.strict)

        if self.terms.pessimistic_newkeys:
            self._finish = finish
        else:
            finish()

    def _end(self, _: int, payload: memoryview, __: int) -> bool:
        if len(payload):
            raise PeerError("NEWKEYS carries data", Disconnect.KEY_EXCHANGE_FAILED)
        assert self._opener is not None and self.negotiated is not None
        self._wire.open_with(self._opener, self.negotiated.compression_in, self.strict)
        if self._finish is not None:
            self._finish()
        self._opener = self._finish = self._theirs = None
        self._ours = b""
        self.complete = True
        self.state = State.IDLE
        return True


class KeyMaterial:
    """RFC 4253 7.2: ``HASH(K || H || letter || session_id)``, lengthened as often as needed."""

    __slots__ = ("_stem", "_session_id")

    def __init__(self, hash_name: str, secret: bytes, digest: bytes, session_id: bytes) -> None:
        """``secret`` is K in the encoding that the method hashes it in."""
        self._stem = new_hash(hash_name)
        self._stem.update(secret + digest)
        self._session_id = session_id

    def derive(self, letter: str, size: int) -> bytes:
        key = self._hashed(letter.encode() + self._session_id)
        while len(key) < size:
            key += self._hashed(key)
        return key[:size]

    def _hashed(self, rest: bytes) -> bytes:
        hashed = self._stem.copy()
        hashed.update(rest)
        digest: bytes = hashed.digest()
        return digest

    def parts(self, letters: str, cipher_name: str, mac_name: str) -> tuple[Cipher, Mac | None, bytes, bytes, bytes]:
        """(cipher, MAC, key, IV, MAC key) of one direction; ``letters`` name IV, key and MAC key."""
        row = cipher(cipher_name)
        authentication = None if mac_name == IMPLICIT else mac(mac_name)
        return (row, authentication, self.derive(letters[1], row.key), self.derive(letters[0], row.iv),
                self.derive(letters[2], authentication.key) if authentication else b"")


#: stands for all of :data:`METHOD_MESSAGES` in the table
METHOD = -1

STEPS: Mapping[tuple[State, int], Callable[[KeyExchange, int, memoryview, int], bool]] = {
    (State.IDLE, Msg.KEXINIT): KeyExchange._answer,
    (State.SENT, Msg.KEXINIT): KeyExchange._agree,
    (State.EXCHANGE, METHOD): KeyExchange._run_method,
    (State.NEWKEYS, Msg.NEWKEYS): KeyExchange._end,
}
