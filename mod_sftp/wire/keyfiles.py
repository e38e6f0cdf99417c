"""Files of keys: RFC 4716, OpenSSH ``authorized_keys`` lines, and the containers of private keys. Bytes in, values out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mod_sftp.wire.keyblob import MAX_BLOB, key_type
from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError

#: RFC 4716 3.3, and what the real server takes of a value (behaviours.md 89): longer ones are somebody's mistake.
MAX_HEADER_TAG, MAX_HEADER_VALUE = 64, 1024
#: RFC 4716 3.2 allows 72 bytes to a line; the real server 74.
MAX_BODY_LINE = 74
#: One line of authorized_keys: a key of the largest size in base64 and its options.
MAX_LINE = MAX_BLOB * 4 // 3 + 8 * 1024

_BEGIN, _END = b"---- BEGIN SSH2 PUBLIC KEY ----", b"---- END SSH2 PUBLIC KEY ----"


class KeyFileError(ValueError):
    """A key file, or one entry of it, is not what it should be; the text says where and why."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key of a file. ``headers`` are the RFC 4716 headers or the options of an OpenSSH line, names in lower case;
    ``line`` counts from 1. ``openssh`` tells which: an unknown header may be ignored, an unknown option may not."""

    blob: bytes
    headers: tuple[tuple[str, str], ...]
    line: int
    openssh: bool = False

    def header(self, name: str) -> str | None:
        """The first value of a header or option; an option without a value has the empty one."""
        return next((value for tag, value in self.headers if tag == name.lower()), None)


def read_public_keys(data: bytes) -> Iterator[KeyEntry | KeyFileError]:
    """Every key of a file in either format, or of one that mixes them; a bad entry is yielded as its error, and the
    reading goes on behind it.

    Lines end in LF, CR LF or CR; the last one need not end.
    """
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    at = 0
    while at < len(lines):
        text = lines[at].strip()
        if text == _BEGIN:
            try:
                stop = next(i for i in range(at + 1, len(lines)) if lines[i].strip() in (_END, _BEGIN))
            except StopIteration:
                yield KeyFileError(f"line {at + 1}: key has no end line")
                return
            if lines[stop].strip() == _BEGIN:
                yield KeyFileError(f"line {at + 1}: key has no end line")
                at = stop
                continue
            yield _entry_or_error(_rfc4716, lines[at + 1 : stop], at + 1)
            at = stop
        elif text and not text.startswith(b"#"):
            yield _entry_or_error(_openssh, lines[at : at + 1], at + 1)
        at += 1


def _entry_or_error(read: Callable[[list[bytes], int], KeyEntry], lines: list[bytes], number: int) -> KeyEntry | KeyFileError:
    try:
        return read(lines, number)
    except (KeyFileError, PeerError) as error:
        return KeyFileError(f"line {number}: {error}")


def _rfc4716(lines: list[bytes], number: int) -> KeyEntry:
    """What stands between the begin and the end line (RFC 4716 3)."""
    headers: list[tuple[str, str]] = []
    at = 0
    while at < len(lines) and b":" in lines[at]:
        tag, value, at = _header(lines, at)
        headers.append((tag, value))
    body = [line.strip() for line in lines[at:]]
    if any(len(line) > MAX_BODY_LINE for line in body):
        raise KeyFileError(f"line of more than {MAX_BODY_LINE} bytes")
    return KeyEntry(_blob(b"".join(body)), tuple(headers), number)


def _header(lines: list[bytes], at: int) -> tuple[str, str, int]:
    """One header, its continuation lines joined; a value in quotes loses them (RFC 4716 3.3)."""
    tag, _, value = lines[at].partition(b":")
    value = value.strip()
    at += 1
    while value.endswith(b"\\") and at < len(lines):
        value = value[:-1] + lines[at].strip()
        at += 1
    if not tag or len(tag) > MAX_HEADER_TAG or len(value) > MAX_HEADER_VALUE:
        raise KeyFileError("header is too long")
    if len(value) >= 2 and value[:1] == value[-1:] == b'"':
        value = value[1:-1]
    return tag.decode("utf-8", "replace").lower(), value.decode("utf-8", "replace"), at


def _openssh(lines: list[bytes], number: int) -> KeyEntry:
    """``[options] type base64 [comment]`` (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""
    line = lines[0].strip()
    if len(line) > MAX_LINE:
        raise KeyFileError(f"line of more than {MAX_LINE} bytes")
    first, rest = _split_word(line)
    options: tuple[tuple[str, str], ...] = ()
    if not _is_key_type(first):
        options = _parse_options(first)
        first, rest = _split_word(rest)
        if not _is_key_type(first):
            raise KeyFileError("no key type")
    encoded, comment = _split_word(rest)
    blob = _blob(encoded)
    if key_type(blob) != first.decode("ascii"):
        raise KeyFileError("key is of another type than the line says")
    if comment:
        options += (("comment", comment.decode("utf-8", "replace")),)
    return KeyEntry(blob, options, number, openssh=True)


def _is_key_type(word: bytes) -> bool:
    return word.startswith((b"ssh-", b"ecdsa-sha2-", b"sk-", b"rsa-sha2-")) and word.isascii()


def _split_word(line: bytes) -> tuple[bytes, bytes]:
    """The first word, in which quoted parts may hold blanks, and the rest."""
    quoted, at = False, 0
    while at < len(line):
        char = line[at : at + 1]
        if char == b"\\" and line[at + 1 : at + 2] == b'"':
            at += 1
        elif char == b'"':
            quoted = not quoted
        elif char in (b" ", b"\t") and not quoted:
            break
        at += 1
    if quoted:
        raise KeyFileError("quote is not closed")
    return line[:at], line[at:].strip()


def _parse_options(word: bytes) -> tuple[tuple[str, str], ...]:
    """Comma-separated ``name`` or ``name="value"``."""
    options, at = [], 0
    while at < len(word):
        stop, quoted = at, False
        while stop < len(word) and (quoted or word[stop : stop + 1] != b","):
            if word[stop : stop + 2] == b'\\"':
                stop += 1
            elif word[stop : stop + 1] == b'"':
                quoted = not quoted
            stop += 1
        name, _, value = word[at:stop].partition(b"=")
        if not name:
            raise KeyFileError("empty option")
        if value[:1] == b'"':
            value = value[1:-1].replace(b'\\"', b'"')
        options.append((name.decode("ascii", "replace").lower(), value.decode("utf-8", "replace")))
        at = stop + 1
    return tuple(options)


def _blob(encoded: bytes) -> bytes:
    if len(encoded) > MAX_BLOB * 4 // 3 + 4:
        raise KeyFileError(f"key of more than {MAX_BLOB} bytes")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise KeyFileError(f"key is not base64: {error}") from None
    key_type(blob)  # a blob that does not begin with a name is none
    return blob


_OPENSSH_BEGIN, _OPENSSH_END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
_OPENSSH_MAGIC = b"openssh-key-v1\0"


@dataclass(frozen=True, slots=True)
class OpensshContainer:
    """An OpenSSH private key file (PROTOCOL.key); ``private`` is still encrypted unless ``cipher`` is none; ``tag`` is
    what an AEAD cipher put behind it."""

    cipher: str
    kdf: str
    salt: bytes
    rounds: int
    public: bytes
    private: bytes
    tag: bytes


def parse_openssh_container(data: bytes) -> OpensshContainer:
    """Raises: KeyFileError, PeerError."""
    body = data.partition(_OPENSSH_BEGIN)[2].partition(_OPENSSH_END)[0]
    try:
        raw = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise KeyFileError(f"OpenSSH private key is not base64: {error}") from None
    if not raw.startswith(_OPENSSH_MAGIC):
        raise KeyFileError("OpenSSH private key of an unknown version")
    reader = Reader(raw, len(_OPENSSH_MAGIC))
    cipher, kdf, options = reader.text(64), reader.text(64), Reader(reader.bytes(1024))
    if reader.u32() != 1:
        raise KeyFileError("OpenSSH private key file does not hold exactly one key")
    salt, rounds = (options.bytes(256), options.u32()) if kdf == "bcrypt" else (b"", 0)
    public, private = reader.bytes(), reader.bytes()
    return OpensshContainer(cipher, kdf, salt, rounds, public, private, bytes(reader.rest()))


def container_of(data: bytes) -> str:
    """What a file claims to be: ``openssh``, ``pem``, or a description of what it is instead of a private key."""
    head = data[:4096].lstrip()
    if _OPENSSH_BEGIN in head:
        return "openssh"
    for mark, meaning in _NOT_PRIVATE:
        if mark in head[:512]:
            return meaning
    if b"PRIVATE KEY-----" in head:
        return "pem"
    first = head.split(b" ", 1)[0]
    if _is_key_type(first):
        return "an OpenSSH public key"
    return "something that is no key in a known format"


_NOT_PRIVATE = (
    (b"---- BEGIN SSH2 PUBLIC KEY ----", "an SSH2 (RFC 4716) public key"),
    (b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "a Tectia (ssh.com) private key; ssh-keygen -i converts it"),
    (b"PuTTY-User-Key-File-", "a PuTTY private key; puttygen exports it in OpenSSH format"),
    (b"-----BEGIN PUBLIC KEY-----", "a public key"),
    (b"-----BEGIN RSA PUBLIC KEY-----", "a public key"),
    (b"-----BEGIN CERTIFICATE-----", "an X.509 certificate"),
)
