"""The controls socket: frames, credentials, access lists, and the actions of the modules' tables (security.md M3).

It lives in the master's own loop: every descriptor is non-blocking, a client gets a few bytes of attention at a time and
ControlsAuthFreshness seconds for its request, and what is too long is refused before it is read. Who the peer is says the
kernel (SO_PEERCRED, SO_PEERGROUPS), as of connect(2). Nothing that a client of a file server sends ever comes here.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import socket
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyproftpd.api.controls import FAILED, Answer, ControlsAcl, Daemon
from pyproftpd.api.module import Control
from pyproftpd.conf.scope import Scope
from pyproftpd.log.conf import SystemLogConf
from pyproftpd.log.sinks import Sink, UnsafePath, open_sink
from pyproftpd.log.system import ModuleLog, ServerLogger
from pyproftpd.modules.ctrls import ControlsConf
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.timers import Timers
from pyproftpd.wire import controls as wire

#: the version that the real server's log lines carry
_LOG_NAME = "mod_ctrls/0.9.5"
#: struct ucred, unix(7)
_CREDENTIALS = struct.Struct("=iII")
#: asm-generic/socket.h; Python has no name for it
_SO_PEERGROUPS = 59
#: supplementary groups of a process: NGROUPS_MAX, limits.h
_MAX_GROUPS = 65536
_READ = 4096
#: requests that wait while ControlsMaxClients are served
_BACKLOG = 64
#: any name, in an access list
_EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int]

    @classmethod
    def of(cls, sock: socket.socket) -> Peer:
        pid, uid, gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        try:
            raw = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MAX_GROUPS)
        except OSError:  # before Linux 4.13: the primary group is all that counts
            raw = b""
        return cls(pid, uid, gid, frozenset({gid, *struct.unpack(f"={len(raw) // 4}I", raw)}))

    def __str__(self) -> str:
        return f"uid {self.uid}/gid {self.gid}"


@dataclass(slots=True)
class Client:
    sock: socket.socket
    peer: Peer
    request: bytearray = field(default_factory=bytearray)
    reply: memoryview = field(default_factory=lambda: memoryview(b""))


class Rules:
    """The access lists, with names turned into ids when they are read: no look-up may hold up the master later."""

    def __init__(self, lists: Sequence[ControlsAcl]) -> None:
        self._ids = {(rule.kind, name): _id(rule.kind, name) for rule in lists for name in rule.names}

    def admit(self, lists: Sequence[ControlsAcl], action: str, peer: Peer) -> bool:
        """A deny that names the peer refuses; where there are allows, one must name it. No list at all: root, and whoever
        started the daemon."""
        rules = [rule for rule in lists if action in rule.actions or "all" in rule.actions]
        if not rules:
            return peer.uid in (0, os.getuid())
        if any(self._names(rule, peer) for rule in rules if not rule.allow):
            return False
        allows = [rule for rule in rules if rule.allow]
        return not allows or any(self._names(rule, peer) for rule in allows)

    def _names(self, rule: ControlsAcl, peer: Peer) -> bool:
        if _EVERYBODY in rule.names:
            return True
        ids = {self._ids.get((rule.kind, name)) for name in rule.names}
        return peer.uid in ids if rule.kind == "user" else not ids.isdisjoint(peer.groups)


def _id(kind: str, name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
    except KeyError:
        return None


class Controls:
    """The socket of one master and its clients."""

    def __init__(self, daemon: Daemon, privs: Privileges, timers: Timers) -> None:
        self._daemon, self._privs, self._timers = daemon, privs, timers
        self._listener: socket.socket | None = None
        self._path = ""
        self._file: tuple[int, int] | None = None
        self._clients: dict[int, Client] = {}
        self._conf = ControlsConf()
        self._rules = Rules(())
        self._log = ModuleLog(_LOG_NAME, None)
        #: actions that rmctrl has switched off
        self.off: set[str] = set()

    # the socket

    def renew(self, main: Scope, log: ServerLogger) -> None:
        """Settings of a new configuration. A socket that cannot be had is said; the daemon goes on without controls."""
        self._conf = main.get(ControlsConf)
        rows = [row for module in self._daemon.configuration.modules for row in module.controls]
        lists = [rule for row in rows for rule in row.acls(main)]
        if self._conf.socket_acl is not None:
            lists.append(self._conf.socket_acl)
        self._rules = Rules(lists)
        self.off.clear()
        with self._privs.root():
            self._open_log(main, log)
            if self._path != self._conf.socket or not self._conf.engine:
                self._close_listener()
            if not self._conf.engine:
                return
            try:
                if self._listener is None:
                    self._listen(self._conf.socket)
                self._own()
            except (OSError, UnsafePath) as error:
                self._close_listener()
                log.notice(f"ControlsSocket {self._conf.socket}: {error}; ftpdctl cannot reach this daemon")

    def _open_log(self, main: Scope, log: ServerLogger) -> None:
        if self._log.sink is not None:
            self._log.sink.close()
        sink: Sink | None = None
        if self._conf.log is not None:
            try:
                sink = open_sink(self._conf.log, allow_symlinks=main.get(SystemLogConf).allow_log_symlinks)
            except (OSError, UnsafePath) as error:
                log.error(f"cannot open ControlsLog {self._conf.log}: {error}")
        self._log = ModuleLog(_LOG_NAME, sink)

    def _listen(self, path: str) -> None:
        parent = os.stat(os.path.dirname(path) or "/")
        if parent.st_mode & stat.S_IWOTH and not parent.st_mode & stat.S_ISVTX:
            raise UnsafePath("everybody may write to its directory")
        _remove_stale(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        before = os.umask(0o177)
        try:
            sock.bind(path)
            sock.listen(_BACKLOG)
        except OSError:
            sock.close()
            raise
        finally:
            os.umask(before)
        found = os.lstat(path)
        self._listener, self._path, self._file = sock, path, (found.st_dev, found.st_ino)

    def _own(self) -> None:
        """ControlsSocketOwner may always connect; others only where an access list speaks of them."""
        if self._privs.switching:
            user, group = self._conf.socket_owner
            uid, gid = _id("user", user), _id("group", group)
            if uid is None or gid is None:
                raise UnsafePath(f"ControlsSocketOwner {user} {group}: no such user or group")
            os.chown(self._path, uid, gid, follow_symlinks=False)
        os.chmod(self._path, 0o660 if self._conf.socket_acl is None else 0o666)

    def _close_listener(self) -> None:
        """Our own file only: another daemon may have taken the name."""
        if self._listener is None:
            return
        self._listener.close()
        with contextlib.suppress(OSError):
            found = os.lstat(self._path)
            if (found.st_dev, found.st_ino) == self._file:
                os.unlink(self._path)
        self._listener, self._path, self._file = None, "", None

    def close(self) -> None:
        for fd in list(self._clients):
            self._drop(fd)
        with self._privs.root():
            self._close_listener()

    def descriptors(self) -> tuple[int, ...]:
        """What a child must close."""
        return (*((self._listener.fileno(),) if self._listener else ()), *self._clients)

    # clients

    def interest(self) -> tuple[list[int], list[int]]:
        """Descriptors to wait for (reading, writing). With ControlsMaxClients at work the next one stays in the backlog."""
        reading = [fd for fd, client in self._clients.items() if not client.reply]
        if self._listener is not None and len(self._clients) < self._conf.max_clients:
            reading.append(self._listener.fileno())
        return reading, [fd for fd, client in self._clients.items() if client.reply]

    def serve(self, readable: Sequence[int], writable: Sequence[int]) -> None:
        for fd in readable:
            if self._listener is not None and fd == self._listener.fileno():
                self._accept()
            elif fd in self._clients:
                self._read(fd, self._clients[fd])
        for fd in writable:
            if fd in self._clients:
                self._write(fd, self._clients[fd])

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            sock, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor left: the client tries again
            return
        sock.setblocking(False)
        peer = Peer.of(sock)
        lists = (self._conf.socket_acl,) if self._conf.socket_acl is not None else ()
        fd = sock.fileno()
        client = self._clients[fd] = Client(sock, peer)
        self._log(f"accepted connection from {peer} client")
        self._timers.add(_timer(fd), self._conf.auth_freshness, lambda: self._expire(fd))
        if not self._rules.admit(lists, "all", peer):
            self._log(f"ControlsSocketACL refuses {peer} (process {peer.pid})")
            self._answer(fd, client, (FAILED, ["access denied"]))

    def _expire(self, fd: int) -> None:
        self._log(f"no complete request within {self._conf.auth_freshness:g} seconds")
        self._drop(fd)

    def _read(self, fd: int, client: Client) -> None:
        try:
            data = client.sock.recv(_READ)
            if data:
                client.request += data
                message = wire.decode(client.request, wire.REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        except wire.Malformed as error:
            self._log(f"refused a message of {client.peer} (process {client.peer.pid}): {error}")
            self._answer(fd, client, (FAILED, ["malformed request"]))
            return
        if not data:
            self._drop(fd)
        elif message is not None:
            self._answer(fd, client, self._run(client.peer, message[1]))

    def _run(self, peer: Peer, words: list[str]) -> Answer:
        self._log(f"recvd from {peer} client: '{' '.join(words)}'")
        row = next((row for _, row in self._daemon.actions() if row.action == words[0]), None) if words else None
        if row is None or row.action in self.off:
            return FAILED, ["unsupported action requested"]
        if not self._may(row, peer):
            return FAILED, ["access denied"]
        return row.handler(self._daemon, words[1:])

    def _may(self, row: Control, peer: Peer) -> bool:
        main = self._daemon.configuration.servers[0]
        if self._rules.admit(row.acls(main), row.action, peer):
            return True
        self._log(f"action '{row.action}' denied to {peer}")
        return False

    def _answer(self, fd: int, client: Client, answer: Answer) -> None:
        status, lines = answer
        self._log(f"sent to {client.peer} client: return value: {status}")
        for line in lines:
            self._log(f"sent to {client.peer} client: '{line}'")
        client.reply = memoryview(wire.encode(status, lines))
        client.request.clear()
        self._write(fd, client)

    def _write(self, fd: int, client: Client) -> None:
        try:
            client.reply = client.reply[client.sock.send(client.reply):]
        except BlockingIOError:
            return
        except OSError:
            client.reply = memoryview(b"")
        if not client.reply:
            self._drop(fd)

    def _drop(self, fd: int) -> None:
        client = self._clients.pop(fd)
        self._timers.remove(_timer(fd))
        self._log(f"closed connection to {client.peer} client")
        client.sock.close()


def _timer(fd: int) -> str:
    return f"Controls {fd}"


def _remove_stale(path: str) -> None:
    """A socket that nobody answers at is left over from a crash; anything else stays. Raises ``UnsafePath``, ``OSError``."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise UnsafePath("there is something there that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except BlockingIOError:
            raise UnsafePath("another daemon answers there") from None
        else:
            raise UnsafePath("another daemon answers there")
