"""One SFTP channel: version, requests in, replies out. Everything belongs to the channel, nothing to the process.

A request becomes a ``Request`` by its layout (wire/fxp), is wrapped in the commands that hooks and logs see (table), runs
its handler and is answered by its reply shape. READ and WRITE go the short way of ``data``.
"""

from __future__ import annotations

import contextlib
import errno
from time import monotonic
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from mod_sftp.channel.moving import Moving
from mod_sftp.log import SftpLog
from mod_sftp.sftp import data, extensions, files, table
from mod_sftp.sftp.act import Act
from mod_sftp.sftp.framer import Framer
from mod_sftp.sftp.handles import DirectoryHandle, FileHandle, Handles
from mod_sftp.sftp.status import Status, StatusError, describe, reply
from mod_sftp.sftp.terms import Terms, terms_of
from mod_sftp.wire.fxp import (
    REQUEST_ID,
    BadMessage,
    Dialect,
    Field,
    Fxp,
    Request,
    decode,
    version_message,
)
from mod_sftp.wire.ssh import Reader
from pyproftpd.api.command import Command, LogClass
from pyproftpd.errors import PeerError, Refused
from pyproftpd.session.display import Display
from pyproftpd.session.pace import Pace
from pyproftpd.vfs.access import Subject

if TYPE_CHECKING:
    from mod_sftp.sftp.act import Steps
    from mod_sftp.sftp.table import Row
    from pyproftpd.session.session import Session
    from pyproftpd.vfs.view import View

#: SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED (RFC 4253 11.1)
VERSION_NOT_SUPPORTED = 8

#: request types by number
NAMES = {number: name for name, number in vars(Fxp).items() if isinstance(number, int)}


