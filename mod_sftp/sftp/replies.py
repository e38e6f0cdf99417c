"""Reply shapes: a handler's answer into the message of the agreed version. A column of the table."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mod_sftp.sftp.status import TEXTS, Status, reply
from mod_sftp.wire.fxp import HEADER, MIN_MESSAGE, Fxp, message
from mod_sftp.wire.ssh import string
from pyproftpd.api.command import Command

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer

#: ``shape(server, command, request id, answer) -> message``; fills the command's code where a STATUS is sent
Shape = Callable[["SftpServer", Command, int, Any], bytes]

_U32 = struct.Struct(">I")
#: length word, type, request id, and the length of the one string behind them
_STRING_HEAD = struct.Struct(">IBII")


@dataclass(frozen=True, slots=True)
class Named:
    """One entry of a NAME reply, encoded: ``long_name`` goes out to versions 1 to 3 only."""

    name: bytes
    long_name: bytes
    attrs: bytes


@dataclass(frozen=True, slots=True)
class Entries:
    """A NAME reply; ``last``: the directory ends here (version 6 is told so)."""

    names: Sequence[Named]
    last: bool = False


def status(sftp: SftpServer, cmd: Command, ident: int, answer: int | None) -> bytes:
    """``None`` is OK."""
    code = Status.OK if answer is None else answer
    cmd.code, cmd.text = str(code), TEXTS[code]
    return reply(sftp.version, ident, code)


def handle(sftp: SftpServer, cmd: Command, ident: int, answer: bytes) -> bytes:
    size = len(answer)
    return _STRING_HEAD.pack(MIN_MESSAGE + 4 + size, Fxp.HANDLE, ident, size) + answer


def attributes(sftp: SftpServer, cmd: Command, ident: int, answer: bytes) -> bytes:
    """``answer`` is encoded already."""
    return HEADER.pack(MIN_MESSAGE + len(answer), Fxp.ATTRS, ident) + answer


def names(sftp: SftpServer, cmd: Command, ident: int, answer: Entries | None) -> bytes:
    """``None`` is the end of a directory."""
    if answer is None:
        return status(sftp, cmd, ident, Status.EOF)
    parts = [_U32.pack(len(answer.names))]
    if sftp.version <= 3:
        for entry in answer.names:
            parts += (string(entry.name), string(entry.long_name), entry.attrs)
    else:
        for entry in answer.names:
            parts += (string(entry.name), entry.attrs)
    if sftp.version >= 6:
        parts.append(b"\1" if answer.last else b"\0")
    return message(Fxp.NAME, ident, *parts)


def data(sftp: SftpServer, cmd: Command, ident: int, answer: bytes | None) -> bytes:
    """``None`` is the end of a file."""
    if answer is None:
        return status(sftp, cmd, ident, Status.EOF)
    return message(Fxp.DATA, ident, string(answer))


def extended(sftp: SftpServer, cmd: Command, ident: int, answer: bytes) -> bytes:
    """EXTENDED_REPLY: what the extension defines."""
    return message(Fxp.EXTENDED_REPLY, ident, answer)
