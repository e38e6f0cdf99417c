"""The transient RSA key of the key exchange of RFC 4432."""

from __future__ import annotations

from mod_sftp.wire.ssh import Reader, mpint, string
from pyproftpd.errors import PeerError


class TransientRsa:
    """A key pair for one key exchange."""

    def __init__(self, bits: int, hash_name: str) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self._private = rsa.generate_private_key(65537, bits)
        self._hash_name = hash_name
        numbers = self._private.public_key().public_numbers()
        self.blob = string("ssh-rsa") + mpint(numbers.e) + mpint(numbers.n)
        self._bits = bits

    def decrypt(self, encrypted: bytes) -> int | None:
        """The secret K, or None for anything that RFC 4432 4 does not allow."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        digest = getattr(hashes, self._hash_name.upper())()
        oaep = padding.OAEP(padding.MGF1(digest), digest, None)
        try:
            reader = Reader(self._private.decrypt(encrypted, oaep))
            secret = reader.mpint()
            reader.end()
        except (ValueError, PeerError):
            return None
        # RFC 4432 4: K is below 2^(KLEN - 2*HLEN - 49)
        limit = self._bits - 16 * digest.digest_size - 49
        return secret if secret >= 0 and secret.bit_length() <= limit else None
