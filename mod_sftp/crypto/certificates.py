"""OpenSSH user and host certificates (PROTOCOL.certkeys): who issued one, to whom, until when and for what."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from mod_sftp.crypto.algorithms import SIGNATURES
from mod_sftp.crypto.verify import verify
from mod_sftp.wire import keyblob
from mod_sftp.wire.keyblob import Certificate
from mod_sftp.wire.krl import RevocationList
from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError

#: What ``valid_before`` says for "for ever".
FOREVER = (1 << 64) - 1
#: ``force-command`` values that this server carries out anyway.
HONOURED_COMMANDS = (b"internal-sftp",)


@dataclass(frozen=True, slots=True)
class CertificateVerdict:
    """``touch`` and ``verification`` are what a security key's signature must show besides being right."""

    ok: bool
    reason: str = ""
    touch: bool = True
    verification: bool = False

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True, slots=True)
class Revocations:
    """Keys, authorities and certificates that never let in: by key blob, by SHA-256 fingerprint, and what a key
    revocation list of OpenSSH says."""

    blobs: frozenset[bytes] = frozenset()
    fingerprints: frozenset[bytes] = frozenset()
    listed: RevocationList = field(default_factory=RevocationList)

    def __contains__(self, blob: object) -> bool:
        if not isinstance(blob, bytes):
            return False
        sha256 = hashlib.sha256(blob).digest()
        if blob in self.blobs or blob in self.listed.keys or sha256 in self.fingerprints | self.listed.sha256:
            return True
        return hashlib.sha1(blob, usedforsecurity=False).digest() in self.listed.sha1

    def hold(self, certificate: Certificate, blob: bytes) -> bool:
        """Whether a certificate, its key or its authority is revoked."""
        if certificate.authority in self or certificate.key.blob in self or blob in self:
            return True
        facts = certificate.authority, certificate.serial, certificate.key_id
        return any(revoked.holds(*facts) for revoked in self.listed.certificates)


def check_certificate(
    certificate: Certificate,
    blob: bytes,
    *,
    trusted: Collection[bytes],
    principals: Iterable[str],
    now: float,
    address: str,
    revoked: Revocations | None = None,
    role: int = Certificate.USER,
) -> CertificateVerdict:
    """Whether a certificate lets in. The order is OpenSSH's; in doubt the answer is no.

    ``trusted`` are the blobs of the authorities, ``principals`` the names of which the certificate must list one,
    ``now`` seconds since 1970, ``address`` the client's.
    """
    if certificate.role != role:
        return CertificateVerdict(False, "certificate is of the wrong type (user or host)")
    if certificate.authority not in trusted:
        return CertificateVerdict(False, "certificate is not from a trusted authority")
    if revoked is not None and revoked.hold(certificate, blob):
        return CertificateVerdict(False, "certificate, its key or its authority is revoked")
    if not _signed(certificate):
        return CertificateVerdict(False, "certificate signature is not good")
    if now < certificate.valid_after:
        return CertificateVerdict(False, "certificate is not valid yet")
    if certificate.valid_before != FOREVER and now >= certificate.valid_before:
        return CertificateVerdict(False, "certificate has expired")
    wanted = {name.encode("utf-8", "surrogateescape") for name in principals}
    if wanted.isdisjoint(certificate.principals):
        return CertificateVerdict(False, "certificate does not name this user")
    return _options(certificate, address)


def _signed(certificate: Certificate) -> bool:
    """The authority's signature; by SHA-2, and never by another certificate."""
    try:
        algorithm = Reader(certificate.signature).text(64)
        authority = keyblob.parse_key(certificate.authority)
    except PeerError:
        return False
    rows = [row for row in SIGNATURES if row.name == algorithm and not row.certificate]
    if not rows or rows[0].hash == "SHA1" or rows[0].key_type != authority.type:
        return False
    return bool(verify(algorithm, certificate.authority, certificate.signature, certificate.signed))


def _options(certificate: Certificate, address: str) -> CertificateVerdict:
    """Critical options must be understood; extensions may be ignored."""
    verification = False
    for name, value in certificate.critical_options:
        if name == b"source-address":
            if not _address_listed(address, value):
                return CertificateVerdict(False, "certificate is not for this address")
        elif name == b"verify-required":
            verification = True
        elif name != b"force-command" or value not in HONOURED_COMMANDS:
            shown = name[:64].decode("ascii", "replace")
            return CertificateVerdict(False, f"certificate has the critical option {shown!r}, which cannot be honoured")
    touch = all(name != b"no-touch-required" for name, _ in certificate.extensions)
    return CertificateVerdict(True, touch=touch, verification=verification)


def _address_listed(address: str, listing: bytes) -> bool:
    """Whether an address is in a comma-separated list of addresses and CIDR networks."""
    try:
        client = ipaddress.ip_address(address)
        mapped = getattr(client, "ipv4_mapped", None)
        client = mapped or client
        networks = [ipaddress.ip_network(word, strict=False) for word in listing.decode("ascii").split(",")]
    except ValueError:  # also UnicodeDecodeError
        return False
    return any(client in network for network in networks if network.version == client.version)
