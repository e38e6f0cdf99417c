"""Every SFTP request, once: what logs call it, which commands it acts as, what Limit is asked, how it is answered.

``pseudo`` are the FTP commands that hooks and logs see around the handler, in order; the View gets the last of them (or
the request's own command), so the ``limits`` and ``group`` of a row are on all of its commands. OPEN and OPENDIR begin
their STOR, APPE, RETR or MLSD themselves: those end at CLOSE.

Source: real server, mod_sftp's pseudo-commands and Limit names (sorted out by trying each against it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mod_sftp.sftp import attributes, data, dirs, files, links, locks, replies
from mod_sftp.wire.fxp import HIGHEST, LAYOUTS, LOWEST, Field, Fxp, Request, fields_of
from pyproftpd.api.command import Command, LogClass
from pyproftpd.wire import vpath

if TYPE_CHECKING:
    from mod_sftp.sftp.replies import Shape
    from mod_sftp.sftp.server import SftpServer

#: ``handler(server, command, request) -> answer``; raises ``OSError`` (``StatusError``) or ``Refused``
Handler = Callable[["SftpServer", Command, Request], Any]

#: ``subject(server, request) -> (argument for logs, path, second path)``, paths virtual
Subject = Callable[["SftpServer", Request], tuple[str, str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Pseudo:
    """An FTP command that a request acts as, with the reply codes that FTP log tools know."""

    name: str
    classes: LogClass
    done: str
    text: str
    argument: Callable[[Request, Command], str]
    failed: str = "550"


def by_path(sftp: SftpServer, request: Request) -> tuple[str, str | None, str | None]:
    path = sftp.path(request.path)
    return request.path or path, path, None


def by_paths(sftp: SftpServer, request: Request) -> tuple[str, str | None, str | None]:
    return f"{request.path} {request.target}", sftp.path(request.path), sftp.path(request.target)


def by_handle(sftp: SftpServer, request: Request) -> tuple[str, str | None, str | None]:
    """A handle of no meaning is the handler's to refuse, so that the logs see the try."""
    found = sftp.handles.get(request.handle)
    return request.handle.decode("ascii", "replace"), None if found is None else found.cmd.path, None


def by_range(sftp: SftpServer, request: Request) -> tuple[str, str | None, str | None]:
    handle, path, _ = by_handle(sftp, request)
    return f"{handle} {request.offset} {request.length or len(request.value)}", path, None


def by_name(sftp: SftpServer, request: Request) -> tuple[str, str | None, str | None]:
    return request.name, None, None


@dataclass(frozen=True, slots=True)
class Row:
    kind: int
    name: str
    handler: Handler
    shape: Shape
    subject: Subject
    classes: LogClass
    limits: tuple[str, ...] = ()
    group: str = ""
    pseudo: tuple[Pseudo, ...] = ()
    since: int = LOWEST
    until: int = HIGHEST
    #: fields of an extended request; those of the others are in wire/fxp
    layout: tuple[Field, ...] = ()


# Arguments of the commands that a request acts as, as the real server logs them.

def _path(request: Request, outer: Command) -> str:
    return request.path


def _full_path(request: Request, outer: Command) -> str:
    return outer.path or ""


def _target(request: Request, outer: Command) -> str:
    return request.target


def both_paths(request: Request, outer: Command) -> str:
    return f"{request.path} {request.target}"


#: Log classes of requests; those that they act as have the classes of FTP.
SFTP = LogClass.SFTP
READ, WRITE, DIRS, MISC = LogClass.READ | SFTP, LogClass.WRITE | SFTP, LogClass.DIRS | SFTP, LogClass.MISC | SFTP
INFO = LogClass.INFO | SFTP

MKD = Pseudo("MKD", LogClass.DIRS | LogClass.WRITE, "257", "Directory successfully created", _path)
RMD = Pseudo("RMD", LogClass.DIRS | LogClass.WRITE, "250", "RMD command successful", _full_path)
DELE = Pseudo("DELE", LogClass.WRITE, "250", "DELE command successful", _path)
RNFR = Pseudo("RNFR", LogClass.MISC | LogClass.WRITE, "350",
              "File or directory exists, ready for destination name", _path)
RNTO = Pseudo("RNTO", LogClass.MISC | LogClass.WRITE, "250", "Rename successful", _target)

