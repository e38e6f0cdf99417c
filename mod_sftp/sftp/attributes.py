"""STAT, LSTAT, FSTAT, SETSTAT, FSETSTAT: attributes read and set, in the terms of the version."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from mod_sftp.sftp.handles import FileHandle
from mod_sftp.sftp.status import Status, StatusError
from mod_sftp.wire.attrs import SUPPORTED, TIMES, Attr, Attributes, acl_of, encode_attributes, encode_stat3, from_stat
from mod_sftp.wire.fxp import Request
from mod_sftp.wire.ssh import string
from pyproftpd.api.command import Command
from pyproftpd.errors import Refused

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer
    from pyproftpd.vfs.downloads import Download
    from pyproftpd.vfs.uploads import Upload


def stat(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    return described(sftp, sftp.view.stat(cmd, cmd.path or ""), request.mask)


def lstat(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    return described(sftp, sftp.view.lstat(cmd, cmd.path or ""), request.mask)


def fstat(sftp: SftpServer, cmd: Command, request: Request) -> bytes:
    handle = sftp.handles.any(request.handle)
    subject = handle.transfer if isinstance(handle, FileHandle) else handle.listing
    assert subject is not None
    sftp.judge(cmd, handle)
    return described(sftp, subject.stat(), request.mask)


def described(sftp: SftpServer, info: os.stat_result, mask: int | None) -> bytes:
    """What was asked for of what this version can say, encoded; ``None`` asks for everything."""
    version = sftp.version
    if version <= 3:
        return encode_stat3(info, info.st_mode, info.st_uid, info.st_gid)
    send = SUPPORTED[version] if mask is None else mask & SUPPORTED[version]
    if "IncludeSFTPTimes" in sftp.terms.options:
        send |= TIMES
    attrs = from_stat(info, *owner_names(sftp, info))
    if send & Attr.ACL:
        attrs.acl = acl_of(info.st_mode, version)
    return encode_attributes(attrs, version, send)


def owner_names(sftp: SftpServer, info: os.stat_result) -> tuple[bytes, bytes]:
    """Owner and group as version 4 and later name them."""
    view = sftp.view
    return (view.user_name(info.st_uid).encode("utf-8", "surrogateescape"),
            view.group_name(info.st_gid).encode("utf-8", "surrogateescape"))


def setstat(sftp: SftpServer, cmd: Command, request: Request) -> None:
    apply(sftp, cmd, cmd.path or "", request.attrs)


def fsetstat(sftp: SftpServer, cmd: Command, request: Request) -> None:
    handle = sftp.handles.file(request.handle)
    apply(sftp, cmd, handle.transfer, request.attrs)
    cmd.bytes = handle.transfer.bytes


def apply(sftp: SftpServer, cmd: Command, subject: str | Upload | Download, attrs: Attributes, *,
          follow: bool = True) -> None:
    """Set what a client sent, less what SFTPOptions ignores: permissions, owner, size, times, then extended attributes.

    The View stops at the first failure, in that order (behaviours 166), and is asked when nothing is left, too: whether
    there is such a file, and whether it may be changed, is answered all the same.
    """
    options = sftp.terms.options
    change: dict[str, Any] = {}
    if attrs.has(Attr.PERMISSIONS) and "IgnoreSFTPSetPerms" not in options:
        change["mode"] = attrs.permissions & 0o7777
    if "IgnoreSFTPSetOwners" not in options:
        change |= _owners(sftp, attrs)
    if attrs.has(Attr.SIZE):
        change["size"] = attrs.size
    if "IgnoreSFTPSetTimes" not in options:
        change |= _times(sftp.version, attrs)
    sftp.view.set_attributes(cmd, subject, follow=follow, **change)
    if "IgnoreSFTPSetExtendedAttributes" not in options:
        _extended(sftp, cmd, subject, attrs, follow=follow)


def apply_new(sftp: SftpServer, cmd: Command, subject: str | Upload, attrs: Attributes) -> None:
    """The extended attributes that OPEN and MKDIR carry. What was made stays when its file system does not take them."""
    if "IgnoreSFTPUploadExtendedAttributes" in sftp.terms.options:
        return
    try:
        _extended(sftp, cmd, subject, attrs, follow=False)
    except (OSError, Refused) as error:
        sftp.line(f"cannot set extended attributes of '{cmd.path}': {os.strerror(error.errno or errno.EIO)}")


def _extended(sftp: SftpServer, cmd: Command, subject: str | Upload | Download, attrs: Attributes, *, follow: bool) -> None:
    if "xattr" in sftp.terms.extensions:
        for name, value in attrs.extended:
            sftp.view.set_xattr(cmd, subject, os.fsdecode(name), value, follow=follow)


def _owners(sftp: SftpServer, attrs: Attributes) -> dict[str, int]:
    if sftp.version <= 3:
        return {"uid": attrs.uid, "gid": attrs.gid} if attrs.has(Attr.UIDGID) else {}
    if not attrs.has(Attr.OWNERGROUP):
        return {}
    names = sftp.view.names
    change = {}
    if attrs.owner:
        change["uid"] = principal(attrs.owner, names.user_id)
    if attrs.group:
        change["gid"] = principal(attrs.group, names.group_id)
    return change


def principal(name: bytes, look_up: Any) -> int:
    """The id of a user or group as a client names it: a name, with ``@domain`` or without, or a number as text.

    Raises: StatusError UNKNOWN_PRINCIPAL, which carries the name from version 5 on (draft 13, 9.1).
    """
    text = name.decode("utf-8", "replace")
    found = look_up(text)
    if found is None and "@" in text:
        found = look_up(text.partition("@")[0])
    if found is None and text.isascii() and text.isdigit() and int(text) < 2**32 - 1:
        found = int(text)
    if found is None:
        raise StatusError(Status.UNKNOWN_PRINCIPAL, number=errno.EINVAL, extra=string(name))
    return int(found)


def _times(version: int, attrs: Attributes) -> dict[str, int]:
    if version <= 3:
        if not attrs.has(Attr.ACMODTIME):
            return {}
        return {"atime_ns": attrs.time_ns("atime"), "mtime_ns": attrs.time_ns("mtime")}
    change = {}
    if attrs.has(Attr.ACCESSTIME):
        change["atime_ns"] = attrs.time_ns("atime")
    if attrs.has(Attr.MODIFYTIME):
        change["mtime_ns"] = attrs.time_ns("mtime")
    return change
