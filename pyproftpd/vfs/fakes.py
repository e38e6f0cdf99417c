"""DirFakeUser, DirFakeGroup, DirFakeMode: what a listing shows in place of the truth. Access is never decided by it."""

from __future__ import annotations

import os
from typing import NamedTuple

from pyproftpd.api.auth import Identity
from pyproftpd.unix.users import Names


class Shown(NamedTuple):
    """Owner, group and mode (with type bits) as a client is to see them."""

    owner: str
    group: str
    mode: int
    uid: int
    gid: int


class Fakes:
    """The fakes of one directory. ``user`` and ``group`` are names, ``~`` for the session's own, ``""`` for the truth."""

    __slots__ = ("_names", "_user", "_group", "_mode")

    def __init__(self, names: Names, identity: Identity, *, user: str = "", group: str = "", mode: int | None = None) -> None:
        self._names = names
        self._user: tuple[str, int] | None = None
        self._group: tuple[str, int] | None = None
        if user:
            self._user = (identity.user, identity.uid) if user == "~" else (user, _number(names.user_id(user)))
        if group:
            self._group = (identity.group, identity.gid) if group == "~" else (group, _number(names.group_id(group)))
        self._mode = mode

    def show(self, info: os.stat_result) -> Shown:
        mode = info.st_mode
        if self._mode is not None:
            mode = self._directory_search(mode & ~0o7777, self._mode)
        if self._user is None:
            owner, uid = self._names.user_name(info.st_uid), info.st_uid
        else:
            owner, uid = self._user
        if self._group is None:
            group, gid = self._names.group_name(info.st_gid), info.st_gid
        else:
            group, gid = self._group
        return Shown(owner, group, mode, uid, gid)

    @staticmethod
    def _directory_search(kind: int, mode: int) -> int:
        """A directory gets search permission for everybody. Source: real server, mod_sftp, verified live."""
        return kind | mode | (0o111 if kind == 0o040000 else 0)


def _number(number: int | None) -> int:
    """A fake name that is no account is shown with the id of nobody's."""
    return 65534 if number is None else number
