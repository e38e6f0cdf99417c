"""Who is who: vendor-id, version-select, home-directory (draft-ietf-secsh-filexfer-13 section 5.5, -extensions-00)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING

import pyproftpd
from mod_sftp.sftp import replies
from mod_sftp.sftp.replies import Entries, Named
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.sftp.table import MISC, Row, by_name
from mod_sftp.wire.attrs import unknown
from mod_sftp.wire.fxp import Dialect, Field, Fxp, Request
from mod_sftp.wire.ssh import Reader, string
from pyproftpd.api.command import Command
from pyproftpd.errors import Refused

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer

#: Longest text of a vendor-id field, a user name or a version that is looked at.
MAX_TEXT = 1024

VENDOR_NAME, PRODUCT_NAME = "pyproftpd", "mod_sftp"


def announcement(sftp: SftpServer) -> bytes:
    return string(VENDOR_NAME) + string(PRODUCT_NAME) + string(pyproftpd.__version__) + struct.pack(">Q", 0)


def word(reader: Reader, _: Dialect) -> str:
    return bytes(reader.string(MAX_TEXT)).decode("utf-8", "replace")


def vendor_text(reader: Reader, dialect: Dialect) -> str:
    vendor, product, version = (word(reader, dialect) for _ in range(3))
    return f"{vendor} {product} {version} build {reader.u64()}"


def vendor_id(sftp: SftpServer, cmd: Command, request: Request) -> None:
    """A client introduces itself: one line in the log."""
    sftp.line(f"client sent vendor-id {request.name!a}")


def version_select(sftp: SftpServer, cmd: Command, request: Request) -> None:
    """Only the first request after INIT may choose another version; anything else ends the channel (behaviours 124)."""
    choice = request.name
    if not (sftp.fresh and choice.isascii() and choice.isdigit() and len(choice) == 1
            and sftp.terms.lowest <= int(choice) <= sftp.terms.highest):
        sftp.over = True
        raise StatusError(Status.FAILURE, "version-select is not possible", number=errno.EPROTO)
    sftp.agree(int(choice))


def home_directory(sftp: SftpServer, cmd: Command, request: Request) -> Entries:
    """The session's own home as its client sees it; whether other names exist is not told (behaviours 175)."""
    if request.name not in ("", sftp.session.user):
        raise Refused("home-directory of another user", errno.ENOENT)
    name = sftp.name(sftp.view.home)
    return Entries([Named(name, name, unknown(sftp.version))])


VENDOR = Row(Fxp.EXTENDED, "EXTENDED", vendor_id, replies.status, by_name, MISC, layout=(Field("name", vendor_text),))
SELECT = Row(Fxp.EXTENDED, "EXTENDED", version_select, replies.status, by_name, MISC, layout=(Field("name", word),))
HOME = Row(Fxp.EXTENDED, "HOMEDIR", home_directory, replies.names, by_name, MISC, layout=(Field("name", word),))
