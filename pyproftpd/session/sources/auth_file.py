"""AuthUserFile and AuthGroupFile: accounts in files of the shape of passwd(5) and group(5).

Source: real server, mod_auth_file.

A file is parsed once and again only when it has changed (device, inode, size, times). Each time it is looked at first:
a user file that others may read, either file when others may write it or its folder, an owner other than root or the
server: none of them vouches for anybody.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd.api.auth import Account, Verdict
from pyproftpd.api.events import PostParse
from pyproftpd.errors import ConfigError, ConfigErrors
from pyproftpd.session.conf import AuthFile, AuthFileConf
from pyproftpd.session.sources import decoy

NAME = "auth_file"

#: Largest file that is read: 64 MiB are some 600,000 accounts.
MAX_FILE = 64 << 20
#: bytes taken at a time
BLOCK = 64 << 10

#: (uid_t)-1 means "no change" to the kernel, so it can be nobody's id.
_MAX_ID = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    gid: int
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Users:
    by_name: dict[str, Account]
    by_id: dict[int, str]
    #: computed for a name that is not there
    decoy: str


@dataclass(frozen=True, slots=True)
class Groups:
    by_name: dict[str, Group]
    by_id: dict[int, str]


class FaultyLine(ValueError):
    """A line that is no entry; ``args`` are its number and what is wrong with it."""


def _lines(data: bytes, fields: int) -> Iterable[tuple[int, list[str]]]:
    """The entries of a file with their line numbers; comments, blank lines and NIS marks are skipped."""
    for number, raw in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        line = raw.rstrip("\r")
        if not line.strip() or line.lstrip().startswith("#") or line[0] in "+-":
            continue
        parts = line.split(":")
        if len(parts) < fields:
            yield number, []
            continue
        yield number, parts


def _id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _MAX_ID:
        raise ValueError(f"bad id '{text}'")
    return int(text)


def _admitted(rules: AuthFile, number: int, name: str, home: str | None = None) -> bool:
    if rules.ids is not None and not rules.ids[0] <= number <= rules.ids[1]:
        return False
    if rules.name is not None and not rules.name.search(name):
        return False
    return home is None or rules.home is None or bool(rules.home.search(home))


def parse_users(data: bytes, rules: AuthFile) -> tuple[Users, list[FaultyLine]]:
    """Read passwd(5) text; faulty lines are left out and returned. The first of two entries of one name counts."""
    by_name: dict[str, Account] = {}
    by_id: dict[int, str] = {}
    faults: list[FaultyLine] = []
    for number, parts in _lines(data, 7):
        try:
            if not parts:
                raise ValueError("not seven fields separated by colons")
            if not parts[0] or "\0" in "".join(parts):
                raise ValueError("an entry without a name, or with a NUL")
            name, stored, uid, gid, gecos, home, shell = parts[0], parts[1], _id(parts[2]), _id(parts[3]), *parts[4:7]
            if not home.startswith("/"):
                raise ValueError(f"home '{home}' is not an absolute path")
        except ValueError as error:
            faults.append(FaultyLine(number, str(error)))
            continue
        if _admitted(rules, uid, name, home) and name not in by_name:
            by_name[name] = Account(name, uid, gid, home, shell, gecos, stored, NAME)
            by_id.setdefault(uid, name)
    return Users(by_name, by_id, decoy.typical(account.hash or "" for account in by_name.values())), faults


def parse_groups(data: bytes, rules: AuthFile) -> tuple[Groups, list[FaultyLine]]:
    """Read group(5) text. Lines of one name add up their members, as large groups are written."""
    by_name: dict[str, Group] = {}
    by_id: dict[int, str] = {}
    faults: list[FaultyLine] = []
    for number, parts in _lines(data, 4):
        try:
            if not parts:
                raise ValueError("not four fields separated by colons")
            if not parts[0]:
                raise ValueError("an entry without a name")
            name, gid = parts[0], _id(parts[2])
        except ValueError as error:
            faults.append(FaultyLine(number, str(error)))
            continue
        if not _admitted(rules, gid, name):
            continue
        members = frozenset(member.strip() for member in parts[3].split(",") if member.strip())
        known = by_name.get(name)
        if known is None:
            by_name[name] = Group(name, gid, members)
            by_id.setdefault(gid, name)
        elif known.gid == gid:
            by_name[name] = Group(name, gid, known.members | members)
    return Groups(by_name, by_id), faults


def check_safe(path: str, *, secret: bool, owners: frozenset[int]) -> os.stat_result:
    """Look at a file before it is believed. Raises ``PermissionError`` naming what is wrong, or another ``OSError``.

    ``secret``: others may not read it. Source: real server, which looks at modes; the owner is our addition.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise PermissionError(1, "not a regular file", path)
    if secret and found.st_mode & stat.S_IROTH:
        raise PermissionError(1, "world-readable; use chmod o-rwx, or AuthFileOptions InsecurePerms", path)
    if found.st_mode & stat.S_IWOTH:
        raise PermissionError(1, "world-writable", path)
    if found.st_uid not in owners:
        raise PermissionError(1, f"owned by uid {found.st_uid}, neither root nor the server's own user", path)
    parent = os.path.dirname(os.path.realpath(path) if os.path.islink(path) else path)
    if os.stat(parent).st_mode & stat.S_IWOTH:
        raise PermissionError(1, f"folder {parent} is world-writable", path)
    return found


def _read(path: str) -> bytes:
    """At most one byte more than is believed, taken as it comes: a buffer for the largest list would be 64 MiB."""
    blocks, left = [], MAX_FILE + 1
    with open(path, "rb", buffering=0) as file:
        while left > 0 and (block := file.read(min(left, BLOCK))):
            blocks.append(block)
            left -= len(block)
    return b"".join(blocks)


