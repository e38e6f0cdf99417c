"""What a login leaves in files: wtmp, lastlog, and the logs of transfers and commands that hold for this user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyproftpd.api.auth import Identity
from pyproftpd.api.command import Command
from pyproftpd.api.transfer import Direction, TransferRecord
from pyproftpd.log import xferlog
from pyproftpd.log.conf import SystemLogConf, TransferLogConf
from pyproftpd.log.extended import ExtendedLogs
from pyproftpd.log.sinks import Sink, UnsafePath, open_sink
from pyproftpd.log.system import ModuleLog
from pyproftpd.session.conf import LoginConf
from pyproftpd.unix.wtmp import WtmpRecord, write_lastlog

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope
    from pyproftpd.session.session import Session

#: TransferLog where none is configured; the real server's compiled-in path on Debian and Fedora
XFERLOG = "/var/log/proftpd/xferlog"


def open_all(session: Session, scope: Scope, identity: Identity) -> None:
    """As root, outside of any chroot. What cannot be opened is said in the log and left out, as the real server does."""
    _record_login(session, scope.get(LoginConf), identity)
    session.transfer_log = _transfer_log(session, scope)
    session.extended = ExtendedLogs.open(scope, session.log.error, session.extended)


def _record_login(session: Session, conf: LoginConf, identity: Identity) -> None:
    if conf.wtmp_log:
        try:
            record = WtmpRecord()
            record.login(identity.user, session.remote_name, session.remote_address)
            session.store[WtmpRecord] = record
        except OSError as error:
            session.log.debug(1, f"wtmp: {error}")
    if conf.use_lastlog:
        try:
            write_lastlog(identity.uid, session.remote_name)
        except OSError as error:
            session.log.notice(f"lastlog: {error}")


def _transfer_log(session: Session, scope: Scope) -> Sink | None:
    target, system = scope.get(TransferLogConf).transfer_log, scope.get(SystemLogConf)
    if target == "none":
        return None
    try:
        return open_sink(target or XFERLOG, allow_symlinks=system.allow_log_symlinks, facility=system.syslog_facility)
    except (OSError, UnsafePath) as error:
        text = f"cannot open TransferLog {target or XFERLOG}: {error}"
        if target:
            session.log.error(text)
        else:
            session.log.debug(1, text)
        return None


@dataclass(slots=True)
class Totals:
    """Finished transfers of a session; ``session.state(Totals)``."""

    uploads: int = 0
    downloads: int = 0
    bytes: int = 0


def report_to(session: Session) -> Callable[[Command, TransferRecord], None]:
    """What a View calls once for every finished transfer."""
    totals = session.state(Totals)

    def report(cmd: Command, record: TransferRecord) -> None:
        if record.direction is not Direction.DELETE:
            totals.uploads += record.direction is Direction.UPLOAD
            totals.downloads += record.direction is Direction.DOWNLOAD
            totals.bytes += record.bytes
        if session.dispatcher.watched(session, cmd.name):
            _note(cmd, record)
        if session.transfer_log is not None:
            session.transfer_log.write(xferlog.line(record, session, path=cmd.real_path))
    return report


#: names of notes that modules and ``%{note:...}`` look for. Source: real server, mod_xfer
_PATH_NOTES = {Direction.UPLOAD: "mod_xfer.store-path", Direction.DOWNLOAD: "mod_xfer.retr-path"}


def _note(cmd: Command, record: TransferRecord) -> None:
    name = _PATH_NOTES.get(record.direction)
    if name is None:
        return
    cmd.note(name, cmd.path or record.client_path)
    if cmd.modified:
        cmd.note("mod_xfer.file-modified", "true")
    if record.offset is not None:
        cmd.note("mod_xfer.file-offset", str(record.offset))
    if record.file_size is not None:
        cmd.note("mod_xfer.file-size", str(record.file_size))
    if not record.complete:
        cmd.note("mod_sftp.file-status", "failed")


def _tell_lost_lines(session: Session) -> None:
    """A log that cannot be written stops nothing, and never passes unseen."""
    lost = session.extended.failures() if session.extended is not None else {}
    if session.transfer_log is not None and session.transfer_log.failures:
        lost["TransferLog"] = session.transfer_log.failures
    lost["TraceLog"] = session.trace.failures
    lost |= {f"log of {log.name}": log.failures for log in session.store.values() if isinstance(log, ModuleLog)}
    for name, count in lost.items():
        if count:
            session.log.error(f"{name}: {count} lines of this session could not be written")


def close_all(event: object, session: Session, *context: Any) -> None:
    """At the end of the session, whatever ended it (event ``Ended``)."""
    _tell_lost_lines(session)
    record = session.store.pop(WtmpRecord, None)
    if isinstance(record, WtmpRecord):
        try:
            record.logout()
        except OSError as error:
            session.log.debug(1, f"wtmp: {error}")
