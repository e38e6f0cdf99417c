"""A command on its way through its life: what a client asked for, in terms that every front end, hook and log shares.

SFTP and SCP requests travel as the FTP commands that they resemble (an OPEN for writing is a STOR), so that Limit,
ExtendedLog and modules see one vocabulary. Source: real server, mod_sftp's pseudo-commands.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyproftpd.api.transfer import TransferRecord


class Phase(enum.Enum):
    """The phases of a command in their order; ``*_ERR`` run in place of their twins after a failure."""

    PRE = "pre"
    CMD = "cmd"
    POST = "post"
    POST_ERR = "post_err"
    LOG = "log"
    LOG_ERR = "log_err"


class LogClass(enum.Flag):
    """Classes that an ExtendedLog selects by (ProFTPD's ``CL_*``)."""

    NONE = 0
    AUTH = enum.auto()
    INFO = enum.auto()
    DIRS = enum.auto()
    READ = enum.auto()
    WRITE = enum.auto()
    MISC = enum.auto()
    SEC = enum.auto()
    CONNECT = enum.auto()
    EXIT = enum.auto()
    SSH = enum.auto()
    SFTP = enum.auto()
    ALL = AUTH | INFO | DIRS | READ | WRITE | MISC | SEC | SSH | SFTP


class Command:
    """One request.

    ``name``     as hooks and logs see it, in capitals (``STOR``, ``MKD``, ``SITE_CHMOD``, ``OPEN``...)
    ``arg``      the argument as text, what ``%J`` and ``%r`` print; secrets are replaced before they get here
    ``limits``   the names that ``<Limit>`` is asked for, most exact first; empty = no Limit is asked
    ``group``    the Limit group asked after them: ``READ``, ``WRITE``, ``DIRS``, ``LOGIN`` or ``""``
    ``classes``  for ExtendedLog
    ``path``     virtual path, absolute, as the client sees it; PRE handlers may replace it
    ``path2``    the second path of a rename, link or copy (the target)

    The outcome is filled in before the LOG phase: ``code`` and ``text`` (the reply of the protocol: FTP code or SFTP
    status number), ``errno`` (0 = success), ``bytes`` moved (``None``: none to move),
    ``transfer`` when it moved a file, ``notes`` (``%{note:}``).
    """

    __slots__ = ("name", "arg", "sent", "sent2", "limits", "group", "classes", "path", "path2", "real_path", "started",
                 "code", "text", "errno", "reason", "bytes", "transfer", "modified", "notes")

    def __init__(self, name: str, arg: str = "", *, limits: tuple[str, ...] = (), group: str = "",
                 classes: LogClass = LogClass.MISC, path: str | None = None, path2: str | None = None) -> None:
        self.name, self.arg, self.limits, self.group, self.classes = name, arg, limits, group, classes
        self.path, self.path2 = path, path2
        #: the two paths as the client sent them, which AllowFilter and DenyFilter are asked about; ``arg`` can be worded
        #: for the logs
        self.sent = self.sent2 = arg
        #: absolute path outside of any chroot (``%f``), set by the View once resolved
        self.real_path: str | None = None
        #: monotonic seconds
        self.started = time.monotonic()
        self.code, self.text, self.errno = "", "", 0
        self.bytes: int | None = None
        #: why policy refused, for ``--explain`` and the server log
        self.reason = ""
        self.transfer: TransferRecord | None = None
        #: an existing file was changed (``%{file-modified}``)
        self.modified = False
        self.notes: dict[str, str] | None = None

    def note(self, key: str, value: str) -> None:
        if self.notes is None:
            self.notes = {}
        self.notes[key] = value

    @property
    def failed(self) -> bool:
        return self.errno != 0
