"""How many may be here at once: the MaxClients family, counted on the scoreboard. Source: real server, mod_auth.

At connect only connections are counted; at login the session first shows itself as logged in and then counts, itself
included: two that arrive together cannot both take the last place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyproftpd.errors import PeerError, Refused
from pyproftpd.session.conf import AdmissionConf, Cap
from pyproftpd.unix.scoreboard import Entry
from pyproftpd.vfs import limits

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


def admit(session: Session) -> None:
    """At connect: <Limit LOGIN> by address, MaxConnectionsPerHost. The session's own entry counts. Raises ``Refused``."""
    verdict = limits.evaluate(session.scope, ("LOGIN",), "", session)
    if not verdict.allowed:
        raise Refused(verdict.reason, text="Access denied")
    conf = session.scope.get(AdmissionConf)
    mine = [entry for entry in _same_server(session) if entry.remote_address == session.remote_address]
    limit = _first_exceeded([_Limit("MaxConnectionsPerHost", conf.max_connections_per_host, len(mine),
                                    "Maximum connections from this host reached")])
    if limit is not None:
        raise Refused(limit.rule, text=limit.text)


def admit_login(session: Session, scope: Scope) -> None:
    """At login, with the session's own entry already showing its user as logged in. Raises ``TooMany``."""
    conf = scope.get(AdmissionConf)
    here = [entry for entry in _same_server(session) if entry.authenticated]
    of_user = [entry for entry in here if entry.user == session.user]
    of_host = [entry for entry in here if entry.remote_address == session.remote_address]
    exceeded = _first_exceeded([
        *(_Limit("MaxClientsPerClass", cap, sum(entry.connection_class == cap.name for entry in here),
                 "Maximum connections for this class reached")
          for cap in conf.max_clients_per_class if cap.name == session.connection_class),
        _Limit("MaxClientsPerHost", conf.max_clients_per_host, len(of_host), "Maximum connections for this host reached"),
        _Limit("MaxClientsPerUser", conf.max_clients_per_user, len(of_user), "Maximum connections for this user reached"),
        _Limit("MaxClients", conf.max_clients, len(here), "Maximum connections for this server reached"),
        _Limit("MaxHostsPerUser", conf.max_hosts_per_user, len({entry.remote_address for entry in of_user}),
               "Maximum hosts for this user reached"),
    ])
    if exceeded is not None:
        session.log.notice(f"Connection refused ({exceeded.rule})")
        raise TooMany(exceeded.directive, exceeded.text)


def _same_server(session: Session) -> Iterator[Entry]:
    """The living sessions of this server; none are known without a scoreboard."""
    entries = session.board.entries() if session.board is not None else ()
    return (entry for entry in entries
            if entry.server_address == session.local_address and entry.server_port == session.local_port)


def _first_exceeded(limits: Iterable[_Limit]) -> _Limit | None:
    return next((limit for limit in limits if limit.exceeded), None)
