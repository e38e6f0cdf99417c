"""Errors by blame: who must act decides the class, and the class decides who is told.

``ConfigError``  the administrator: file, line, what is wrong, what was expected, what to do
``PeerError``    the client broke its protocol: the session ends with a disconnect reason
``Refused``      policy said no: the client gets a status, the log gets the rule
``Bug``          we are wrong: the session ends, the log gets the traceback

``OSError`` keeps its own class: the kernel's answer to an operation that policy allowed.
"""

from __future__ import annotations

import errno as _errno
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a configuration file; ``line`` counts from 1, 0 means the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class ProftpdError(Exception):
    """Root of the errors that are ours."""


class ConfigError(ProftpdError):
    """One fault in a configuration.

    ``message`` says what is wrong; ``expected`` what would be right; ``hint`` what to do, all without a final full stop.
    """

    def __init__(self, message: str, where: Where | None = None, *, expected: str = "", hint: str = "") -> None:
        self.message, self.where, self.expected, self.hint = message, where, expected, hint
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.expected:
            text += f" (expected {self.expected})"
        if self.hint:
            text += f"; {self.hint}"
        return text


class ConfigErrors(ProftpdError):
    """Every fault of a configuration that was found, in the order of the files."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))


class PeerError(ProftpdError):
    """The peer broke the protocol.

    ``reason`` is the code of SSH_MSG_DISCONNECT (RFC 4253 11.1); ``text`` is safe to send and to log, ``detail`` is for
    the log alone.
    """

    def __init__(self, text: str, reason: int = 2, detail: str = "") -> None:
        self.text, self.reason, self.detail = text, reason, detail
        super().__init__(text)


class Refused(ProftpdError):
    """Policy refused an operation.

    ``errno`` is what the client may learn, in the kernel's vocabulary (EACCES, EPERM, ENOENT for a hidden name, EEXIST...);
    ``rule`` names the directive and its place for the log and for ``--explain``, never for the client.
    """

    def __init__(self, rule: str, errno: int = _errno.EACCES, text: str = "") -> None:
        self.rule, self.errno, self.text = rule, errno, text or os.strerror(errno)
        super().__init__(rule)


class Bug(ProftpdError):
    """A state that our own code must not reach."""
