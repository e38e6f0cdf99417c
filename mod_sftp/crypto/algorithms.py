"""The signature algorithms of host and user keys, one row each: which blob they take and what stands in a signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """``key_type`` is the name in the key's blob, ``signature`` the name in the signature's."""

    name: str
    kind: str
    key_type: str
    hash: str
    signature: str
    certificate: bool = False

    def library_hash(self) -> Any:
        """The hash as the library's object."""
        from cryptography.hazmat.primitives import hashes

        return getattr(hashes, self.hash)()


def _plain(name: str, kind: str, hash_name: str, key_type: str = "") -> SignatureAlgorithm:
    return SignatureAlgorithm(name, kind, key_type or name, hash_name, name)


def _certified(row: SignatureAlgorithm) -> SignatureAlgorithm:
    """The certificate twin of a row: rsa-sha2-256 signs for blobs of ssh-rsa-cert-v01@openssh.com."""

    def suffixed(name: str) -> str:
        return name.removesuffix("@openssh.com") + "-cert-v01@openssh.com"

    return SignatureAlgorithm(suffixed(row.name), row.kind, suffixed(row.key_type), row.hash, row.signature, True)


_PLAIN = (
    _plain("ssh-ed448", "ed448", ""),
    _plain("ssh-ed25519", "ed25519", ""),
    _plain("ecdsa-sha2-nistp256", "ecdsa", "SHA256"),
    _plain("ecdsa-sha2-nistp384", "ecdsa", "SHA384"),
    _plain("ecdsa-sha2-nistp521", "ecdsa", "SHA512"),
    _plain("rsa-sha2-512", "rsa", "SHA512", "ssh-rsa"),
    _plain("rsa-sha2-256", "rsa", "SHA256", "ssh-rsa"),
    _plain("ssh-rsa", "rsa", "SHA1"),
    _plain("ssh-dss", "dsa", "SHA1"),
    _plain("sk-ssh-ed25519@openssh.com", "sk-ed25519", ""),
    _plain("sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa", "SHA256"),
    _plain("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "webauthn", "SHA256", "sk-ecdsa-sha2-nistp256@openssh.com"),
)

#: Host key order of the real server; certificates of the SHA-1 algorithms are not taken at all.
SIGNATURES = (
    *_PLAIN,
    *(_certified(row) for row in _PLAIN if row.kind not in ("ed448", "webauthn", "dsa") and row.hash != "SHA1"),
)


def signature_algorithm(name: str) -> SignatureAlgorithm | None:
    """The row of a name, None when unknown."""
    return next((row for row in SIGNATURES if row.name == name), None)
