"""Accounts of the system: NSS for names, /etc/shadow read directly for passwords and ageing.

Source: real server, mod_auth_unix.

Python's ``spwd`` is gone from 3.13; shadow(5) is read here, as root, whole, at every check: a name that is not in it
costs what one that is does.
"""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyproftpd.api.auth import Account, Verdict
from pyproftpd.session.conf import AuthUnixConf
from pyproftpd.session.sources import decoy

NAME = "auth_unix"
PASSWD, GROUP, SHADOW = "/etc/passwd", "/etc/group", "/etc/shadow"

_DAY = 86400


@dataclass(frozen=True, slots=True)
class Shadow:
    """One line of shadow(5); days since 1970, ``None`` where the field is empty."""

    name: str
    hash: str = field(repr=False)
    changed: int | None
    longest: int | None
    inactive: int | None
    expires: int | None

    def aged(self, today: int) -> Verdict:
        """May the account be used today? A password that must be changed cannot be changed here, so: no.

        Source: shadow(5), fields 3, 5, 7 and 8.
        """
        if self.expires is not None and today >= self.expires:
            return Verdict.ACCOUNT_EXPIRED
        if self.changed == 0:
            return Verdict.EXPIRED
        if self.changed is not None and self.longest is not None and today > self.changed + self.longest:
            if self.inactive is not None and today > self.changed + self.longest + self.inactive:
                return Verdict.ACCOUNT_EXPIRED
            return Verdict.EXPIRED
        return Verdict.OK


def _number(text: str) -> int | None:
    """A number; empty or negative means that it is not set."""
    return int(text) if text.isascii() and text.isdigit() else None


