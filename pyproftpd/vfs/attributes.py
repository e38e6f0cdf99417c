"""Changing what a file is beside its content: mode, owner, size, times, extended attributes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from pyproftpd.unix import syscalls
from pyproftpd.vfs import replace
from pyproftpd.vfs.access import Decision, Subject
from pyproftpd.vfs.conf import AccessConf, FsConf, TransferConf
from pyproftpd.vfs.directories import Listing
from pyproftpd.vfs.downloads import Download
from pyproftpd.vfs.resolve import Place
from pyproftpd.vfs.uploads import Upload

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View

#: largest value of an extended attribute on Linux (XATTR_SIZE_MAX), and longest name
MAX_XATTR = 65536
MAX_XATTR_NAME = 255

#: sizes and seconds are signed 64-bit numbers to the kernel; clients send unsigned ones (security.md F4)
_LARGEST = 2**63 - 1

#: name spaces of extended attributes that clients may see and set; others belong to the system
_XATTR_PREFIX = "user."


class Change(NamedTuple):
    """What is to change; ``None`` stays as it is."""

    mode: int | None
    uid: int | None
    gid: int | None
    size: int | None
    atime_ns: int | None
    mtime_ns: int | None


NOTHING = Change(None, None, None, None, None, None)


def apply(view: View, cmd: Command, subject: str | Upload | Download | Listing, change: Change, *, follow: bool) -> None:
    """Mode, owner, size, times, in that order; stops at the first failure. Source: real server.

    A changed mode needs SITE_CHMOD, a changed owner SITE_CHGRP, both beside the Limit names of the request.
    """
    _require_range(change)
    if not isinstance(subject, str):
        _apply_open(view, cmd, subject, change)
        return
    with view.locate(cmd, subject, follow=follow) as place:
        info, decision = view.existing(cmd, place)
        _extra_rules(view, cmd, Subject(place.path, info, place.sent), change)
        if change.mode is not None and change.mode & 0o7777 != info.st_mode & 0o7777:
            _chmod(place, info, change.mode & 0o7777)
        if _new_owner(change, info):
            os.chown(place.name, _or_same(change.uid), _or_same(change.gid), dir_fd=place.parent, follow_symlinks=False)
        if change.size is not None:
            _resize(decision, place, change.size)
        times = _times(change, info)
        if times is not None:
            os.utime(place.name, ns=times, dir_fd=place.parent, follow_symlinks=False)
        cmd.modified = change != NOTHING


def _require_range(change: Change) -> None:
    """Numbers that the kernel cannot hold are refused before anything is changed."""
    if change.size is not None and change.size > _LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    for time_ns in (change.atime_ns, change.mtime_ns):
        if time_ns is not None and not -_LARGEST - 1 <= time_ns // 10**9 <= _LARGEST:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def _apply_open(view: View, cmd: Command, subject: Upload | Download | Listing, change: Change) -> None:
    info = subject.stat()
    about = Subject(subject.vpath, info, cmd.sent)
    _judge_open(view, cmd, about)
    _extra_rules(view, cmd, about, change)
    if change.mode is not None and change.mode & 0o7777 != info.st_mode & 0o7777:
        os.fchmod(subject.fd, change.mode & 0o7777)
    if _new_owner(change, info):
        os.fchown(subject.fd, _or_same(change.uid), _or_same(change.gid))
    if change.size is not None:
        if not isinstance(subject, Upload):
            raise PermissionError(errno.EACCES, "the handle is not open for writing")
        subject.truncate(change.size)
    times = _times(change, info)
    if times is not None:
        os.utime(subject.fd, ns=times)
    cmd.modified = change != NOTHING


def _judge_open(view: View, cmd: Command, subject: Subject) -> Decision:
    cmd.path, cmd.real_path = subject.path.virtual, subject.path.outside
    decision = view.access.decide(cmd.limits, cmd.group, subject)
    if not decision.allowed:
        cmd.reason = decision.reason
        raise Refused(decision.reason, errno.ENOENT if decision.hidden else errno.EACCES)
    return decision


def _extra_rules(view: View, cmd: Command, subject: Subject, change: Change) -> None:
    """All are asked before anything is changed."""
    wanted = []
    if change.mode is not None:
        wanted.append("SITE_CHMOD")
    if change.uid is not None or change.gid is not None:
        wanted.append("SITE_CHGRP")
    for name in wanted:
        decision = view.access.decide((name,), "WRITE", subject)
        if not decision.allowed:
            cmd.reason = decision.reason
            raise Refused(decision.reason, errno.ENOENT if decision.hidden else errno.EACCES)


def _chmod(place: Place, info: os.stat_result, mode: int) -> None:
    """The walk resolved every link; one that took the place of the file since is not followed (security.md F8)."""
    if stat.S_ISLNK(info.st_mode):
        raise OSError(errno.EOPNOTSUPP, "links have no mode", place.path.virtual)
    try:
        syscalls.fchmodat2(place.parent, place.name, mode)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):  # EPERM may be a seccomp filter that does not know the call
            raise
        _chmod_opened(place, mode)


def _chmod_opened(place: Place, mode: int) -> None:
    """The same before Linux 6.6: what is open is what is changed. A file that its owner may not open needs /proc."""
    try:
        fd = place.open(os.O_RDONLY | os.O_NONBLOCK)
    except PermissionError:
        fd = place.open(os.O_PATH)
        try:
            if stat.S_ISLNK(os.fstat(fd).st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place.path.virtual) from None
            os.chmod(f"/proc/self/fd/{fd}", mode)
        finally:
            os.close(fd)
        return
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _new_owner(change: Change, info: os.stat_result) -> bool:
    return (change.uid is not None and change.uid != info.st_uid) or (change.gid is not None and change.gid != info.st_gid)


def _or_same(number: int | None) -> int:
    return -1 if number is None else number


def _resize(decision: Decision, place: Place, size: int) -> None:
    """Truncating is replacing content: AllowOverwrite and MaxStoreFileSize hold as for an upload."""
    access, transfer = decision.scope.get(AccessConf), decision.scope.get(TransferConf)
    replace.ask(access)
    if transfer.max_store_file_size is not None and size > transfer.max_store_file_size:
        raise Refused(f"MaxStoreFileSize ({transfer.source('max_store_file_size')})", errno.EFBIG)
    fd = place.open(os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.ftruncate(fd, size)
    finally:
        os.close(fd)


def _times(change: Change, info: os.stat_result) -> tuple[int, int] | None:
    if change.atime_ns is None and change.mtime_ns is None:
        return None
    return (info.st_atime_ns if change.atime_ns is None else change.atime_ns,
            info.st_mtime_ns if change.mtime_ns is None else change.mtime_ns)


# Extended attributes. Clients name them without the prefix that Linux wants, as in the real server.

@contextmanager
def _xattr_file(view: View, cmd: Command, subject: str | Upload | Download, *, follow: bool, write: bool) -> Iterator[int]:
    """A descriptor of the file; extended attributes have no calls relative to a directory."""
    if view.scope.get(FsConf).fs_options & {"IgnoreExtendedAttributes"}:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    if not isinstance(subject, str):
        _judge_open(view, cmd, Subject(subject.vpath, subject.stat(), cmd.sent))
        yield subject.fd
        return
    with view.locate(cmd, subject, follow=follow) as place:
        view.existing(cmd, place, looks=not write)
        fd = place.open(os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


def _full_name(name: str) -> str:
    full = name if name.startswith(_XATTR_PREFIX) else _XATTR_PREFIX + name
    if "\0" in name or len(os.fsencode(full)) > MAX_XATTR_NAME or full == _XATTR_PREFIX:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return full


def list_xattrs(view: View, cmd: Command, subject: str | Upload | Download, *, follow: bool) -> list[str]:
    with _xattr_file(view, cmd, subject, follow=follow, write=False) as fd:
        return [name for name in os.listxattr(fd) if name.startswith(_XATTR_PREFIX)]


def get_xattr(view: View, cmd: Command, subject: str | Upload | Download, name: str, *, follow: bool) -> bytes:
    with _xattr_file(view, cmd, subject, follow=follow, write=False) as fd:
        return os.getxattr(fd, _full_name(name))


def set_xattr(view: View, cmd: Command, subject: str | Upload | Download, name: str, value: bytes, *, create: bool,
              replace: bool, follow: bool) -> None:
    if len(value) > MAX_XATTR:
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
    flags = (os.XATTR_CREATE if create else 0) | (os.XATTR_REPLACE if replace else 0)
    with _xattr_file(view, cmd, subject, follow=follow, write=True) as fd:
        os.setxattr(fd, _full_name(name), value, flags)


def remove_xattr(view: View, cmd: Command, subject: str | Upload | Download, name: str, *, follow: bool) -> None:
    with _xattr_file(view, cmd, subject, follow=follow, write=True) as fd:
        os.removexattr(fd, _full_name(name))
