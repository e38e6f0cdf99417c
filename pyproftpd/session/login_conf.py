"""Settings of logins: who may come in, as whom, vouched for by what, and how many at once."""

from __future__ import annotations

import os
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


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit on a number of sessions; ``count`` ``None`` = no limit; ``%m`` in ``text`` is the count."""

    count: int | None
    text: str
    #: name of the class, for MaxClientsPerClass
    name: str = ""


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


def _cap(words: Sequence[str], context: ParseContext) -> Cap:
    return Cap(values.count_or_none(words, context), words[1] if len(words) > 1 else "")


def _class_cap(words: Sequence[str], context: ParseContext) -> Cap:
    return Cap(values.count_or_none(words[1:], context), words[2] if len(words) > 2 else "", words[0])


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
        rest = list(words[1:])
        settings: dict[str, Any] = {}
        while rest:
            name = rest.pop(0).lower()
            if name not in ("id", *filters) or not rest:
                raise ValueError(f"id min-max, {', '.join(f'{one} regex' for one in filters)}, not '{name}'")
            word = rest.pop(0)
            settings["ids" if name == "id" else name] = (
                _id_range(word) if name == "id" else values.to_pattern(word, negatable=True))
        insecure = any("InsecurePerms" in seen for seen in context.seen.get("authfileoptions", ()))
        _check_auth_file(path, kind, insecure=insecure)
        return AuthFile(path, **settings)
    return parse


def _check_auth_file(path: str, kind: str, *, insecure: bool) -> None:
    """A file that everybody can read or change is refused here; one that is missing, once the configuration stands."""
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
        default_text="off", status=Status.FTP, doc="Show anonymous clients the real robots.txt.")
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
        default_text="off", doc="Look system accounts up in /etc/passwd and /etc/group alone, not in other name services.")


class AuthPamConf(ConfBlock, module="auth_pam"):
    """Passwords through PAM."""

    auth_pam: bool = directive(
        "AuthPAM", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True, default_text="on",
        doc="Ask PAM about passwords.")
    auth_pam_config: str = directive(
        "AuthPAMConfig", values.text, where=SERVERS, arity="1..*", syntax="service", default="", default_text="ftp",
        doc="Name of the PAM service; without this line proftpd where it has a file, as in Debian's packages.")
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
        default=f"{values.LOCALSTATEDIR}/proftpd.delay", default_text="localstatedir/proftpd.delay",
        doc="File of past login times.")
    delay_controls_ac_ls: tuple[ControlsAcl, ...] = directive(
        "DelayControlsACLs", controls_acl, where=Context.SERVER, arity="4..*",
        syntax="actions|all allow|deny user|group list", default=(), default_text="deny all", repeat=Repeat.ACCUMULATE,
        doc="Who may use the delay action of ftpdctl.")
