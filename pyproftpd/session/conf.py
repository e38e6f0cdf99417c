"""Settings of servers, connections and logins: which server, who may come in, as whom and from where."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd.api import values
from pyproftpd.api.controls import ControlsAcl, controls_acl
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
from pyproftpd.api.expressions import Pattern

#: directories of the compiled-in defaults, as Debian builds the real server
LOCALSTATEDIR = "/run"


@dataclass(frozen=True, slots=True)
class Ident:
    """ServerIdent: is the greeting text shown, and which; ``""`` = the built-in one."""

    shown: bool
    text: str


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit on a number of sessions; ``count`` ``None`` = no limit; ``%m`` in ``text`` is the count."""

    count: int | None
    text: str
    #: name of the class, for MaxClientsPerClass
    name: str = ""


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """TCP options; ``None`` = leave what the system has. ``keepalive_times`` is idle, count, interval."""

    maxseg: int | None = None
    rcvbuf: int | None = None
    sndbuf: int | None = None
    keepalive: bool = True
    keepalive_times: tuple[int, int, int] | None = None
    reuseport: bool = False


@dataclass(frozen=True, slots=True)
class HomeCreation:
    """CreateHome: how a missing home is made. An owner is an id, or ``~`` for the user's own, or ``None`` for root."""

    mode: int = 0o700
    skel: str | None = None
    dirmode: int = 0o711
    uid: int | str | None = None
    gid: int | str | None = None
    homegid: int | None = None
    no_root_privs: bool = False


@dataclass(frozen=True, slots=True)
class AuthFile:
    """AuthUserFile or AuthGroupFile: the file, and which of its entries count."""

    path: str
    ids: tuple[int, int] | None = None
    home: Pattern | None = None
    name: Pattern | None = None


@dataclass(frozen=True, slots=True)
class DelayRule:
    """DelayOnEvent: wait between ``least`` and ``most`` milliseconds when ``event`` happens."""

    event: str
    least: int
    most: int


def _server_ident(words: Sequence[str], context: ParseContext) -> Ident:
    return Ident(values.to_boolean(words[0]), words[1] if len(words) > 1 else "")


def _cap(words: Sequence[str], context: ParseContext) -> Cap:
    return Cap(values.count_or_none(words, context), words[1] if len(words) > 1 else "")


def _class_cap(words: Sequence[str], context: ParseContext) -> Cap:
    return Cap(values.count_or_none(words[1:], context), words[2] if len(words) > 2 else "", words[0])


def _rate(words: Sequence[str], context: ParseContext) -> tuple[int, int]:
    """``count [seconds]``, one second unless given."""
    return values.to_integer(words[0], 1), values.to_integer(words[1], 1) if len(words) > 1 else 1


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


def _auth_order(words: Sequence[str], context: ParseContext) -> tuple[tuple[str, bool], ...]:
    """(name without ``mod_`` and ``.c``, authoritative) for each module named."""
    order = []
    for word in words:
        name = word.removesuffix("*")
        if not (name.startswith("mod_") and name.endswith(".c")):
            raise ValueError(f"modules such as mod_auth_file.c, not '{word}'")
        order.append((name[4:-2], word.endswith("*")))
    return tuple(order)


def _root_directory(words: Sequence[str], context: ParseContext) -> str:
    word = words[0]
    if "*" in word:
        raise ValueError("a directory without wildcards")
    if not word.startswith(("/", "~")):
        raise ValueError("an absolute path, or one that begins with ~")
    return word


def _change_directory(words: Sequence[str], context: ParseContext) -> str:
    if "*" in words[0]:
        raise ValueError("a directory without wildcards")
    return words[0]


def _user_alias(words: Sequence[str], context: ParseContext) -> tuple[str, str]:
    if words[0] == words[1]:
        raise ValueError("an alias that differs from the real name")
    return words[0], words[1]


def _attempts(words: Sequence[str], context: ParseContext) -> int:
    """0 stands for ``none``: no limit."""
    return values.count_or_none(words, context) or 0


def _on_off_none(words: Sequence[str], context: ParseContext) -> bool:
    return words[0].lower() != "none" and values.to_boolean(words[0])


