"""How many may be here, and transfer, at once: counted on the scoreboard. Source: real server, mod_auth and mod_xfer.

At connect only connections are counted; at login the session first shows itself as logged in and then counts, itself
included: two that arrive together cannot both take the last place. A transfer does the same.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pyproftpd.conf.limit import LimitConf
from pyproftpd.conf.merge import Place
from pyproftpd.errors import PeerError, Refused
from pyproftpd.session import shutmsg
from pyproftpd.session.conf import AdmissionConf, Cap
from pyproftpd.unix.scoreboard import Entry
from pyproftpd.vfs import limits
from pyproftpd.vfs.conf import TransferCap, TransferConf

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


def welcome(session: Session) -> bool:
    """<Limit LOGIN> by what is known at connect: address, name, class. One place to log in to is enough, be it the
    server or an anonymous section. Source: real server, which closes without a word."""
    places = (session.scope, *session.scope.anonymous)
    return any(limits.evaluate(place, ("LOGIN",), "", session).allowed for place in places)


def all_welcome(server: Scope) -> bool:
    """Is ``welcome`` true of every client of a server, so that one can be greeted before anything is known of it?"""
    named = any("LOGIN" in section.names for place in server.limits for section in place)
    return not (named or server.place.sessions or server.get(LimitConf).deny_all)


def planned_shutdown(session: Session) -> TooMany | None:
    """At connect and at login: the notice of ftpshut."""
    text = shutmsg.denial(session, session.configuration.servers[0].get(shutmsg.ShutdownConf).file)
    if not text:
        return None
    session.log.notice(f"Connection refused (shutdown notice): {text}")
    return TooMany("ShutdownFile", text)


def admit(session: Session, entries: Iterable[Entry]) -> TooMany | None:
    """At connect: MaxConnectionsPerHost. ``entries`` hold the session's own, which counts; without a cap nobody is counted."""
    conf = session.scope.get(AdmissionConf)
    if conf.max_connections_per_host is None:
        return None
    mine = [entry for entry in _same_server(session, entries) if entry.remote_address == session.remote_address]
    return _first_exceeded(session, [_Limit("MaxConnectionsPerHost", conf.max_connections_per_host, len(mine),
                                            "Maximum connections from this host reached")])


def admit_login(session: Session, scope: Scope, entries: Iterable[Entry]) -> TooMany | None:
    """At login, with the session's own entry already showing its user as logged in; without a cap nobody is counted."""
    conf = scope.get(AdmissionConf)
    if not (conf.max_clients or conf.max_clients_per_host or conf.max_clients_per_user or conf.max_clients_per_class
            or conf.max_hosts_per_user):
        return None
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


class Transfers:
    """The transfers that this session has under way, and the caps on those of its user and its client's address."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: Counter[str] = Counter()

    @cached_property
    def _capped(self) -> bool:
        """May a session somewhere have a cap that this one's transfers count towards? Then each is shown at once. Looked for
        at the first transfer: most logins are not for that."""
        return any(_capped(server.place) for server in self._session.configuration.servers)

    def admit(self, scope: Scope, name: str) -> Callable[[], None]:
        """Count one ``RETR``, ``STOR`` or ``APPE`` in; the result, called once, counts it out. Raises ``Refused``."""
        conf = scope.get(TransferConf)
        urgent = self._capped or bool(conf.max_transfers_per_host or conf.max_transfers_per_user)
        self._count(name, 1, urgent)
        refusal = self._exceeded(conf, name) if urgent else ""
        if refusal:
            self._count(name, -1, urgent)
            self._session.log.notice(refusal)
            raise Refused(refusal, errno.EACCES)
        return partial(self._count, name, -1, urgent)

    def _count(self, name: str, by: int, urgent: bool) -> None:
        count = self._open[name] = self._open[name] + by
        slot = self._session.slot
        if slot is None:
            return
        if urgent:
            slot.update(**{_FIELD[name]: count})
        else:
            slot.later[_FIELD[name]] = count

    def _exceeded(self, conf: TransferConf, name: str) -> str:
        host = _cap_of(conf.max_transfers_per_host, name)
        user = _cap_of(conf.max_transfers_per_user, name)
        slot, session = self._session.slot, self._session
        if slot is None or (host is None and user is None):
            return ""
        here = list(_same_server(session, slot.board.entries()))
        field = _FIELD[name]
        of_host = sum(getattr(one, field) for one in here if one.remote_address == session.remote_address)
        of_user = sum(getattr(one, field) for one in here if one.authenticated and one.user == session.user)
        if host is not None and of_host > host.count:
            return f"MaxTransfersPerHost ({name} {host.count}) exceeded for host '{session.remote_address}'"
        if user is not None and of_user > user.count:
            return f"MaxTransfersPerUser ({name} {user.count}) exceeded for user '{session.user}'"
        return ""


#: where the scoreboard counts the transfers of a name
_FIELD = {"RETR": "retr", "STOR": "stor", "APPE": "appe"}

_CAPS = ("MaxTransfersPerHost", "MaxTransfersPerUser")


def _capped(place: Place) -> bool:
    """Is there a cap anywhere in a server, whoever it is for?"""
    groups = (*place.groups, *(directory.settings for directory in place.directories))
    return (any(setting.row.directive.keyword in _CAPS for group in groups for setting in group)
            or any(_capped(inner) for inner in place.anonymous) or any(_capped(one.place) for one in place.sessions))


def _cap_of(caps: Iterable[TransferCap], name: str) -> TransferCap | None:
    return next((cap for cap in caps if name in cap.commands), None)
