"""From a configured server to a served session: keys and warm caches in the master, logs and settings in the child."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass

from mod_sftp.auth import anonymous
from mod_sftp.channel.requests import PROGRAMS
from mod_sftp.conf import FIPS_LABEL, SftpConf
from mod_sftp.crypto.groups import Groups
from mod_sftp.crypto.hostkeys import PrivateSigner, Signer
from mod_sftp.crypto.offer import fips_enabled, library_version
from mod_sftp.crypto.offer import remarks as crypto_remarks
from mod_sftp.driver import Driver, linger
from mod_sftp.keyring.files import load_groups, load_host_keys
from mod_sftp.keyring.passphrase import Passphrases
from mod_sftp.log import SftpLog
from mod_sftp.quirks import Overrides, needs_client_first
from mod_sftp.transport.kex import Terms
from mod_sftp.transport.offer import make_terms, signature_algorithms
from mod_sftp.transport.transport import Settings, Transport
from mod_sftp.transport.warmup import Silent, warm_up
from mod_sftp.wire.messages import Disconnect
from pyproftpd.conf.scope import Configuration, Scope
from pyproftpd.errors import ConfigError, PeerError
from pyproftpd.log.conf import SystemLogConf, TraceConf
from pyproftpd.log.sinks import UnsafePath, open_sink
from pyproftpd.log.trace import DEFAULT
from pyproftpd.session.conf import ServerConf
from pyproftpd.session.display import Display
from pyproftpd.session.session import Session

#: what ``Trace`` may name: the channels that a session writes to
TRACED = ("ssh2", "sftp", "scp")
#: the software part of the version line where ServerIdent does not name one. Source: real server
SOFTWARE = "mod_sftp"
#: version line without CR LF (RFC 4253 4.2)
MAX_VERSION = 253
#: what an SFTPHostKey line begins with that names an agent
AGENT = "agent:"
#: options that make KEXINIT wait for the client's version (behaviours 14 and 31)
PESSIMISTIC = frozenset({"PessimisticKexinit", "OldProtocolCompat"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the master made ready for one server; ``notes`` are for the SFTPLog of its sessions, ``faults`` for who starts it."""

    keys: tuple[Signer, ...]
    groups: Groups
    notes: tuple[str, ...]
    faults: tuple[str, ...]
    fips: bool


def fips_asked(configuration: Configuration) -> bool:
    """``-DSFTP_USE_FIPS``. Raises ``ConfigError`` where the crypto library has no FIPS module (behaviour 30)."""
    if FIPS_LABEL not in configuration.labels:
        return False
    if not fips_enabled():
        raise ConfigError(f"-D{FIPS_LABEL}: the crypto library ({library_version()}) does not run on a FIPS module",
                          expected="a Python cryptography package built on a FIPS provider", hint="start without the label")
    return True


def remarks(scope: Scope) -> tuple[str, ...]:
    """What is said once at start about the algorithms, the anonymous sections and the trace of a server."""
    conf = scope.get(SftpConf)
    algorithms = crypto_remarks({"cipher": conf.ciphers, "mac": conf.digests, "kex": conf.key_exchanges,
                                 "hostkey": conf.host_keys, "pubkey": conf.auth_public_keys}, profile=conf.security_profile)
    return (*algorithms, *anonymous.remarks(scope), *_untraced(scope))


def _untraced(scope: Scope) -> tuple[str, ...]:
    conf = scope.get(TraceConf)
    unknown = dict.fromkeys(name for name, _, high in conf.trace if high and name not in (*TRACED, DEFAULT))
    if not unknown:
        return ()
    return (f"{conf.source('trace')}: Trace names channels to which nothing is written: {', '.join(unknown)} "
            f"(there are {', '.join(TRACED)})",)


def prepare(scope: Scope, loaded: dict[str, PrivateSigner], *, fips: bool) -> Prepared:
    """Load the host keys of a server and run half a session; the caller is root. ``loaded``: keys by path, see keyring.

    Raises ``ConfigError`` where keys are configured and none can be used: every session would be refused.
    """
    conf, server = scope.get(SftpConf), scope.get(ServerConf)
    faults: list[str] = []
    keys = load_host_keys(
        (word for word in conf.host_key if not word.startswith(AGENT)),
        limits=conf.key_limits, insecure="InsecureHostKeyPerms" in conf.options,
        passphrase=Passphrases(f"{server.server_name}:{server.port}", conf.pass_phrase_provider,
                               interactive=os.isatty(0), say=faults.append),
        say=faults.append, loaded=loaded)
    where = conf.source("host_key")
    if faults and not keys and not any(word.startswith(AGENT) for word in conf.host_key):
        raise ConfigError("no host key of this server can be used", where, hint="; ".join(faults))
    notes = [*faults, *(f"using '{key.origin}' as {_described(key)}" for key in keys)]
    groups = Groups(load_groups(conf.dh_param_file, notes.append), weak="AllowWeakDH" in conf.options)
    for _, place in PROGRAMS.values():
        importlib.import_module(place.partition(":")[0])
    terms = make_terms(conf, keys, groups, Overrides(), fips=fips)
    warm_up(Settings(f"SSH-2.0-{SOFTWARE}", terms, signature_algorithms(conf, fips=fips)), os.urandom)
    return Prepared(keys, groups, tuple(notes), tuple(f"{where}: {fault}" for fault in faults), fips)


