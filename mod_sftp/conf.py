"""The SFTP... directives of mod_sftp, each declared once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mod_sftp import words as vocabulary
from mod_sftp.crypto import names
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Context, ParseContext, Parser, Repeat, Status, directive
from pyproftpd.api.expressions import Pattern
from pyproftpd.errors import ConfigError, Where

EXTENSIONS = vocabulary.words(vocabulary.EXTENSIONS)
DEFAULT_EXTENSIONS = frozenset(EXTENSIONS) - {"vendorID", "xattr"}
#: a host key file is looked into this far to tell a public key from a private one
KEY_HEAD = 512
MAX_WINDOW = 2**32 - 1


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """Smallest keys accepted, in bits; 0 = no limit."""

    rsa: int = 768
    dsa: int = 384
    ec: int = 160


@dataclass(frozen=True, slots=True)
class Rekey:
    """SFTPRekey: when the server asks for new keys; 0 = not for this reason. All 0 = never (``none``)."""

    interval: float = 0.0
    bytes: int = 0
    timeout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What SFTPClientMatch may say; ``None`` = nothing. Lists as of the directives that they stand for."""

    channel_packet_size: int | None = None
    channel_window_size: int | None = None
    pessimistic_newkeys: bool | None = None
    ciphers: tuple[str, ...] | None = None
    digests: tuple[str, ...] | None = None
    host_keys: tuple[str, ...] | None = None
    key_exchanges: tuple[str, ...] | None = None
    protocol_version: tuple[int, int] | None = None
    utf8_protocol_version: int | None = None


@dataclass(frozen=True, slots=True)
class ClientMatch(ClientSettings):
    """One SFTPClientMatch."""

    pattern: Pattern


