"""What is known of a finished file transfer: the one record that xferlog, ExtendedLog and scoreboard read."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Direction(enum.StrEnum):
    """The letters of xferlog(5)."""

    UPLOAD = "i"
    DOWNLOAD = "o"
    DELETE = "d"


class TransferRecord(NamedTuple):
    """Sizes in bytes, ``seconds`` on the monotonic clock, ``path`` absolute and outside of any chroot."""

    direction: Direction
    path: str
    bytes: int
    seconds: float
    complete: bool
    #: first offset of data, None when the transfer began at the start (``%{file-offset}``)
    offset: int | None = None
    #: size of the file: after an upload, at the begin of a download (``%{file-size}``)
    file_size: int | None = None
    #: why it failed, ``""`` on success (``%{transfer-failure}``)
    failure: str = ""
    #: virtual path as the client saw it (``%F``)
    client_path: str = ""
