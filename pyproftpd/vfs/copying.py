"""copy-file: a copy made inside the server, under the rules of a download and of an upload."""

from __future__ import annotations

import errno
import os
import stat as _stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from pyproftpd.vfs.conf import OwnershipConf

if TYPE_CHECKING:
    from pyproftpd.vfs.view import View


def copy_in_steps(view: View, cmd: Command, source: str, target: str, *, overwrite: bool) -> Iterator[None]:
    """A copy is a download and an upload: SITE_COPY, then RETR with READ here and STOR with WRITE there, and every rule of
    uploads.

    Hidden names, size limit, owners and durability are those of an upload; the transfer log sees one. A new file has the mode
    of its source less the Umask. Rests after every
    few megabytes; closed before its end it leaves what an aborted upload leaves.
    """
    with view.locate(cmd, source, follow=True) as place:
        info, _ = view.existing(cmd, place, names=("SITE_COPY", "COPY", "RETR"), group="READ")
        if _stat.S_ISDIR(info.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not _stat.S_ISREG(info.st_mode):
            raise Refused("only regular files are copied", errno.EACCES)
        reader = place.open(os.O_RDONLY | os.O_NONBLOCK)
    limits, group, path, real, sent = cmd.limits, cmd.group, cmd.path, cmd.real_path, cmd.sent
    try:
        with view.locate(cmd, target, follow=True, second=True) as goal:
            there = goal.info
            if there is not None and (there.st_ino, there.st_dev) == (info.st_ino, info.st_dev):
                raise Refused("source and target are the same file", errno.EINVAL)
            umask = view.access.scope_of(goal.path.directory).get(OwnershipConf).umask[0]
        cmd.limits, cmd.group, cmd.sent = ("SITE_COPY", "COPY", "STOR"), "WRITE", cmd.sent2
        cmd.path = None  # what the transfer log is told of is the target
        upload = view.open_upload(cmd, target, create=True, exclusive=not overwrite, truncate=True, append=False,
                                  mode=info.st_mode & ~umask & 0o777, chmod=False)
        try:
            yield from upload.take(reader)
        except (OSError, Refused) as error:
            upload.abort(str(error))
            raise
        except GeneratorExit:
            upload.abort("copy was given up")
            raise
        upload.finish()
    finally:
        os.close(reader)
        cmd.limits, cmd.group, cmd.path, cmd.real_path, cmd.sent = limits, group, path, real, sent
