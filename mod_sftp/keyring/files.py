"""Host keys from files and agents, and the groups of the group exchange.

One key of each kind (and curve) is kept, the last one named; a key that cannot be used is skipped with a line in the
log and costs only itself (behaviours.md 5 to 10).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from mod_sftp.crypto.groups import MAX_PARAMETER_FILE, Group, read_parameters
from mod_sftp.crypto.hostkeys import PrivateSigner, Signer, rehearse
from mod_sftp.crypto.privatekeys import PassphraseNeeded, PassphraseWrong, load_private
from mod_sftp.keyring import agent
from mod_sftp.wire import keyblob
from mod_sftp.wire.keyfiles import KeyFileError

#: Source: real server; the largest RSA key we compute with takes 13 KiB in PEM.
MAX_KEY_FILE = 64 * 1024
#: How often a passphrase is asked for.
ATTEMPTS = 3

#: ``SFTPHostKey`` words that cancel a kind, for keys that come from ``<Global>``.
CANCELLING = (("NoRSA", "rsa"), ("NoDSA", "dsa"), ("NoECDSA", "ecdsa"), ("NoED25519", "ed25519"), ("NoED448", "ed448"))

Passphrase = Callable[[str], bytes | None]
Elevate = Callable[[], AbstractContextManager[object]]


class Limits(Protocol):
    """``SFTPKeyLimits`` as the configuration holds it, in bits."""

    @property
    def rsa(self) -> int: ...
    @property
    def dsa(self) -> int: ...
    @property
    def ec(self) -> int: ...


def load_host_keys(
    sources: Iterable[str],
    *,
    limits: Limits,
    insecure: bool = False,
    passphrase: Passphrase | None = None,
    say: Callable[[str], object] = lambda text: None,
    elevate: Elevate = nullcontext,
    loaded: dict[str, PrivateSigner] | None = None,
) -> tuple[Signer, ...]:
    """The host keys of the words of ``SFTPHostKey``: paths, ``agent:path`` and the No... flags.

    ``insecure`` is ``SFTPOptions InsecureHostKeyPerms``; ``passphrase`` is asked for the file it is given, up to
    ``ATTEMPTS`` times, and gives up by None; ``say`` takes the line about each key that was skipped; ``elevate`` is how
    a session becomes root for the moment in which it connects to an agent. ``loaded`` holds, and gets, the keys by path
    that servers share: a key of ``<Global>`` is read, checked (0.1 s for RSA) and decrypted once, not once per server.
    """
    loaded = {} if loaded is None else loaded
    words = tuple(sources)
    kept: dict[tuple[str, int], Signer] = {}
    for word in words:
        if word in dict(CANCELLING):
            continue
        try:
            found: tuple[Signer, ...]
            if word.startswith("agent:"):
                found = agent.load(word.removeprefix("agent:"), elevate)
            else:
                if word not in loaded:
                    loaded[word] = load_key(word, insecure=insecure, passphrase=passphrase)
                found = (loaded[word],)
        except (OSError, KeyFileError) as error:
            say(f"host key '{word}' skipped: {_plain(error)}")
            continue
        for signer in found:
            if keyblob.parse_key(signer.blob).at_least(limits.rsa, limits.dsa, limits.ec):
                kept[signer.kind, signer.bits if signer.kind == "ecdsa" else 0] = signer
            else:
                say(f"host key '{word}' skipped: {signer.bits} bits are less than SFTPKeyLimits allows")
    for flag, kind in CANCELLING:
        if flag in words:
            kept = {key: signer for key, signer in kept.items() if key[0] != kind}
    return tuple(kept.values())


def _plain(error: OSError | KeyFileError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def load_key(path: str, *, insecure: bool = False, passphrase: Passphrase | None = None) -> PrivateSigner:
    """One host key. Raises: OSError, KeyFileError."""
    data = _read(path, insecure)
    try:
        return _signer(data, None, path)
    except PassphraseNeeded:
        if passphrase is None:
            raise
    for _ in range(ATTEMPTS):
        secret = passphrase(path)
        if secret is None:
            break
        try:
            return _signer(data, secret, path)
        except PassphraseWrong:
            continue
    raise PassphraseWrong("no right passphrase was given")


def _signer(data: bytes, secret: bytes | None, path: str) -> PrivateSigner:
    try:
        signer = PrivateSigner(load_private(data, secret), path)
    except KeyFileError:
        raise
    except ValueError as error:
        raise KeyFileError(str(error)) from None
    rehearse(signer)
    return signer


def _read(path: str, insecure: bool) -> bytes:
    """A key file whole; what is checked is the open file, so that no name can be swapped in between."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError("not a regular file")
        if not insecure and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(f"mode {stat.S_IMODE(status.st_mode):04o} lets group or others in (chmod 0600)")
        if status.st_size > MAX_KEY_FILE:
            raise KeyFileError(f"larger than {MAX_KEY_FILE} bytes")
        return os.read(fd, MAX_KEY_FILE)
    finally:
        os.close(fd)


def load_groups(path: str, say: Callable[[str], object] = lambda text: None) -> tuple[Group, ...]:
    """The groups of ``SFTPDHParamFile``; none, and a line, when it cannot be used: the built-in ones serve then."""
    try:
        with open(path, "rb") as source:
            return read_parameters(source.read(MAX_PARAMETER_FILE))
    except OSError as error:
        say(f"SFTPDHParamFile '{path}': {error.strerror}; using the built-in groups")
    except ValueError as error:
        say(f"SFTPDHParamFile '{path}': {error}; using the built-in groups")
    return ()