def _algorithms(kind: str) -> Parser:
    """Names of the algorithm table of this kind, in the administrator's order."""
    def parse(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
        return _known(kind, [part for word in words for part in word.split(",") if part])
    return parse


def _known(kind: str, chosen: Sequence[str]) -> tuple[str, ...]:
    known = names.known(kind)
    for name in chosen:
        if name not in known:
            raise ValueError(f"a known {kind} algorithm, not '{name}'{values.nearest(name, known)}")
    return tuple(dict.fromkeys(chosen))


def _auth_methods(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    known = vocabulary.words(vocabulary.AUTH_METHODS)
    for method in (link for word in words for link in word.split("+")):
        if method not in known:
            raise ValueError(f"methods out of {' '.join(known)}, not '{method}'{values.nearest(method, known)}")
    return tuple(words)


def _key_stores(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    for word in words:
        scheme, colon, info = word.partition(":")
        if not colon or not scheme or not info:
            raise ValueError(f"stores such as file:/path or file:~/path, not '{word}'")
        if scheme == "file" and not info.startswith(("/", "~")):
            raise ValueError(f"an absolute path, or one that begins with ~, in '{word}'")
    return tuple(words)


def _host_key(words: Sequence[str], context: ParseContext) -> str:
    """A path, ``agent:path``, or a flag that cancels keys inherited from ``<Global>``."""
    word = words[0]
    for name in ("NoRSA", "NoDSA", "NoECDSA", "NoED25519"):
        if word.lower() == name.lower():
            return name
    if word.startswith("agent:"):
        return "agent:" + values.to_path(word[6:])
    path = values.to_path(word)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise ValueError(f"an existing host key, but {path}: {error.strerror}") from None
    insecure = any("InsecureHostKeyPerms" in seen for seen in context.seen.get("sftpoptions", ()))
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not insecure:
        raise ValueError(f"a key that only its owner can read (chmod 0600 {path}, "
                         "or SFTPOptions InsecureHostKeyPerms on a line before)")
    _refuse_public_key(path)
    return path


def _refuse_public_key(path: str) -> None:
    """The commonest mistake gets a message of its own; an unreadable file is reported when keys are loaded."""
    try:
        with open(path, "rb") as source:
            head = source.read(KEY_HEAD)
    except OSError:
        return
    if b"PUBLIC KEY" in head or head.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise ValueError(f"a private key, but {path} holds a public key")


def _client_alive(words: Sequence[str], context: ParseContext) -> tuple[int, float]:
    """(probes without answer, seconds between them)"""
    return values.to_integer(words[0], 0, 2**31 - 1), float(values.to_integer(words[1], 0, 2**31 - 1))


def _rekey(words: Sequence[str], context: ParseContext) -> Rekey:
    if words[0].lower() == "none":
        return Rekey()
    if words[0].lower() != "required":
        raise ValueError("none, or required [seconds [megabytes [timeout]]]")
    numbers = [values.to_integer(word, 0, 2**31 - 1) for word in words[1:]]
    interval, megabytes, timeout = (*numbers, *(3600, 2048, 0)[len(numbers):])
    return Rekey(float(interval), megabytes << 20, float(timeout))


def _key_limits(words: Sequence[str], context: ParseContext) -> KeyLimits:
    fields = {"minimumrsasize": "rsa", "minimumdsasize": "dsa", "minimumecsize": "ec"}
    chosen = {}
    for name, bits in zip(words[::2], words[1::2], strict=True):
        if name.lower() not in fields:
            raise ValueError(f"MinimumRSASize, MinimumDSASize or MinimumECSize, not '{name}'")
        chosen[fields[name.lower()]] = values.to_integer(bits, 0, 65536)
    return KeyLimits(**chosen)


def _key_fingerprints(words: Sequence[str], context: ParseContext) -> tuple[str, str]:
    """(hash, encoding): base64 unless the encoding is named."""
    digest, _, encoding = words[0].lower().partition("+")
    encoding = {"": "base64", "hex+colon": "hex+colons"}.get(encoding, encoding)
    if digest not in ("sha256", "sha1", "md5") or encoding not in ("base64", "hex", "hex+colons"):
        raise ValueError("sha256, sha1 or md5, with +base64, +hex or +hex+colons")
    return digest, encoding


def _byte_count(word: str, most: int) -> int:
    digits = word.rstrip("KMGBkmgb")
    count = values.to_size(digits, word[len(digits):] or "B")
    if not count >= 1:
        raise ValueError("a number of bytes above 0")
    return min(count, most)


def _version_span(word: str) -> tuple[int, int]:
    low, dash, high = word.partition("-")
    least = values.to_integer(low, 1, 6)
    return least, values.to_integer(high, least, 6) if dash else least


#: key of SFTPClientMatch in lower case -> (field of ClientSettings, what its word means)
_CLIENT_KEYS: Mapping[str, tuple[str, Callable[[str], object]]] = MappingProxyType({
    "sftpciphers": ("ciphers", lambda word: _known("cipher", word.split(","))),
    "sftpdigests": ("digests", lambda word: _known("mac", word.split(","))),
    "sftphostkeys": ("host_keys", lambda word: _known("hostkey", word.split(","))),
    "sftpkeyexchanges": ("key_exchanges", lambda word: _known("kex", word.split(","))),
    "channelpacketsize": ("channel_packet_size", lambda word: _byte_count(word, MAX_WINDOW)),
    "channelwindowsize": ("channel_window_size", lambda word: _byte_count(word, MAX_WINDOW)),
    "pessimisticnewkeys": ("pessimistic_newkeys", values.to_boolean),
    "sftpprotocolversion": ("protocol_version", _version_span),
    "sftputf8protocolversion": ("utf8_protocol_version", lambda word: values.to_integer(word, 1, 6)),
})


def _client_match(words: Sequence[str], context: ParseContext) -> ClientMatch:
    settings: dict[str, Any] = {}
    for key, word in zip(words[1::2], words[2::2], strict=True):
        if key.lower() not in _CLIENT_KEYS:
            known = vocabulary.words(vocabulary.CLIENT_MATCH)
            raise ValueError(f"keys out of {' '.join(known)}, not '{key}'{values.nearest(key, known)}")
        field, parse = _CLIENT_KEYS[key.lower()]
        settings[field] = parse(word)
    return ClientMatch(values.to_pattern(words[0]), **settings)


def _path_or_none(words: Sequence[str], context: ParseContext) -> str:
    """An absolute path, or the word ``none``, which is not the same as saying nothing."""
    return "none" if words[0].lower() == "none" else values.to_path(words[0])


def _compression(words: Sequence[str], context: ParseContext) -> str:
    if words[0].lower() == "delayed":
        return "delayed"
    try:
        return "on" if values.to_boolean(words[0]) else "off"
    except ValueError:
        raise ValueError("on, off or delayed") from None


_extensions = values.signed_options(DEFAULT_EXTENSIONS, *EXTENSIONS)
_options = values.options(*vocabulary.words(vocabulary.OPTIONS))
_traffic_policy = values.enumeration(*vocabulary.words(vocabulary.TRAFFIC_POLICIES))


def _user_path(words: Sequence[str], context: ParseContext) -> str:
    if not words[0].startswith(("/", "~")):
        raise ValueError("an absolute path, or one that begins with ~")
    return words[0]


#: ``proftpd -DSFTP_USE_FIPS``: only algorithms of FIPS 140 may be used
FIPS_LABEL = "SFTP_USE_FIPS"


class SftpConf(ConfBlock, module="sftp", prefix="SFTP"):
    """SSH2, SFTP and SCP on this server."""

    engine: bool = directive(
        "SFTPEngine", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False, default_text="off",
        doc="Speak SSH2 on this server.")
    log: str | None = directive(
        "SFTPLog", values.log_path, where=SERVERS, arity="1..*", syntax="path|none", doc="Log of mod_sftp itself.")
    host_key: tuple[str, ...] = directive(
        "SFTPHostKey", _host_key, where=SERVERS, arity="1..*", syntax="path|agent:path|NoRSA|NoDSA|NoECDSA|NoED25519",
        default=(), default_text="none (required)", repeat=Repeat.ACCUMULATE,
        doc="Private host key: a file, an agent, or a flag that cancels inherited ones.")
    pass_phrase_provider: str | None = directive(
        "SFTPPassPhraseProvider", values.path, where=Context.SERVER, arity="1..*", syntax="path", default_text="unset",
        doc="Program that gives the pass phrases of host keys.")
    security_profile: str = directive(
        "SFTPSecurityProfile", values.enumeration("modern", "compat"), where=SERVERS, arity="1..1",
        syntax="modern|compat", default="compat", default_text="compat",
        doc="Algorithms offered when no list is set: those of a current OpenSSH, or all that the real server "
            "offers. New here.")
    ciphers: tuple[str, ...] = directive(
        "SFTPCiphers", _algorithms("cipher"), where=SERVERS, arity="1..*", syntax="name ...", default=(),
        default_text="those of SFTPSecurityProfile, docs/algorithms.md", doc="Ciphers offered, in order.")
    digests: tuple[str, ...] = directive(
        "SFTPDigests", _algorithms("mac"), where=SERVERS, arity="1..*", syntax="name ...", default=(),
        default_text="those of SFTPSecurityProfile, docs/algorithms.md", doc="Message authentication codes offered, in order.")
    key_exchanges: tuple[str, ...] = directive(
        "SFTPKeyExchanges", _algorithms("kex"), where=SERVERS, arity="1..*", syntax="name ...", default=(),
        default_text="those of SFTPSecurityProfile, docs/algorithms.md", doc="Key exchanges offered, in order.")
    host_keys: tuple[str, ...] = directive(
        "SFTPHostKeys", _algorithms("hostkey"), where=SERVERS, arity="1..*", syntax="algo ...", default=(),
        default_text="all having a key", doc="Host key algorithms offered, in order.")
    auth_public_keys: tuple[str, ...] = directive(
        "SFTPAuthPublicKeys", _algorithms("pubkey"), where=SERVERS, arity="1..*", syntax="algo ...", default=(),
        default_text="all supported", doc="Public key algorithms accepted for login.")
    auth_methods: tuple[str, ...] = directive(
        "SFTPAuthMethods", _auth_methods, where=SERVERS, arity="1..*", syntax="method[+method...] ...", default=(),
        default_text="publickey password, plus keyboard-interactive with a driver loaded",
        doc="Login methods offered; + chains several.")
    authorized_user_keys: tuple[str, ...] = directive(
        "SFTPAuthorizedUserKeys", _key_stores, where=SERVERS, arity="1..*", syntax="store:info ...", default=(),
        default_text="unset", doc="Where the keys of users are.")
    authorized_host_keys: tuple[str, ...] = directive(
        "SFTPAuthorizedHostKeys", _key_stores, where=SERVERS, arity="1..*", syntax="store:info ...", default=(),
        default_text="unset", doc="Where the keys of client hosts are.")
    trusted_user_ca_keys: str | None = directive(
        "SFTPTrustedUserCAKeys", values.path, where=SERVERS, arity="1..1", syntax="path", default_text="unset",
        doc="File of the authorities whose certificates let users in. New here.")
    authorized_principals: str | None = directive(
        "SFTPAuthorizedPrincipals", _user_path, where=SERVERS, arity="1..1", syntax="path", default_text="unset",
        doc="File of the certificate names that a user may log in with; %u and ~ expand. New here.")
    revoked_keys: str | None = directive(
        "SFTPRevokedKeys", values.path, where=SERVERS, arity="1..1", syntax="path", default_text="unset",
        doc="File of keys that never let in. New here.")
    key_blacklist: str | None = directive(
        "SFTPKeyBlacklist", _path_or_none, where=SERVERS, arity="1..*", syntax="path|none",
        default_text="sysconfdir/blacklist.dat", doc="File of known weak keys; none switches the check off.")
    key_limits: KeyLimits = directive(
        "SFTPKeyLimits", _key_limits, where=SERVERS, arity="2..* even", syntax="name bits ...", default=KeyLimits(),
        default_text="MinimumRSASize 768 MinimumDSASize 384 MinimumECSize 160", doc="Smallest keys accepted.")
    key_fingerprints: tuple[str, str] = directive(
        "SFTPKeyFingerprints", _key_fingerprints, where=SERVERS, arity="1..1", syntax="hash[+encoding]",
        default=("sha256", "base64"), default_text="sha256+base64", doc="How keys are shown in logs.")
    dh_param_file: str = directive(
        "SFTPDHParamFile", values.path, where=SERVERS, arity="1..*", syntax="path",
        default=f"{values.SYSCONFDIR}/dhparams.pem", default_text="sysconfdir/dhparams.pem",
        doc="Groups for the group exchange.")
    compression: str = directive(
        "SFTPCompression", _compression, where=SERVERS, arity="1..1", syntax="on|off|delayed", default="off",
        default_text="off", doc="Compress: from the start, after login, or not.")
    rekey: Rekey | None = directive(
        "SFTPRekey", _rekey, where=SERVERS, arity="1..4", syntax="none | required [secs [MB [timeout]]]",
        default_text="sequence-number limit only", doc="When new keys are asked for.")
    traffic_policy: str | None = directive(
        "SFTPTrafficPolicy", _traffic_policy, where=SERVERS, arity="1..*", syntax="none|low|medium|high|paranoid",
        doc="Dummy traffic that hides what is going on.")
    client_alive: tuple[int, float] = directive(
        "SFTPClientAlive", _client_alive, where=SERVERS, arity="2..*", syntax="count interval", default=(0, 0.0),
        default_text="0 0 (off)", doc="Ask silent clients whether they are there, how often and how many times.")
    client_match: tuple[ClientMatch, ...] = directive(
        "SFTPClientMatch", _client_match, where=SERVERS, arity="3..* odd", syntax="regex key value [key value ...]",
        default=(), repeat=Repeat.ACCUMULATE, doc="Settings for clients by their version text.")
    max_channels: int = directive(
        "SFTPMaxChannels", values.integer(1, 65535), where=SERVERS, arity="1..*", syntax="n", default=10,
        default_text="10", doc="Most open channels of a connection.")
    accept_env: tuple[str, ...] = directive(
        "SFTPAcceptEnv", values.words_of, where=SERVERS, arity="1..*", syntax="name-glob ...", default=("LANG",),
        default_text="LANG", repeat=Repeat.ACCUMULATE, joined=True, doc="Environment variables taken from the client.")
    display_banner: str | None = directive(
        "SFTPDisplayBanner", values.text, where=SERVERS, arity="1..*", syntax="path", default_text="unset",
        doc="File sent before login.")
    extensions: frozenset[str] = directive(
        "SFTPExtensions", _extensions, where=SERVERS, arity="1..*", syntax="+name|-name ...",
        default=DEFAULT_EXTENSIONS, default_text="all but vendorID and xattr", doc="Protocol extensions offered.")
    options: frozenset[str] = directive(
        "SFTPOptions", _options, where=SERVERS, arity="1..*", syntax="opt ...", default=frozenset(),
        repeat=Repeat.ACCUMULATE, joined=True, doc="Switches of behaviour.")
    crypto_device: str | None = directive(
        "SFTPCryptoDevice", values.text, where=SERVERS, arity="1..*", syntax="driver|all|none", status=Status.ACCEPTED,
        doc="Hardware for cryptography.")

    @classmethod
    def check(cls, scope: Any) -> Iterable[ConfigError | str]:
        """Source: real server, mod_sftp: a method that nobody could ever use stops the start."""
        conf = scope.get(cls)
        if not conf.engine:
            return
        where: Where | None = conf.source("auth_methods")
        methods = {link for word in conf.auth_methods for link in word.split("+")}
        if "publickey" in methods and not (conf.authorized_user_keys or conf.trusted_user_ca_keys):
            yield ConfigError("SFTPAuthMethods names publickey, but no user keys are configured", where,
                              expected="SFTPAuthorizedUserKeys or SFTPTrustedUserCAKeys in the same server")
        if "hostbased" in methods and not conf.authorized_host_keys:
            yield ConfigError("SFTPAuthMethods names hostbased, but no host keys of clients are configured", where,
                              expected="SFTPAuthorizedHostKeys in the same server")
        for attribute in ("authorized_user_keys", "authorized_host_keys"):
            for store in getattr(conf, attribute):
                if not store.startswith("file:"):
                    yield (f"{conf.source(attribute)}: key store {store}: only file: is built in, so a module that was loaded "
                           f"must provide {store.partition(':')[0]}:")
        if not any(key[0] == "/" or key.startswith("agent:") for key in conf.host_key):
            yield (f"{conf.source('engine') or scope.where}: SFTPEngine is on without an SFTPHostKey: "
                   "every session will be refused")
