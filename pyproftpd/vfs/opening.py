"""How files are opened: everything that is decided about a transfer is decided here, once, before its first byte."""

from __future__ import annotations

import errno
import os
import stat as _stat
import sys
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
    from pyproftpd.conf.scope import Scope
    from pyproftpd.vfs.view import View

#: mode of a new file before the Umask when the client names none
NEW_FILE = 0o666


class Rules:
    """What the settings of one scope say of transfers. A session asks them once for each scope that it meets."""

    __slots__ = ("transfer", "access", "limit", "limit_rule", "_manners")

    def __init__(self, scope: Scope) -> None:
        conf = scope.get(TransferConf)
        self.transfer, self.access = conf, scope.get(AccessConf)
        #: MaxStoreFileSize in bytes, and where it was set
        self.limit, self.limit_rule = sys.maxsize, ""
        if conf.max_store_file_size is not None:
            self.limit = conf.max_store_file_size
            self.limit_rule = f"MaxStoreFileSize ({conf.source('max_store_file_size') or 'default'})"
        self._manners: dict[tuple[bool, bool, bool, bool], Manner] = {}

    def manner(self, *, append: bool, exclusive: bool, fresh: bool, existed: bool) -> Manner:
        asked = append, exclusive, fresh, existed
        known = self._manners.get(asked)
        if known is None:
            conf = self.transfer
            delete = conf.delete_aborted_stores
            if delete is None:  # not said: on together with HiddenStores. Source: real server
                delete = bool(conf.hidden_stores)
            known = self._manners[asked] = Manner(
                limit=self.limit, limit_rule=self.limit_rule, append=append, delete_aborted=delete,
                durability=conf.upload_durability, fresh=fresh, existed=existed,
                replace=self.access.allow_overwrite and not exclusive)
        return known

    def throttle(self, name: str) -> throttle.Throttle | None:
        """The bucket for a transfer that acts as the FTP command ``name``."""
        rates = self.transfer.transfer_rate
        return throttle.for_command(rates, name) if rates else None


class Admission:
    """A transfer's place among those that MaxTransfersPerHost and PerUser allow, given back when it is reported."""

    __slots__ = ("_view", "_release")

    def __init__(self, view: View, decision: Decision, name: str) -> None:
        """Raises ``Refused``."""
        self._view = view
        self._release = None if view.admit_transfer is None else view.admit_transfer(decision.scope, name)

    def release(self) -> None:
        """Again is nothing."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def report(self, cmd: Command, record: TransferRecord) -> None:
        release, self._release = self._release, None
        if release is not None:
            release()
        self._view.report(cmd, record)


def open_download(view: View, cmd: Command, path: str) -> Download:
    place = view.locate(cmd, path, follow=True)
    admission: Admission | None = None
    fd = -1
    try:
        info, decision = view.existing(cmd, place)
        rules = view.rules(decision.scope)
        readable(rules, info)
        admission = Admission(view, decision, "RETR")
        fd, info = _open_reading(place)
        return Download(fd, cmd, place.path, info, report=admission.report, throttle=rules.throttle("RETR"))
    except BaseException:
        if admission is not None:
            admission.release()
        if fd >= 0:
            os.close(fd)
        raise
    finally:
        place.close()


def open_quietly(view: View, cmd: Command, path: str) -> Reader:
    """For requests that read a file without being a transfer (checksums): the rules of a download, no record."""
    with view.locate(cmd, path, follow=True) as place:
        info, decision = view.existing(cmd, place)
        readable(view.rules(decision.scope), info)
        fd, info = _open_reading(place)
        return Reader(fd, place.path, info)


def readable(rules: Rules, info: os.stat_result) -> None:
    """The rules of downloads that ask about the file. Raises ``Refused``, ``IsADirectoryError``."""
    _transferable(info)
    conf = rules.transfer
    if conf.max_retrieve_file_size is not None and info.st_size > conf.max_retrieve_file_size:
        raise Refused(f"MaxRetrieveFileSize ({conf.source('max_retrieve_file_size')})", errno.EFBIG)


def _open_reading(place: Place) -> tuple[int, os.stat_result]:
    """O_NONBLOCK is for FIFOs: whoever holds the other end may never say a word, and a session that waits for one in the
    kernel hears neither its client nor a signal."""
    fd = place.open(os.O_RDONLY | os.O_NONBLOCK)
    try:
        info = os.fstat(fd)
        _transferable(info)
    except BaseException:
        os.close(fd)
        raise
    return fd, info


def open_upload(view: View, cmd: Command, path: str, *, create: bool, exclusive: bool, truncate: bool, append: bool,
                offset: int = 0, mode: int | None = None, readable: bool = False, chmod: bool = True) -> Upload:
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
        rules = view.rules(decision.scope)
        writable(rules, cmd.path or "", info, create=create, exclusive=exclusive, truncate=truncate, append=append,
                 offset=offset)
        if info is None and mode and chmod:
            view.judge(cmd, place, None, names=("SITE_CHMOD",), group="WRITE")
        admission = Admission(view, decision, name)
        manner = rules.manner(
            append=append, exclusive=exclusive, existed=info is not None,
            fresh=info is None or (truncate and _stat.S_ISREG(info.st_mode)))
        fd, opened, hidden = _open(rules, decision, place, info, create=create, truncate=truncate, append=append, mode=mode,
                                   readable=readable)
    except BaseException:
        if admission is not None:
            admission.release()
        place.close()
        raise
    try:
        given = decision.owner is not None or decision.group is not None
        if given and (info is None or hidden or _has_one_name(fd)):
            view.own(fd, decision)
        return Upload(fd, cmd, place, manner, opened, report=admission.report, hidden=hidden, throttle=rules.throttle(name))
    except BaseException:
        admission.release()
        os.close(fd)
        place.close()
        raise


def writable(rules: Rules, path: str, info: os.stat_result | None, *, create: bool = True, exclusive: bool = False,
             truncate: bool, append: bool, offset: int = 0) -> None:
    """The rules of uploads that ask about what stands there already. Raises ``Refused``, ``OSError``."""
    transfer = rules.transfer
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
    replace.ask(rules.access, keeps=append and not truncate)
    if truncate:
        return
    if transfer.hidden_stores:
        raise Refused(f"HiddenStores ({transfer.source('hidden_stores')}) does not go with appending or resuming")
    if (append or offset) and not transfer.allow_store_restart:
        raise Refused(f"AllowStoreRestart off ({transfer.source('allow_store_restart') or 'default'})")


def _open(rules: Rules, decision: Decision, place: Place, info: os.stat_result | None, *, create: bool, truncate: bool,
          append: bool, mode: int | None, readable: bool) -> tuple[int, os.stat_result | None, str]:
    """(descriptor, what it was found to be, hidden name or ""): ``None`` is the new, empty file that this open has made.

    New files are never created through a link: the walk has resolved it.
    """
    flags = (os.O_RDWR if readable else os.O_WRONLY) | (os.O_APPEND if append else 0)
    creation = (mode & 0o777 if mode else NEW_FILE) & ~decision.umask[0]
    conf = rules.transfer
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
    opened: os.stat_result | None = None
    try:
        if info is None or hidden:
            if mode:
                os.fchmod(fd, mode & 0o7777)
        else:
            opened = os.fstat(fd)
            _transferable(opened)
    except BaseException:
        os.close(fd)
        raise
    return fd, opened, hidden


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
