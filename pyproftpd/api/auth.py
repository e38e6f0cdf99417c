"""Identities and the sources that vouch for them: what an authentication module provides, as rows."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Verdict(enum.Enum):
    """What a source says of a login. ``DECLINED`` = not mine, ask the next in AuthOrder."""

    OK = "ok"
    DECLINED = "declined"
    NO_USER = "no such user"
    BAD_PASSWORD = "wrong password"
    EXPIRED = "password expired"
    ACCOUNT_EXPIRED = "account expired"
    DISABLED = "account disabled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Account:
    """One account as its source gives it. ``hash`` is crypt(3) text, ``None`` where the source keeps it to itself."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    gecos: str = ""
    hash: str | None = field(default=None, repr=False)
    #: module that supplied it (``auth_file``, ``auth_unix``): only that one may vouch for it (security.md U19)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a session is after login; the ids are the ones the kernel will be told."""

    user: str
    uid: int
    gid: int
    groups: tuple[str, ...]
    gids: tuple[int, ...]
    home: str
    shell: str
    #: name as the client sent it, before UserAlias (``%U``)
    original_user: str = ""
    anonymous: bool = False
    source: str = ""

    @property
    def group(self) -> str:
        """Name of the primary group, or its number as text."""
        return self.groups[0] if self.groups else str(self.gid)


class AuthSource(Protocol):
    """What an authentication module implements (ProFTPD's ``authtable``). Unknown names are ``None``, never an error.

    A source that cannot be read raises ``OSError``: the login is refused, never decided by the next source alone.
    Constructed in the master once per server, used in the session child as root, before ids are dropped.
    """

    name: str

    def account(self, user: str) -> Account | None: ...

    def groups(self, account: Account) -> Sequence[tuple[str, int]]:
        """Supplementary groups of an account as (name, gid), its own primary group first."""
        ...

    def check(self, account: Account, password: bytes) -> Verdict:
        """Is this the password? Takes the same time whether or not it is."""
        ...

    def authorize(self, account: Account) -> Verdict:
        """May this account log in at all (expiry, locks), whatever the method?"""
        ...

    def user_name(self, uid: int) -> str | None: ...

    def group_name(self, gid: int) -> str | None: ...

    def user_id(self, user: str) -> int | None: ...

    def group_id(self, group: str) -> int | None: ...

    def enclose(self) -> None:
        """Root, and the real root directory, are about to be lost: what is asked for from here on must be at hand."""
        ...
