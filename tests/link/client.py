"""An SSH client in memory, written from the RFCs and independent of the server's crypto code.

It does what it is told, legal or not: packets of any padding, any message at any time, bytes in any pieces. Nothing of
``mod_sftp`` is used.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from mod_sftp.transport.negotiate import Negotiated

VERSION = b"SSH-2.0-LinkTest_1.0"

#: name -> (key bytes, iv bytes, block)
CIPHERS = {
    "chacha20-poly1305@openssh.com": (64, 0, 8),
    "aes128-gcm@openssh.com": (16, 12, 16), "aes256-gcm@openssh.com": (32, 12, 16),
    "aes128-ctr": (16, 16, 16), "aes192-ctr": (24, 16, 16), "aes256-ctr": (32, 16, 16),
    "aes128-cbc": (16, 16, 16), "aes192-cbc": (24, 16, 16), "aes256-cbc": (32, 16, 16), "3des-cbc": (24, 8, 8),
    "none": (0, 0, 8),
}
#: name -> (hash, tag bytes)
MACS = {
    "hmac-sha2-256": ("sha256", 32), "hmac-sha2-512": ("sha512", 64), "hmac-sha1": ("sha1", 20),
    "hmac-sha1-96": ("sha1", 12), "hmac-md5": ("md5", 16), "hmac-md5-96": ("md5", 12),
}
MACS |= {f"{name}-etm@openssh.com": row for name, row in MACS.items()} | {"none": ("", 0)}

#: name -> hash
KEXES = {
    "curve25519-sha256": "sha256", "curve25519-sha256@libssh.org": "sha256", "curve448-sha512": "sha512",
    "ecdh-sha2-nistp256": "sha256", "ecdh-sha2-nistp384": "sha384", "ecdh-sha2-nistp521": "sha512",
    "diffie-hellman-group14-sha256": "sha256", "diffie-hellman-group14-sha1": "sha1",
    "diffie-hellman-group16-sha512": "sha512", "diffie-hellman-group-exchange-sha256": "sha256",
}
CURVES: dict[str, ec.EllipticCurve] = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "521": ec.SECP521R1()}
#: what a signature of a host key is over
HASHES: dict[str, hashes.HashAlgorithm] = {
    "ssh-rsa": hashes.SHA1(), "rsa-sha2-256": hashes.SHA256(), "rsa-sha2-512": hashes.SHA512(),
    "ecdsa-sha2-nistp256": hashes.SHA256(), "ecdsa-sha2-nistp384": hashes.SHA384(), "ecdsa-sha2-nistp521": hashes.SHA512()}


def u32(value: int) -> bytes:
    return struct.pack(">I", value)


def string(data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return u32(len(data)) + data


def mpint(value: int) -> bytes:
    size = (value.bit_length() + 8) // 8 if value else 0
    return string(value.to_bytes(size, "big"))


def take_string(data: bytes, at: int = 0) -> tuple[bytes, int]:
    size = struct.unpack_from(">I", data, at)[0]
    assert at + 4 + size <= len(data)
    return data[at + 4:at + 4 + size], at + 4 + size


class Clear:
    """No keys yet."""

    block, clear_length, tag = 8, False, 0

    def seal(self, seq: int, packet: bytes) -> bytes:
        return packet

    def open(self, seq: int, data: bytes) -> tuple[bytes, int] | None:
        if len(data) < 4:
            return None
        end = 4 + struct.unpack(">I", data[:4])[0]
        return (data[:end], end) if len(data) >= end else None


class Keys:
    """One direction under keys: seals and opens whole packets, allocating as it likes."""

    def __init__(self, cipher: str, mac: str, iv: bytes, key: bytes, mac_key: bytes, *, encrypt: bool) -> None:
        self.cipher, self.key, self.iv, self.mac_key = cipher, key, iv, mac_key
        self.block = CIPHERS[cipher][2]
        self.aead = cipher.startswith("chacha") or "gcm" in cipher
        self.etm = "-etm@" in mac
        self.clear_length = self.aead or self.etm
        self.hash, self.tag = ("", 16) if self.aead else MACS[mac]
        self.count = 0
        self.context = None
        self.head = b""
        if not self.aead and cipher != "none":
            algorithm = (algorithms.AES if cipher.startswith("aes") else _triple_des())(key)
            mode = (modes.CTR if cipher.endswith("ctr") else modes.CBC)(iv)
            made = Cipher(algorithm, mode)
            self.context = made.encryptor() if encrypt else made.decryptor()

    def crypt(self, data: bytes) -> bytes:
        return self.context.update(data) if self.context else data

    def mac(self, seq: int, data: bytes) -> bytes:
        return hmac.digest(self.mac_key, u32(seq) + data, self.hash)[:self.tag] if self.tag else b""

    def _chacha(self, half: bytes, counter: int, seq: int, data: bytes) -> bytes:
        nonce = counter.to_bytes(8, "little") + seq.to_bytes(8, "big")
        return Cipher(algorithms.ChaCha20(half, nonce), None).encryptor().update(data)

    def _nonce(self) -> bytes:
        value = self.iv[:4] + ((int.from_bytes(self.iv[4:], "big") + self.count) % 2**64).to_bytes(8, "big")
        self.count += 1
        return value

    def seal(self, seq: int, packet: bytes) -> bytes:
        if "gcm" in self.cipher:
            return packet[:4] + AESGCM(self.key).encrypt(self._nonce(), packet[4:], packet[:4])
        if self.aead:
            data = (self._chacha(self.key[32:], 0, seq, packet[:4]) + self._chacha(self.key[:32], 1, seq, packet[4:]))
            return data + Poly1305.generate_tag(self._chacha(self.key[:32], 0, seq, bytes(32)), data)
        if self.etm:
            data = packet[:4] + self.crypt(packet[4:])
            return data + self.mac(seq, data)
        return self.crypt(packet) + self.mac(seq, packet)

    def open(self, seq: int, data: bytes) -> tuple[bytes, int] | None:
        if self.clear_length:
            return self._open_clear(seq, data)
        first = self.block if self.cipher != "none" else 4
        if not self.head:
            if len(data) < first:
                return None
            self.head = self.crypt(data[:first])
        end = 4 + struct.unpack(">I", self.head[:4])[0]
        if len(data) < end + self.tag:
            return None
        packet = self.head + self.crypt(data[first:end])
        self.head = b""
        assert hmac.compare_digest(self.mac(seq, packet), data[end:end + self.tag])
        return packet, end + self.tag

    def _open_clear(self, seq: int, data: bytes) -> tuple[bytes, int] | None:
        if len(data) < 4:
            return None
        chacha = self.aead and "gcm" not in self.cipher
        head = self._chacha(self.key[32:], 0, seq, data[:4]) if chacha else data[:4]
        end = 4 + struct.unpack(">I", head)[0]
        if len(data) < end + self.tag:
            return None
        body, tag = data[4:end], data[end:end + self.tag]
        if chacha:
            Poly1305.verify_tag(self._chacha(self.key[:32], 0, seq, bytes(32)), data[:end], tag)
            return head + self._chacha(self.key[:32], 1, seq, body), end + self.tag
        if self.aead:
            return head + AESGCM(self.key).decrypt(self._nonce(), body + tag, head), end + self.tag
        assert hmac.compare_digest(self.mac(seq, data[:end]), tag)
        return head + self.crypt(body), end + self.tag


def _triple_des() -> type:
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
    return TripleDES


@dataclass
class Choice:
    """What this client offers, one name each, with the markers that it adds."""

    kex: str = "curve25519-sha256"
    host_key: str = "ssh-ed25519"
    cipher: str = "aes128-gcm@openssh.com"
    mac: str = "hmac-sha2-256"
    compression: str = "none"
    strict: bool = True
    ext_info: bool = True
    guess: bool = False
    language: str = ""
    #: names ahead of ``kex``, for a guess that is wrong
    kex_before: tuple[str, ...] = ()


class Client:
    """Feed it the server's bytes with ``take``; what it wants to send lies in ``out``; messages from 50 in ``messages``."""

    def __init__(self, choice: Choice | None = None) -> None:
        self.choice = choice or Choice()
        self.out = bytearray(VERSION + b"\r\n")
        self.messages: list[tuple[int, bytes]] = []
        #: messages below 50 that are not of the key exchange
        self.own: list[tuple[int, bytes]] = []
        self.session_id = b""
        self.exchanges = 0
        self.server_version = b""
        self.server_kexinit = b""
        self.server_lists: list[list[str]] = []
        self.seq_out = self.seq_in = 0
        self.sealing: Clear | Keys = Clear()
        self.opening: Clear | Keys = Clear()
        self.strict = False
        self.auto = True
        self._next: tuple[Keys, Keys] | None = None
        self._kexinit = b""
        self._in = bytearray()
        self._private: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | x448.X448PrivateKey | None = None
        self._public = b""
        self._group: tuple[int, int, int] | None = None
        #: that of the Diffie-Hellman group in use
        self.prime = 0

    # Sending.

    def packet(self, payload: bytes, *, pad: int | None = None, length: int | None = None) -> bytes:
        """One packet, sealed; ``pad`` writes any padding_length byte and ``length`` any packet_length."""
        ahead = 1 if self.sealing.clear_length else 5
        size = -(ahead + len(payload)) % self.sealing.block
        size += self.sealing.block if size < 4 else 0
        body = bytes((size if pad is None else pad,)) + payload + bytes(size)
        packet = self.sealing.seal(self.seq_out, u32(len(body) if length is None else length) + body)
        self.seq_out = (self.seq_out + 1) % 2**32
        return packet

    def send(self, kind: int, *parts: bytes) -> None:
        self.out += self.packet(bytes((kind,)) + b"".join(parts))

    def begin(self, *, markers: bool = False) -> None:
        """Send KEXINIT, and a guessed first packet if the choice says so; ``markers`` repeats them in a rekey."""
        c = self.choice
        kex = [*c.kex_before, c.kex]
        if not self.session_id or markers:
            kex += ["ext-info-c"] * c.ext_info + ["kex-strict-c-v00@openssh.com"] * c.strict
        lists = [",".join(kex), c.host_key, c.cipher, c.cipher, c.mac, c.mac, c.compression, c.compression,
                 c.language, c.language]
        self._kexinit = bytes((20,)) + os.urandom(16) + b"".join(map(string, lists)) + bytes((c.guess,)) + u32(0)
        self.send(20, self._kexinit[1:])
        if c.guess and c.kex_before:
            self.send(30, string(b"a wrong guess"))

    # Receiving.

    def take(self, data: bytes) -> None:
        self._in += data
        if not self.server_version:
            end = self._in.find(b"\n")
            if end < 0:
                return
            self.server_version = bytes(self._in[:end]).rstrip(b"\r")
            del self._in[:end + 1]
        while (found := self.opening.open(self.seq_in, bytes(self._in))) is not None:
            packet, used = found
            del self._in[:used]
            self.seq_in = (self.seq_in + 1) % 2**32
            assert 4 <= packet[4] < 4 + self.opening.block and packet[4] <= len(packet) - 6
            assert (len(packet) - 4 * self.opening.clear_length) % self.opening.block == 0
            payload = packet[5:len(packet) - packet[4]]
            self.handle(payload[0], payload)

    def handle(self, kind: int, payload: bytes) -> None:
        if kind == 20:
            self._server_kexinit(payload)
        elif kind == 21:
            assert self._next is not None
            self.opening = self._next[1]
            self._next = None
            if self.strict:
                self.seq_in = 0
        elif 30 <= kind < 50:
            self._method(kind, payload)
        elif kind < 50 and kind != 6:
            self.own.append((kind, payload[1:]))
        else:
            self.messages.append((kind, payload[1:]))

    def _server_kexinit(self, payload: bytes) -> None:
        self.server_kexinit = payload
        at, lists = 17, []
        for _ in range(10):
            names, at = take_string(payload, at)
            lists.append(names.decode().split(",") if names else [])
        self.server_lists = lists
        if not self.session_id:
            self.strict = self.choice.strict and "kex-strict-s-v00@openssh.com" in lists[0]
        if not self.auto:
            return
        if not self._kexinit:
            self.begin()
        self.start_method()

    def start_method(self) -> None:
        kex = self.choice.kex
        if kex.startswith("curve25519"):
            self._private = x25519.X25519PrivateKey.generate()
        elif kex.startswith("curve448"):
            self._private = x448.X448PrivateKey.generate()
        elif kex.startswith("ecdh"):
            self._private = ec.generate_private_key(CURVES[kex[-3:]])
        elif "group-exchange" in kex:
            self.send(34, u32(2048), u32(2048), u32(8192))
            return
        else:
            self._dh_start(*_modp(kex))
            return
        self._public = self._private.public_key().public_bytes(*(
            (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint) if kex.startswith("ecdh")
            else (serialization.Encoding.Raw, serialization.PublicFormat.Raw)))
        self.send(30, string(self._public))

    def _dh_start(self, prime: int, generator: int, message: int = 30) -> None:
        x = int.from_bytes(os.urandom(64), "big")
        self._group, self.prime = (prime, generator, x), prime
        self._public = mpint(pow(generator, x, prime))
        self.send(message, self._public)

    def _method(self, kind: int, payload: bytes) -> None:
        if "group-exchange" in self.choice.kex and kind == 31:
            p, at = take_string(payload, 1)
            g, _ = take_string(payload, at)
            self._dh_start(int.from_bytes(p, "big"), int.from_bytes(g, "big"), 32)
            return
        blob, at = take_string(payload, 1)
        theirs, at = take_string(payload, at)
        signature, at = take_string(payload, at)
        assert at == len(payload)
        secret, fields = self._secret(theirs)
        parts = (VERSION, self.server_version, self._kexinit, self.server_kexinit, blob)
        digest = hashlib.new(KEXES[self.choice.kex],
                             b"".join(map(string, parts)) + fields + mpint(secret)).digest()
        verify(self.choice.host_key, blob, signature, digest)
        self.session_id = self.session_id or digest
        self._new_keys(mpint(secret), digest)

    def _secret(self, theirs: bytes) -> tuple[int, bytes]:
        kex, mine = self.choice.kex, self._private
        if self._group:
            p, g, x = self._group
            f = int.from_bytes(theirs, "big")
            sizes = u32(2048) * 2 + u32(8192) + mpint(p) + mpint(g) if "group-exchange" in kex else b""
            return pow(f, x, p), sizes + self._public + mpint(f)
        if isinstance(mine, ec.EllipticCurvePrivateKey):
            shared = mine.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(mine.curve, theirs))
        elif isinstance(mine, x25519.X25519PrivateKey):
            shared = mine.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        else:
            assert isinstance(mine, x448.X448PrivateKey)
            shared = mine.exchange(x448.X448PublicKey.from_public_bytes(theirs))
        return int.from_bytes(shared, "big"), string(self._public) + string(theirs)

    def _new_keys(self, secret: bytes, digest: bytes) -> None:
        c, name = self.choice, KEXES[self.choice.kex]
        key_size, iv_size, _ = CIPHERS[c.cipher]
        mac_size = hashlib.new(MACS[c.mac][0]).digest_size if MACS[c.mac][0] else 0

        def derive(letter: bytes, size: int) -> bytes:
            key = hashlib.new(name, secret + digest + letter + self.session_id).digest()
            while len(key) < size:
                key += hashlib.new(name, secret + digest + key).digest()
            return key[:size]

        sealing = Keys(c.cipher, c.mac, derive(b"A", iv_size), derive(b"C", key_size), derive(b"E", mac_size), encrypt=True)
        opening = Keys(c.cipher, c.mac, derive(b"B", iv_size), derive(b"D", key_size), derive(b"F", mac_size), encrypt=False)
        self._next = sealing, opening
        self.send(21)
        self.sealing = sealing
        if self.strict:
            self.seq_out = 0
        self._kexinit, self._group = b"", None
        self.exchanges += 1


