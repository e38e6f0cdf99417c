"""How many may be here at once: the MaxClients family, counted on the scoreboard. Source: real server, mod_auth.

At connect only connections are counted; at login the session first shows itself as logged in and then counts, itself
included: two that arrive together cannot both take the last place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyproftpd.errors import PeerError
from pyproftpd.session.conf import AdmissionConf, Cap
from pyproftpd.unix.scoreboard import Entry

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope
    from pyproftpd.session.session import Session

#: SSH_DISCONNECT_TOO_MANY_CONNECTIONS, RFC 4253 11.1
TOO_MANY_CONNECTIONS = 12


class TooMany(PeerError):
    """No place is left; ends the connection. ``directive`` is the reason for log and ban rules."""

    def __init__(self, directive: str, text: str) -> None:
        super().__init__(text, TOO_MANY_CONNECTIONS)
        self.directive = directive


@dataclass(frozen=True, slots=True)
class _Limit:
    """One cap and the number that it is compared with; ``text`` is what every protocol may say."""

    directive: str
    cap: Cap | None
    count: int
    text: str

    @property
    def rule(self) -> str:
        return f"{self.directive} {self.cap.count}" if self.cap else self.directive

    @property
    def exceeded(self) -> bool:
        return self.cap is not None and self.cap.count is not None and self.count > self.cap.count


def admit(session: Session, entries: Iterable[Entry]) -> TooMany | None:
    """At connect: MaxConnectionsPerHost. ``entries`` hold the session's own, which counts."""
    conf = session.scope.get(AdmissionConf)
    mine = [entry for entry in _same_server(session, entries) if entry.remote_address == session.remote_address]
    return _first_exceeded(session, [_Limit("MaxConnectionsPerHost", conf.max_connections_per_host, len(mine),
                                            "Maximum connections from this host reached")])


def admit_login(session: Session, scope: Scope, entries: Iterable[Entry]) -> TooMany | None:
    """At login, with the session's own entry already showing its user as logged in."""
    conf = scope.get(AdmissionConf)
    here = [entry for entry in _same_server(session, entries) if entry.authenticated]
    of_user = [entry for entry in here if entry.user == session.user]
    of_host = [entry for entry in here if entry.remote_address == session.remote_address]
    return _first_exceeded(session, [
        *(_Limit("MaxClientsPerClass", cap, sum(entry.connection_class == cap.name for entry in here),
                 "Maximum connections for this class reached")
          for cap in conf.max_clients_per_class if cap.name == session.connection_class),
        _Limit("MaxClientsPerHost", conf.max_clients_per_host, len(of_host), "Maximum connections for this host reached"),
        _Limit("MaxClientsPerUser", conf.max_clients_per_user, len(of_user), "Maximum connections for this user reached"),
        _Limit("MaxClients", conf.max_clients, len(here), "Maximum connections for this server reached"),
        _Limit("MaxHostsPerUser", conf.max_hosts_per_user, len({entry.remote_address for entry in of_user}),
               "Maximum hosts for this user reached"),
    ])


def _same_server(session: Session, entries: Iterable[Entry]) -> Iterator[Entry]:
    return (entry for entry in entries
            if entry.server_address == session.local_address and entry.server_port == session.local_port)


def _first_exceeded(session: Session, limits: Iterable[_Limit]) -> TooMany | None:
    limit = next((limit for limit in limits if limit.exceeded), None)
    if limit is None:
        return None
    session.log.notice(f"Connection refused ({limit.rule})")
    return TooMany(limit.directive, limit.text)
