"""What a server brings to its key exchanges: names from the configuration, the client's overrides and the keys at hand."""

from __future__ import annotations

from collections.abc import Sequence

from mod_sftp.conf import SftpConf
from mod_sftp.crypto.groups import Groups
from mod_sftp.crypto.hostkeys import Signer
from mod_sftp.crypto.offer import compressions, host_key_algorithms, offer, server_sig_algs
from mod_sftp.quirks import Overrides
from mod_sftp.transport.kex import Terms
from mod_sftp.transport.negotiate import Offer


def make_terms(conf: SftpConf, keys: Sequence[Signer], groups: Groups, overrides: Overrides, *, fips: bool) -> Terms:
    """For one client; ``Overrides()`` for one that is not known yet."""
    def names(kind: str, said: tuple[str, ...] | None, configured: tuple[str, ...]) -> tuple[str, ...]:
        return offer(kind, said or configured, profile=conf.security_profile, fips=fips,
                     weak_dh="AllowWeakDH" in conf.options)

    chosen = Offer(
        names("kex", overrides.key_exchanges, conf.key_exchanges),
        host_key_algorithms(names("hostkey", overrides.host_keys, conf.host_keys), keys),
        names("cipher", overrides.ciphers, conf.ciphers),
        names("mac", overrides.digests, conf.digests),
        compressions(conf.compression))
    return Terms(chosen, tuple(keys), groups, strict="NoStrictKex" not in conf.options,
                 extensions="NoExtensionNegotiation" not in conf.options,
                 pessimistic_newkeys=bool(overrides.pessimistic_newkeys))


def signature_algorithms(conf: SftpConf, *, fips: bool) -> tuple[str, ...]:
    """``server-sig-algs`` (behaviour 59)."""
    return server_sig_algs(conf.auth_public_keys,
                           offer("pubkey", conf.auth_public_keys, profile=conf.security_profile, fips=fips))
