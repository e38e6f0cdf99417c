"""Key revocation lists as ``ssh-keygen -k`` writes them (OpenSSH PROTOCOL.krl). Bytes in, value out."""

from __future__ import annotations

from dataclasses import dataclass, field

from mod_sftp.wire.keyblob import MAX_BLOB
from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError

MAGIC = b"SSHKRL\n\0"
VERSION = 1

#: Sections of a list.
CERTIFICATES, EXPLICIT_KEY, FINGERPRINT_SHA1, SIGNATURE, FINGERPRINT_SHA256, EXTENSION = 1, 2, 3, 4, 5, 255
#: Sections within CERTIFICATES.
SERIAL_LIST, SERIAL_RANGE, SERIAL_BITMAP, KEY_ID, CERTIFICATE_EXTENSION = 0x20, 0x21, 0x22, 0x23, 0x39

#: A bitmap for a million serial numbers.
MAX_BITMAP = 128 * 1024


@dataclass(slots=True)
class RevokedCertificates:
    """What one authority takes back; an empty ``authority`` stands for all of them."""

    authority: bytes
    ranges: list[tuple[int, int]] = field(default_factory=list)
    bitmaps: list[tuple[int, int]] = field(default_factory=list)
    key_ids: set[bytes] = field(default_factory=set)

    def holds(self, authority: bytes, serial: int, key_id: bytes) -> bool:
        """Serial number 0 means "none was given" and is never looked up (real sshd)."""
        if self.authority and self.authority != authority:
            return False
        if key_id in self.key_ids:
            return True
        if serial == 0:
            return False
        if any(low <= serial <= high for low, high in self.ranges):
            return True
        return any(
            serial >= offset and serial - offset < 8 * MAX_BITMAP and bits >> (serial - offset) & 1
            for offset, bits in self.bitmaps
        )


@dataclass(slots=True)
class RevocationList:
    """The content of a list."""

    keys: set[bytes] = field(default_factory=set)
    sha1: set[bytes] = field(default_factory=set)
    sha256: set[bytes] = field(default_factory=set)
    certificates: list[RevokedCertificates] = field(default_factory=list)


def parse_krl(data: bytes) -> RevocationList:
    """Raises: ValueError for a list that is broken, or says something that must be understood and is not."""
    try:
        return _parse(data)
    except PeerError as error:
        raise ValueError(f"key revocation list: {error}") from None


def _parse(data: bytes) -> RevocationList:
    if not data.startswith(MAGIC):
        raise ValueError("not a key revocation list")
    reader = Reader(data, len(MAGIC))
    if reader.u32() != VERSION:
        raise ValueError("key revocation list of an unknown version")
    reader.take(24)  # number of the list, date, flags
    reader.string()  # reserved
    reader.string()  # comment
    found = RevocationList()
    while reader.left:
        kind, section = reader.u8(), Reader(reader.string())
        if kind == CERTIFICATES:
            found.certificates.append(_certificates(section))
        elif kind in (EXPLICIT_KEY, FINGERPRINT_SHA1, FINGERPRINT_SHA256):
            into = {EXPLICIT_KEY: found.keys, FINGERPRINT_SHA1: found.sha1, FINGERPRINT_SHA256: found.sha256}[kind]
            while section.left:
                into.add(section.bytes(MAX_BLOB))
        elif kind == SIGNATURE:
            reader.string()  # the signature of the key before it: the file's owner and mode are what we go by
        else:
            _extension(kind, EXTENSION, section)
    return found


def _certificates(section: Reader) -> RevokedCertificates:
    found = RevokedCertificates(section.bytes(MAX_BLOB))
    section.string()  # reserved
    while section.left:
        kind, part = section.u8(), Reader(section.string())
        if kind == SERIAL_LIST:
            while part.left:
                serial = part.u64()
                found.ranges.append((serial, serial))
        elif kind == SERIAL_RANGE:
            found.ranges.append((part.u64(), part.u64()))
        elif kind == SERIAL_BITMAP:
            found.bitmaps.append((part.u64(), part.mpint(MAX_BITMAP)))
        elif kind == KEY_ID:
            while part.left:
                found.key_ids.add(part.bytes(4096))
        else:
            _extension(kind, CERTIFICATE_EXTENSION, part)
    return found


def _extension(kind: int, expected: int, section: Reader) -> None:
    """An extension may be passed over unless it is critical; any other section is unknown."""
    if kind != expected:
        raise ValueError(f"key revocation list has a section of unknown type {kind}")
    section.string()  # name
    if section.boolean():
        raise ValueError("key revocation list has a critical extension")