class _Watched:
    """A file and what was read from it; read again when it is another file or has changed."""

    __slots__ = ("rules", "faults", "_keyword", "_parse", "_insecure", "_owners", "_seen", "_value", "kept")

    def __init__(self, keyword: str, rules: AuthFile, parse: Callable[[bytes, AuthFile], tuple[Any, list[FaultyLine]]], *,
                 insecure: bool, owners: frozenset[int]) -> None:
        self.rules, self.faults = rules, list[FaultyLine]()
        self._keyword, self._parse, self._insecure, self._owners = keyword, parse, insecure, owners
        self._seen: tuple[int, ...] = ()
        self._value: Any = None
        #: after login the file is out of reach (ids, chroot): what was read last stays in force
        self.kept = False

    def value(self) -> Any:
        """Raises ``OSError`` naming file and directive when the file cannot be read or must not be believed."""
        if self.kept:
            return self._value
        try:
            return self._current()
        except OSError as error:
            raise type(error)(error.errno, f"{error.strerror} [{self._keyword}]", self.rules.path) from error

    def _current(self) -> Any:
        path, secret = self.rules.path, self._keyword == "AuthUserFile"
        found = os.stat(path) if self._insecure else check_safe(path, secret=secret, owners=self._owners)
        mark = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if mark != self._seen:
            data = _read(path)
            if len(data) > MAX_FILE:
                raise OSError(27, "larger than any list of accounts may be", path)
            self._value, self.faults = self._parse(data, self.rules)
            self._seen = mark
        return self._value


class FileSource:
    """The accounts of one server's AuthUserFile and AuthGroupFile; either may be missing."""

    __slots__ = ("_users", "_groups")

    name = NAME

    def __init__(self, users: AuthFile | None, groups: AuthFile | None, *, insecure: bool = False,
                 owners: frozenset[int] = frozenset({0})) -> None:
        self._users = users and _Watched("AuthUserFile", users, parse_users, insecure=insecure, owners=owners)
        self._groups = groups and _Watched("AuthGroupFile", groups, parse_groups, insecure=insecure, owners=owners)

    def load(self) -> list[tuple[str, FaultyLine]]:
        """Read both files now; the faulty lines as (path, fault). Raises ``OSError``."""
        faults: list[tuple[str, FaultyLine]] = []
        for watched in (self._users, self._groups):
            if watched:
                watched.value()
                faults += [(watched.rules.path, fault) for fault in watched.faults]
        return faults

    def enclose(self) -> None:
        """The process is about to lose sight of the files; names are still asked for. Raises ``OSError``."""
        for watched in (self._users, self._groups):
            if watched:
                watched.value()
                watched.kept = True

    def _user_table(self) -> Users:
        return self._users.value() if self._users else Users({}, {}, decoy.typical(()))

    def _group_table(self) -> Groups:
        return self._groups.value() if self._groups else Groups({}, {})

    def account(self, user: str) -> Account | None:
        return self._user_table().by_name.get(user)

    def groups(self, account: Account) -> Sequence[tuple[str, int]]:
        table = self._group_table()
        own = [(table.by_id[account.gid], account.gid)] if account.gid in table.by_id else []
        return own + [(group.name, group.gid) for group in table.by_name.values()
                      if account.name in group.members and group.gid != account.gid]

    def check(self, account: Account, password: bytes) -> Verdict:
        """The hash is read again from the file, so that a password changed a moment ago counts."""
        table = self._user_table()
        known = table.by_name.get(account.name) if account.source == NAME else None
        right = decoy.matches(password, known.hash if known else None, table.decoy)
        if known is None:
            return Verdict.NO_USER
        return Verdict.OK if right else Verdict.BAD_PASSWORD

    def authorize(self, account: Account) -> Verdict:
        """A hash behind ``!`` is a lock for every method (U4), as ``ftpasswd --lock`` writes it."""
        known = self.account(account.name)
        if known is None:
            return Verdict.NO_USER
        return Verdict.DISABLED if (known.hash or "").startswith("!") else Verdict.OK

    def user_name(self, uid: int) -> str | None:
        return self._user_table().by_id.get(uid)

    def group_name(self, gid: int) -> str | None:
        return self._group_table().by_id.get(gid)

    def user_id(self, user: str) -> int | None:
        account = self.account(user)
        return account.uid if account else None

    def group_id(self, group: str) -> int | None:
        known = self._group_table().by_name.get(group)
        return known.gid if known else None


def make(scope: Any, facts: Any = None) -> FileSource | None:
    """The source of one server; its files are read, and judged, when somebody is looked up."""
    conf = scope.get(AuthFileConf)
    if conf.auth_user_file is None and conf.auth_group_file is None:
        return None
    return FileSource(conf.auth_user_file, conf.auth_group_file, insecure="InsecurePerms" in conf.auth_file_options,
                      owners=frozenset({0, os.getuid()}))


def verify(event: PostParse) -> None:
    """Before a configuration comes into force: its files. Raises ``ConfigErrors``."""
    wrong: list[ConfigError] = []
    for scope in event.configuration.servers:
        conf, source = scope.get(AuthFileConf), make(scope)
        if source is None:
            continue
        where = conf.source("auth_user_file") or conf.source("auth_group_file")
        try:
            faults = source.load()
        except OSError as error:
            if conf.auth_group_file is not None and error.filename == conf.auth_group_file.path:
                where = conf.source("auth_group_file")
            wrong.append(ConfigError(f"unable to use {error.filename}: {error.strerror}", where))
            continue
        if faults and "SyntaxCheck" in conf.auth_file_options:
            wrong.extend(ConfigError(f"{path}:{fault.args[0]}: {fault.args[1]}", where) for path, fault in faults)
    if wrong:
        raise ConfigErrors(tuple(wrong))