def serve(session: Session, prepared: Prepared) -> None:
    """The whole life of a session. Raises ``PeerError``, ``SessionEnd``, ``OSError``."""
    conf = session.scope.get(SftpConf)
    log = session.store[SftpLog] = _open_log(session, conf)
    for note in prepared.notes:
        log.line(note)
    _describe_connection(session)
    keys = prepared.keys + _agent_keys(session, conf, log)

    def terms(overrides: Overrides) -> Terms:
        return make_terms(conf, keys, prepared.groups, overrides, fips=prepared.fips)

    first = terms(Overrides())
    if not first.offer.host_keys:
        log.line("no available host keys, refusing session")
        raise PeerError("no host keys available", Disconnect.KEY_EXCHANGE_FAILED)
    early = not PESSIMISTIC & conf.options and not needs_client_first(conf.client_match)
    settings = Settings(version_line(session), first, signature_algorithms(conf, fips=prepared.fips), early_kexinit=early,
                        greeted=session.greeted, old_protocol="OldProtocolCompat" in conf.options)
    session.log.info("SSH2 session opened.")
    try:
        Driver(session, settings, terms).run()
    finally:
        session.log.info("SSH2 session closed.")


def refuse(session: Session, text: str) -> None:
    """Turn a client away before anything was agreed: our version line, and a DISCONNECT in the clear."""
    conf = session.scope.get(SftpConf)
    log = session.store[SftpLog] = _open_log(session, conf)
    log.line(f"disconnecting {session.remote_address} (Too many connections)")
    transport = Transport(
        Settings(version_line(session), make_terms(conf, (), Groups(), Overrides(), fips=False), early_kexinit=False,
                 greeted=session.greeted),
        random=os.urandom, listener=Silent())
    transport.close(Disconnect.TOO_MANY_CONNECTIONS, text)
    try:
        session.socket.send(transport.output())
    except OSError as error:
        log.line(f"cannot tell the client: {error.strerror}")
    linger(session)


def greeting(scope: Scope) -> bytes:
    """The version line, unless ServerIdent asks for something of the client."""
    ident = _ident(scope)
    return b"" if "%" in ident else _version(ident).encode() + b"\r\n"


def version_line(session: Session) -> str:
    return _version(Display(_ident(session.scope)).render(session))


def _ident(scope: Scope) -> str:
    ident = scope.get(ServerConf).server_ident
    return ident.text if ident.shown else ""


def _version(software: str) -> str:
    """``SSH-2.0-`` and what ServerIdent says (behaviour 24); always a legal line."""
    legal = "".join(char if " " <= char <= "~" else "_" for char in software.strip())
    return f"SSH-2.0-{legal or SOFTWARE}"[:MAX_VERSION]


def _described(key: Signer) -> str:
    """As the real server's logs have it."""
    if key.kind == "ecdsa":
        return f"{key.bits}-bit ECDSA hostkey ({key.bits} bits)"
    if key.kind in ("rsa", "dsa"):
        return f"{key.kind.upper()} hostkey ({key.bits} bits)"
    return f"{key.kind.capitalize()} hostkey"


def _open_log(session: Session, conf: SftpConf) -> SftpLog:
    """A log that cannot be opened does not stop the session (behaviour 23); the server log says so."""
    if not conf.log or conf.log == "none":
        return SftpLog()
    system = session.scope.get(SystemLogConf)
    try:
        with session.privs.root():
            return SftpLog(open_sink(conf.log, allow_symlinks=system.allow_log_symlinks, facility=system.syslog_facility))
    except (OSError, UnsafePath) as error:
        session.log.error(f"cannot open SFTPLog {conf.log}: {error}")
        return SftpLog()


def _agent_keys(session: Session, conf: SftpConf, log: SftpLog) -> tuple[Signer, ...]:
    """Keys behind an agent's socket belong to the process that signs with them."""
    words = tuple(word for word in conf.host_key if word.startswith(AGENT))
    if not words:
        return ()
    flags = tuple(word for word in conf.host_key if not word.startswith(("/", AGENT)))
    return load_host_keys(words + flags, limits=conf.key_limits, say=log.line, elevate=session.privs.root)


def _describe_connection(session: Session) -> None:
    """Variables and notes that hooks and logs find from the start. Source: real server."""
    for name, value in (
        ("SFTP", "1"), ("SFTP_LIBRARY_VERSION", library_version()),
        ("SSH_CONNECTION", f"{session.remote_address} {session.remote_port} {session.local_address} {session.local_port}"),
    ):
        session.environ[name] = session.notes[name] = value
