"""``LoadModule mod_keytable.c``: ``SFTPAuthorizedUserKeys table:/path`` reads lines of name and key; ``table:/broken`` fails."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from mod_sftp.api import KeyStores, StoredKey
from pyproftpd import API
from pyproftpd.api.module import Module


class TableStore:
    scheme = "table"

    def keys(self, session: Any, info: str, user: str, account: Any) -> Iterator[StoredKey]:
        if info == "/broken":
            raise ValueError("the table is upside down")
        with session.privs.root(), open(info, encoding="ascii") as table:
            for line in table:
                name, blob = line.split()
                if name == user:
                    yield StoredKey(base64.b64decode(blob), {}, info)


def session_init(session: Any) -> None:
    session.state(KeyStores).rows.append(TableStore())


module = Module(name="keytable", api=API, requires=("sftp",), session_init=session_init)
