"""Settings of paths: who owns what is made, what may be done, what is seen, how files travel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pyproftpd.api import values
from pyproftpd.api.directive import ANYWHERE, SERVERS, ConfBlock, Context, Merge, ParseContext, Repeat, Status, directive
from pyproftpd.api.expressions import Conditional, Pattern
from pyproftpd.conf.limit import LimitConf

__all__ = ["AccessConf", "FsConf", "HidingConf", "LimitConf", "ListingConf", "OwnershipConf", "TransferConf"]

TRANSFER_COMMANDS = ("APPE", "RETR", "STOR", "STOU")


@dataclass(frozen=True, slots=True)
class Rate:
    """TransferRate: these commands move so many bytes per second, after ``free_bytes`` at full speed."""

    commands: frozenset[str]
    bytes_per_second: float
    free_bytes: int


@dataclass(frozen=True, slots=True)
class TransferCap:
    """MaxTransfersPer...: so many of these transfers at a time; ``text`` explains the refusal."""

    commands: frozenset[str]
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class HiddenOwner:
    """HideUser and HideGroup: names owned by ``name`` (``~`` = the session's own) are hidden, or with ``negated`` all others."""

    name: str
    negated: bool


@dataclass(frozen=True, slots=True)
class ListLimits:
    """ListOptions: flags as of ls(1), whether clients may change them, and bounds on listings (``None`` = no bound)."""

    flags: str = ""
    strict: bool = False
    max_depth: int | None = None
    max_files: int | None = None
    max_dirs: int | None = None
    switches: frozenset[str] = field(default_factory=frozenset)


def _umask(words: Sequence[str], context: ParseContext) -> tuple[int, int]:
    """(files, directories); one word holds for both."""
    files = values.to_octal(words[0], 0o777)
    return files, values.to_octal(words[1], 0o777) if len(words) > 1 else files


def _hidden_owner(words: Sequence[str], context: ParseContext) -> HiddenOwner:
    return HiddenOwner(words[0].removeprefix("!"), words[0].startswith("!"))


def _hidden_files(words: Sequence[str], context: ParseContext) -> Conditional[Pattern | None]:
    """``none`` is a rule that hides nothing, so that it can stand in front of an inherited one."""
    rule = None if words[0].lower() == "none" else values.to_pattern(words[0], negatable=True)
    return Conditional(rule, values.user_class_condition(words[1:]))


def _fake_name(words: Sequence[str], context: ParseContext) -> str | None:
    """The name to show, ``~`` for the session's own, ``None`` for the real one."""
    if not values.to_boolean(words[0]):
        return None
    return words[1] if len(words) > 1 else "ftp"


def _list_options(words: Sequence[str], context: ParseContext) -> ListLimits:
    settings: dict[str, Any] = {"flags": words[0] if words[0].lower() != "none" else ""}
    switches, rest = set(), list(words[1:])
    while rest:
        name = rest.pop(0)
        if name.lower() == "strict":
            settings["strict"] = True
        elif name.lower() in ("maxdepth", "maxfiles", "maxdirs") and rest:
            settings["max_" + name.lower()[3:]] = values.to_integer(rest.pop(0), 1)
        elif name in ("LISTOnly", "NLSTOnly", "NoErrorIfAbsent", "AdjustedSymlinks", "NoAdjustedSymlinks", "SortedNLST"):
            switches.add(name)
        else:
            raise ValueError(f"strict, maxdepth n, maxfiles n, maxdirs n or a switch such as SortedNLST, not '{name}'")
    return ListLimits(switches=frozenset(switches), **settings)


def _hidden_stores(words: Sequence[str], context: ParseContext) -> tuple[str, str] | None:
    """(prefix, suffix) of the temporary name. A lone word is wrapped in dots. Source: real server, mod_xfer."""
    if len(words) == 1:
        try:
            return (".in.", ".") if values.to_boolean(words[0]) else None
        except ValueError:
            pass
    if any("/" in word for word in words[:2]):
        raise ValueError("on, off, or a prefix without a slash")
    if len(words) > 1:
        return words[0], words[1]
    return "." + words[0].strip(".") + ".", "."


def _byte_limit(words: Sequence[str], context: ParseContext) -> Conditional[int | None]:
    """``*`` = no limit."""
    if len(words) == 1:
        if words[0] != "*":
            raise ValueError("* for no limit, or a number and a unit B, KB, MB, GB or TB")
        return Conditional(None)
    return Conditional(values.to_size(words[0], words[1]), values.user_class_condition(words[2:]))


def _commands(word: str) -> frozenset[str]:
    names = frozenset(name.upper() for name in word.split(",") if name)
    if not names or not names <= set(TRANSFER_COMMANDS):
        raise ValueError(f"a list of {' '.join(TRANSFER_COMMANDS)}, not '{word}'")
    return names


def _transfer_cap(words: Sequence[str], context: ParseContext) -> TransferCap:
    return TransferCap(_commands(words[0]), values.to_integer(words[1], 1), words[2] if len(words) > 2 else "")


def _transfer_rate(words: Sequence[str], context: ParseContext) -> Conditional[Rate]:
    """``commands KiB/s[:free bytes]``."""
    speed, _, free = words[1].partition(":")
    try:
        per_second = float(speed) * 1024
        if not 0 <= per_second < 2**50:
            raise ValueError
    except ValueError:
        raise ValueError("a rate in KB/s; 0 is no limit") from None
    rate = Rate(_commands(words[0]), per_second, values.to_integer(free) if free else 0)
    return Conditional(rate, values.user_class_condition(words[2:]))


def _sendfile(words: Sequence[str], context: ParseContext) -> bool | int | float:
    """On or off, bytes per call, or a share of the file between 0 and 1."""
    if len(words) > 1:
        return values.to_size(words[0], words[1])
    if words[0].endswith("%"):
        return values.to_integer(words[0][:-1], 1, 100) / 100
    return values.to_boolean(words[0])


def _name_prefix(words: Sequence[str], context: ParseContext) -> str:
    if "/" in words[0]:
        raise ValueError("a prefix without a slash")
    return words[0]


def _cache_policy(words: Sequence[str], context: ParseContext) -> tuple[bool, int, int]:
    """(on, entries, seconds)."""
    if len(words) == 1:
        return values.to_boolean(words[0]), 30000, 3
    settings = {words[0].lower(): values.to_integer(words[1], 1), words[2].lower(): values.to_integer(words[3], 1)}
    if set(settings) != {"size", "maxage"}:
        raise ValueError("on, off, or size n maxAge seconds")
    return True, settings["size"], settings["maxage"]


def _allow_override(words: Sequence[str], context: ParseContext) -> Conditional[bool]:
    """``on|off``. Whom else a line names would be ignored, and the files of everybody be read: the real server does so."""
    if len(words) > 1 and words[1].lower() in ("user", "group", "class"):
        raise ValueError(f"on or off; for single {words[1].lower()} names use the sections of mod_ifsession")
    return Conditional(values.to_boolean(words[0]))


class OwnershipConf(ConfBlock, module="core"):
    """Modes and owners of what a session creates."""

    umask: tuple[int, int] = directive(
        "Umask", _umask, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="1..2",
        syntax="octal [octal]", default=(0o022, 0o022), default_text="022", merge=Merge.DOWN,
        doc="Bits taken from the mode of new files, and of new directories.")
    user_owner: str | None = directive(
        "UserOwner", values.text, where=Context.ANONYMOUS | Context.DIRECTORY, arity="1..*", syntax="user",
        default_text="unset", merge=Merge.DOWN, doc="Owner given to everything created.")
    group_owner: str | None = directive(
        "GroupOwner", values.text, where=Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="1..*",
        syntax="group|~", default_text="unset", merge=Merge.DOWN,
        doc="Group given to everything created; ~ is the session's own.")


class AccessConf(ConfBlock, module="core"):
    """What may be done to existing files, and which names and arguments are acceptable."""

    allow_overwrite: bool = directive(
        "AllowOverwrite", values.boolean, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..*", syntax="on|off", default=False, default_text="off", merge=Merge.DOWN, module="xfer",
        doc="Let uploads, renames and copies replace files.")
    allow_filter: Pattern | None = directive(
        "AllowFilter", values.pattern,
        where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.LIMIT | Context.FTPACCESS, arity="1..2",
        syntax="regex [flags]", default_text="unset", merge=Merge.DOWN,
        doc="Accept only command arguments that match.")
    deny_filter: Pattern | None = directive(
        "DenyFilter", values.pattern,
        where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.LIMIT | Context.FTPACCESS, arity="1..2",
        syntax="regex [flags]", default_text="unset", merge=Merge.DOWN, doc="Refuse command arguments that match.")
    path_allow_filter: Pattern | None = directive(
        "PathAllowFilter", values.pattern, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..2", syntax="regex [flags]", default_text="unset", merge=Merge.DOWN,
        doc="Accept only new paths that match.")
    path_deny_filter: Pattern | None = directive(
        "PathDenyFilter", values.pattern, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..2", syntax="regex [flags]", default_text="unset", merge=Merge.DOWN,
        doc="Refuse new paths that match.")
    allow_override: bool = directive(
        "AllowOverride", _allow_override, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY, arity="1..* except 3",
        syntax="on|off", default=True, default_text="on when never configured", merge=Merge.ALWAYS,
        repeat=Repeat.MOST_SPECIFIC, conditional=True, doc="Read .ftpaccess files.")


class JailConf(ConfBlock, module="rlimit", prefix="RLimit"):
    """What a chroot protects besides its walls."""

    chroot: bool = directive(
        "RLimitChroot", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True, default_text="on",
        doc="Refuse changes of /etc and /lib inside a chroot.")


class HidingConf(ConfBlock, module="core"):
    """What a session does not get to see."""

    hide_files: tuple[Pattern | None, ...] = directive(
        "HideFiles", _hidden_files, where=Context.DIRECTORY | Context.FTPACCESS, arity="1,3",
        syntax="[!]regex|none [user|group|class expr]", default=(), default_text="unset", merge=Merge.ALWAYS,
        repeat=Repeat.ACCUMULATE, conditional=True, doc="Hide the names that match.")
    hide_user: tuple[HiddenOwner, ...] = directive(
        "HideUser", _hidden_owner, where=Context.ANONYMOUS | Context.DIRECTORY, arity="1..*", syntax="[!]user|~",
        default=(), default_text="unset", merge=Merge.DOWN, repeat=Repeat.ACCUMULATE,
        doc="Hide what a user owns; ~ is the session's own.")
    hide_group: tuple[HiddenOwner, ...] = directive(
        "HideGroup", _hidden_owner, where=Context.ANONYMOUS | Context.DIRECTORY, arity="1..*", syntax="[!]group|~",
        default=(), default_text="unset", merge=Merge.DOWN, repeat=Repeat.ACCUMULATE,
        doc="Hide what a group owns; ~ is the session's own.")
    hide_no_access: bool = directive(
        "HideNoAccess", values.boolean, where=Context.ANONYMOUS | Context.DIRECTORY, arity="1..*", syntax="on|off",
        default=False, default_text="off", merge=Merge.DOWN, doc="Hide what the session could neither read nor enter.")


class ListingConf(ConfBlock, module="ls"):
    """How names, owners and modes are shown."""

    dir_fake_user: str | None = directive(
        "DirFakeUser", _fake_name, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..2", syntax="on|off [name|~]", default_text="off (name ftp)", merge=Merge.DOWN,
        doc="Show this owner instead of the real one.")
    dir_fake_group: str | None = directive(
        "DirFakeGroup", _fake_name, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..2", syntax="on|off [name|~]", default_text="off (name ftp)", merge=Merge.DOWN,
        doc="Show this group instead of the real one.")
    dir_fake_mode: int | None = directive(
        "DirFakeMode", values.octal, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..*", syntax="octal", default_text="unset", merge=Merge.DOWN,
        doc="Show this mode instead of the real one.")
    show_symlinks: bool = directive(
        "ShowSymlinks", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off", default=True,
        default_text="on", merge=Merge.DOWN, doc="Show symbolic links as links, not as what they point to.")
    list_options: ListLimits = directive(
        "ListOptions", _list_options, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..*",
        syntax="flags [strict] [maxdepth n] [maxfiles n] [maxdirs n] "
            "[LISTOnly] [NLSTOnly] [NoErrorIfAbsent] [AdjustedSymlinks] [NoAdjustedSymlinks] [SortedNLST]",
        default=ListLimits(), default_text="empty", merge=Merge.DOWN, status=Status.FTP, doc="Flags and bounds of listings.")
    list_style: str = directive(
        "ListStyle", values.enumeration("Unix", "Windows"), where=SERVERS | Context.ANONYMOUS, arity="1..*",
        syntax="Unix|Windows", default="Unix", default_text="Unix", status=Status.FTP,
        doc="Shape of the lines of an FTP listing.")
    use_globbing: bool = directive(
        "UseGlobbing", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off", default=True,
        default_text="on", merge=Merge.DOWN, doc="Expand wildcards that a client sends.")
    times_gmt: bool = directive(
        "TimesGMT", values.boolean, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off", default=True,
        default_text="on", merge=Merge.DOWN, module="core", doc="Show times in GMT, not in local time.")


class TransferConf(ConfBlock, module="xfer"):
    """Limits and manners of file transfers."""

    hidden_stores: tuple[str, str] | None = directive(
        "HiddenStores", _hidden_stores, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY, arity="1..*",
        syntax="on|off|prefix [suffix]", default_text="off", merge=Merge.DOWN,
        doc="Upload to a hidden name and rename when all is there.")
    delete_aborted_stores: bool | None = directive(
        "DeleteAbortedStores", values.boolean,
        where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="1..*", syntax="on|off",
        default_text="off (on with HiddenStores)", merge=Merge.DOWN, doc="Remove what an unfinished upload left.")
    allow_store_restart: bool = directive(
        "AllowStoreRestart", values.boolean, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..*", syntax="on|off", default=False, default_text="off", merge=Merge.DOWN,
        doc="Let uploads go on where they stopped, or append.")
    allow_retrieve_restart: bool = directive(
        "AllowRetrieveRestart", values.boolean,
        where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="1..*", syntax="on|off",
        default=True, default_text="on", merge=Merge.DOWN, status=Status.ACCEPTED,
        doc="Let downloads begin elsewhere than at the start.")
    max_store_file_size: int | None = directive(
        "MaxStoreFileSize", _byte_limit, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1,2,4", syntax="* | n unit [user|group|class expr]", default_text="unlimited", merge=Merge.ALWAYS,
        repeat=Repeat.MOST_SPECIFIC, conditional=True, doc="Largest file that may be uploaded.")
    max_retrieve_file_size: int | None = directive(
        "MaxRetrieveFileSize", _byte_limit, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1,2,4", syntax="* | n unit [user|group|class expr]", default_text="unlimited", merge=Merge.ALWAYS,
        repeat=Repeat.MOST_SPECIFIC, conditional=True, doc="Largest file that may be downloaded.")
    max_transfers_per_host: tuple[TransferCap, ...] = directive(
        "MaxTransfersPerHost", _transfer_cap,
        where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="2..3",
        syntax="cmd-list n [text]", default=(), default_text="unlimited", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE,
        doc="Most transfers of one client address at a time.")
    max_transfers_per_user: tuple[TransferCap, ...] = directive(
        "MaxTransfersPerUser", _transfer_cap,
        where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="2..3",
        syntax="cmd-list n [text]", default=(), default_text="unlimited", merge=Merge.ALWAYS, repeat=Repeat.ACCUMULATE,
        doc="Most transfers of one user at a time.")
    transfer_rate: tuple[Rate, ...] = directive(
        "TransferRate", _transfer_rate, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="2,4", syntax="cmd-list KB/s[:free-bytes] [user|group|class expr]", default=(), default_text="unlimited",
        merge=Merge.ALWAYS, repeat=Repeat.MOST_SPECIFIC, conditional=True, collect=True,
        doc="Slow transfers down to a rate.")
    transfer_options: frozenset[str] = directive(
        "TransferOptions", values.options("IgnoreASCII", "AllowSymlinkUpload", "AllowSymlinkUploads"), where=SERVERS,
        arity="1..*", syntax="opt ...", default=frozenset(), status=Status.ACCEPTED, doc="Switches of transfers.")
    use_sendfile: bool | int | float = directive(
        "UseSendfile", _sendfile, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..2", syntax="on|off|n unit|pct%", default=True, default_text="on when built in", merge=Merge.DOWN,
        status=Status.FTP, doc="Let the kernel copy downloads.")
    store_unique_prefix: str = directive(
        "StoreUniquePrefix", _name_prefix, where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS,
        arity="1..*", syntax="prefix", default="", default_text="empty", merge=Merge.DOWN, status=Status.FTP,
        doc="Beginning of the names that STOU makes.")
    upload_durability: str = directive(
        "UploadDurability", values.enumeration("none", "data", "full"),
        where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="1..1",
        syntax="none|data|full", default="none", merge=Merge.DOWN,
        doc="What a finished upload has been written to disk of: nothing for certain, its data, or its name "
            "as well. New here.")


class FsConf(ConfBlock, module="core"):
    """The file system layer."""

    fs_options: frozenset[str] = directive(
        "FSOptions", values.options("IgnoreExtendedAttributes"), where=SERVERS, arity="1..*",
        syntax="IgnoreExtendedAttributes ...", default=frozenset(), repeat=Repeat.ACCUMULATE, joined=True,
        doc="Switches of the file system layer.")
    fs_cache_policy: tuple[bool, int, int] = directive(
        "FSCachePolicy", _cache_policy, where=ANYWHERE, arity="1,4", syntax="on|off | size n maxAge secs",
        default=(True, 30000, 3), default_text="on, size 30000, maxAge 3", status=Status.ACCEPTED,
        doc="Keep the answers of stat for a while.")
