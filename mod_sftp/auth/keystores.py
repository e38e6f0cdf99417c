"""Key stores: where the keys of a user are kept. ``file:`` is built in; a sibling module adds rows (``sql:``)."""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mod_sftp.api import KeyStore, KeyStores, StoredKey
from mod_sftp.auth.strictfiles import read_strictly
from mod_sftp.log import SftpLog
from mod_sftp.wire.keyfiles import KeyEntry, KeyFileError, read_public_keys
from pyproftpd.api.auth import Account

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

#: Stands for the account of a name that has none, so that its stores are looked up with the same work (security.md U1).
_GHOST = Account(name="", uid=65534, gid=65534, home="/nonexistent", shell="")


class FileStore:
    """``file:/etc/keys/%u``, ``file:~/.ssh/authorized_keys``: RFC 4716 blocks and lines of OpenSSH, mixed as they come."""

    __slots__ = ()

    scheme = "file"

    def keys(self, session: Session, info: str, user: str, account: Account) -> Iterator[StoredKey]:
        path = expand(info, user, account)
        for entry in read_public_keys(read_strictly(path, account, session.privs)):
            if isinstance(entry, KeyFileError):
                session.state(SftpLog).line(f"entry of '{path}' ignored: {entry}")
            else:
                yield stored(entry, path)


def stored(entry: KeyEntry, origin: str) -> StoredKey:
    """The comment of an OpenSSH line is none of its options."""
    if not entry.openssh:
        return StoredKey(entry.blob, dict(entry.headers), origin)
    return StoredKey(entry.blob, {}, origin, tuple(pair for pair in entry.headers if pair[0] != "comment"))


def expand(info: str, user: str, account: Account) -> str:
    """``~`` and ``%u``. Raises: ValueError for a name that would lead elsewhere, and for a path that is not absolute."""
    if "%u" in info:
        if "/" in user or "\0" in user or user in ("", ".", ".."):
            raise ValueError("the user name cannot stand in a path")
        info = info.replace("%u", user)
    if info == "~" or info.startswith("~/"):
        info = account.home + info[1:]
    if not info.startswith("/"):
        raise ValueError(f"'{info}' is not an absolute path")
    return info


def candidates(session: Session, stores: Sequence[str], user: str, account: Account | None) -> Iterator[StoredKey]:
    """Every key of every store, in their order. A store that cannot be believed yields nothing and says so in the log."""
    log = session.state(SftpLog)
    kinds: dict[str, KeyStore] = {row.scheme: row for row in (FileStore(), *session.state(KeyStores).rows)}
    holder = account if account is not None else dataclasses.replace(_GHOST, name=user)
    for store in stores:
        scheme, _, info = store.partition(":")
        kind = kinds.get(scheme)
        if kind is None:
            log.line(f"key store '{store}' ignored: no module provides '{scheme}:'")
            continue
        try:
            yield from kind.keys(session, info, user, holder)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            log.line(f"key store '{store}' refused for user '{user}': {reason}")


def find(keys: Iterable[StoredKey], blob: bytes) -> list[StoredKey]:
    """The entries of one key; several may stand in a store with different options."""
    return [key for key in keys if hmac.compare_digest(key.blob, blob)]
