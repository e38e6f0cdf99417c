"""A client for rehearsals: it logs in with a public key, does what clients do first, and leaves.

The master plays some sessions against it before the first client comes (``daemon.rehearsal``): whatever the interpreter
and the crypto library do once per piece of code is then done, and shared by all sessions instead of copied by each.
It knows the server's own key, and its share of the key exchange is the base point of X25519: then the shared secret is
the public value that the server sends, and no secret is needed here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from mod_sftp.crypto.agreements import X25519_BASE_POINT, mlkem768_key
from mod_sftp.crypto.ciphers import cipher
from mod_sftp.crypto.exchanges import kex
from mod_sftp.crypto.hostkeys import Signer
from mod_sftp.crypto.macs import mac
from mod_sftp.crypto.suites import make_opener, make_sealer
from mod_sftp.log import SftpLog
from mod_sftp.serving import Prepared, serve
from mod_sftp.transport.inbound import Inbound
from mod_sftp.transport.kex import KeyMaterial
from mod_sftp.transport.negotiate import COOKIE, EXT_INFO_CLIENT, STRICT_CLIENT, Offer, build
from mod_sftp.transport.outbound import Outbound
from mod_sftp.wire.fxp import Fxp, Pflag
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import Reader, boolean, byte, mpint, string, u32, u64
from pyproftpd.session.session import Session

USER = "rehearsal"
#: what most clients take; the second where the crypto library has it
CLASSICAL, HYBRID = "curve25519-sha256", "mlkem768x25519-sha256"
VERSION = b"SSH-2.0-OpenSSH_9.9 rehearsal"
CHANNEL, WINDOW, PACKET = 0, 2 * 1024 * 1024, 32768
DATA = bytes(4096)

#: what the client waits for: the next message, its number first
Play = Generator[None, bytes, None]


def write_files(directory: Path, signer: Signer) -> str:
    """An account whose key is the server's own, and the configuration of a server for it; returns the text."""
    account = f"{USER}:*:{os.geteuid()}:{os.getegid()}::{directory}:/bin/sh\n"
    key = f"---- BEGIN SSH2 PUBLIC KEY ----\n{base64.encodebytes(signer.blob).decode()}---- END SSH2 PUBLIC KEY ----\n"
    for name, text in (("passwd", account), ("group", f"{USER}:x:{os.getegid()}:\n"), ("keys", key)):
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    return f"""\
AuthOrder mod_auth_file.c
AuthUserFile {directory}/passwd
AuthGroupFile {directory}/group
RootLogin on
RequireValidShell off
UseFtpUsers off
AllowOverwrite on
SFTPEngine on
SFTPLog {directory}/sftp.log
SFTPPAMEngine off
SFTPAuthorizedUserKeys file:{directory}/keys
"""


def _classical() -> tuple[bytes, Callable[[bytes], bytes]]:
    """(our public value, the server's -> K as it is hashed)."""
    return X25519_BASE_POINT, lambda theirs: mpint(int.from_bytes(theirs, "big"))


def _hybrid() -> tuple[bytes, Callable[[bytes], bytes]]:
    """The same for ML-KEM beside X25519 (draft-ietf-sshm-mlkem-hybrid-kex)."""
    private, shown = mlkem768_key()

    def agree(theirs: bytes) -> bytes:
        size = len(theirs) - len(X25519_BASE_POINT)
        return string(hashlib.sha256(private.decapsulate(theirs[:size]) + theirs[size:]).digest())

    return shown + X25519_BASE_POINT, agree


