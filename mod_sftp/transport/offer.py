"""What a server offers: rows of the algorithm tables, chosen by the configuration, its keys and what the library can do."""

from __future__ import annotations

from collections.abc import Sequence

from mod_sftp.conf import SftpConf
from mod_sftp.crypto import names
from mod_sftp.crypto.ciphers import cipher
from mod_sftp.crypto.exchanges import kex
from mod_sftp.crypto.hostkeys import Signer
from mod_sftp.crypto.macs import mac
from mod_sftp.quirks import Overrides
from mod_sftp.transport.negotiate import Offer

GROUP1 = "diffie-hellman-group1-sha1"

#: SFTPCompression -> names; ``delayed`` never lists plain zlib: it would serve strangers (security.md T7)
COMPRESSIONS = {
    "off": ("none",),
    "on": ("zlib@openssh.com", "zlib", "none"),
    "delayed": ("zlib@openssh.com", "none"),
}


def make_offer(conf: SftpConf, keys: Sequence[Signer], overrides: Overrides | None = None, *, fips: bool = False) -> Offer:
    """The lists of KEXINIT, in order."""
    said = overrides or Overrides()

    def chosen(kind: str, override: tuple[str, ...] | None, configured: tuple[str, ...]) -> tuple[str, ...]:
        return override or configured or names.selection(kind, profile=conf.security_profile, fips=fips)

    exchanges = chosen("kex", said.key_exchanges, conf.key_exchanges)
    if "AllowWeakDH" in conf.options and GROUP1 not in exchanges:
        exchanges += (GROUP1,)
    digests_named = bool(said.digests or conf.digests)
    able = {name for key in keys for name in key.algorithms}
    return Offer(
        tuple(name for name in exchanges if kex(name).available()),
        tuple(name for name in chosen("hostkey", said.host_keys, conf.host_keys) if name in able),
        tuple(name for name in chosen("cipher", said.ciphers, conf.ciphers) if cipher(name).available()),
        tuple(name for name in chosen("mac", said.digests, conf.digests)
              if mac(name).available() and (digests_named or mac(name).fast())),
        COMPRESSIONS[conf.compression])


def signature_algorithms(conf: SftpConf, *, fips: bool = False) -> tuple[str, ...]:
    """``server-sig-algs``: what a user's key may sign with (behaviour 59)."""
    if conf.auth_public_keys:
        return conf.auth_public_keys
    chosen = names.selection("pubkey", profile=conf.security_profile, fips=fips)
    return tuple(name for name in chosen if conf.security_profile == "modern" or name not in names.UNADVERTISED)
