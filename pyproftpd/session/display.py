"""Display* files: text with variables, read as root before any chroot, filled in when it is shown.

Source: real server, howto DisplayFiles; an unknown variable stays as it is written.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from pyproftpd.session.conf import AdmissionConf, ServerConf
from pyproftpd.session.records import Totals

if TYPE_CHECKING:
    from pyproftpd.session.session import Session

#: A text for people; what is longer is cut.
MAX_DISPLAY = 65536

_VARIABLE = re.compile(r"%(?:\{(?P<name>[^{}\n]{1,128})\}|(?P<letter>[A-Za-z]))")


class Display:
    """One text, not yet filled in."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, session: Session) -> str:
        """Fill in. Values of the client's choosing lose their control characters."""
        def value(found: re.Match[str]) -> str:
            name, letter = found["name"], found["letter"]
            if name is not None:
                return _named(session, name)
            getter = VARIABLES.get(letter)
            return found.group() if getter is None else _printable(getter(session))
        return _VARIABLE.sub(value, self.text)


def read(path: str) -> Display:
    """Read the file, as root. Raises ``OSError``; a device or a pipe is no text."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(22, "not a regular file", path)
        return Display(os.read(fd, MAX_DISPLAY).decode("utf-8", "surrogateescape"))
    finally:
        os.close(fd)


def keep_login_text(session: Session, path: str | None) -> None:
    """Read DisplayLogin as root before any chroot, for the first SFTP channel to show. A path inside of a home would be
    the user's own text, read with root's rights: not for SFTP.
    """
    if path is None or path.lower() == "none":
        return
    if not os.path.isabs(path):
        session.log.notice(f"DisplayLogin {path} is not shown: SFTP sessions read absolute paths only")
        return
    try:
        session.store[Display] = read(path)
    except OSError as error:
        session.log.notice(f"cannot read DisplayLogin {path}: {error.strerror}")


def _named(session: Session, name: str) -> str:
    """``%{time:FORMAT}``, ``%{env:KEY}``; a value that is missing prints ``(none)``."""
    kind, _, key = name.partition(":")
    if kind == "time" and key:
        return time.strftime(key)
    if kind == "env" and key:
        return _printable(session.environ.get(key, "(none)"))
    return "(none)"


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())


def sized(count: int) -> str:
    """``12.34MB`` as the real server prints sizes for people."""
    value, units = float(count), iter(("B", "KB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    for larger in units:
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.2f}{unit}"


def _totals(session: Session) -> Totals:
    return session.state(Totals)


def _free(session: Session) -> int:
    found = os.statvfs(".")
    return found.f_bavail * found.f_frsize


def _limit(session: Session) -> str:
    cap = session.scope.get(AdmissionConf).max_clients
    return str(cap.count) if cap is not None and cap.count is not None else "unlimited"


def _class_limit(session: Session) -> str:
    caps = session.scope.get(AdmissionConf).max_clients_per_class
    count = next((cap.count for cap in caps if cap.name == session.connection_class), None)
    return "unlimited" if count is None else str(count)


def _clients(session: Session, *, same_class: bool = False) -> str:
    if session.slot is None:
        return "1"
    return str(sum(
        entry.server_address == session.local_address and entry.server_port == session.local_port
        and (not same_class or entry.connection_class == session.connection_class)
        for entry in session.slot.board.entries()))


def _admin(session: Session) -> str:
    return session.scope.get(ServerConf).server_admin or f"root@{session.server_dns}"


VARIABLES: Mapping[str, Callable[[Session], str]] = MappingProxyType({
    "C": lambda session: session.view.cwd if session.view else "/",
    "E": _admin,
    "F": lambda session: str(_free(session)),
    "f": lambda session: sized(_free(session)),
    "i": lambda session: str(_totals(session).uploads),
    "K": lambda session: str(_totals(session).bytes),
    "k": lambda session: sized(_totals(session).bytes),
    "L": lambda session: session.server_dns,
    "M": _limit,
    "N": _clients,
    "o": lambda session: str(_totals(session).downloads),
    "R": lambda session: session.remote_name,
    "T": lambda session: time.strftime("%a %b %d %H:%M:%S %Y"),
    "t": lambda session: str(_totals(session).uploads + _totals(session).downloads),
    "U": lambda session: session.original_user,
    "u": lambda session: "UNKNOWN",
    "V": lambda session: session.server_name,
    "x": lambda session: session.connection_class or "(unknown)",
    "y": lambda session: _clients(session, same_class=True),
    "z": _class_limit,
})
