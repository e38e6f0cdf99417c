"""What one channel's SFTP server goes by: settings, and what the client's version text makes necessary. Fixed at open."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mod_sftp.conf import SftpConf
from mod_sftp.log import SftpLog
from mod_sftp.quirks import overrides
from mod_sftp.sftp.links import draft_order
from mod_sftp.wire.fxp import HIGHEST, LOWEST, MAX_DATA, MAX_MESSAGE, RAW_NAMES, Names
from pyproftpd.session.conf import EncodingConf, ProtocolConf
from pyproftpd.wire.utf8 import PathCodec

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

#: Descriptors that a session needs beside its handles: socket, logs, scoreboard, and those of the request at hand.
SPARE_DESCRIPTORS = 24
#: Descriptors of a handle: an upload holds the directory of its file as well, a listing the stream of its names.
PER_HANDLE = 2
#: Handles of one channel, however many descriptors there are: a client cannot make us hold more.
MAX_HANDLES = 65536
#: For clients that take the announced limits as they are and fail on messages above 256 KiB (behaviours 36).
SMALL_MESSAGE = 256 * 1024
#: Names are UTF-8 from this version on (behaviours 125).
UTF8_FROM = 4

ALL_PROTOCOLS = frozenset({"sftp", "scp", "date"})


@dataclass(frozen=True, slots=True)
class Terms:
    """``extensions`` and ``options`` are the words of SFTPExtensions and SFTPOptions that are on."""

    options: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    protocols: frozenset[str] = ALL_PROTOCOLS
    lowest: int = LOWEST
    highest: int = HIGHEST
    utf8_from: int = UTF8_FROM
    raw_names: Names = RAW_NAMES
    utf8_names: Names = RAW_NAMES
    draft_symlinks: bool = False
    max_message: int = MAX_MESSAGE
    max_data: int = MAX_DATA
    max_handles: int = 1024


def terms_of(session: Session) -> Terms:
    """Read after login, so that sections of a user or group count (behaviours 17, 18)."""
    conf = session.scope.get(SftpConf)
    client = client_version(session)
    quirks = overrides(client, conf.client_match)
    lowest, highest = quirks.protocol_version or (LOWEST, HIGHEST)
    small = quirks.short_limits
    return Terms(
        options=conf.options, extensions=conf.extensions, protocols=protocols(session), lowest=lowest, highest=highest,
        utf8_from=quirks.utf8_protocol_version or UTF8_FROM, utf8_names=utf8_names(session),
        draft_symlinks=draft_order(client),
        max_message=SMALL_MESSAGE if small else MAX_MESSAGE,
        max_data=SMALL_MESSAGE - 1024 if small else MAX_DATA, max_handles=most_handles())


def utf8_names(session: Session) -> Names:
    """UTF-8 on the wire, and on disk what UseEncoding calls local; a name that is not convertible stays as it is
    (behaviours 25, 125)."""
    encoding = session.scope.get(EncodingConf).use_encoding
    if isinstance(encoding, bool):
        return RAW_NAMES
    try:
        codec = PathCodec(encoding[0], "utf-8")
    except LookupError:
        log = session.store.get(SftpLog)
        if isinstance(log, SftpLog):
            log.line(f"UseEncoding: unknown character set '{encoding[0]}', names are not converted")
        return RAW_NAMES
    return Names(codec.decode, codec.encode)


def client_version(session: Session) -> str:
    """The client's version text behind ``SSH-2.0-``, without its comment (behaviours 15)."""
    banner = session.environ.get("SFTP_CLIENT_BANNER", "")
    return banner.removeprefix("SSH-2.0-").removeprefix("SSH-1.99-").partition(" ")[0]


def protocols(session: Session) -> frozenset[str]:
    """What Protocols lets this user work with; unset is everything."""
    return frozenset(session.scope.get(ProtocolConf).protocols) or ALL_PROTOCOLS


def most_handles() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return MAX_HANDLES
    return max(1, min((soft - SPARE_DESCRIPTORS) // PER_HANDLE, MAX_HANDLES))
