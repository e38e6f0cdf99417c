"""Sockets of the server: addresses as values, listening, options, names of clients."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from typing import NamedTuple, Protocol

#: struct linger: end with RST at once, for connections that are refused
_RESET = struct.pack("ii", 1, 0)


class Address(NamedTuple):
    """A numeric address and a port. IPv4 inside IPv6 (``::ffff:1.2.3.4``) is always written as IPv4."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, name: tuple[object, ...]) -> Address:
        """From what ``getpeername`` and ``accept`` return; a zone (``%eth0``) is kept, the mapping is not."""
        return cls(plain_host(str(name[0])), int(str(name[1])))


def plain_host(host: str) -> str:
    """``::ffff:192.0.2.1`` -> ``192.0.2.1``; anything else as it is."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host


def source_network(host: str) -> str:
    """Who counts as one source: an IPv4 address, or the /64 that an IPv6 client may choose addresses from."""
    if ":" not in host:
        return host
    return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))


WILDCARD4 = "0.0.0.0"
WILDCARD6 = "::"


def listen(address: Address, backlog: int) -> socket.socket:
    """A listening socket, non-blocking and close-on-exec. ``::`` takes IPv4 as well. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address.host != WILDCARD6)
        sock.bind((address.host, address.port))
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


def has_ipv6() -> bool:
    """Can this machine open IPv6 sockets at all? A kernel booted without it cannot."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            return False
        raise
    return True


class Settings(Protocol):
    """SocketOptions; ``None`` = leave what the system has."""

    @property
    def maxseg(self) -> int | None: ...

    @property
    def rcvbuf(self) -> int | None: ...

    @property
    def sndbuf(self) -> int | None: ...

    @property
    def keepalive(self) -> bool: ...

    @property
    def keepalive_times(self) -> tuple[int, int, int] | None:
        """Idle seconds, count, interval."""
        ...


def tune(sock: socket.socket, *, nodelay: bool, settings: Settings) -> None:
    """Set the options of a control connection. A peer that has gone already is met by the next read instead."""
    wanted = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(nodelay)),
              (socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(settings.keepalive))]
    if settings.keepalive_times is not None:
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPCNT, socket.TCP_KEEPINTVL)
        wanted += [(socket.IPPROTO_TCP, name, value) for name, value in zip(names, settings.keepalive_times, strict=True)]
    for level, name, size in ((socket.IPPROTO_TCP, socket.TCP_MAXSEG, settings.maxseg),
                              (socket.SOL_SOCKET, socket.SO_RCVBUF, settings.rcvbuf),
                              (socket.SOL_SOCKET, socket.SO_SNDBUF, settings.sndbuf)):
        if size is not None:
            wanted.append((level, name, size))
    try:
        for level, name, value in wanted:
            sock.setsockopt(level, name, value)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTCONN, errno.ECONNRESET):
            raise


def reset(sock: socket.socket) -> None:
    """Drop a connection that gets no service, leaving no TIME_WAIT behind for an attacker to fill tables with."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    except OSError:
        pass
    finally:
        sock.close()


def confirmed_name(host: str) -> str:
    """The DNS name of an address, when that name leads back to it; else the address.

    An unconfirmed name would let whoever owns a reverse zone choose what our rules and logs see.
    """
    try:
        name = socket.getnameinfo((host, 0), socket.NI_NAMEREQD)[0]
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return host
    return name if any(plain_host(str(entry[4][0])) == host for entry in found) else host