class SftpServer:
    """A ``Program`` of the channel layer."""

    def __init__(self, session: Session, channel: Any, view: View, terms: Terms) -> None:
        self.session, self.channel, self.view, self.terms = session, channel, view, terms
        self.moving = session.state(Moving, session)
        pace = session.state(Pace, session)
        #: ``None``: MaxCommandRate is not set
        self.pace = pace if pace.rate is not None else None
        self.handles = Handles(terms.max_handles)
        #: 0 until INIT
        self.version = 0
        self.dialect = Dialect(0)
        #: version-select is legal as the first request only (behaviours 124)
        self.fresh = True
        #: a request was one that ends the channel
        self.over = False
        #: the request at hand moved data: TimeoutNoTransfer and TimeoutStalled start again at its end (behaviours 185)
        self.transferred = False
        #: the request whose steps are under way
        self._act: Act | None = None
        #: what a channel feeds: a view of data that dies with the call
        self.feed = Framer(self._traced_request if session.trace.on else self._request, channel).feed
        self._rows: dict[int, tuple[Row, tuple[Field, ...]]] = {}
        self._fast: dict[int, Any] = {}

    # What a channel calls.

    def eof(self) -> None:
        """The client sends no more: everything complete was answered already."""
        self.channel.finish(0)

    def ready(self) -> None:
        """Output drained: the next step of a request that takes several. No other is read before its reply."""
        act = self._act
        if act is None or act.steps is None:
            return
        self.session.protocol = "sftp"
        try:
            next(act.steps)
        except StopIteration as end:
            self._conclude(act, act.done(self, end.value), None)
        except (OSError, Refused) as error:
            act.stopped(self, error)
            self._conclude(act, self.failure(act.ident, error), error)
        if self.transferred:
            self._restart_timers()

    def _restart_timers(self) -> None:
        self.transferred = False
        self.moving.moved()

    def _conclude(self, act: Act, message: bytes, error: BaseException | None) -> None:
        self._act, self.channel.working = None, False
        act.end(self.session, error)
        self.channel.write(message)

    def close(self, failure: str) -> None:
        """The channel is gone: what is still open was not ended by its client (behaviours 152)."""
        self.session.protocol = "sftp"
        act, self._act = self._act, None
        if act is not None:
            act.abandon(self.session, failure or "channel closed")
        for handle in self.handles:
            self.handles.remove(handle.name)
            self._abandon(handle, failure or "channel closed")
        self.session.protocol = "ssh2"

    def _abandon(self, handle: FileHandle | DirectoryHandle, failure: str) -> None:
        """End an open handle without its client's word."""
        cmd = handle.cmd
        if isinstance(handle, FileHandle):
            self.moving.ended()
            handle.transfer.abort(failure)
            cmd.code, cmd.text, cmd.errno = "451", failure, errno.ECONNABORTED
        elif handle.listing is not None:
            handle.listing.close()
        self.session.finished(cmd)
        if isinstance(handle, FileHandle) and handle.opening.delete_on_close:
            with contextlib.suppress(OSError, Refused):  # perhaps it went with the upload that was cut short
                files.delete(self, cmd)

    # Requests.

    def _traced_request(self, body: memoryview) -> None:
        """Source: real server's trace."""
        kind = body[0]
        ident = "" if kind == Fxp.INIT or len(body) < MIN_BODY else f"request ID {REQUEST_ID.unpack_from(body, 1)[0]}, "
        name = NAMES.get(kind, "unknown")
        self.session.trace("sftp", 6, f"received {name} ({kind}) SFTP request ({ident}channel ID {self.channel.id})")
        self._request(body)

    def _request(self, body: memoryview) -> None:
        self.session.protocol = "sftp"
        kind = body[0]
        fast = self._fast.get(kind)
        if fast is not None:
            fast(self, body)
        elif kind == Fxp.INIT:
            self._init(body)
        elif not self.version:
            raise PeerError(f"SFTP request {kind} before INIT")
        else:
            self.answer(kind, body)

    def answer(self, kind: int, body: memoryview) -> None:
        ident: int = REQUEST_ID.unpack_from(body, 1)[0]
        reader = Reader(body, MIN_BODY)
        try:
            if kind == Fxp.EXTENDED:
                message = self._extended(ident, reader)
            else:
                found = self._rows.get(kind)
                if found is None:
                    raise StatusError(Status.OP_UNSUPPORTED, number=errno.EOPNOTSUPP)
                message = self.perform(found[0], ident, decode(found[1], reader, self.dialect))
        except (OSError, Refused, BadMessage) as error:
            message = self.failure(ident, error)
        self.fresh = False
        if self.transferred:
            self._restart_timers()
        if self.pace is not None:
            self.channel.pause(self.pace.spend(monotonic()))
        if message is not None:
            self.channel.write(message)
        if self.over:
            self.channel.finish(1)

    def perform(self, row: Row, ident: int, request: Request, argument: str | None = None) -> bytes | None:
        """Run one request inside the commands that it acts as; the outcome is on them before their logs run.

        ``None``: it takes several steps, and the reply comes behind the last of them (``ready``).
        """
        request.kind = row.kind
        act = Act(row, ident, *table.commands(row, request, self, argument))
        if self.session.trace.on:
            self.session.trace("sftp", 7, f"received request: {act.outer.name} {act.outer.arg}")
        try:
            act.begin(self.session)
            try:
                answer = row.handler(self, act.cmd, request)
                if isinstance(answer, GeneratorType):
                    answer = self._first_step(act, answer)
            except (OSError, Refused) as error:
                act.stopped(self, error)
                raise
            if act.steps is not None:
                self._act, self.channel.working = act, True
                return None
            message = act.done(self, answer)
        except BaseException as error:
            act.end(self.session, error)
            raise
        act.end(self.session)
        return message

    @staticmethod
    def _first_step(act: Act, steps: Steps) -> Any:
        """What takes steps is begun; it goes on later when one was not enough."""
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        act.steps = steps
        return None

    def _extended(self, ident: int, reader: Reader) -> bytes | None:
        """EXTENDED, logged under its extension's name whatever the request is called besides."""
        name = decode(extensions.NAME, reader, self.dialect).name
        row = extensions.find(name, self.terms.extensions)
        if row is not None and row.name == "EXTENDED":
            return self.perform(row, ident, decode(row.layout, reader, self.dialect), name)
        with self.session.phases(Command("EXTENDED", name, classes=table.MISC)):
            if row is None:
                self.line(f"unsupported or disabled extension '{name}' requested")
                raise StatusError(Status.OP_UNSUPPORTED, number=errno.EOPNOTSUPP)
            return self.perform(row, ident, decode(row.layout, reader, self.dialect))

    # Answers.

    def explain(self, error: OSError | Refused | BadMessage) -> tuple[int, str]:
        """(status, text) of what stopped a request."""
        return (Status.BAD_MESSAGE, error.text) if isinstance(error, BadMessage) else describe(error)

    def failure(self, ident: int, error: OSError | Refused | BadMessage) -> bytes:
        status, text = self.explain(error)
        extra = error.extra if isinstance(error, StatusError) else b""
        return reply(self.version, ident, status, text, extra)

    # Version.

    def _init(self, body: memoryview) -> None:
        """INIT. A second one gets the answer of the first: the version of a running session never changes."""
        asked: int = REQUEST_ID.unpack_from(body, 1)[0]
        cmd = Command("INIT", str(asked), classes=table.MISC)
        with self.session.phases(cmd):
            if self.version:
                self.line(f"repeated INIT for version {asked} answered with version {self.version}")
            else:
                self.agree(min(asked, self.terms.highest))
                self.line(f"using SFTP protocol version {self.version} for this session (channel ID {self.channel.id})")
        self.channel.write(version_message(self.version, extensions.announced(self)))

    def agree(self, version: int) -> None:
        """Speak ``version`` from now on."""
        if version < self.terms.lowest:
            raise PeerError(f"SFTP version {version} is below {self.terms.lowest}", VERSION_NOT_SUPPORTED)
        self.version = version
        names = self.terms.utf8_names if version >= self.terms.utf8_from else self.terms.raw_names
        self.dialect = Dialect(version, names)
        self._rows = table.rows(version)
        self._fast = {Fxp.READ: data.read, Fxp.WRITE: data.write}

    # Small services for handlers.

    def path(self, text: str) -> str:
        """The virtual path that a client means; empty is where its login began (behaviours 136)."""
        if "\0" in text:
            raise StatusError(Status.INVALID_FILENAME, "Name holds a NUL byte")
        return self.view.absolute(text)

    def judge(self, cmd: Command, handle: FileHandle | DirectoryHandle) -> None:
        """Ask the Limits of ``cmd`` about something that is open already; its name passed the filters then."""
        subject = handle.transfer if isinstance(handle, FileHandle) else handle.listing
        if subject is None:
            raise StatusError(Status.INVALID_HANDLE)
        decision = self.view.access.decide(cmd.limits, cmd.group, Subject(subject.vpath, None, cmd.sent), filters=False)
        if not decision.allowed:
            raise Refused(decision.reason, errno.ENOENT if decision.hidden else errno.EACCES)

    def name(self, text: str) -> bytes:
        """Path text as this version puts it on the wire."""
        return self.dialect.names.encode(text)

    def line(self, text: str) -> None:
        """A line into the SFTPLog."""
        log = self.session.store.get(SftpLog)
        if isinstance(log, SftpLog):
            log.line(text)

    def wants(self, classes: LogClass, name: str) -> bool:
        """Does an ExtendedLog want a line for each of these requests?"""
        extended = self.session.extended
        return extended is not None and extended.wants(classes | LogClass.SFTP, name)


#: Type and request id, in front of every request's fields.
MIN_BODY = 5


def open_program(session: Session, channel: Any, words: list[str]) -> SftpServer:
    """``subsystem sftp``. Raises: Refused where Protocols leaves sftp out."""
    terms = terms_of(session)
    if "sftp" not in terms.protocols:
        raise Refused("Protocols does not name sftp")
    if session.view is None:
        raise Refused("no file view: not logged in")
    session.protocol = "sftp"
    greet(session, channel)
    return SftpServer(session, channel, session.view, terms)


def greet(session: Session, channel: Any) -> None:
    """DisplayLogin, once, with the first SFTP channel, on its standard error (behaviours 27). It was read before the
    chroot; who reads it leaves it in the store."""
    display = session.store.pop(Display, None)
    if isinstance(display, Display):
        text = display.render(session).replace("\r\n", "\n").replace("\n", "\r\n")
        channel.extended(text.encode("utf-8", "surrogateescape"))
