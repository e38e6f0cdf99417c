"""Extensions of OpenSSH: fsync, posix-rename, hardlink, limits, users-groups-by-id, lsetstat, expand-path.

Source: OpenSSH, PROTOCOL section 4.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mod_sftp.sftp import attributes, dirs, files, replies
from mod_sftp.sftp.replies import Entries, Named
from mod_sftp.sftp.table import DIRS, INFO, MISC, RNFR, RNTO, WRITE, Row, by_handle, by_name, by_path, by_paths
from mod_sftp.wire.attrs import unknown
from mod_sftp.wire.fxp import Dialect, Field, Fxp, Request, handle, path
from mod_sftp.wire.fxp import attributes as attribute_fields
from mod_sftp.wire.ssh import Reader, string
from pyproftpd.api.command import Command
from pyproftpd.errors import PeerError

if TYPE_CHECKING:
    from mod_sftp.sftp.act import Steps
    from mod_sftp.sftp.server import SftpServer

#: Ids of one users-groups-by-id request, of each kind; OpenSSH's client asks for those of one listing.
MAX_IDS = 4096

PATH, TARGET = Field("path", path), Field("target", path)
HANDLE = Field("handle", handle)


def fsync(sftp: SftpServer, cmd: Command, request: Request) -> None:
    found = sftp.handles.file(request.handle)
    if found.write_at is not None:
        found.transfer.sync()  # type: ignore[union-attr]


def posix_rename(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """Asks to replace; whether it may is AllowOverwrite's word (behaviours 156, where the real server does not ask)."""
    return files.move(sftp, cmd, overwrite=True)


def hardlink(sftp: SftpServer, cmd: Command, request: Request) -> None:
    cmd.sent, cmd.sent2 = cmd.sent2, cmd.sent  # the View takes the new name first
    sftp.view.link(cmd, cmd.path2 or "", cmd.path or "")


def limits(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    """Largest message, READ, WRITE, and most handles (behaviours 172)."""
    terms = sftp.terms
    return struct.pack(">QQQQ", terms.max_message, terms.max_data, terms.max_data, terms.max_handles)


def ids(reader: Reader, _: Dialect) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return _packed(reader), _packed(reader)


def _packed(reader: Reader) -> tuple[int, ...]:
    data = reader.string(MAX_IDS * 4)
    if len(data) % 4:
        raise PeerError("list of ids is cut in the middle of one")
    return tuple(number for (number,) in struct.iter_unpack(">I", data))


def users_groups(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    """Names in the order asked; an unknown id has the empty name (behaviours 174)."""
    users, groups = request.ids
    view = sftp.view
    return _names(users, view.user_name) + _names(groups, view.group_name)


def _names(numbers: tuple[int, ...], look_up: object) -> bytes:
    assert callable(look_up)
    found = ((number, look_up(number)) for number in numbers)
    return string(b"".join(string("" if name == str(number) else name) for number, name in found))


def lsetstat(sftp: SftpServer, cmd: Command, request: Request) -> None:
    attributes.apply(sftp, cmd, cmd.path or "", request.attrs, follow=False)


def expand_path(sftp: SftpServer, cmd: Command, request: Request) -> Entries:
    """``~`` and ``~/x`` begin at home, as does ``~user`` for the session's own name; other users' homes are not told."""
    text = request.path
    own = "~" + sftp.session.user
    if text == own or text.startswith(own + "/"):
        text = "~" + text[len(own):]
    cmd.path = sftp.path(text)
    name = sftp.name(dirs.path_to_be(sftp, cmd))
    return Entries([Named(name, name, unknown(sftp.version))])


FSYNC = Row(Fxp.EXTENDED, "FSYNC", fsync, replies.status, by_handle, MISC, layout=(HANDLE,))
POSIX_RENAME = Row(Fxp.EXTENDED, "RENAME", posix_rename, replies.status, by_paths, MISC | WRITE, ("RNTO",), "WRITE",
                   (RNFR, RNTO), layout=(PATH, TARGET))
HARDLINK = Row(Fxp.EXTENDED, "HARDLINK", hardlink, replies.status, by_paths, MISC, ("HARDLINK", "LINK"), "WRITE",
               layout=(PATH, TARGET))
LIMITS = Row(Fxp.EXTENDED, "LIMITS", limits, replies.extended, by_name, MISC)
USERS_GROUPS = Row(Fxp.EXTENDED, "EXTENDED", users_groups, replies.extended, by_name, MISC, layout=(Field("ids", ids),))
LSETSTAT = Row(Fxp.EXTENDED, "EXTENDED", lsetstat, replies.status, by_path, WRITE, ("LSETSTAT", "SETSTAT"), "WRITE",
               layout=(PATH, Field("attrs", attribute_fields)))
EXPAND_PATH = Row(Fxp.EXTENDED, "EXTENDED", expand_path, replies.names, by_path, INFO | DIRS, ("REALPATH",), "DIRS",
                  layout=(PATH,))
