"""A front end speaks one protocol family with one client; it only translates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from socket import socket
from typing import Any, Protocol


class Rehearsal(Protocol):
    """A session that a front end plays against itself."""

    #: a configuration with one server for it
    configuration: str

    def client(self, sock: socket, number: int) -> Client:
        """The other end of session ``number``."""
        ...

    def run(self, session: Any) -> None:
        """What ``FrontEnd.run`` is for real sessions."""
        ...


class Client(Protocol):
    """The client of a rehearsal; it never waits."""

    def turn(self) -> None:
        """Take what has come, and answer it."""
        ...


class FrontEnd(Protocol):
    """Found through the rows of the loaded modules; the first that claims a server's scope gets its connections."""

    name: str
    #: what ``%{protocol}`` says of a session that has only connected
    protocol: str

    def claims(self, scope: Any) -> bool:
        """Does this ``conf.scope.Scope`` of a server speak my protocol?"""
        ...

    def prepare(self, configuration: Any) -> Iterable[str]:
        """Master, as root, once a configuration stands: load keys, warm caches. Returns what the administrator should
        know, said once. Raises ``ConfigError``.
        """
        ...

    def greeting(self, scope: Any) -> bytes:
        """Master: what every client of this server hears first, whoever it is; ``b""`` where that depends on the client."""
        ...

    def rehearsal(self, directory: Path) -> Rehearsal | None:
        """Master, once, before the first fork: something to play that touches the code of a usual session; its files
        lie in ``directory``. ``None`` = there is nothing to play.
        """
        ...

    def run(self, session: Any) -> None:
        """Child: serve ``session.socket`` until the end. Returns normally when the session is over."""
        ...

    def refuse(self, session: Any, reason: str, text: str) -> None:
        """Child: deny the connection in the protocol's own words (421, or SSH_MSG_DISCONNECT 12) and return."""
        ...
