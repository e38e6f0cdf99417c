"""OPENDIR, READDIR, MKDIR, RMDIR, REALPATH."""

from __future__ import annotations

import errno
import os
import posixpath
from typing import TYPE_CHECKING

from mod_sftp.sftp.attributes import apply_new, owner_names
from mod_sftp.sftp.handles import DirectoryHandle
from mod_sftp.sftp.replies import Entries, Named
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.wire.attrs import LISTED, Attr, encode_attributes, encode_stat3, from_stat, unknown
from mod_sftp.wire.fxp import Control, Request
from pyproftpd.api.command import Command, LogClass
from pyproftpd.errors import Refused

if TYPE_CHECKING:
    from mod_sftp.sftp.act import Steps
    from mod_sftp.sftp.server import SftpServer
    from pyproftpd.vfs.directories import Entry, Listing

#: Entries of one READDIR answer. At NAME_MAX (255 bytes, twice in versions 1 to 3) and about 100 bytes of attributes each
#: that is at most 80 KiB, below the 256 KiB that OpenSSH's client takes.
BATCH = 128
#: Names looked at in one step, some 20 microseconds each.
LOOKS = 1024

#: Type, request id and count in front of the names; the length of a string.
NAME_HEAD, LENGTH = 9, 4

#: Paths joined in a REALPATH of version 6.
MAX_COMPOSE = 64


def opendir(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    """OPENDIR acts as MLSD, from here to CLOSE (behaviours 163)."""
    sftp.handles.require_room()
    inner = Command("MLSD", cmd.path or "", limits=cmd.limits, group=cmd.group, classes=LogClass.DIRS, path=cmd.path)
    sftp.session.begin(inner)
    try:
        listing = sftp.view.listing(inner, inner.path or "")
    except (OSError, Refused) as error:
        inner.errno, inner.code, inner.text = error.errno or errno.EIO, "451", sftp.explain(error)[1]
        sftp.session.finished(inner)
        raise
    cmd.bytes = inner.bytes = 0
    if listing.denied:
        sftp.line(f"READDIR of '{cmd.arg}' denied by {listing.denied}")
    return sftp.handles.add(DirectoryHandle(inner, listing))


def readdir(sftp: SftpServer, cmd: Command, request: Request) -> Steps:
    """Rests after every so many names that this client may not see, of which there can be any number in a row."""
    handle = sftp.handles.directory(request.handle)
    listing = handle.listing
    assert listing is not None
    entries = listing.read(BATCH, LOOKS)
    while len(entries) < BATCH and not listing.ended:
        yield
        entries += listing.read(BATCH - len(entries), LOOKS)
    sftp.transferred = True
    cmd.bytes = handle.cmd.bytes
    if not entries:
        return None
    describe = _describe3 if sftp.version <= 3 else _describe4
    names = [describe(sftp, listing, entry) for entry in entries]
    cmd.bytes = handle.cmd.bytes = (handle.cmd.bytes or 0) + _size(names)
    return Entries(names, last=len(entries) < BATCH)


def _size(names: list[Named]) -> int:
    """Bytes of an answer as logs count them: all but its own length. Source: real server."""
    return NAME_HEAD + sum(2 * LENGTH + len(entry.name) + len(entry.long_name) + len(entry.attrs) for entry in names)


def _describe3(sftp: SftpServer, listing: Listing, entry: Entry) -> Named:
    name = sftp.name(entry.name)
    info = entry.info
    if info is None:
        return Named(name, sftp.name(listing.long_name(entry)), unknown(sftp.version))
    _, _, mode, uid, gid = listing.shown(info)
    return Named(name, sftp.name(listing.long_name(entry)), encode_stat3(info, mode, uid, gid))


def _describe4(sftp: SftpServer, listing: Listing, entry: Entry) -> Named:
    name = sftp.name(entry.name)
    info = entry.info
    if info is None:
        return Named(name, b"", unknown(sftp.version))
    shown = listing.shown(info)
    attrs = from_stat(info, shown.owner.encode("utf-8", "replace"), shown.group.encode("utf-8", "replace"))
    attrs.permissions = shown.mode
    mask = LISTED[sftp.version]
    if sftp.version >= 6 and (raw := os.fsencode(entry.name)) != name:
        attrs.untranslated_name, mask = raw, mask | Attr.UNTRANSLATED_NAME
    return Named(name, b"", encode_attributes(attrs, sftp.version, mask))


def mkdir(sftp: SftpServer, cmd: Command, request: Request) -> None:
    attrs = request.attrs
    mode = attrs.permissions & 0o7777 if attrs.has(Attr.PERMISSIONS) else None
    if "IgnoreSFTPUploadPerms" in sftp.terms.options:
        mode = None
    sftp.view.mkdir(cmd, cmd.path or "", mode)
    apply_new(sftp, cmd, cmd.path or "", attrs)


def rmdir(sftp: SftpServer, cmd: Command, request: Request) -> None:
    sftp.view.rmdir(cmd, cmd.path or "")


def realpath(sftp: SftpServer, cmd: Command, request: Request) -> Entries:
    """The canonical name. Up to version 5 only the last component may be missing, as with OpenSSH's server, whose
    client asks for names that it is about to make."""
    if sftp.version >= 6:
        return _realpath6(sftp, cmd, request)
    path = path_to_be(sftp, cmd)
    name = sftp.name(path)
    return Entries([Named(name, name, unknown(sftp.version))])


def path_to_be(sftp: SftpServer, cmd: Command) -> str:
    path = cmd.path or ""
    try:
        return sftp.view.realpath(cmd, path, must_exist=True)
    except (FileNotFoundError, Refused) as error:
        if error.errno != errno.ENOENT:
            raise
        # not there, or hidden: the same answer, or it would tell that there is something to hide
        sftp.view.realpath(cmd, posixpath.dirname(path), must_exist=True)
        return sftp.view.realpath(cmd, path, must_exist=False)


def _realpath6(sftp: SftpServer, cmd: Command, request: Request) -> Entries:
    """Version 6: the control byte says whether the name must exist and whether its attributes are wanted.

    NO_CHECK never fails: what is missing or denied comes back as a bare name (behaviours 160).
    """
    control = request.control or Control.NO_CHECK
    if control > Control.STAT_ALWAYS:
        raise StatusError(Status.INVALID_PARAMETER, "REALPATH control byte is not defined")
    if len(request.compose) > MAX_COMPOSE:
        raise StatusError(Status.INVALID_PARAMETER, "Too many paths to compose")
    path = posixpath.join(cmd.path or "/", *request.compose)
    cmd.path = path = sftp.path(path)
    attrs = unknown(sftp.version)
    try:
        info = sftp.view.lstat(cmd, path)
    except (OSError, Refused):
        if control == Control.STAT_ALWAYS:
            raise
    else:
        mask = 0 if control == Control.NO_CHECK else LISTED[sftp.version]
        attrs = encode_attributes(from_stat(info, *owner_names(sftp, info)), sftp.version, mask)
    return Entries([Named(sftp.name(path), b"", attrs)])