def _root_revoke(words: Sequence[str], context: ParseContext) -> bool:
    """The third form only concerns active FTP transfers; to everything else it means on."""
    if words[0].lower() in ("usenoncompliantactivetransfers", "usenoncompliantactivetransfer"):
        return True
    return values.to_boolean(words[0])


def _create_home(words: Sequence[str], context: ParseContext) -> HomeCreation | None:
    if not values.to_boolean(words[0]):
        return None
    settings: dict[str, Any] = {}
    rest = list(words[1:])
    if rest and rest[0].isdigit():
        settings["mode"] = values.to_octal(rest.pop(0))
    while rest:
        name = rest.pop(0).lower()
        if name == "norootprivs":
            settings["no_root_privs"] = True
            continue
        if name not in ("skel", "dirmode", "uid", "gid", "homegid") or not rest:
            raise ValueError("skel dir, dirmode mode, uid id, gid id, homegid id or NoRootPrivs, not '" + name + "'")
        settings[name] = _home_setting(name, rest.pop(0))
    return HomeCreation(**settings)


def _home_setting(name: str, word: str) -> int | str:
    if name == "dirmode":
        return values.to_octal(word)
    if name != "skel":
        return word if word == "~" and name != "homegid" else values.to_integer(word, 0, 2**32 - 2)
    path = values.to_path(word)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise ValueError(f"an existing skeleton directory, but {path}: {error.strerror}") from None
    if not stat.S_ISDIR(mode) or mode & stat.S_IWOTH:
        raise ValueError(f"a skeleton directory that others cannot write, which {path} is not")
    return path


def _id_range(word: str) -> tuple[int, int]:
    least, dash, most = word.partition("-")
    if not dash:
        raise ValueError("an id range such as 1000-2000")
    low, high = values.to_integer(least, 0, 2**32 - 1), values.to_integer(most, 0, 2**32 - 1)
    if low > high:
        raise ValueError("an id range from low to high")
    return low, high


def _auth_file(kind: str, filters: Sequence[str]) -> Any:
    """A parser; ``kind`` user: the file holds password hashes, so nobody else may read it. Source: mod_auth_file."""
    def parse(words: Sequence[str], context: ParseContext) -> AuthFile:
        path = values.to_path(words[0])
        rest, settings = list(words[1:]), {}
        while rest:
            name = rest.pop(0).lower()
            if name not in ("id", *filters) or not rest:
                raise ValueError(f"id min-max, {', '.join(f'{one} regex' for one in filters)}, not '{name}'")
            word = rest.pop(0)
            settings["ids" if name == "id" else name] = (
                _id_range(word) if name == "id" else values.to_pattern(word, negatable=True))
        insecure = any("InsecurePerms" in seen for seen in context.seen.get("authfileoptions", ()))
        _check_auth_file(path, kind, insecure=insecure)
        return AuthFile(path, **settings)  # type: ignore[arg-type]
    return parse


