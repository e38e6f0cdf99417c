"""Channel requests as rows: what starts a program, sets a variable, or is refused (RFC 4254 6).

Whatever has no row is refused and logged; ``signal`` is read and does nothing (security.md C6).
"""

from __future__ import annotations

import errno
import fnmatch
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mod_sftp.channel.channel import Channel
from mod_sftp.wire.ssh import Reader
from mod_sftp.wire.words import Word, split
from pyproftpd.errors import Refused
from pyproftpd.session.conf import ProtocolConf

if TYPE_CHECKING:
    from mod_sftp.channel.mux import Mux

#: kind of request and its first word -> (name in ``Protocols``, where the program opens)
PROGRAMS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("subsystem", "sftp"): ("sftp", "mod_sftp.sftp.server:open_program"),
    ("exec", "scp"): ("scp", "mod_sftp.scp.server:open_program"),
    ("exec", "date"): ("date", "mod_sftp.channel.date:open_program"),
}

#: requests after which a client expects a program; refused without a reply they leave it waiting
STARTERS = frozenset({"exec", "subsystem", "shell"})

#: a command line holds a flag or two and paths of at most PATH_MAX
MAX_COMMAND = 64 * 1024
#: ``env``: names and values beyond these are no settings of a user's
MAX_VARIABLE_NAME = 128
MAX_VARIABLE_VALUE = 4096
MAX_VARIABLES = 64

#: never taken from a client, whatever SFTPAcceptEnv says. Source: real server
REFUSED_VARIABLES = frozenset({
    "HOME", "PATH", "TMP", "TMPDIR", "TZ", "USER", "LD_LIBRARY_PATH", "LD_PRELOAD", "LD_RUN_PATH", "LD_CONFIG",
    "LD_CONFIG_32", "LD_CONFIG_64", "LD_LIBMAP", "LD_NOCONFIG", "LD_NOCONFIG_32", "LD_NOCONFIG_64", "LIBPATH", "SHLIB_PATH",
    "DYLD_LIBRARY_PATH",
})
#: nor anything that the loader or our own logs read
REFUSED_PREFIXES = ("LD_", "DYLD_", "SFTP", "SSH_")

#: (accepted, what to do behind the reply)
Answer = tuple[bool, Callable[[], None] | None]


def answer_request(mux: Mux, channel: Channel, kind: str, reader: Reader) -> Answer:
    """Run one request. Raises ``PeerError`` when its fields are cut short."""
    handler = ROWS.get(kind)
    if handler is None:
        mux.log.line(f"unsupported '{kind}' channel requested, ignoring")
        return False, None
    return handler(mux, channel, reader)


def _subsystem(mux: Mux, channel: Channel, reader: Reader) -> Answer:
    name = _text(reader.bytes(MAX_COMMAND))
    mux.log.line(f"'subsystem' channel request for '{name}' subsystem")
    if ("subsystem", name) not in PROGRAMS:
        mux.log.line(f"subsystem '{name}' unsupported")
        return False, None
    return _open(mux, channel, "subsystem", [name])


def _exec(mux: Mux, channel: Channel, reader: Reader) -> Answer:
    """The client's shell quoting is undone here; no shell sees the line (security.md P4)."""
    command = _text(reader.bytes(MAX_COMMAND))
    mux.log.line(f"'exec' channel request: command = '{command}'")
    try:
        words: list[Word] = split(command)
    except ValueError:
        words = []
    if not words or ("exec", words[0]) not in PROGRAMS:
        mux.log.line(f"unsupported exec command '{command}'")
        return False, None
    return _open(mux, channel, "exec", words)


def _open(mux: Mux, channel: Channel, kind: str, words: Sequence[str]) -> Answer:
    """One program per channel, and only one ever (security.md C7)."""
    protocol, place = PROGRAMS[kind, words[0]]
    allowed = mux.session.scope.get(ProtocolConf).protocols
    if allowed and protocol not in allowed:
        mux.log.line(f"'{words[0]}' {kind} request denied by Protocols config")
        return False, None
    if channel.program is not None:
        mux.log.line(f"'{words[0]}' {kind} request for a channel that runs a program already, refusing")
        return False, None
    module, _, function = place.partition(":")
    channel.cork()
    try:
        channel.program = getattr(importlib.import_module(module), function)(mux.session, channel, words)
    except (Refused, OSError) as error:
        reason = error.rule if isinstance(error, Refused) else error.strerror
        mux.log.line(f"'{words[0]}' {kind} request refused: {reason or errno.errorcode.get(error.errno or 0, 'error')}")
        channel.uncork(discard=True)
        return False, None
    return True, channel.uncork


def _env(mux: Mux, channel: Channel, reader: Reader) -> Answer:
    name, value = _text(reader.bytes(MAX_COMMAND)), _text(reader.bytes(MAX_COMMAND))
    mux.log.line(f"'env' channel request: '{name[:MAX_VARIABLE_NAME]}' = '{value[:MAX_VARIABLE_VALUE]}'")
    if len(value) > MAX_VARIABLE_VALUE or "\0" in value or not _variable_allowed(mux, name):
        mux.log.line(f"environment variable '{name[:MAX_VARIABLE_NAME]}' prohibited by policy")
        return False, None
    mux.variables.add(name)
    mux.session.environ[name] = value
    return True, None


def _variable_allowed(mux: Mux, name: str) -> bool:
    upper = name.upper()
    if not 0 < len(name) <= MAX_VARIABLE_NAME or "=" in name or "\0" in name:
        return False
    if upper in REFUSED_VARIABLES or upper.startswith(REFUSED_PREFIXES):
        return False
    if name not in mux.variables and len(mux.variables) >= MAX_VARIABLES:
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in mux.conf.accept_env)


def _signal(mux: Mux, channel: Channel, reader: Reader) -> Answer:
    mux.log.line(f"'signal' channel request: SIG{_text(reader.bytes(MAX_VARIABLE_NAME))}, ignoring")
    return False, None


def _break(mux: Mux, channel: Channel, reader: Reader) -> Answer:
    """RFC 4335: nothing here can be interrupted."""
    mux.log.line(f"'break' channel request of {reader.u32()} ms, ignoring")
    return False, None


def _keepalive(mux: Mux, channel: Channel, reader: Reader) -> Answer:
    """Clients ask to be answered, not to be granted anything; silent in the log, it comes every few seconds."""
    return False, None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


ROWS: Mapping[str, Callable[[Mux, Channel, Reader], Answer]] = {
    "subsystem": _subsystem,
    "exec": _exec,
    "env": _env,
    "signal": _signal,
    "break": _break,
    "keepalive@openssh.com": _keepalive,
}
