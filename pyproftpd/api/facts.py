"""What lower floors may know of a session: protocol classes that ``session.Session`` satisfies.

Lower floors name these, never the session (house rule 1: imports go down only).
"""

from __future__ import annotations

from typing import Protocol

from pyproftpd.api.auth import Identity


class ConnectionFacts(Protocol):
    """Known from the moment of connection."""

    remote_address: str
    remote_port: int
    #: DNS name, or the address where UseReverseDNS is off or the name does not confirm
    remote_name: str
    local_address: str
    local_port: int
    #: name of the ``<Class>`` that matched, ``""`` for none
    connection_class: str


class BindFacts(ConnectionFacts, Protocol):
    """What conditions are evaluated over (``Scope.bind``); ``user`` is ``""`` and ``groups`` empty before login."""

    user: str
    groups: tuple[str, ...]
    authenticated: bool


class LogFacts(BindFacts, Protocol):
    """What log fields read of a session."""

    identity: Identity | None
    #: the user name as the client sent it
    original_user: str
    server_name: str
    server_dns: str
    #: ftp, ssh2, sftp, scp
    protocol: str
    #: raw bytes through the control socket in this session
    bytes_in: int
    bytes_out: int
    end_reason: str
    environ: dict[str, str]
    notes: dict[str, str]
    chroot: str

    @property
    def cwd(self) -> str:
        """Virtual; "/" before login."""
        ...