def shadow_lines(path: str = SHADOW) -> Iterator[Shadow]:
    """Raises ``OSError``."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            parts = line.rstrip("\n").split(":")
            if len(parts) >= 8:
                yield Shadow(parts[0], parts[1], _number(parts[2]), _number(parts[4]), _number(parts[6]), _number(parts[7]))


class UnixSource:
    """The host's own users, whatever NSS draws them from; with ``files`` (PersistentPasswd on) those of /etc/passwd alone."""

    __slots__ = ("_passwd_path", "_group_path", "_shadow_path", "_clock", "_options", "_files", "_enclosed", "_users",
                 "_groups")

    name = NAME

    def __init__(self, *, passwd: str = PASSWD, group: str = GROUP, shadow: str = SHADOW, files: bool = False,
                 clock: Callable[[], float] = time.time, options: frozenset[str] = frozenset()) -> None:
        self._passwd_path, self._group_path, self._shadow_path = passwd, group, shadow
        self._clock, self._options, self._files = clock, options, files
        self._enclosed = False
        self._users: Mapping[int, str] | None = None
        self._groups: Mapping[int, str] | None = None
        if files:
            self._read_names()

    def enclose(self) -> None:
        """From here on only names of /etc/passwd and /etc/group, as they are now.

        Inside a chroot NSS would load its libraries and files from folders that the user may write to.
        """
        self._enclosed = True
        self._read_names()

    def _read_names(self) -> None:
        self._users, self._groups = _names_by_id(self._passwd_path), _names_by_id(self._group_path)

    def account(self, user: str) -> Account | None:
        if not user or "\0" in user or self._enclosed:
            return None
        if self._files:
            return _account_of_file(user, self._passwd_path)
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            return None
        # Some name services answer to other spellings of a name; rules are written for the one that was given.
        if entry.pw_name != user:
            return None
        return Account(user, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell, entry.pw_gecos, None, NAME)

    def groups(self, account: Account) -> Sequence[tuple[str, int]]:
        if self._files:
            gids = _gids_of_file(account.name, self._group_path)
        elif "NoGetgrouplist" in self._options:
            gids = [account.gid, *(entry.gr_gid for entry in grp.getgrall() if account.name in entry.gr_mem)]
        else:
            gids = os.getgrouplist(account.name, account.gid)
        ordered = dict.fromkeys([account.gid, *gids])
        return [(self.group_name(gid) or str(gid), gid) for gid in ordered]

    def _shadow(self, user: str) -> tuple[Shadow | None, str]:
        """The line of a user and the hash to compute where there is none. No shadow file at all: no line (U4)."""
        try:
            lines = list(shadow_lines(self._shadow_path))
        except FileNotFoundError:
            lines = []
        own = next((line for line in lines if line.name == user), None)
        return own, decoy.typical(line.hash for line in lines)

    def check(self, account: Account, password: bytes) -> Verdict:
        own, stand_in = self._shadow(account.name)
        stored = own.hash if own else self._passwd_hash(account)
        right = decoy.matches(password, stored if account.source == NAME else None, stand_in)
        if account.source != NAME:
            return Verdict.NO_USER
        return Verdict.OK if right else Verdict.BAD_PASSWORD

    def _passwd_hash(self, account: Account) -> str | None:
        """Hosts without shadow keep the hash in passwd itself."""
        if self._files:
            return next((stored for name, stored, *_ in _lines(self._passwd_path, 3) if name == account.name), None)
        try:
            return pwd.getpwnam(account.name).pw_passwd
        except KeyError:
            return None

    def authorize(self, account: Account) -> Verdict:
        """Users of a name service have no line in shadow: nothing speaks against them here (Issue 890)."""
        own, _ = self._shadow(account.name)
        if own is None:
            return Verdict.OK
        if own.hash.startswith("!"):
            return Verdict.DISABLED
        return own.aged(int(self._clock() // _DAY))

    def user_name(self, uid: int) -> str | None:
        if self._users is not None:
            return self._users.get(uid)
        try:
            return pwd.getpwuid(uid).pw_name
        except (KeyError, OverflowError):
            return None

    def group_name(self, gid: int) -> str | None:
        if self._groups is not None:
            return self._groups.get(gid)
        try:
            return grp.getgrgid(gid).gr_name
        except (KeyError, OverflowError):
            return None

    def user_id(self, user: str) -> int | None:
        if self._users is not None:
            return _id_of(user, self._users)
        account = self.account(user)
        return account.uid if account else None

    def group_id(self, group: str) -> int | None:
        if self._groups is not None:
            return _id_of(group, self._groups)
        if not group or "\0" in group:
            return None
        try:
            return grp.getgrnam(group).gr_gid
        except KeyError:
            return None


def _lines(path: str, fields: int) -> Iterator[list[str]]:
    """The entries of passwd(5) or group(5) that have a name, a number, and ``fields`` fields. Raises ``OSError``."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                parts = line.rstrip("\n").split(":")
                if len(parts) >= fields and parts[0] and _number(parts[2]) is not None:
                    yield parts
    except FileNotFoundError:
        return


def _names_by_id(path: str) -> Mapping[int, str]:
    """Names by number; the first of two lines of one number counts, as in NSS."""
    names: dict[int, str] = {}
    for name, _, number, *_ in _lines(path, 3):
        names.setdefault(int(number), name)
    return names


def _account_of_file(user: str, path: str) -> Account | None:
    for name, _, uid, gid, gecos, home, shell, *_ in _lines(path, 7):
        if name == user and _number(gid) is not None:
            return Account(user, int(uid), int(gid), home, shell, gecos, None, NAME)
    return None


def _gids_of_file(user: str, path: str) -> list[int]:
    return [int(gid) for _, _, gid, members, *_ in _lines(path, 4) if user in members.split(",")]


def _id_of(wanted: str, names: Mapping[int, str]) -> int | None:
    return next((number for number, name in names.items() if name == wanted), None)


def make(scope: Any, facts: Any = None) -> UnixSource:
    conf = scope.get(AuthUnixConf)
    return UnixSource(files=conf.persistent_passwd, options=frozenset(conf.auth_unix_options))
