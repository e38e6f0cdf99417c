"""A front end speaks one protocol family with one client; it only translates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol


class FrontEnd(Protocol):
    """Found through the rows of the loaded modules; the first that claims a server's scope gets its connections."""

    name: str

    def claims(self, scope: Any) -> bool:
        """Does this ``conf.scope.Scope`` of a server speak my protocol?"""
        ...

    def prepare(self, configuration: Any) -> Iterable[str]:
        """Master, as root, once a configuration stands: load keys, warm caches. Returns what the administrator should
        know, said once. Raises ``ConfigError``.
        """
        ...

    def run(self, session: Any) -> None:
        """Child: serve ``session.socket`` until the end. Returns normally when the session is over."""
        ...

    def refuse(self, session: Any, reason: str, text: str) -> None:
        """Child: deny the connection in the protocol's own words (421, or SSH_MSG_DISCONNECT 12) and return."""
        ...
