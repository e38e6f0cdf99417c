"""One request under way: the commands that hooks and logs see of it, from their beginning to their end.

A handler that has much to do is a generator: each step moves a bounded number of bytes and yields, so that other
channels, timers and the end of the connection come in between; what it returns is the answer.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from mod_sftp.sftp.status import code_for
from pyproftpd.api.command import Command
from pyproftpd.errors import Refused
from pyproftpd.session.dispatch import record_outcome

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer
    from mod_sftp.sftp.table import Row
    from pyproftpd.session.session import Session

#: A long piece of work; yields between two steps, returns the handler's answer.
Steps = Generator[None, None, Any]

#: their failures are told by their name, those of all others by the path. Source: real server
RENAMES = ("RNFR", "RNTO")


class Act:
    """``outer`` is the request itself, ``inner`` are the FTP commands that it acts as.

    They all begin before the request is run, and end after it in the order of the real server's logs: what it acts as,
    then the request itself.
    """

    __slots__ = ("row", "ident", "outer", "inner", "cmd", "steps", "_begun")

    def __init__(self, row: Row, ident: int, outer: Command, inner: tuple[Command, ...]) -> None:
        self.row, self.ident, self.outer, self.inner = row, ident, outer, inner
        #: the command that the View is asked with
        self.cmd = inner[-1] if inner else outer
        self.steps: Steps | None = None
        self._begun: tuple[Command, ...] = ()

    def begin(self, session: Session) -> None:
        """Raises what a hook raises."""
        begin = session.dispatcher.begin
        begin(session, self.outer)
        self._begun = (self.outer,)
        for cmd in self.inner:
            begin(session, cmd)
            self._begun += (cmd,)

    def done(self, sftp: SftpServer, answer: Any) -> bytes:
        """The reply to a request that was carried out."""
        if self.inner:
            for cmd, pseudo in zip(self.inner, self.row.pseudo, strict=True):
                cmd.code, cmd.text = pseudo.done, pseudo.text
        return self.row.shape(sftp, self.outer, self.ident, answer)

    def stopped(self, sftp: SftpServer, error: OSError | Refused) -> None:
        """Write on the commands and into the log why the handler failed."""
        status, text = sftp.explain(error)
        why = f"denied by {error.rule}" if isinstance(error, Refused) else f"failed: {os.strerror(error.errno or 0)}"
        sftp.line(f"{self.outer.name} of '{self.outer.arg}' {why}")
        self.outer.code, self.outer.text = str(code_for(status, sftp.version)), text
        for cmd, pseudo in zip(self.inner, self.row.pseudo, strict=True):
            subject = cmd.name if cmd.name in RENAMES else cmd.arg
            cmd.code, cmd.text = pseudo.failed, f"{subject}: {os.strerror(error.errno or 0)}"

    def end(self, session: Session, error: BaseException | None = None) -> None:
        """POST and LOG of every command that began."""
        begun, self._begun = self._begun, ()
        if error is not None:
            for cmd in begun:
                record_outcome(cmd, error)
        finished = session.dispatcher.finished
        for cmd in (*begun[1:], *begun[:1]):
            finished(session, cmd)

    def abandon(self, session: Session, failure: str) -> None:
        """The channel is gone in the middle of the steps."""
        if self.steps is not None:
            self.steps.close()
        self.end(session, OSError(errno.ECONNABORTED, failure))
