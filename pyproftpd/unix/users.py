"""Names of ids and ids of names, as the authentication sources give them, remembered both ways.

After login the sources answer from what they kept (``enclose``), so that no look-up leaves a chroot or loads a library
from inside it.
"""

from __future__ import annotations

from typing import Protocol

#: Most names remembered each way: a listing of that many distinct owners is not a listing that people read.
MAX_REMEMBERED = 16384


class NameSource(Protocol):
    def user_name(self, uid: int) -> str | None: ...

    def group_name(self, gid: int) -> str | None: ...

    def user_id(self, user: str) -> int | None: ...

    def group_id(self, group: str) -> int | None: ...


class Names:
    """Look-ups for one session. An id that nobody knows is written as its number."""

    __slots__ = ("_source", "_users", "_groups", "_user_ids", "_group_ids")

    def __init__(self, source: NameSource) -> None:
        self._source = source
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._user_ids: dict[str, int | None] = {}
        self._group_ids: dict[str, int | None] = {}

    def user_name(self, uid: int) -> str:
        name = self._users.get(uid)
        if name is None:
            name = self._source.user_name(uid) or str(uid)
            if len(self._users) < MAX_REMEMBERED:
                self._users[uid] = name
        return name

    def group_name(self, gid: int) -> str:
        name = self._groups.get(gid)
        if name is None:
            name = self._source.group_name(gid) or str(gid)
            if len(self._groups) < MAX_REMEMBERED:
                self._groups[gid] = name
        return name

    def user_id(self, user: str) -> int | None:
        if user not in self._user_ids:
            if len(self._user_ids) >= MAX_REMEMBERED:
                return self._source.user_id(user)
            self._user_ids[user] = self._source.user_id(user)
        return self._user_ids[user]

    def group_id(self, group: str) -> int | None:
        if group not in self._group_ids:
            if len(self._group_ids) >= MAX_REMEMBERED:
                return self._source.group_id(group)
            self._group_ids[group] = self._source.group_id(group)
        return self._group_ids[group]
