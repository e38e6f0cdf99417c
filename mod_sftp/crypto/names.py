"""What is offered, by whom and in which order: the names of all algorithms, without a line of cryptography.

``SFTPCiphers`` and its sisters check their words here, so this file imports nothing. Each table stands in the real
server's order; a row that the real server does not offer unasked has ``default=False`` and stands where it would go.
``modern`` is the place in the list of ``SFTPSecurityProfile modern``, which is what OpenSSH 10 offers; 0 is "not
offered". ``fips`` is the real server's own mark (``-DSFTP_USE_FIPS``). ``weak`` rows are named by the warning of the
compat profile.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """When one algorithm is offered."""

    name: str
    default: bool = True
    modern: int = 0
    fips: bool = True
    weak: bool = False


CIPHERS = (
    Policy("chacha20-poly1305@openssh.com", modern=1),
    Policy("aes256-ctr", modern=6),
    Policy("aes192-ctr", modern=5),
    Policy("aes128-ctr", modern=4),
    Policy("aes256-gcm@openssh.com", modern=3),
    Policy("aes128-gcm@openssh.com", modern=2),
    Policy("aes256-cbc", weak=True),
    Policy("aes192-cbc", weak=True),
    Policy("aes128-cbc", weak=True),
    Policy("blowfish-ctr", default=False, fips=False, weak=True),
    Policy("blowfish-cbc", default=False, fips=False, weak=True),
    Policy("cast128-cbc", fips=False, weak=True),
    Policy("arcfour256", default=False, fips=False, weak=True),
    Policy("arcfour128", default=False, fips=False, weak=True),
    Policy("3des-ctr", weak=True),
    Policy("3des-cbc", weak=True),
    Policy("none", default=False, weak=True),
)

MACS = (
    Policy("hmac-sha2-256", modern=8),
    Policy("hmac-sha2-256-etm@openssh.com", modern=3),
    Policy("hmac-sha2-512", modern=9),
    Policy("hmac-sha2-512-etm@openssh.com", modern=4),
    Policy("hmac-sha1", modern=10, weak=True),
    Policy("hmac-sha1-etm@openssh.com", modern=5, weak=True),
    Policy("hmac-sha1-96", weak=True),
    Policy("hmac-sha1-96-etm@openssh.com", weak=True),
    Policy("hmac-md5", default=False, fips=False, weak=True),
    Policy("hmac-md5-etm@openssh.com", default=False, fips=False, weak=True),
    Policy("hmac-md5-96", default=False, fips=False, weak=True),
    Policy("hmac-md5-96-etm@openssh.com", default=False, fips=False, weak=True),
    Policy("hmac-ripemd160", default=False, fips=False, weak=True),
    Policy("umac-64@openssh.com", modern=6, fips=False),
    Policy("umac-64-etm@openssh.com", modern=1, fips=False),
    Policy("umac-128@openssh.com", modern=7, fips=False),
    Policy("umac-128-etm@openssh.com", modern=2, fips=False),
    Policy("none", default=False, weak=True),
)

KEXES = (
    Policy("mlkem768x25519-sha256", modern=1),
    Policy("sntrup761x25519-sha512", modern=2),
    Policy("sntrup761x25519-sha512@openssh.com", modern=3),
    Policy("curve448-sha512"),
    Policy("curve25519-sha256", modern=4),
    Policy("curve25519-sha256@libssh.org", modern=5),
    Policy("ecdh-sha2-nistp521", modern=8),
    Policy("ecdh-sha2-nistp384", modern=7),
    Policy("ecdh-sha2-nistp256", modern=6),
    Policy("diffie-hellman-group18-sha512"),
    Policy("diffie-hellman-group16-sha512"),
    Policy("diffie-hellman-group14-sha256"),
    Policy("diffie-hellman-group-exchange-sha256"),
    Policy("diffie-hellman-group-exchange-sha1", weak=True),
    Policy("diffie-hellman-group14-sha1", weak=True),
    Policy("rsa1024-sha1", weak=True),
    Policy("rsa2048-sha256", default=False),
    Policy("diffie-hellman-group1-sha1", default=False, weak=True),
)

HOSTKEYS = (
    Policy("ssh-ed448"),
    Policy("ssh-ed25519", modern=1),
    Policy("ecdsa-sha2-nistp256", modern=2),
    Policy("ecdsa-sha2-nistp384", modern=3),
    Policy("ecdsa-sha2-nistp521", modern=4),
    Policy("rsa-sha2-512", modern=5),
    Policy("rsa-sha2-256", modern=6),
    Policy("ssh-rsa", weak=True),
    Policy("ssh-dss", weak=True),
)

#: The order is that of ``server-sig-algs`` (RFC 8308 3.1); :data:`UNADVERTISED` are accepted without standing there.
PUBKEYS = (
    Policy("ssh-ed448"),
    Policy("ssh-ed25519", modern=1),
    Policy("rsa-sha2-256", modern=8),
    Policy("rsa-sha2-512", modern=7),
    Policy("ecdsa-sha2-nistp256", modern=2),
    Policy("ecdsa-sha2-nistp384", modern=3),
    Policy("ecdsa-sha2-nistp521", modern=4),
    Policy("ssh-rsa", weak=True),
    Policy("ssh-dss", weak=True),
    Policy("sk-ecdsa-sha2-nistp256@openssh.com", modern=6),
    Policy("sk-ssh-ed25519@openssh.com", modern=5),
    Policy("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", modern=9),
    Policy("ssh-ed25519-cert-v01@openssh.com", modern=10),
    Policy("ecdsa-sha2-nistp256-cert-v01@openssh.com", modern=11),
    Policy("ecdsa-sha2-nistp384-cert-v01@openssh.com", modern=12),
    Policy("ecdsa-sha2-nistp521-cert-v01@openssh.com", modern=13),
    Policy("sk-ssh-ed25519-cert-v01@openssh.com", modern=14),
    Policy("sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", modern=15),
    Policy("rsa-sha2-512-cert-v01@openssh.com", modern=16),
    Policy("rsa-sha2-256-cert-v01@openssh.com", modern=17),
)

#: The real server takes security keys but leaves them out of its default ``server-sig-algs``.
UNADVERTISED = frozenset(
    {
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "sk-ssh-ed25519@openssh.com",
        "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    }
)

COMPRESSIONS = (
    Policy("none", modern=1),
    Policy("zlib@openssh.com", default=False, modern=2),
    Policy("zlib", default=False),
)

KINDS = {
    "cipher": CIPHERS,
    "mac": MACS,
    "kex": KEXES,
    "hostkey": HOSTKEYS,
    "pubkey": PUBKEYS,
    "compression": COMPRESSIONS,
}


def policy(kind: str, name: str) -> Policy:
    """The row of a name. Raises: KeyError."""
    for row in KINDS[kind]:
        if row.name == name:
            return row
    raise KeyError(name)


def known(kind: str) -> tuple[str, ...]:
    """Every name that a directive may say."""
    return tuple(row.name for row in KINDS[kind])


def selection(kind: str, *, profile: str = "compat", fips: bool = False) -> tuple[str, ...]:
    """The names offered when no directive names any: ``profile`` is ``compat`` or ``modern``."""
    rows = [row for row in KINDS[kind] if row.fips or not fips]
    if profile == "modern":
        return tuple(row.name for row in sorted(rows, key=lambda row: row.modern) if row.modern)
    return tuple(row.name for row in rows if row.default)