def verify(algorithm: str, blob: bytes, signature: bytes, digest: bytes) -> None:
    """Check the host key's signature; raises InvalidSignature."""
    name, at = take_string(signature)
    assert name.decode() == algorithm
    value, _ = take_string(signature, at)
    _, at = take_string(blob)
    if algorithm == "ssh-ed25519":
        ed25519.Ed25519PublicKey.from_public_bytes(take_string(blob, at)[0]).verify(value, digest)
    elif "rsa" in algorithm:
        e, at = take_string(blob, at)
        n, _ = take_string(blob, at)
        hash_ = HASHES[algorithm]
        key = rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()
        key.verify(value, digest, padding.PKCS1v15(), hash_)
    elif algorithm.startswith("ecdsa"):
        curve, at = take_string(blob, at)
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve.decode()[-3:]], take_string(blob, at)[0])
        r, at = take_string(value)
        s, _ = take_string(value, at)
        hash_ = HASHES[algorithm]
        public.verify(encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")), digest, ec.ECDSA(hash_))
    else:
        raise InvalidSignature(algorithm)


def _modp(name: str) -> tuple[int, int]:
    """The primes of RFC 3526, computed as it defines them: 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + c)."""
    bits, c = {"14": (2048, 124476), "16": (4096, 240904)}[name.split("group")[1][:2]]
    return 2**bits - 2**(bits - 64) - 1 + 2**64 * (_pi(bits - 130) + c), 2


def _pi(bits: int) -> int:
    """floor(2^bits * pi) by Machin's formula."""
    unity = 1 << bits + 64

    def arctan(x: int) -> int:
        total = term = unity // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    return 4 * (4 * arctan(5) - arctan(239)) >> 64


@dataclass
class Log:
    """A ``Listener`` that keeps what it hears."""

    lines: list[str] = field(default_factory=list)
    exchanges: list[tuple[Negotiated, bool]] = field(default_factory=list)
    received_names: list[str] = field(default_factory=list)
    software: str = ""
    traced: bool = False

    def line(self, text: str) -> None:
        self.lines.append(text)

    def trace(self, level: int, text: str) -> None:
        pass

    def client_known(self, software: str) -> None:
        self.software = software

    def keys_changed(self, negotiated: Negotiated, first: bool) -> None:
        self.exchanges.append((negotiated, first))

    def received(self, name: str) -> None:
        self.received_names.append(name)

