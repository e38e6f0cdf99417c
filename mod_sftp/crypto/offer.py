"""Which algorithms a server offers: its directives, its profile, and what the installed libraries can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from mod_sftp.crypto import names
from mod_sftp.crypto.ciphers import cipher
from mod_sftp.crypto.exchanges import kex
from mod_sftp.crypto.hostkeys import Signer
from mod_sftp.crypto.macs import mac

#: What ``SFTPOptions AllowWeakDH`` appends to the default list.
WEAK_KEX = "diffie-hellman-group1-sha1"


@lru_cache(maxsize=256)
def offer(
    kind: str,
    configured: tuple[str, ...] = (),
    *,
    profile: str = "compat",
    fips: bool = False,
    weak_dh: bool = False,
) -> tuple[str, ...]:
    """The names of one kind (cipher, mac, kex, hostkey, pubkey) in the order in which they are offered.

    ``configured`` are the words of the kind's directive; without any the profile decides. What the library lacks is
    left out, and so is, unless configured, what only slow code of ours can do. The master asks before any session does,
    so that they find the answer.
    """
    if configured:
        wanted = tuple(name for name in dict.fromkeys(configured) if names.policy(kind, name).fips or not fips)
        return tuple(name for name in wanted if available(kind, name))
    wanted = names.selection(kind, profile=profile, fips=fips)
    if kind == "kex" and weak_dh and WEAK_KEX not in wanted:
        wanted += (WEAK_KEX,)
    return tuple(name for name in wanted if available(kind, name) and _fast(kind, name))


def available(kind: str, name: str) -> bool:
    """Whether this installation can do an algorithm."""
    if kind == "cipher":
        return cipher(name).available()
    if kind == "mac":
        return mac(name).available()
    if kind == "kex":
        return kex(name).available()
    return True


def _fast(kind: str, name: str) -> bool:
    return kind != "mac" or mac(name).fast()


def missing(kind: str, configured: Sequence[str] = (), *, profile: str = "compat") -> tuple[str, ...]:
    """What would be offered if the installed libraries had it, for one line in the log at start."""
    wanted = tuple(configured) or names.selection(kind, profile=profile)
    return tuple(name for name in wanted if not available(kind, name) or not (configured or _fast(kind, name)))


def weak(kind: str, offered: Iterable[str]) -> tuple[str, ...]:
    """Which of the offered names the warning of the compat profile speaks of."""
    return tuple(name for name in offered if names.policy(kind, name).weak)


def remarks(lists: Mapping[str, tuple[str, ...]], *, profile: str = "compat") -> tuple[str, ...]:
    """What a start says once about a server's algorithms; ``lists`` is kind -> words of its directive, () for none."""
    lines = []
    lacking = [name for kind, words in lists.items() for name in missing(kind, words, profile=profile)]
    if lacking:
        lines.append(f"not offered, as the installed libraries lack them: {', '.join(dict.fromkeys(lacking))}")
    feeble = [name for kind, words in lists.items() for name in weak(kind, offer(kind, words, profile=profile))]
    if feeble and profile == "compat":
        lines.append(
            f"weak algorithms are offered: {', '.join(dict.fromkeys(feeble))} (SFTPSecurityProfile modern leaves out all "
            "that no directive names)"
        )
    return tuple(lines)


def host_key_algorithms(offered: Iterable[str], keys: Iterable[Signer]) -> tuple[str, ...]:
    """Of the host key algorithms those that a loaded key can do (behaviours.md 54)."""
    able = {algorithm for key in keys for algorithm in key.algorithms}
    return tuple(name for name in offered if name in able)


def server_sig_algs(configured: Sequence[str], accepted: Iterable[str]) -> tuple[str, ...]:
    """The names of ``server-sig-algs`` (RFC 8308 3.1): what is accepted, without the names that the real server leaves
    out of its default; certificate names are no signature algorithms and never stand there."""
    plain = (name for name in accepted if "-cert-v01@" not in name)
    return tuple(name for name in plain if configured or name not in names.UNADVERTISED)


def compressions(setting: str) -> tuple[str, ...]:
    """The list for ``SFTPCompression`` off, on or delayed; delayed does not list plain zlib (security.md T7)."""
    return {"on": ("zlib", "none"), "delayed": ("zlib@openssh.com", "none")}.get(setting, ("none",))


def library_version() -> str:
    """The crypto library under everything, as it names itself: ``OpenSSL 3.5.1 1 Jul 2026``."""
    from cryptography.hazmat.backends.openssl import backend

    return backend.openssl_version_text()


def fips_enabled() -> bool:
    """Whether the library runs on a FIPS module, without which ``-DSFTP_USE_FIPS`` is a start error."""
    try:
        from cryptography.hazmat.bindings._rust import openssl
    except ImportError:
        return False
    asked = getattr(openssl, "is_fips_enabled", None)
    return bool(asked()) if asked is not None else False
