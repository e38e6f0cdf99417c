"""How files are opened: everything that is decided about a transfer is decided here, once, before its first byte."""

from __future__ import annotations

import errno
import os
import stat as _stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.api.transfer import TransferRecord
from pyproftpd.errors import Refused
from pyproftpd.vfs import replace, throttle, uploads
from pyproftpd.vfs.access import Decision
from pyproftpd.vfs.conf import AccessConf, TransferConf
from pyproftpd.vfs.downloads import Download, Reader
from pyproftpd.vfs.resolve import Place
from pyproftpd.vfs.uploads import Manner, Upload

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View

#: mode of a new file before the Umask when the client names none
NEW_FILE = 0o666


class Admission:
    """A transfer's place among those that MaxTransfersPerHost and PerUser allow, given back when it is reported."""

    __slots__ = ("_view", "release")

    def __init__(self, view: View, decision: Decision, name: str) -> None:
        """Raises ``Refused``."""
        self._view = view
        self.release: Callable[[], None] = lambda: None
        if view.admit_transfer is not None:
            self.release = view.admit_transfer(decision.scope, name)

    def report(self, cmd: Command, record: TransferRecord) -> None:
        self.release()
        self._view.report(cmd, record)


def open_download(view: View, cmd: Command, path: str) -> Download:
    with view.locate(cmd, path, follow=True) as place:
        decision = _may_read(view, cmd, place)
        admission = Admission(view, decision, "RETR")
        rates = decision.scope.get(TransferConf).transfer_rate
        fd = -1
        try:
            fd = _open_reading(place)
            return Download(fd, cmd, place.path, report=admission.report, throttle=throttle.for_command(rates, "RETR"))
        except BaseException:
            admission.release()
            if fd >= 0:
                os.close(fd)
            raise


def open_quietly(view: View, cmd: Command, path: str) -> Reader:
    with view.locate(cmd, path, follow=True) as place:
        _may_read(view, cmd, place)
        fd = _open_reading(place)
        try:
            return Reader(fd, place.path)
        except BaseException:
            os.close(fd)
            raise


def _may_read(view: View, cmd: Command, place: Place) -> Decision:
    info, decision = view.existing(cmd, place)
    readable(decision, info)
    return decision


def readable(decision: Decision, info: os.stat_result) -> None:
    """The rules of downloads that ask about the file. Raises ``Refused``, ``IsADirectoryError``."""
    _transferable(info)
    conf = decision.scope.get(TransferConf)
    if conf.max_retrieve_file_size is not None and info.st_size > conf.max_retrieve_file_size:
        raise Refused(f"MaxRetrieveFileSize ({conf.source('max_retrieve_file_size')})", errno.EFBIG)


