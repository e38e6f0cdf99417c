"""Settings of servers, connections and the daemon. Those of logins are in ``login_conf`` and named here as well."""

from __future__ import annotations

import codecs
import contextlib
import grp
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd.api import values
from pyproftpd.api.directive import (
    SERVERS,
    ConfBlock,
    Context,
    Merge,
    ParseContext,
    Repeat,
    Status,
    directive,
)
from pyproftpd.session.login_conf import (
    AdmissionConf,
    AuthFile,
    AuthFileConf,
    AuthPamConf,
    AuthUnixConf,
    Cap,
    CapConf,
    DelayConf,
    DelayRule,
    HomeCreation,
    LoginConf,
)

__all__ = [
    "AdmissionConf", "AuthFile", "AuthFileConf", "AuthPamConf", "AuthUnixConf", "Cap", "CapConf", "DaemonConf",
    "DelayConf", "DelayRule", "DisplayConf", "EncodingConf", "EnvironmentConf", "HomeCreation", "Ident", "LOGIN_TIMER",
    "LoginConf", "ProtocolConf", "ServerConf", "SocketConf", "SocketSettings", "TimeoutConf",
]


@dataclass(frozen=True, slots=True)
class Ident:
    """ServerIdent: is the greeting text shown, and which; ``""`` = the built-in one."""

    shown: bool
    text: str


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """TCP options; ``None`` = leave what the system has. ``keepalive_times`` is idle, count, interval."""

    maxseg: int | None = None
    rcvbuf: int | None = None
    sndbuf: int | None = None
    keepalive: bool = True
    keepalive_times: tuple[int, int, int] | None = None
    reuseport: bool = False


def _server_ident(words: Sequence[str], context: ParseContext) -> Ident:
    return Ident(values.to_boolean(words[0]), words[1] if len(words) > 1 else "")


def _rate(words: Sequence[str], context: ParseContext) -> tuple[int, int] | None:
    """``count [seconds]``, one second unless given; a count of 0 is no limit."""
    count, seconds = values.to_integer(words[0]), values.to_integer(words[1], 1) if len(words) > 1 else 1
    return (count, seconds) if count else None