ROWS: tuple[Row, ...] = (
    Row(Fxp.OPEN, "OPEN", files.open_file, replies.handle, by_path, READ | WRITE),
    Row(Fxp.CLOSE, "CLOSE", files.close, replies.status, by_handle, MISC),
    Row(Fxp.READ, "READ", data.read_request, replies.data, by_handle, READ),
    Row(Fxp.WRITE, "WRITE", data.write_request, replies.status, by_range, WRITE),
    Row(Fxp.LSTAT, "LSTAT", attributes.lstat, replies.attributes, by_path, READ, ("LSTAT",)),
    Row(Fxp.FSTAT, "FSTAT", attributes.fstat, replies.attributes, by_handle, READ, ("FSTAT",)),
    Row(Fxp.SETSTAT, "SETSTAT", attributes.setstat, replies.status, by_path, WRITE, ("SETSTAT",), "WRITE"),
    Row(Fxp.FSETSTAT, "FSETSTAT", attributes.fsetstat, replies.status, by_handle, WRITE, ("FSETSTAT", "SETSTAT"),
        "WRITE"),
    Row(Fxp.OPENDIR, "OPENDIR", dirs.opendir, replies.handle, by_path, DIRS, ("OPENDIR",), "DIRS"),
    Row(Fxp.READDIR, "READDIR", dirs.readdir, replies.names, by_handle, DIRS),
    Row(Fxp.REMOVE, "REMOVE", files.remove, replies.status, by_path, WRITE, ("DELE",), "WRITE", (DELE,)),
    Row(Fxp.MKDIR, "MKDIR", dirs.mkdir, replies.status, by_path, DIRS | WRITE, ("MKD", "XMKD"), "WRITE", (MKD,)),
    Row(Fxp.RMDIR, "RMDIR", dirs.rmdir, replies.status, by_path, DIRS | WRITE, ("RMD", "XRMD"), "WRITE", (RMD,)),
    Row(Fxp.REALPATH, "REALPATH", dirs.realpath, replies.names, by_path, INFO | DIRS, ("REALPATH",), "DIRS"),
    Row(Fxp.STAT, "STAT", attributes.stat, replies.attributes, by_path, READ, ("STAT",), "READ"),
    Row(Fxp.RENAME, "RENAME", files.rename, replies.status, by_paths, MISC | WRITE, ("RNTO",), "WRITE", (RNFR, RNTO),
        since=2),
    Row(Fxp.READLINK, "READLINK", links.readlink, replies.names, by_path, READ, ("READLINK",), "READ", since=3),
    # draft 13 has LINK in its place; Erlang sends it all the same, and the real server takes it
    Row(Fxp.SYMLINK, "SYMLINK", links.symlink, replies.status, links.by_link, WRITE, ("SYMLINK",), "WRITE", since=3),
    Row(Fxp.LINK, "LINK", links.link, replies.status, links.by_link, WRITE, ("LINK", "SYMLINK"), "WRITE", since=6),
    Row(Fxp.BLOCK, "LOCK", locks.block, replies.status, by_range, WRITE, ("LOCK",), "WRITE", since=6),
    Row(Fxp.UNBLOCK, "UNLOCK", locks.unblock, replies.status, by_range, WRITE, ("LOCK",), "WRITE", since=6),
)


@cache
def rows(version: int) -> dict[int, tuple[Row, tuple[Field, ...]]]:
    """The requests of one version by type, each with the fields that this version has. Nobody writes to it."""
    return {row.kind: (row, fields_of(LAYOUTS[row.kind], version)) for row in ROWS if row.since <= version <= row.until}


def commands(row: Row, request: Request, sftp: SftpServer, argument: str | None) -> tuple[Command, tuple[Command, ...]]:
    """The command of a request and those it acts as; ``argument`` is what the logs show in place of its own."""
    own, path, path2 = row.subject(sftp, request)
    chroot = sftp.view.chroot
    real = path if path is None or not chroot else vpath.outside(chroot, path)
    outer = Command(row.name, own if argument is None else argument, limits=row.limits, group=row.group,
                    classes=row.classes, path=path, path2=path2)
    outer.real_path = real
    if request.path:
        outer.sent, outer.sent2 = request.path, request.target
    if not row.pseudo:
        return outer, ()
    return outer, tuple([_act_as(pseudo, row, request, outer) for pseudo in row.pseudo])


def _act_as(pseudo: Pseudo, row: Row, request: Request, outer: Command) -> Command:
    cmd = Command(pseudo.name, pseudo.argument(request, outer), limits=row.limits, group=row.group,
                  classes=pseudo.classes, path=outer.path, path2=outer.path2)
    cmd.real_path, cmd.sent, cmd.sent2 = outer.real_path, outer.sent, outer.sent2
    if pseudo in (RNFR, RNTO):
        cmd.bytes = 0
        cmd.note("mod_core.rnfr-path", outer.path or "")
    return cmd