def _check_auth_file(path: str, kind: str, *, insecure: bool) -> None:
    """A file that is missing now may come later; one that everybody can read or change is refused now."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if insecure:
        return
    if kind == "user" and mode & stat.S_IROTH:
        raise ValueError(f"a file that others cannot read (chmod o-r {path}, or AuthFileOptions InsecurePerms before)")
    if mode & stat.S_IWOTH:
        raise ValueError(f"a file that others cannot write (chmod o-w {path}, or AuthFileOptions InsecurePerms before)")


def _delay_rule(words: Sequence[str], context: ParseContext) -> DelayRule:
    event = values.enumeration("USER", "PASS", "FailedLogin", "Connect")(words, context)
    least, _, most = words[1].partition("-")
    low = values.to_integer(least.removesuffix("ms"), 0, 300_000)
    high = values.to_integer(most.removesuffix("ms"), low, 300_000) if most else low
    return DelayRule(event, low, high)


_unix_options = values.options(
    "AIXNoRLogin", "AIXNoAuthenticate", "NoGetgrouplist", "NoInitgroups", "MagicTokenChroot")


def _capabilities(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    known = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_SETUID")
    for word in words:
        if word[:1] not in ("+", "-") or word[1:].upper() not in known:
            raise ValueError(f"+ or - before one of {' '.join(known)}, not '{word}'")
    return tuple(word.upper() for word in words)


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
        default=(), default_text="unset", repeat=Repeat.ACCUMULATE, joined=True, status=Status.ACCEPTED,
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
        default_text="local address", status=Status.ACCEPTED, doc="Address that passive FTP replies announce.")
    max_command_rate: tuple[int, int] | None = directive(
        "MaxCommandRate", _rate, where=SERVERS, arity="1..2", syntax="count [secs]", default_text="unlimited",
        status=Status.ACCEPTED, doc="Most commands in a number of seconds.")


class DaemonConf(ConfBlock, module="core"):
    """The master process; main server only."""

    server_type: str = directive(
        "ServerType", values.enumeration("standalone", "inetd"), where=Context.SERVER, arity="1..*",
        syntax="standalone|inetd", default="standalone", default_text="standalone", repeat=Repeat.LAST,
        doc="Listen itself, or be started by inetd for one connection.")
    pid_file: str = directive(
        "PidFile", values.path, where=Context.SERVER, arity="1..*", syntax="path",
        default=f"{LOCALSTATEDIR}/proftpd.pid", default_text="localstatedir/proftpd.pid", repeat=Repeat.LAST,
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
        default=f"{LOCALSTATEDIR}/proftpd.scoreboard", default_text="localstatedir/proftpd.scoreboard",
        repeat=Repeat.LAST, doc="File that ftpwho and its kin read; none switches it off.")
    scoreboard_mutex: str = directive(
        "ScoreboardMutex", values.path, where=Context.SERVER, arity="1..*", syntax="path",
        default=f"{LOCALSTATEDIR}/proftpd.scoreboard.lck", default_text="localstatedir/proftpd.scoreboard.lck",
        repeat=Repeat.LAST, doc="Lock file of the scoreboard.")
    scoreboard_options: frozenset[str] = directive(
        "ScoreboardOptions", values.options("AllowMissingEntry"), where=SERVERS, arity="1..*",
        syntax="AllowMissingEntry ...", default=frozenset(), repeat=Repeat.ACCUMULATE, joined=True,
        status=Status.ACCEPTED, doc="Leniency about the scoreboard.")
    scoreboard_scrub: float = directive(
        "ScoreboardScrub", _scrub, where=Context.SERVER, arity="1..*", syntax="on|off|secs", default=30.0,
        default_text="on (30 s)", status=Status.ACCEPTED, doc="Seconds between two removals of dead entries; off is never.")
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
        default_text="10", status=Status.ACCEPTED, doc="Longest wait for an FTP data connection to close.")


class LoginConf(ConfBlock, module="auth"):
    """Who may log in, where he lands and what he becomes."""

    root_login: bool = directive(
        "RootLogin", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off", default=False,
        default_text="off", merge=Merge.DOWN, doc="Let accounts with user id 0 log in.")
    require_valid_shell: bool = directive(
        "RequireValidShell", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off",
        default=True, default_text="on", merge=Merge.DOWN, doc="Refuse accounts whose shell is not in /etc/shells.")
    use_ftp_users: bool = directive(
        "UseFtpUsers", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off", default=True,
        default_text="on", merge=Merge.DOWN, doc="Refuse accounts named in /etc/ftpusers.")
    user_alias: tuple[tuple[str, str], ...] = directive(
        "UserAlias", _user_alias, where=SERVERS | Context.ANONYMOUS, arity="2..*", syntax="alias realuser", default=(),
        repeat=Repeat.ACCUMULATE, doc="Let a login name stand for another account; * stands for all.")
    auth_alias_only: bool = directive(
        "AuthAliasOnly", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off",
        default=False, default_text="off", merge=Merge.DOWN, doc="Refuse account names that are no alias.")
    auth_using_alias: bool = directive(
        "AuthUsingAlias", values.boolean, where=Context.ANONYMOUS, arity="1..*", syntax="on|off", default=False,
        default_text="off", doc="Authenticate an anonymous login under its alias.")
    auth_order: tuple[tuple[str, bool], ...] = directive(
        "AuthOrder", _auth_order, where=SERVERS, arity="1..*", syntax="module[*] ...", default=(),
        default_text="all auth modules in load order", repeat=Repeat.ONCE, module="core",
        doc="Which modules are asked for accounts, in which order; a * makes one's answer final.")
    default_root: str | None = directive(
        "DefaultRoot", values.group_conditional(_root_directory), where=SERVERS, arity="1..*",
        syntax="dir|~ [group-expr]", default_text="/ (no jail)", repeat=Repeat.FIRST_MATCH, conditional=True,
        doc="Directory that the session is locked into.")
    default_chdir: str | None = directive(
        "DefaultChdir", values.group_conditional(_change_directory), where=SERVERS | Context.ANONYMOUS, arity="1..*",
        syntax="dir [group-expr]", default_text="home directory", merge=Merge.DOWN, repeat=Repeat.FIRST_MATCH,
        conditional=True, doc="Directory that the session starts in.")
    allow_chroot_symlinks: bool = directive(
        "AllowChrootSymlinks", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True,
        default_text="on", doc="Let DefaultRoot be a symbolic link.")
    max_login_attempts: int | None = directive(
        "MaxLoginAttempts", _attempts, where=SERVERS, arity="1..*", syntax="n|none",
        default_text="3 for FTP, 6 for SSH", doc="Failed logins before the connection is closed; none is no limit.")
    max_password_size: int = directive(
        "MaxPasswordSize", values.integer(1, 65536), where=SERVERS, arity="1..*", syntax="n", default=1024,
        default_text="1024", doc="Longest password that is looked at.")
    allow_empty_passwords: bool = directive(
        "AllowEmptyPasswords", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off",
        default=True, default_text="on", merge=Merge.DOWN, doc="Accept a password of no length.")
    create_home: HomeCreation | None = directive(
        "CreateHome", _create_home, where=SERVERS, arity="1..*",
        syntax="off | on [mode] [skel dir] [dirmode mode] [uid id|~] [gid id|~] [homegid id] [NoRootPrivs]",
        default_text="off (mode 700, dirmode 711)", doc="Make a missing home directory at login.")
    rewrite_home: bool = directive(
        "RewriteHome", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False, default_text="off",
        status=Status.ACCEPTED, doc="Let rewriting rules change the home directory.")
    root_revoke: bool | None = directive(
        "RootRevoke", _root_revoke, where=SERVERS | Context.ANONYMOUS, arity="1..*",
        syntax="on|off|UseNonCompliantActiveTransfers", default_text="on unless UserOwner is configured",
        merge=Merge.DOWN, doc="Give up root for good after login.")
    wtmp_log: bool = directive(
        "WtmpLog", _on_off_none, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off|NONE", default=True,
        default_text="on", merge=Merge.DOWN, doc="Record logins in wtmp.")
    use_lastlog: bool = directive(
        "UseLastlog", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False, default_text="off",
        doc="Record logins in lastlog.")
    user_password: tuple[tuple[str, str], ...] = directive(
        "UserPassword", values.pair, where=SERVERS | Context.ANONYMOUS, arity="2..*", syntax="user crypt", default=(),
        merge=Merge.DOWN, repeat=Repeat.ACCUMULATE, doc="Password hash of a user, in place of his account's own.")
    user_dir_root: bool = directive(
        "UserDirRoot", values.boolean, where=Context.ANONYMOUS, arity="1..*", syntax="on|off", default=False,
        default_text="off", doc="Root an anonymous login in a directory named after the user.")
    anon_allow_robots: bool = directive(
        "AnonAllowRobots", values.boolean, where=Context.ANONYMOUS, arity="1..*", syntax="on|off", default=False,
        default_text="off", status=Status.ACCEPTED, doc="Show anonymous clients the real robots.txt.")
    anon_reject_passwords: Pattern | None = directive(
        "AnonRejectPasswords", values.negatable_pattern, where=Context.ANONYMOUS, arity="1..2",
        syntax="[!]regex [flags]", default_text="unset",
        doc="Refuse anonymous passwords that match.")
    anon_require_password: bool = directive(
        "AnonRequirePassword", values.boolean, where=Context.ANONYMOUS, arity="1..*", syntax="on|off", default=False,
        default_text="off", doc="Ask anonymous logins for a real password.")


class AdmissionConf(ConfBlock, module="auth"):
    """How many may be here at once."""

    max_clients: Cap | None = directive(
        "MaxClients", _cap, where=SERVERS | Context.ANONYMOUS, arity="1..2", syntax="n|none [text]", merge=Merge.DOWN,
        doc="Most logged-in sessions of the server.")
    max_clients_per_class: tuple[Cap, ...] = directive(
        "MaxClientsPerClass", _class_cap, where=SERVERS, arity="2..3", syntax="class n|none [text]", default=(),
        repeat=Repeat.ACCUMULATE, doc="Most logged-in sessions of a connection class.")
    max_clients_per_host: Cap | None = directive(
        "MaxClientsPerHost", _cap, where=SERVERS | Context.ANONYMOUS, arity="1..2", syntax="n|none [text]",
        merge=Merge.DOWN, doc="Most logged-in sessions of one client address.")
    max_clients_per_user: Cap | None = directive(
        "MaxClientsPerUser", _cap, where=SERVERS | Context.ANONYMOUS, arity="1..2", syntax="n|none [text]",
        merge=Merge.DOWN, doc="Most logged-in sessions of one user.")
    max_connections_per_host: Cap | None = directive(
        "MaxConnectionsPerHost", _cap, where=SERVERS, arity="1..2", syntax="n|none [text]",
        doc="Most connections of one client address, logged in or not.")
    max_hosts_per_user: Cap | None = directive(
        "MaxHostsPerUser", _cap, where=SERVERS | Context.ANONYMOUS, arity="1..2", syntax="n|none [text]",
        merge=Merge.DOWN, doc="Most client addresses that one user is logged in from.")


class DisplayConf(ConfBlock, module="core"):
    """Texts shown to the client."""

    display_connect: str | None = directive(
        "DisplayConnect", values.text, where=SERVERS, arity="1..*", syntax="file", default_text="unset",
        status=Status.ACCEPTED, doc="File shown before login.")
    display_login: str | None = directive(
        "DisplayLogin", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="file",
        default_text="unset", merge=Merge.DOWN, module="auth", status=Status.ACCEPTED, doc="File shown after login.")
    display_quit: str | None = directive(
        "DisplayQuit", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="file",
        default_text="unset", merge=Merge.DOWN, status=Status.ACCEPTED, doc="File shown at the end.")
    display_chdir: tuple[str, ...] = directive(
        "DisplayChdir", values.words_of, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY, arity="1..2",
        syntax="file [on|off]", default=(), default_text="unset", merge=Merge.DOWN, status=Status.ACCEPTED,
        doc="File shown on entering a directory.")
    display_file_transfer: str | None = directive(
        "DisplayFileTransfer", values.text, where=SERVERS, arity="1..*", syntax="file", default_text="unset",
        module="xfer", status=Status.ACCEPTED, doc="File shown after each transfer.")
    access_grant_msg: str | None = directive(
        "AccessGrantMsg", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="text",
        default_text="built in", merge=Merge.DOWN, module="auth", status=Status.ACCEPTED,
        doc="Text of the reply to a good login.")
    access_deny_msg: str | None = directive(
        "AccessDenyMsg", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="text",
        default_text="Login incorrect.", merge=Merge.DOWN, module="auth", status=Status.ACCEPTED,
        doc="Text of the reply to a failed login.")


class EnvironmentConf(ConfBlock, module="core"):
    """Environment of the session process."""

    set_env: tuple[tuple[str, str], ...] = directive(
        "SetEnv", values.pair, where=SERVERS, arity="2..*", syntax="name value", default=(), repeat=Repeat.ACCUMULATE,
        status=Status.ACCEPTED, doc="Set an environment variable.")
    unset_env: tuple[str, ...] = directive(
        "UnsetEnv", values.text, where=SERVERS, arity="1..*", syntax="name", default=(), repeat=Repeat.ACCUMULATE,
        status=Status.ACCEPTED, doc="Remove an environment variable.")


class ProtocolConf(ConfBlock, module="core"):
    """Protocols that a user may work with."""

    protocols: tuple[str, ...] = directive(
        "Protocols", values.names_from("ftp", "ftps", "sftp", "scp", "date"), where=SERVERS, arity="1..*", syntax="name ...",
        default=(), default_text="all", repeat=Repeat.ACCUMULATE, joined=True,
        doc="Protocols allowed after login; none named allows all.")


class AuthFileConf(ConfBlock, module="auth_file"):
    """Accounts from files of the passwd and group formats."""

    auth_file_options: frozenset[str] = directive(
        "AuthFileOptions", values.options("InsecurePerms", "SyntaxCheck"), where=SERVERS, arity="1..*",
        syntax="opt ...", default=frozenset(), doc="Checks made on the account files.")
    auth_user_file: AuthFile | None = directive(
        "AuthUserFile", _auth_file("user", ("home", "name")), where=SERVERS, arity="1..7",
        syntax="path [id min-max] [home [!]regex] [name [!]regex]", default_text="unset",
        doc="File of users, in the format of passwd(5) with the hash inside.")
    auth_group_file: AuthFile | None = directive(
        "AuthGroupFile", _auth_file("group", ("name",)), where=SERVERS, arity="1..5",
        syntax="path [id min-max] [name [!]regex]", default_text="unset",
        doc="File of groups, in the format of group(5).")


class AuthUnixConf(ConfBlock, module="auth_unix"):
    """Accounts of the system."""

    auth_unix_options: frozenset[str] = directive(
        "AuthUnixOptions", _unix_options, where=SERVERS, arity="1..*", syntax="opt ...", default=frozenset(),
        doc="How system accounts are looked up.")
    persistent_passwd: bool = directive(
        "PersistentPasswd", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False,
        default_text="off", status=Status.ACCEPTED, doc="Keep the account files open for use inside a chroot.")


class AuthPamConf(ConfBlock, module="auth_pam"):
    """Passwords through PAM."""

    auth_pam: bool = directive(
        "AuthPAM", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True, default_text="on",
        doc="Ask PAM about passwords.")
    auth_pam_config: str = directive(
        "AuthPAMConfig", values.text, where=SERVERS, arity="1..*", syntax="service", default="ftp", default_text="ftp",
        doc="Name of the PAM service.")
    auth_pam_options: frozenset[str] = directive(
        "AuthPAMOptions", values.options("NoTTY"), where=SERVERS, arity="1..*", syntax="NoTTY ...",
        default=frozenset(), doc="What PAM is not told.")
    auth_pam_session: bool = directive(
        "AuthPAMSession", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False,
        default_text="off",
        doc="Run PAM's account and session phases for logins that no PAM conversation vouched for, such as by key.")


class CapConf(ConfBlock, module="cap"):
    """Linux capabilities that a session keeps."""

    capabilities_engine: bool = directive(
        "CapabilitiesEngine", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True,
        default_text="on", doc="Keep only the capabilities that are needed after login.")
    capabilities_root_revoke: bool = directive(
        "CapabilitiesRootRevoke", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True,
        default_text="on", doc="Give up the root identity once the capabilities are set.")
    capabilities_set: tuple[str, ...] = directive(
        "CapabilitiesSet", _capabilities, where=SERVERS, arity="1..*", syntax="+CAP|-CAP ...", default=(),
        default_text="CHOWN and SETUID on, rest off", repeat=Repeat.ACCUMULATE, joined=True,
        doc="Add or take away single capabilities.")


class DelayConf(ConfBlock, module="delay"):
    """Time that hides how long a login decision took."""

    delay_engine: bool = directive(
        "DelayEngine", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True, default_text="on",
        doc="Even out the time of login replies.")
    delay_on_event: tuple[DelayRule, ...] = directive(
        "DelayOnEvent", _delay_rule, where=SERVERS, arity="2..*", syntax="USER|PASS|FailedLogin|Connect ms[-ms]",
        default=(), repeat=Repeat.ACCUMULATE, doc="Wait a fixed or random time at an event.")
    delay_table: str | None = directive(
        "DelayTable", values.path_or_none, where=Context.SERVER, arity="1..*", syntax="path|none",
        default=f"{LOCALSTATEDIR}/proftpd.delay", default_text="localstatedir/proftpd.delay",
        doc="File of past login times.")
    delay_controls_ac_ls: tuple[ControlsAcl, ...] = directive(
        "DelayControlsACLs", controls_acl, where=Context.SERVER, arity="4..*",
        syntax="actions|all allow|deny user|group list", default=(), default_text="deny all", repeat=Repeat.ACCUMULATE,
        status=Status.ACCEPTED, doc="Who may use the delay action of ftpdctl.")