def _open_reading(place: Place) -> int:
    """O_NONBLOCK is for FIFOs: whoever holds the other end may never say a word, and a session that waits for one in the
    kernel hears neither its client nor a signal."""
    fd = place.open(os.O_RDONLY | os.O_NONBLOCK)
    try:
        _transferable(os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_upload(view: View, cmd: Command, path: str, *, create: bool, exclusive: bool, truncate: bool, append: bool,
                offset: int, mode: int | None, readable: bool, chmod: bool) -> Upload:
    """Raises ``Refused`` (Limit, filter, AllowOverwrite, AllowStoreRestart, HiddenStores), ``OSError``.

    ``mode`` is the client's own wish for a *new* file; with ``chmod`` it needs what SITE CHMOD needs, and escapes the Umask
    as there. SCP sends one with every file, so there it needs nothing. Source: real server.
    """
    place = view.locate(cmd, path, follow=not exclusive)
    admission: Admission | None = None
    name = "APPE" if append else "STOR"
    try:
        info = place.info
        decision = view.judge(cmd, place, info)
        writable(decision, cmd.path or "", info, create=create, exclusive=exclusive, truncate=truncate, append=append,
                 offset=offset)
        if info is None and mode and chmod:
            view.judge(cmd, place, None, names=("SITE_CHMOD",), group="WRITE")
        admission = Admission(view, decision, name)
        manner = _manner(view, decision, info, exclusive=exclusive, truncate=truncate, append=append)
        fd, hidden = _open(view, decision, place, info, create=create, truncate=truncate, append=append, mode=mode,
                           readable=readable)
    except BaseException:
        if admission is not None:
            admission.release()
        place.close()
        raise
    try:
        if info is None or hidden or ((decision.owner or decision.group) and _has_one_name(fd)):
            view.own(fd, decision)
        conf = decision.scope.get(TransferConf)
        return Upload(fd, cmd, place, manner, report=admission.report, hidden=hidden,
                      throttle=throttle.for_command(conf.transfer_rate, name))
    except BaseException:
        admission.release()
        os.close(fd)
        place.close()
        raise


def writable(decision: Decision, path: str, info: os.stat_result | None, *, create: bool = True, exclusive: bool = False,
             truncate: bool, append: bool, offset: int = 0) -> None:
    """The rules of uploads that ask about what stands there already. Raises ``Refused``, ``OSError``."""
    transfer, access = decision.scope.get(TransferConf), decision.scope.get(AccessConf)
    if info is None:
        if not create:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if append and transfer.hidden_stores:
            raise Refused(f"HiddenStores ({transfer.source('hidden_stores')}) does not go with appending")
        return
    if exclusive:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    _transferable(info)
    if not _stat.S_ISREG(info.st_mode):
        return
    replace.ask(access, keeps=append and not truncate)
    if truncate:
        return
    if transfer.hidden_stores:
        raise Refused(f"HiddenStores ({transfer.source('hidden_stores')}) does not go with appending or resuming")
    if (append or offset) and not transfer.allow_store_restart:
        raise Refused(f"AllowStoreRestart off ({transfer.source('allow_store_restart') or 'default'})")


def _manner(view: View, decision: Decision, info: os.stat_result | None, *, exclusive: bool, truncate: bool,
            append: bool) -> Manner:
    conf = decision.scope.get(TransferConf)
    limit, rule = view.size_limit(decision.scope)
    delete = conf.delete_aborted_stores
    if delete is None:  # not said: on together with HiddenStores. Source: real server
        delete = bool(conf.hidden_stores)
    return Manner(
        limit=limit, limit_rule=rule, append=append, delete_aborted=delete, durability=conf.upload_durability,
        fresh=info is None or (truncate and _stat.S_ISREG(info.st_mode)), existed=info is not None,
        replace=decision.scope.get(AccessConf).allow_overwrite and not exclusive)


def _open(view: View, decision: Decision, place: Place, info: os.stat_result | None, *, create: bool, truncate: bool,
          append: bool, mode: int | None, readable: bool) -> tuple[int, str]:
    """(descriptor, hidden name or ""). New files are never created through a link: the walk has resolved it."""
    flags = (os.O_RDWR if readable else os.O_WRONLY) | (os.O_APPEND if append else 0)
    creation = (mode & 0o777 if mode else NEW_FILE) & ~decision.umask[0]
    conf = decision.scope.get(TransferConf)
    hidden = ""
    if conf.hidden_stores and (info is None or _stat.S_ISREG(info.st_mode)):
        if info is not None:
            os.close(place.open(os.O_WRONLY | os.O_NONBLOCK))  # who may not write the old file may not replace it so
        prefix, suffix = conf.hidden_stores
        fd, hidden = uploads.open_hidden(place, prefix, suffix, flags, creation)
    else:
        flags |= os.O_NONBLOCK | (os.O_TRUNC if truncate else 0) | (os.O_CREAT if create else 0)
        if info is None:
            flags |= os.O_EXCL
        fd = place.open(flags, creation)
    try:
        if info is None or hidden:
            if mode:
                os.fchmod(fd, mode & 0o7777)
        else:
            _transferable(os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd, hidden


def _has_one_name(fd: int) -> bool:
    """Of what was opened, whatever stood there when it was judged: another name of a file may be another's place."""
    found = os.fstat(fd)
    return _stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _transferable(info: os.stat_result) -> None:
    """Regular files and FIFOs have content to move; directories, devices and sockets are refused."""
    if _stat.S_ISDIR(info.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (_stat.S_ISREG(info.st_mode) or _stat.S_ISFIFO(info.st_mode)):
        raise Refused("only regular files and FIFOs are transferred", errno.EACCES)
