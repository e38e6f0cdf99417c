"""What sibling modules may know of mod_sftp (our ``mod_sftp.h``): keyboard-interactive drivers and key stores, as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pyproftpd.api.auth import Account, Verdict


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question of a keyboard-interactive round (RFC 4256 3.2)."""

    text: str
    echo: bool


class Abandoned(Exception):
    """The client began another method, or left, in the middle of a conversation (RFC 4256 3.1)."""


#: ``exchange(name, instruction, prompts) -> answers``; blocks in the session's own loop; raises :class:`Abandoned`
Exchange = Callable[[str, str, Sequence[Prompt]], Sequence[bytes]]


class KbdintDriver(Protocol):
    """Decides a keyboard-interactive attempt by asking questions through ``exchange``."""

    name: str

    def available(self, scope: Any) -> bool:
        """Should it be offered where SFTPAuthMethods does not name keyboard-interactive?"""
        ...

    def authenticate(self, session: Any, user: str, account: Account | None, exchange: Exchange) -> Verdict:
        """``account`` is ``None`` for a user who does not exist: ask the same questions, then refuse (security.md U2)."""
        ...


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key of a store: its blob (RFC 4253 6.6), what is written beside it, and where it was found.

    ``headers`` are those of RFC 4716, ``options`` those of an OpenSSH line; names in lower case.
    """

    blob: bytes
    headers: dict[str, str]
    origin: str
    options: tuple[tuple[str, str], ...] = ()


class KeyStore(Protocol):
    """``SFTPAuthorizedUserKeys scheme:info``: yields the keys of a user; unreadable = no keys, with a line in the log.

    Raises: OSError, ValueError, whose text goes to the log.
    """

    scheme: str

    def keys(self, session: Any, info: str, user: str, account: Account) -> Iterable[StoredKey]: ...


class KbdintDrivers:
    """The drivers of a session, in ``session.state(KbdintDrivers).rows``; a module adds its own in ``session_init``."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: list[KbdintDriver] = []


class KeyStores:
    """Kinds of key stores beside ``file:``, in ``session.state(KeyStores).rows``; added in ``session_init``."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: list[KeyStore] = []


class Banner:
    """Text for the user before or at the login (SSH_MSG_USERAUTH_BANNER): ``session.store[Banner].send(text)``."""

    __slots__ = ("send",)

    def __init__(self, send: Callable[[str], None]) -> None:
        self.send = send
