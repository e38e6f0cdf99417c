"""One user's window on the disk. Front ends call nothing else for files.

Every method takes the command first and does the same five things: resolve the path, decide, act, own, fill in the
command. Policy refusals are ``Refused``, the kernel's are ``OSError``; neither is logged or translated here.

The process umask is 0 in a session: modes are computed here and passed.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pyproftpd.api.auth import Identity
from pyproftpd.api.command import Command
from pyproftpd.api.facts import BindFacts
from pyproftpd.api.transfer import TransferRecord
from pyproftpd.conf.dynamic import FILE_NAME
from pyproftpd.errors import Refused
from pyproftpd.log.system import ServerLogger
from pyproftpd.log.trace import Trace
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.users import Names
from pyproftpd.vfs import attributes, copying, globbing, links, namespace, opening, rename
from pyproftpd.vfs.access import READDIR, Access, Decision, Subject
from pyproftpd.vfs.conf import ListingConf, OwnershipConf
from pyproftpd.vfs.directories import Listing
from pyproftpd.vfs.downloads import Download
from pyproftpd.vfs.fakes import Fakes
from pyproftpd.vfs.locks import lock, unlock
from pyproftpd.vfs.opening import Rules
from pyproftpd.vfs.resolve import Place, locate
from pyproftpd.vfs.uploads import Upload
from pyproftpd.wire import vpath
from pyproftpd.wire.listing import Lines

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope


#: scopes whose rules of transfers a session remembers
MAX_RULES = 512


class View:
    """Made by the login; ``cwd`` and ``home`` are virtual paths."""

    def __init__(self, *, identity: Identity, scope: Scope, facts: BindFacts, privs: Privileges, names: Names,
                 chroot: str, cwd: str, home: str, report: Callable[[Command, TransferRecord], None],
                 log: ServerLogger, trace: Trace, admit_transfer: Callable[[Scope, str], Callable[[], None]] | None = None,
                 ) -> None:
        """``admit_transfer(scope, name)`` counts a transfer in and answers how to count it out; it raises ``Refused`` when
        MaxTransfersPerHost or PerUser are reached (scoreboard)."""
        self.identity, self.scope, self.privs, self.names = identity, scope, privs, names
        self.chroot, self.cwd, self.home = chroot, cwd, home
        self.log, self.trace, self.admit_transfer = log, trace, admit_transfer
        self._report = report
        self._rules: dict[Scope, Rules] = {}
        self.access = Access(identity=identity, scope=scope, facts=facts, names=names, chroot=chroot,
                             warn=log.warning)

    # Paths.

    def absolute(self, path: str) -> str:
        """The virtual path that a client means; relative to ``cwd``, ``""`` is ``cwd``, ``~`` is ``home``. Pure."""
        try:
            return vpath.absolute(path, self.cwd, self.home)
        except vpath.BadPath as error:
            code = errno.EINVAL if "\0" in path else errno.ENAMETOOLONG
            raise OSError(code, os.strerror(code)) from error

    def locate(self, cmd: Command, path: str, *, follow: bool, second: bool = False) -> Place:
        """Resolve a path of ``cmd`` (its target when ``second``) and note its names on the command, where it has none."""
        virtual = path if path == cmd.path else self.absolute(path)
        if second:
            cmd.path2 = cmd.path2 or virtual
        else:
            cmd.path = cmd.path or virtual
            cmd.real_path = vpath.outside(self.chroot, cmd.path) if self.chroot else cmd.path
        place = locate(virtual, self.chroot, follow=follow)
        place.sent = cmd.sent2 if second else cmd.sent
        return place

    def judge(self, cmd: Command, place: Place, info: os.stat_result | None, *, names: tuple[str, ...] | None = None,
              group: str | None = None, filters: bool = True, looks: bool = False, directory: bool = False) -> Decision:
        """Decide on one object, or raise ``Refused``.

        ``names`` and ``group`` replace those of the command (second paths, extra checks); ``filters`` off for looking
        and listing; ``looks`` for requests that only ask whether and what it is: hidden names do not exist for them;
        ``directory`` for what is about to become one.
        """
        decision = self.access.decide(
            cmd.limits if names is None else names, cmd.group if group is None else group,
            Subject(place.path, info, place.sent, directory), filters=filters, looks=looks)
        if not decision.allowed:
            cmd.reason = decision.reason
            raise Refused(decision.reason, errno.ENOENT if decision.hidden else errno.EACCES)
        return decision

    def existing(self, cmd: Command, place: Place, **asked: Any) -> tuple[os.stat_result, Decision]:
        """Decide, as :meth:`judge` does, on an object that must be there. Policy comes first: whoever may not ask for a
        name is not told whether it is there.
        """
        info = place.info
        decision = self.judge(cmd, place, info, **asked)
        if info is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), cmd.path)
        return info, decision

    def report(self, cmd: Command, record: TransferRecord) -> None:
        """A transfer or a removal is over; uploads, downloads and removals call it exactly once."""
        self.access.changed(record.path)
        self._report(cmd, record)

    # Looking.

    def stat(self, cmd: Command, path: str) -> os.stat_result:
        return self._look(cmd, path, follow=True)

    def lstat(self, cmd: Command, path: str) -> os.stat_result:
        return self._look(cmd, path, follow=False)

    def _look(self, cmd: Command, path: str, *, follow: bool) -> os.stat_result:
        place = self.locate(cmd, path, follow=follow)
        try:
            return self.existing(cmd, place, filters=False, looks=True)[0]
        finally:
            place.close()

    def statvfs(self, cmd: Command, path: str) -> os.statvfs_result:
        with self.locate(cmd, path, follow=True) as place:
            self.existing(cmd, place, filters=False, looks=True)
            fd = place.open(os.O_PATH)
        try:
            return os.fstatvfs(fd)
        finally:
            os.close(fd)

    def realpath(self, cmd: Command, path: str, *, must_exist: bool) -> str:
        """The canonical path, links resolved. ``must_exist``: every component, the last too; else what cannot be resolved
        stays as text, so that the answer tells nothing of what is hidden or forbidden. Source: real server.
        """
        virtual = self.absolute(path)
        cmd.path = cmd.path or virtual
        cmd.real_path = vpath.outside(self.chroot, cmd.path)
        try:
            with locate(virtual, self.chroot, follow=True) as place:
                place.sent = cmd.sent
                if must_exist and place.info is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), virtual)
                self.judge(cmd, place, place.info, filters=False, looks=True)
                return place.path.real
        except (OSError, Refused):
            if must_exist:
                raise
        return virtual

    def listing(self, cmd: Command, path: str) -> Listing:
        """Open a directory; entries come by :meth:`Listing.read`. The caller closes it."""
        with self.locate(cmd, path, follow=True) as place:
            decision = self.existing(cmd, place, filters=False, looks=True)[1]
            fd = place.open(os.O_RDONLY | os.O_DIRECTORY)
        subject = Subject(place.path, None, cmd.sent, directory=True)
        denied = self.access.decide(READDIR, "DIRS", subject, filters=False).reason
        conf = decision.scope.get(ListingConf)
        return Listing(fd, cmd, place.path, admit=self.access.entries(place.path), fakes=self.fakes(decision.scope),
                       lines=Lines(time.time(), gmt=conf.times_gmt), follow=not conf.show_symlinks, denied=denied)

    def glob(self, pattern: str) -> list[str]:
        """Virtual paths that match, in order of names, hidden ones left out; empty where UseGlobbing is off."""
        return globbing.expand(self, pattern)

    # Transfers.

    open_upload = opening.open_upload
    open_download = opening.open_download
    open_quietly = opening.open_quietly

    # Changing.

    def mkdir(self, cmd: Command, path: str, mode: int | None = None) -> None:
        namespace.mkdir(self, cmd, path, mode)

    def rmdir(self, cmd: Command, path: str) -> None:
        namespace.rmdir(self, cmd, path)

    def remove(self, cmd: Command, path: str) -> None:
        namespace.remove(self, cmd, path)

    def rename_in_steps(self, cmd: Command, path: str, target: str, *, overwrite: bool) -> Iterator[None]:
        """One step within a file system, many for a move to another one."""
        return rename.rename_in_steps(self, cmd, path, target, overwrite=overwrite)

    def copy_in_steps(self, cmd: Command, source: str, target: str, overwrite: bool) -> Iterator[None]:
        """A large copy takes many steps: the session has more to do than to wait for it."""
        return copying.copy_in_steps(self, cmd, source, target, overwrite=overwrite)

    def readlink(self, cmd: Command, path: str) -> str:
        return links.readlink(self, cmd, path)

    def symlink(self, cmd: Command, target_text: str, path: str) -> None:
        links.symlink(self, cmd, target_text, path)

    def link(self, cmd: Command, path: str, target: str, *, symbolic: bool = False) -> None:
        """``path`` becomes a new name for ``target``."""
        if symbolic:
            links.symlink(self, cmd, target, path)
        else:
            links.hardlink(self, cmd, path, target)

    def set_attributes(self, cmd: Command, subject: str | Upload | Download | Listing, *, mode: int | None = None,
                       uid: int | None = None, gid: int | None = None, size: int | None = None,
                       atime_ns: int | None = None, mtime_ns: int | None = None, follow: bool = True) -> None:
        change = attributes.Change(mode, uid, gid, size, atime_ns, mtime_ns)
        attributes.apply(self, cmd, subject, change, follow=follow)

    def list_xattrs(self, cmd: Command, subject: str | Upload | Download, *, follow: bool = True) -> list[str]:
        return attributes.list_xattrs(self, cmd, subject, follow=follow)

    def get_xattr(self, cmd: Command, subject: str | Upload | Download, name: str, *, follow: bool = True) -> bytes:
        return attributes.get_xattr(self, cmd, subject, name, follow=follow)

    def set_xattr(self, cmd: Command, subject: str | Upload | Download, name: str, value: bytes, *,
                  create: bool = False, replace: bool = False, follow: bool = True) -> None:
        attributes.set_xattr(self, cmd, subject, name, value, create=create, replace=replace, follow=follow)

    def remove_xattr(self, cmd: Command, subject: str | Upload | Download, name: str, *, follow: bool = True) -> None:
        attributes.remove_xattr(self, cmd, subject, name, follow=follow)

    def lock(self, cmd: Command, transfer: Upload | Download, offset: int, length: int, *, exclusive: bool) -> None:
        lock(self, cmd, transfer, offset, length, exclusive=exclusive)

    def unlock(self, cmd: Command, transfer: Upload | Download, offset: int, length: int) -> None:
        unlock(self, cmd, transfer, offset, length)

    # What clients are shown of owners.

    def fakes(self, scope: Scope) -> Fakes:
        conf = scope.get(ListingConf)
        return Fakes(self.names, self.identity, user=conf.dir_fake_user or "", group=conf.dir_fake_group or "",
                     mode=conf.dir_fake_mode)

    def fake(self, info: os.stat_result, directory: str | None = None) -> tuple[str, str, int]:
        """(owner, group, mode with type bits) as shown, by the rules of the virtual ``directory`` (default ``cwd``)."""
        scope = self.access.scope_of(vpath.outside(self.chroot, directory or self.cwd))
        owner, group, mode, _, _ = self.fakes(scope).show(info)
        return owner, group, mode

    def user_name(self, uid: int) -> str:
        return self.names.user_name(uid)

    def group_name(self, gid: int) -> str:
        return self.names.group_name(gid)

    # Owners that the configuration gives.

    def own(self, fd: int, decision: Decision) -> None:
        """UserOwner and GroupOwner of an object that this session just made, open as ``fd``; root only where it must be.

        A failure is logged and the object stays the user's own. Source: real server.
        """
        if decision.owner is None and decision.group is None:
            return
        uid = -1 if decision.owner is None else self.names.user_id(decision.owner)
        gid = -1 if decision.group is None else self.names.group_id(decision.group)
        if uid is None or gid is None:
            self.log.warning(f"UserOwner/GroupOwner {decision.owner or ''} {decision.group or ''}: no such name")
            return
        where = decision.scope.get(OwnershipConf).source("group_owner")
        if where is not None and vpath.split(where.file)[1] == FILE_NAME and gid not in (-1, *self.identity.gids):
            self.log.warning(f"GroupOwner {decision.group} ({where}): a user cannot give a group that is not his own")
            gid = -1
        try:
            if uid == -1 and gid in (-1, *self.identity.gids):
                os.fchown(fd, -1, gid)
            else:
                with self.privs.root():
                    os.fchown(fd, uid, gid)
        except OSError as error:
            self.log.warning(f"chown to {decision.owner or '-'}:{decision.group or '-'} failed: {error.strerror}")

    def rules(self, scope: Scope) -> Rules:
        """The settings of transfers in a scope, asked once."""
        known = self._rules.get(scope)
        if known is None:
            if len(self._rules) >= MAX_RULES:
                self._rules.clear()
            known = self._rules[scope] = Rules(scope)
        return known