def _display_chdir(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    """``file [on|off]``"""
    if len(words) > 1:
        values.to_boolean(words[1])
    return tuple(words)


def _scrub(words: Sequence[str], context: ParseContext) -> float:
    """Seconds between two cleanings, 0 = never."""
    if words[0].isdigit() and words[0] not in ("0", "1"):
        return float(values.to_integer(words[0], 1))
    return 30.0 if values.to_boolean(words[0]) else 0.0


def _tcp_no_delay(words: Sequence[str], context: ParseContext) -> tuple[bool, bool]:
    """(control, data). A single boolean sets control and switches data off. Source: real server, mod_core."""
    if len(words) == 1:
        return values.to_boolean(words[0]), False
    chosen = {"ctrl": True, "data": True}
    for name, word in zip(words[::2], words[1::2], strict=True):
        if name.lower() not in chosen:
            raise ValueError("ctrl or data before on or off")
        chosen[name.lower()] = values.to_boolean(word)
    return chosen["ctrl"], chosen["data"]


def _socket_options(words: Sequence[str], context: ParseContext) -> SocketSettings:
    settings: dict[str, Any] = {}
    for name, word in zip((w.lower() for w in words[::2]), words[1::2], strict=True):
        if name == "maxseg":
            settings[name] = values.to_integer(word, 1, 65535)
        elif name in ("rcvbuf", "sndbuf"):
            settings[name] = values.to_integer(word, 1024, 2**31 - 1)
        elif name == "keepalive":
            if word.count(":") == 2:
                idle, count, interval = (values.to_integer(part, 1, 32767) for part in word.split(":"))
                settings[name], settings["keepalive_times"] = True, (idle, count, interval)
            else:
                settings[name] = values.to_boolean(word)
        elif name == "reuseport":
            settings[name] = values.to_boolean(word)
        else:
            raise ValueError("maxseg, rcvbuf, sndbuf, keepalive or reuseport, not '" + name + "'")
    return SocketSettings(**settings)


def _user(words: Sequence[str], context: ParseContext) -> str:
    """An account that must exist when the daemon starts; that of an anonymous login may come later."""
    if context.context is not Context.ANONYMOUS:
        try:
            pwd.getpwuid(int(words[0])) if words[0].isdigit() else pwd.getpwnam(words[0])
        except (KeyError, OverflowError):
            raise ValueError("the name of a user of this system") from None
    return words[0]


def _group(words: Sequence[str], context: ParseContext) -> str:
    """As :func:`_user`, of groups."""
    if context.context is not Context.ANONYMOUS:
        try:
            grp.getgrgid(int(words[0])) if words[0].isdigit() else grp.getgrnam(words[0])
        except (KeyError, OverflowError):
            raise ValueError("the name of a group of this system") from None
    return words[0]


class ServerConf(ConfBlock, module="core"):
    """What a server is called and where it listens."""

    server_name: str = directive(
        "ServerName", values.text, where=Context.SERVER | Context.VIRTUALHOST, arity="1..*", syntax="text",
        default="ProFTPD", default_text="ProFTPD", repeat=Repeat.LAST,
        doc="Name of the server, for logs and displays.")
    server_admin: str = directive(
        "ServerAdmin", values.text, where=Context.SERVER | Context.VIRTUALHOST, arity="1..*", syntax="email",
        default="", default_text="root@address", repeat=Repeat.LAST,
        doc="Mail address of the administrator; empty is root at the server's address.")
    server_alias: tuple[str, ...] = directive(
        "ServerAlias", values.words_of, where=Context.SERVER | Context.VIRTUALHOST, arity="1..*", syntax="name ...",
        default=(), default_text="unset", repeat=Repeat.ACCUMULATE, joined=True, status=Status.FTP,
        doc="Further names that select this server by name.")
    server_ident: Ident = directive(
        "ServerIdent", _server_ident, where=SERVERS, arity="1..2", syntax="on|off [text]", default=Ident(True, ""),
        default_text="on \"ProFTPD Server (name) [address]\"",
        doc="Greeting text, which is the software part of the SSH version line.")
    port: int = directive(
        "Port", values.integer(0, 65535), where=SERVERS, arity="1..*", syntax="0..65535", default=21,
        default_text="21", repeat=Repeat.LAST, doc="Port to listen on; 0 disables the server.")
    user: str | None = directive(
        "User", _user, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="name",
        default_text="uid of starting process", doc="Account that the daemon or an anonymous login runs as.")
    group: str | None = directive(
        "Group", _group, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="name",
        default_text="gid of starting process", doc="Group that the daemon or an anonymous login runs as.")
    default_server: bool = directive(
        "DefaultServer", values.boolean, where=Context.SERVER | Context.VIRTUALHOST, arity="1..*", syntax="on|off",
        default=False, default_text="off", doc="Serve connections to addresses that no server has.")
    default_address: tuple[str, ...] = directive(
        "DefaultAddress", values.words_of, where=Context.SERVER, arity="1..*", syntax="addr|name|device ...",
        default=(), default_text="address of local hostname", repeat=Repeat.LAST,
        doc="Addresses or names that the main server listens on.")
    masquerade_address: str | None = directive(
        "MasqueradeAddress", values.text, where=SERVERS, arity="1..*", syntax="addr|name|device",
        default_text="local address", status=Status.FTP, doc="Address that passive FTP replies announce.")
    max_command_rate: tuple[int, int] | None = directive(
        "MaxCommandRate", _rate, where=SERVERS, arity="1..2", syntax="count [secs]", default_text="unlimited",
        doc="Most SFTP requests in a number of seconds, READ and WRITE aside; who asks for more has to wait. 0 is no limit.")


class DaemonConf(ConfBlock, module="core"):
    """The master process; main server only."""

    server_type: str = directive(
        "ServerType", values.enumeration("standalone", "inetd"), where=Context.SERVER, arity="1..*",
        syntax="standalone|inetd", default="standalone", default_text="standalone", repeat=Repeat.LAST,
        doc="Listen itself, or be started by inetd for one connection.")
    pid_file: str = directive(
        "PidFile", values.path, where=Context.SERVER, arity="1..*", syntax="path",
        default=f"{values.LOCALSTATEDIR}/proftpd.pid", default_text="localstatedir/proftpd.pid", repeat=Repeat.LAST,
        doc="File that holds the process id of the master.")
    max_instances: int | None = directive(
        "MaxInstances", values.count_or_none, where=Context.SERVER, arity="1..*", syntax="count|none",
        repeat=Repeat.LAST, doc="Most sessions at a time, all servers together.")
    max_connection_rate: tuple[int, int] | None = directive(
        "MaxConnectionRate", _rate, where=Context.SERVER, arity="1..2", syntax="count [secs]",
        default_text="unlimited", repeat=Repeat.LAST, doc="Most new connections in a number of seconds.")
    process_titles: str = directive(
        "ProcessTitles", values.enumeration("terse", "verbose"), where=Context.SERVER, arity="1..*",
        syntax="terse|verbose", default="verbose", default_text="verbose",
        doc="How much the process list shows of a session.")
    scoreboard_file: str | None = directive(
        "ScoreboardFile", values.path_or_none, where=Context.SERVER, arity="1..*", syntax="path|none",
        default=f"{values.LOCALSTATEDIR}/proftpd.scoreboard", default_text="localstatedir/proftpd.scoreboard",
        repeat=Repeat.LAST, doc="File that ftpwho and its kin read; none switches it off.")
    scoreboard_mutex: str | None = directive(
        "ScoreboardMutex", values.path, where=Context.SERVER, arity="1..*", syntax="path",
        default_text="localstatedir/proftpd.scoreboard.lck", repeat=Repeat.LAST,
        doc="Lock file of the scoreboard; if not set, the ScoreboardFile's name with .lck behind it.")
    scoreboard_options: frozenset[str] = directive(
        "ScoreboardOptions", values.options("AllowMissingEntry"), where=SERVERS, arity="1..*",
        syntax="AllowMissingEntry ...", default=frozenset(), repeat=Repeat.ACCUMULATE, joined=True,
        doc="AllowMissingEntry: serve a session that finds no place in the scoreboard; limits do not count it.")
    scoreboard_scrub: float = directive(
        "ScoreboardScrub", _scrub, where=Context.SERVER, arity="1..*", syntax="on|off|secs", default=30.0,
        default_text="on (30 s)", doc="Seconds between two removals of dead entries; off is never.")
    socket_bind_tight: bool = directive(
        "SocketBindTight", values.boolean, where=Context.SERVER, arity="1..*", syntax="on|off", default=False,
        default_text="off", repeat=Repeat.LAST, doc="Bind each address by itself instead of the wildcard.")
    tcp_back_log: int = directive(
        "TCPBackLog", values.integer(1, 65535), where=Context.SERVER, arity="1..*", syntax="n", default=128,
        default_text="128", repeat=Repeat.LAST, doc="Length of the queue of connections not yet accepted.")
    use_ipv6: bool = directive(
        "UseIPv6", values.boolean, where=Context.SERVER, arity="1..*", syntax="on|off", default=True,
        default_text="on", repeat=Repeat.LAST, doc="Listen on IPv6 as well.")
    use_reverse_dns: bool = directive(
        "UseReverseDNS", values.boolean, where=Context.SERVER, arity="1..*", syntax="on|off", default=True,
        default_text="on", repeat=Repeat.LAST, doc="Look up the names of clients.")


class SocketConf(ConfBlock, module="core"):
    """Options of the TCP sockets."""

    tcp_no_delay: tuple[bool, bool] = directive(
        "TCPNoDelay", _tcp_no_delay, where=SERVERS, arity="1,2,4", syntax="on|off | [ctrl on|off] [data on|off]",
        default=(True, True), default_text="ctrl on, data on",
        doc="Send at once instead of collecting small segments: control and data connections.")
    socket_options: SocketSettings = directive(
        "SocketOptions", _socket_options, where=Context.SERVER | Context.VIRTUALHOST, arity="0..* even",
        syntax="[maxseg n] [rcvbuf n] [sndbuf n] [keepalive on|off|idle:count:intvl] [reuseport on|off]",
        default=SocketSettings(), default_text="keepalive on, system buffers", repeat=Repeat.LAST,
        doc="Segment size, buffer sizes, keepalive and port reuse.")


#: the timer that runs from the connection to the login; what blocks meanwhile must end with it
LOGIN_TIMER = "TimeoutLogin"


class TimeoutConf(ConfBlock, module="core"):
    """How long nothing, or not enough, may happen. Seconds; 0 = for ever."""

    timeout_idle: float = directive(
        "TimeoutIdle", values.duration, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="duration",
        default=600.0, default_text="600", merge=Merge.DOWN, doc="Longest time without a request.")
    timeout_login: float = directive(
        "TimeoutLogin", values.duration, where=SERVERS, arity="1..*", syntax="duration", default=300.0,
        default_text="300", module="auth", doc="Longest time to log in.")
    timeout_no_transfer: float = directive(
        "TimeoutNoTransfer", values.duration, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="duration",
        default=300.0, default_text="300", merge=Merge.DOWN, module="xfer",
        doc="Longest time without a transfer after login.")
    timeout_stalled: float = directive(
        "TimeoutStalled", values.duration, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="duration",
        default=3600.0, default_text="3600", merge=Merge.DOWN, module="xfer",
        doc="Longest standstill in the middle of a transfer.")
    timeout_session: float = directive(
        "TimeoutSession", values.conditional(values.duration), where=SERVERS | Context.ANONYMOUS, arity="1,3",
        syntax="duration [user|group|class expr]", default=0.0, default_text="0 (off)", merge=Merge.ALWAYS,
        repeat=Repeat.MOST_SPECIFIC, module="auth", conditional=True, doc="Longest session, busy or not.")
    timeout_linger: float = directive(
        "TimeoutLinger", values.duration, where=SERVERS, arity="1..*", syntax="duration", default=10.0,
        default_text="10", status=Status.FTP, doc="Longest wait for an FTP data connection to close.")


class DisplayConf(ConfBlock, module="core"):
    """Texts shown to the client."""

    display_connect: str | None = directive(
        "DisplayConnect", values.text, where=SERVERS, arity="1..*", syntax="file", default_text="unset",
        status=Status.FTP, doc="File shown before login.")
    display_login: str | None = directive(
        "DisplayLogin", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="file",
        default_text="unset", merge=Merge.DOWN, module="auth", doc="File shown after login.")
    display_quit: str | None = directive(
        "DisplayQuit", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="file",
        default_text="unset", merge=Merge.DOWN, status=Status.FTP, doc="File shown at the end.")
    display_chdir: tuple[str, ...] = directive(
        "DisplayChdir", _display_chdir, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY, arity="1..2",
        syntax="file [on|off]", default=(), default_text="unset", merge=Merge.DOWN, status=Status.FTP,
        doc="File shown on entering a directory.")
    display_file_transfer: str | None = directive(
        "DisplayFileTransfer", values.text, where=SERVERS, arity="1..*", syntax="file", default_text="unset",
        module="xfer", status=Status.FTP, doc="File shown after each transfer.")
    access_grant_msg: str | None = directive(
        "AccessGrantMsg", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="text",
        default_text="built in", merge=Merge.DOWN, module="auth", status=Status.FTP,
        doc="Text of FTP's reply to a good login; SSH has no such reply.")
    access_deny_msg: str | None = directive(
        "AccessDenyMsg", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="text",
        default_text="Login incorrect.", merge=Merge.DOWN, module="auth", status=Status.FTP,
        doc="Text of FTP's reply to a failed login; SSH has no such reply.")


class EnvironmentConf(ConfBlock, module="core"):
    """Environment of the session process."""

    set_env: tuple[tuple[str, str], ...] = directive(
        "SetEnv", values.pair, where=SERVERS, arity="2..*", syntax="name value", default=(), repeat=Repeat.ACCUMULATE,
        doc="Set an environment variable.")
    unset_env: tuple[str, ...] = directive(
        "UnsetEnv", values.text, where=SERVERS, arity="1..*", syntax="name", default=(), repeat=Repeat.ACCUMULATE,
        doc="Remove an environment variable.")


class ProtocolConf(ConfBlock, module="core"):
    """Protocols that a user may work with."""

    protocols: tuple[str, ...] = directive(
        "Protocols", values.names_from("ftp", "ftps", "sftp", "scp", "date"), where=SERVERS, arity="1..*", syntax="name ...",
        default=(), default_text="all", repeat=Repeat.ACCUMULATE, joined=True,
        doc="Protocols allowed after login; none named allows all.")


def _encoding(words: Sequence[str], context: ParseContext) -> bool | tuple[str, ...]:
    """On, off, or (local, client[, strict]). What is named is loaded here: a session in a chroot could not."""
    if len(words) == 1:
        return values.to_boolean(words[0])
    if len(words) == 3 and words[2].lower() != "strict":
        raise ValueError("local and client encoding, then at most 'strict'")
    for name in words[:2]:
        with contextlib.suppress(LookupError):
            codecs.lookup(name)
    return tuple(words)


class EncodingConf(ConfBlock, module="lang"):
    """Character sets of names. SFTP's names are UTF-8 from version 4 and bytes before, so it reads the local one only."""

    use_encoding: bool | tuple[str, ...] = directive(
        "UseEncoding", _encoding, where=SERVERS, arity="1..3", syntax="on|off | local client [strict]", default=True,
        default_text="on", doc="Character sets of names on disk and on the wire; SFTP's wire is UTF-8 from version 4.")
