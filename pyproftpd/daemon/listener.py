"""The listening sockets of a world, and which of its servers an address belongs to.

SocketBindTight off (default) means one wildcard socket per port, except that a port whose servers all name their addresses
is bound to exactly those: a socket open to everybody only to refuse everybody helps nobody. Where an address cannot be
bound yet (it appears later) the wildcard takes its place. The server of a connection is found by its local address:
exact match, then a server for every address, then DefaultServer. Source: real server, bindings.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable

from pyproftpd.daemon.options import Options
from pyproftpd.daemon.world import Service, StartError, World
from pyproftpd.session.conf import DaemonConf, ServerConf
from pyproftpd.unix import sockets
from pyproftpd.unix.sockets import WILDCARD4, WILDCARD6, Address

_WILDCARDS = frozenset({"", WILDCARD4, WILDCARD6})


class Bindings:
    """Local address -> server."""

    def __init__(self, world: World) -> None:
        self._exact: dict[Address, Service] = {}
        self._default: dict[int, Service] = {}
        self._any_port_default: Service | None = None
        for service in world.services:
            for host in addresses(service, main=service.scope is world.main):
                self._exact.setdefault(Address(host, service.port), service)
            if service.scope.get(ServerConf).default_server:
                self._default[service.port] = service
                self._any_port_default = service

    def find(self, local: Address) -> Service | None:
        for host in (local.host, WILDCARD6 if ":" in local.host else WILDCARD4):
            if (service := self._exact.get(Address(host, local.port))) is not None:
                return service
        return self._default.get(local.port) or self._any_port_default

    def endpoints(self, *, tight: bool, ipv6: bool) -> list[Address]:
        """What to listen on."""
        wanted: dict[Address, None] = {}
        for address in self._exact:
            open_port = address.port in self._default or any(
                other.port == address.port and other.host in _WILDCARDS for other in self._exact)
            if open_port and not tight or address.host in _WILDCARDS:
                wanted[wildcard(address.port, ipv6=ipv6)] = None
            elif ipv6 or ":" not in address.host:
                wanted[address] = None
        return list(wanted)


def addresses(service: Service, *, main: bool) -> tuple[str, ...]:
    """The addresses of a server in one spelling. A main server that names none is there for all of them."""
    if main and not service.scope.get(ServerConf).default_address:
        return (WILDCARD4, WILDCARD6)
    found: dict[str, None] = {}
    for host in service.scope.addresses:
        if host in _WILDCARDS:
            found.update({WILDCARD4: None, WILDCARD6: None})
        else:
            found[sockets.plain_host(host)] = None
    return tuple(found)


def wildcard(port: int, *, ipv6: bool) -> Address:
    return Address(WILDCARD6 if ipv6 else WILDCARD4, port)


class Listeners:
    """Open listening sockets by address."""

    def __init__(self, world: World, options: Options, previous: Listeners | None = None) -> None:
        """Sockets of ``previous`` with the same address are moved, not opened again, so that no connection is lost.

        Raises ``StartError``; then everything opened here is closed again and ``previous`` is as it was.
        """
        conf = world.main.get(DaemonConf)
        self.bindings = Bindings(world)
        #: what the administrator should know, said once
        self.notes: list[str] = []
        self._backlog = conf.tcp_back_log
        self._world = world
        ipv6 = (conf.use_ipv6 if options.ipv6 is None else options.ipv6) and sockets.has_ipv6()
        self.sockets: dict[Address, socket.socket] = {}
        self._by_fd: dict[int, socket.socket] = {}
        kept = previous.sockets if previous else {}
        try:
            self._open(self.bindings.endpoints(tight=conf.socket_bind_tight, ipv6=ipv6), kept, ipv6)
        except StartError:
            self.close(keep=kept)
            raise
        self._by_fd = {sock.fileno(): sock for sock in self.sockets.values()}

    def _open(self, wanted: Iterable[Address], kept: dict[Address, socket.socket], ipv6: bool) -> None:
        for address in wanted:
            if address in kept:
                kept[address].listen(self._backlog)
                self.sockets[address] = kept[address]
                continue
            try:
                self.sockets[address] = sockets.listen(address, self._backlog)
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise StartError(self._explain(address, error)) from error
                everywhere = wildcard(address.port, ipv6=ipv6)
                self.notes.append(f"{address.host} is no address of this machine: listening on every address at port "
                                  f"{address.port} for it, in case that it appears")
                if everywhere not in self.sockets:
                    self._open([everywhere], kept, ipv6)

    def _explain(self, address: Address, error: OSError) -> str:
        """One line with the place in the file that asked for the port."""
        service = next(one for one in self._world.services if one.port == address.port)
        where = service.scope.get(ServerConf).source("port") or service.scope.where
        reasons = {
            errno.EADDRINUSE: "another program (or another proftpd) listens there already",
            errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
        }
        reason = reasons.get(error.errno or 0, "")
        return f"{where}: cannot listen on {address}: {os.strerror(error.errno or 0)}" + (f"; {reason}" if reason else "")

    def fds(self) -> list[int]:
        return list(self._by_fd)

    def accept(self, fd: int) -> tuple[socket.socket, Address] | None:
        """The next connection of a listener, or ``None`` when it went away again. Raises ``OSError`` (EMFILE...)."""
        try:
            sock, name = self._by_fd[fd].accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        return sock, Address.of(name)

    def close(self, keep: dict[Address, socket.socket] | None = None) -> None:
        """Close all sockets but those that ``keep`` holds as well."""
        staying = set((keep or {}).values())
        for sock in self.sockets.values():
            if sock not in staying:
                sock.close()
        self.sockets, self._by_fd = {}, {}