class Client:
    """One session seen from the other side. ``turn`` reads what has come and says what follows."""

    def __init__(self, sock: socket.socket, signer: Signer, cipher_name: str, kex_name: str) -> None:
        self._socket, self._signer, self._cipher, self._kex = sock, signer, cipher_name, kex_name
        sock.setblocking(False)
        clear = cipher("none"), mac("none"), b"", b"", b""
        self._in, self._out = Inbound(make_opener(*clear)), Outbound(make_sealer(*clear), os.urandom)
        self._server_version = b""
        self._session_id = b""
        self._play = self._script()

    def turn(self) -> None:
        """Hangs up when the script is at its end, or when the server does not keep to it."""
        try:
            self._listen()
            while len(output := self._out.output()):
                self._out.sent(self._socket.send(output))
        except (StopIteration, OSError):
            self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                count = self._socket.recv_into(self._in.space())
            except BlockingIOError:
                return
            if not count:
                raise ConnectionResetError
            self._in.filled(count)
            if not self._server_version:
                self._server_version = self._in.version_line() or b""
                next(self._play)
            while (payload := self._in.next()) is not None:
                if payload[0] not in (Msg.IGNORE, Msg.EXT_INFO, Msg.GLOBAL_REQUEST, Msg.CHANNEL_WINDOW_ADJUST):
                    self._play.send(bytes(payload))

    def _script(self) -> Play:
        yield from self._exchange_keys()
        yield from self._log_in()
        yield from self._use_files()

    def _exchange_keys(self) -> Play:
        offer = Offer((self._kex, EXT_INFO_CLIENT, STRICT_CLIENT), self._signer.algorithms[:1], (self._cipher,),
                      ("hmac-sha2-256",), ("none",))
        ours = build(offer, os.urandom(COOKIE), ext_info=False, strict=False)
        self._out.raw(VERSION + b"\r\n")
        self._out.send(ours[0], ours[1:])
        theirs = yield
        shown, agree = _hybrid() if self._kex == HYBRID else _classical()
        self._out.send(Msg.KEX_ECDH_INIT, string(shown))
        reply = Reader((yield), 1)
        host_key, public = reply.string(), reply.bytes()
        secret = agree(public)
        digest = hashlib.sha256(b"".join((
            string(VERSION), string(self._server_version), string(ours), string(theirs), string(host_key),
            string(shown), string(public), secret))).digest()
        self._session_id = digest
        keys = KeyMaterial("sha256", secret, digest, digest)
        authentication = "implicit" if cipher(self._cipher).aead else "hmac-sha2-256"
        yield
        self._in.change_keys(make_opener(*keys.parts("BDF", self._cipher, authentication)), None, reset=True)
        self._out.send(Msg.NEWKEYS)
        self._out.change_keys(make_sealer(*keys.parts("ACE", self._cipher, authentication)), None, reset=True)
        self._out.send(Msg.EXT_INFO, u32(1), string("ext-info-in-auth@openssh.com"), string("0"))
        self._out.send(Msg.IGNORE, string(""))

    def _log_in(self) -> Play:
        self._out.send(Msg.SERVICE_REQUEST, string("ssh-userauth"))
        yield
        ahead = string(USER) + string("ssh-connection")
        self._out.send(Msg.USERAUTH_REQUEST, ahead, string("none"))
        yield
        name = self._signer.algorithms[0]
        method = ahead + string("publickey")
        key = string(name) + string(self._signer.blob)
        self._out.send(Msg.USERAUTH_REQUEST, method, boolean(False), key)
        yield
        signed = byte(Msg.USERAUTH_REQUEST) + method + boolean(True) + key
        signature = self._signer.sign(name, string(self._session_id) + signed)
        self._out.send(signed[0], signed[1:], string(signature))
        answer = yield
        if answer[0] != Msg.USERAUTH_SUCCESS:
            raise ConnectionRefusedError
        self._out.send(Msg.CHANNEL_OPEN, string("session"), u32(CHANNEL), u32(WINDOW), u32(PACKET))
        yield
        self._out.send(Msg.CHANNEL_REQUEST, u32(CHANNEL), string("subsystem"), boolean(True), string("sftp"))
        yield

    def _use_files(self) -> Play:
        """INIT, then the requests of a first look around, one file up and down, and the cleaning up."""
        yield from self._ask(Fxp.INIT, u32(3), plain=True)
        yield from self._ask(Fxp.EXTENDED, string("limits@openssh.com"))
        none = u32(0)
        yield from self._ask(Fxp.REALPATH, string("."))
        for kind in (Fxp.STAT, Fxp.LSTAT):
            yield from self._ask(kind, string("keys"))
        name = string("file")
        handle = yield from self._ask(Fxp.OPEN, name, u32(Pflag.WRITE | Pflag.CREAT | Pflag.TRUNC), none)
        for number in range(2):
            yield from self._ask(Fxp.WRITE, handle, u64(number * len(DATA)), string(DATA))
        yield from self._ask(Fxp.FSETSTAT, handle, u32(4), u32(0o600))
        yield from self._ask(Fxp.CLOSE, handle)
        handle = yield from self._ask(Fxp.OPEN, name, u32(Pflag.READ), none)
        yield from self._ask(Fxp.FSTAT, handle)
        for number in range(3):
            yield from self._ask(Fxp.READ, handle, u64(number * len(DATA)), u32(len(DATA)))
        yield from self._ask(Fxp.CLOSE, handle)
        handle = yield from self._ask(Fxp.OPENDIR, string("."))
        for _ in range(2):
            yield from self._ask(Fxp.READDIR, handle)
        yield from self._ask(Fxp.CLOSE, handle)
        yield from self._ask(Fxp.EXTENDED, string("posix-rename@openssh.com"), name, string("renamed"))
        yield from self._ask(Fxp.REMOVE, string("renamed"))
        self._out.send(Msg.CHANNEL_EOF, u32(CHANNEL))
        while (yield)[0] != Msg.CHANNEL_CLOSE:
            pass

    def _ask(self, kind: int, *parts: bytes, plain: bool = False) -> Generator[None, bytes, bytes]:
        """One request; returns what follows the id in the reply: of HANDLE the handle as a string."""
        request = byte(kind) + (b"" if plain else u32(1)) + b"".join(parts)
        self._out.send(Msg.CHANNEL_DATA, u32(CHANNEL), string(string(request)))
        reply = yield
        return reply[18:]


class Rehearsal:
    """``api.frontend.Rehearsal`` with the keys of a real server."""

    def __init__(self, prepared: Prepared, ciphers: tuple[str, ...], directory: Path) -> None:
        self._prepared = replace(prepared, notes=())
        self._ciphers = [name for name in ciphers if cipher(name).aead] or list(ciphers)
        self.configuration = write_files(directory, prepared.keys[0])

    def client(self, sock: socket.socket, number: int) -> Client:
        """Every other one takes the first cipher, as most clients do, and of four two the newest key exchange."""
        name = self._ciphers[number // 2 % len(self._ciphers) if number % 2 else 0]
        return Client(sock, self._prepared.keys[0], name, HYBRID if number % 4 < 2 and kex(HYBRID).available() else CLASSICAL)

    def run(self, session: Session) -> None:
        """Whose log must be closed: its process goes on."""
        try:
            serve(session, self._prepared)
        finally:
            sink = session.state(SftpLog).sink
            if sink is not None:
                sink.close()
