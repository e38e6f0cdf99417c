"""Host keys behind an ssh-agent's socket (draft-ietf-sshm-ssh-agent)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from mod_sftp.crypto.hostkeys import Signer, SigningError
from mod_sftp.wire import keyblob
from mod_sftp.wire.keyfiles import KeyFileError
from mod_sftp.wire.ssh import Reader, byte, string, u32
from pyproftpd.errors import PeerError

REQUEST_IDENTITIES, IDENTITIES_ANSWER = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
#: Flags of a sign request that choose the hash of an RSA signature.
RSA_FLAGS = (("rsa-sha2-256", 2), ("rsa-sha2-512", 4))

#: Seconds for one answer; an agent that asks its user is no place for a host key.
TIMEOUT = 10.0
#: As ssh-agent itself bounds a message.
MAX_ANSWER = 256 * 1024
#: Keys taken from one agent.
MAX_KEYS = 64

Elevate = Callable[[], AbstractContextManager[object]]


class Agent:
    """One agent. The connection is made at need and kept: after chroot the socket has no name any more."""

    __slots__ = ("path", "_elevate", "_connection")

    def __init__(self, path: str, elevate: Elevate = nullcontext) -> None:
        self.path, self._elevate = path, elevate
        self._connection: socket.socket | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, request: bytes, expected: int) -> Reader:
        """Sends one request; the answer without its type. Raises: OSError, KeyFileError."""
        try:
            answer = self._exchange(request)
        except OSError:
            self.close()
            raise
        if not answer or answer[0] != expected:
            raise KeyFileError("agent refuses the request")
        return Reader(answer, 1)

    def _exchange(self, request: bytes) -> bytes:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.sendall(string(request))
        size = Reader(self._receive(4)).u32()
        if not 1 <= size <= MAX_ANSWER:
            self.close()
            raise KeyFileError("agent's answer is out of bounds")
        return self._receive(size)

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.settimeout(TIMEOUT)
        try:
            with self._elevate():
                connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return connection

    def _receive(self, size: int) -> bytes:
        assert self._connection is not None
        data = bytearray()
        while len(data) < size:
            part = self._connection.recv(size - len(data))
            if not part:
                raise ConnectionResetError("agent closed the connection")
            data += part
        return bytes(data)


class AgentSigner(Signer):
    """A host key that an agent signs with."""

    __slots__ = ("_agent",)

    def __init__(self, agent: Agent, public: keyblob.PublicKey) -> None:
        super().__init__(public, f"agent:{agent.path}")
        self._agent = agent

    def sign(self, algorithm: str, data: bytes) -> bytes:
        flags = dict(RSA_FLAGS).get(algorithm, 0)
        request = byte(SIGN_REQUEST) + string(self.blob) + string(data) + u32(flags)
        try:
            signature = self._agent.ask(request, SIGN_RESPONSE).bytes(keyblob.MAX_SIGNATURE)
            if Reader(signature).text(64) != algorithm:
                raise SigningError(f"agent {self._agent.path} signed by another algorithm than {algorithm}")
        except (OSError, KeyFileError) as error:
            raise SigningError(f"agent {self._agent.path}: {error}") from None
        return signature


def load(path: str, elevate: Elevate = nullcontext) -> tuple[Signer, ...]:
    """The usable keys of an agent; types that cannot be host keys are left out. Raises: OSError, KeyFileError."""
    agent = Agent(path, elevate)
    try:
        reader = agent.ask(byte(REQUEST_IDENTITIES), IDENTITIES_ANSWER)
        blobs = [_identity(reader) for _ in range(min(reader.u32(), MAX_KEYS))]
    except PeerError as error:
        raise KeyFileError(f"agent's answer is broken: {error}") from None
    finally:
        agent.close()  # a forked session makes its own connection
    return tuple(signer for blob in blobs for signer in _signers(agent, blob))


def _identity(reader: Reader) -> bytes:
    blob = reader.bytes(keyblob.MAX_BLOB)
    reader.string(4096)  # comment
    return blob


def _signers(agent: Agent, blob: bytes) -> tuple[AgentSigner, ...]:
    try:
        public = keyblob.parse_key(blob)
    except PeerError:
        return ()
    return () if public.security_key else (AgentSigner(agent, public),)
