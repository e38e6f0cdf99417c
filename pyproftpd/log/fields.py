"""The LogFormat variables: one row each, read by ExtendedLog in text and in JSON.

A getter takes the finished command and the session's facts; ``None`` is "does not apply" and prints ``-`` (or what ``missing``
says), which is what the real server writes. Rows with a ``parameter`` stand for a family: ``%{env:KEY}``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyproftpd import COMPATIBILITY
from pyproftpd.api.command import Command, LogClass
from pyproftpd.api.facts import LogFacts
from pyproftpd.log.lines import stamp

#: commands whose outcome is a transfer, so that ``%{transfer-status}`` and its like apply. Source: real server, mod_log
TRANSFERS = frozenset({"STOR", "STOU", "APPE", "RETR", "LIST", "MLSD", "NLST"})
#: commands that can say that they changed an existing file
STORES = frozenset({"STOR", "STOU", "APPE", "OPEN", "CLOSE"})
#: commands for which ``%d`` and ``%D`` name the command's own directory
DIRECTORY_COMMANDS = frozenset({"CDUP", "XCUP", "CWD", "XCWD", "LIST", "MLSD", "MLST", "NLST", "MKD", "XMKD", "RMD", "XRMD"})
DEFAULT_TIME = "[%d/%b/%Y:%H:%M:%S %z]"

Getter = Callable[[Command, LogFacts, str], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """``name`` as LogFormat writes it, ``json`` the key of a JSON line (``""``: the text only), ``missing`` for no value."""

    name: str
    json: str
    get: Getter
    meaning: str
    missing: str = "-"
    #: the name takes a parameter behind a colon
    parameter: bool = False


def _command_line(cmd: Command, facts: LogFacts, key: str) -> str | None:
    if cmd.classes & (LogClass.CONNECT | LogClass.EXIT):
        return None
    return f"{cmd.name.replace('_', ' ', 1) if cmd.name.startswith('SITE_') else cmd.name} {cmd.arg}".rstrip()


def _transfer(attribute: str) -> Getter:
    def get(cmd: Command, facts: LogFacts, key: str) -> Any:
        return getattr(cmd.transfer, attribute) if cmd.transfer is not None else None
    return get


def _bytes(cmd: Command, facts: LogFacts, key: str) -> int | None:
    if cmd.transfer is not None:
        return cmd.transfer.bytes
    return cmd.bytes


def _seconds(cmd: Command, facts: LogFacts, key: str) -> str | None:
    return f"{cmd.transfer.seconds:.3f}" if cmd.transfer is not None else None


def _directory(last_part: bool) -> Getter:
    def get(cmd: Command, facts: LogFacts, key: str) -> str | None:
        if cmd.name not in DIRECTORY_COMMANDS or cmd.path is None:
            return facts.cwd if last_part else None
        return os.path.basename(cmd.path) or "/" if last_part else cmd.real_path
    return get


def _file(cmd: Command, facts: LogFacts, key: str) -> str | None:
    """The file that was moved, which lies behind a link that the client may have named."""
    return cmd.transfer.path if cmd.transfer is not None else cmd.real_path


def _basename(cmd: Command, facts: LogFacts, key: str) -> str | None:
    return os.path.basename(_file(cmd, facts, key) or "") or None


def _client_path(cmd: Command, facts: LogFacts, key: str) -> str | None:
    if cmd.name == "RNTO" and cmd.path2:
        return cmd.path2
    return cmd.path if cmd.real_path is not None else None


def _rename_source(cmd: Command, facts: LogFacts, key: str) -> str | None:
    return cmd.path if cmd.name == "RNTO" and cmd.path2 else None


def _name(cmd: Command, facts: LogFacts, key: str) -> str | None:
    """The beginning of a session has no command; its end is called EXIT."""
    return None if cmd.name == "CONNECT" else cmd.name.replace("SITE_", "SITE ", 1)


def _modified(cmd: Command, facts: LogFacts, key: str) -> bool:
    return cmd.modified and cmd.name in STORES


def _offset(cmd: Command, facts: LogFacts, key: str) -> int | None:
    """Where a resumed transfer began, or what a single READ or WRITE is about."""
    if cmd.transfer is not None:
        return cmd.transfer.offset
    noted = (cmd.notes or {}).get("mod_xfer.file-offset")
    return None if noted is None else int(noted)


def _status(cmd: Command, facts: LogFacts, key: str) -> str | None:
    if cmd.name not in TRANSFERS:
        return None
    return "failed" if cmd.failed or (cmd.transfer is not None and not cmd.transfer.complete) else "success"


def _failure(cmd: Command, facts: LogFacts, key: str) -> str | None:
    if _status(cmd, facts, key) != "failed":
        return None
    if cmd.transfer is not None and cmd.transfer.failure:
        return cmd.transfer.failure
    return os.strerror(cmd.errno) if cmd.errno else "unknown"


def _speed(cmd: Command, facts: LogFacts, key: str) -> str | None:
    if cmd.transfer is None or cmd.transfer.seconds <= 0:
        return None
    return f"{cmd.transfer.bytes / 1024 / cmd.transfer.seconds:.3f}"


def _time(cmd: Command, facts: LogFacts, key: str) -> str:
    return time.strftime(key or DEFAULT_TIME)


def _note(cmd: Command, facts: LogFacts, key: str) -> str | None:
    return (cmd.notes or {}).get(key) or facts.notes.get(key)


def _identity(attribute: str, otherwise: Callable[[], Any]) -> Getter:
    def get(cmd: Command, facts: LogFacts, key: str) -> Any:
        return getattr(facts.identity, attribute) if facts.identity is not None else otherwise()
    return get


def _fact(attribute: str) -> Getter:
    return lambda cmd, facts, key: getattr(facts, attribute) or None


def _milliseconds_of(transfer_only: bool) -> Getter:
    def get(cmd: Command, facts: LogFacts, key: str) -> int | None:
        if transfer_only:
            return round(cmd.transfer.seconds * 1000) if cmd.transfer is not None else None
        return round((time.monotonic() - cmd.started) * 1000)
    return get


FIELDS: tuple[Field, ...] = (
    Field("%%", "", lambda cmd, facts, key: "%", "a percent sign"),
    Field("%a", "remote_ip", _fact("remote_address"), "address of the client"),
    Field("%A", "anon_password", lambda cmd, facts, key: facts.notes.get("mod_auth.anon-passwd"), "password of an anonymous user",
          "UNKNOWN"),
    Field("%b", "bytes_sent", _bytes, "bytes moved, or the size of a deleted file"),
    Field("%c", "connection_class", _fact("connection_class"), "class of the connection"),
    Field("%d", "dir_name", _directory(True), "last part of a directory command's path; else the current directory"),
    Field("%D", "dir_path", _directory(False), "absolute path of a directory command, outside of any chroot", ""),
    Field("%E", "session_end_reason", lambda cmd, facts, key: facts.end_reason if cmd.name == "EXIT" else None,
          "why the session ended", ""),
    Field("%f", "file", _file, "absolute path of the file, outside of any chroot"),
    Field("%F", "transfer_path", _client_path, "path of the file as the client sees it"),
    Field("%g", "group", _identity("group", lambda: None), "name of the primary group"),
    Field("%h", "remote_dns", _fact("remote_name"), "name of the client"),
    Field("%H", "server_ip", _fact("local_address"), "address of the server"),
    Field("%{...}e", "", lambda cmd, facts, key: facts.environ.get(key), "environment variable, old spelling", "", True),
    Field("%{...}t", "", _time, "time by strftime, old spelling", "", True),
    Field("%I", "session_bytes_rcvd", lambda cmd, facts, key: facts.bytes_in, "bytes received in this session"),
    Field("%J", "command_params", lambda cmd, facts, key: cmd.arg or None, "argument of the command", ""),
    Field("%l", "identd_user", lambda cmd, facts, key: None, "name by RFC 1413", "UNKNOWN"),
    Field("%L", "local_ip", _fact("local_address"), "address of the connection's own end"),
    Field("%m", "command", _name, "name of the command", ""),
    Field("%O", "session_bytes_sent", lambda cmd, facts, key: facts.bytes_out, "bytes sent in this session"),
    Field("%p", "local_port", _fact("local_port"), "port of the server"),
    Field("%P", "pid", lambda cmd, facts, key: os.getpid(), "process id"),
    Field("%r", "raw_command", _command_line, "the command with its argument", ""),
    Field("%R", "response_millis", _milliseconds_of(False), "milliseconds until the response"),
    Field("%s", "response_code", lambda cmd, facts, key: cmd.code or None, "code of the reply"),
    Field("%S", "response_msg", lambda cmd, facts, key: cmd.text or None, "text of the reply"),
    Field("%t", "local_time", lambda cmd, facts, key: time.strftime(DEFAULT_TIME), "time of the server"),
    Field("%T", "transfer_secs", _seconds, "seconds that the transfer took"),
    Field("%u", "user", _fact("user"), "name of the logged-in user"),
    Field("%U", "original_user", _fact("original_user"), "name as the client sent it"),
    Field("%v", "server_name", _fact("server_name"), "ServerName"),
    Field("%V", "server_dns", _fact("server_dns"), "DNS name of the server"),
    Field("%w", "rename_from", _rename_source, "source of a rename"),
    Field("%{basename}", "basename", _basename, "last part of the file's path"),
    Field("%{env:KEY}", "ENV:", lambda cmd, facts, key: facts.environ.get(key), "environment variable", "", True),
    Field("%{epoch}", "epoch", lambda cmd, facts, key: int(time.time()), "seconds since 1970"),
    Field("%{file-modified}", "file_modified", _modified, "an existing file was changed"),
    Field("%{file-offset}", "file_offset", _offset, "offset at which a resumed transfer began"),
    Field("%{file-size}", "file_size", _transfer("file_size"), "size of the file after an upload"),
    Field("%{gid}", "gid", _identity("gid", os.getegid), "group id"),
    Field("%{iso8601}", "timestamp", lambda cmd, facts, key: stamp(), "local time with milliseconds"),
    Field("%{microsecs}", "microsecs", lambda cmd, facts, key: time.time_ns() // 1000 % 1_000_000, "microseconds of the time"),
    Field("%{millisecs}", "millisecs", lambda cmd, facts, key: time.time_ns() // 1_000_000 % 1000, "milliseconds of the time"),
    Field("%{note:KEY}", "NOTE:", _note, "note of the command or the session", "", True),
    Field("%{protocol}", "protocol", _fact("protocol"), "ssh2, sftp or scp"),
    Field("%{remote-port}", "remote_port", _fact("remote_port"), "port of the client"),
    Field("%{time:FORMAT}", "", _time, "time by strftime", "", True),
    Field("%{transfer-failure}", "transfer_failure", _failure, "why a transfer failed"),
    Field("%{transfer-millisecs}", "transfer_millis", _milliseconds_of(True), "milliseconds that the transfer took"),
    Field("%{transfer-port}", "transfer_port", lambda cmd, facts, key: None, "port of the data connection; SFTP has none"),
    Field("%{transfer-speed}", "transfer_speed", _speed, "KB a second"),
    Field("%{transfer-status}", "transfer_status", _status, "success or failed"),
    Field("%{transfer-type}", "transfer_type", lambda cmd, facts, key: "binary" if cmd.name in TRANSFERS else None,
          "binary; SFTP has no other"),
    Field("%{uid}", "uid", _identity("uid", os.geteuid), "user id"),
    Field("%{var:NAME}", "VAR:", lambda cmd, facts, key: facts.notes.get(key), "registered variable", "", True),
    Field("%{version}", "server_version", lambda cmd, facts, key: COMPATIBILITY, "release of ProFTPD that is kept to"),
)

#: two rows of the reference are about the log itself, not a variable of it
REMARKS = ("(missing value)", "connecting / disconnecting")


def described() -> list[tuple[str, str]]:
    """(name, meaning) for ``--describe logformat``."""
    rows = [(field.name, field.meaning) for field in FIELDS]
    return [*rows, (REMARKS[0], "a single dash"), (REMARKS[1], "true in the JSON lines of CONNECT and EXIT")]
