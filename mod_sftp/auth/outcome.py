"""What a method says of one attempt, and what it is given to decide it."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from mod_sftp.api import Prompt
from mod_sftp.conf import FIPS_LABEL
from pyproftpd.api.auth import Verdict

if TYPE_CHECKING:
    from mod_sftp.auth.chains import Progress
    from mod_sftp.conf import SftpConf
    from mod_sftp.wire.ssh import Reader
    from pyproftpd.session.login import Candidate
    from pyproftpd.session.session import Session


#: how the real server's log words a verdict
WORDING: Mapping[Verdict, str] = MappingProxyType({
    Verdict.NO_USER: "No such user found",
    Verdict.BAD_PASSWORD: "Incorrect password",
    Verdict.EXPIRED: "Password expired",
    Verdict.ACCOUNT_EXPIRED: "Account expired",
    Verdict.DISABLED: "Account disabled",
})


class Result(enum.Enum):
    """``FAILED`` counts as an attempt, the other failures do not."""

    SUCCEEDED = enum.auto()
    FAILED = enum.auto()
    #: the method can not succeed in this session; it leaves the list
    WITHDRAWN = enum.auto()
    #: no attempt at all (``none``, a query for a key that is not authorised): FAILURE, not counted
    DECLINED = enum.auto()
    #: answered with a message of the method's own (PK_OK, PASSWD_CHANGEREQ): no FAILURE follows
    ANSWERED = enum.auto()
    #: the client began something else: no FAILURE may be sent (RFC 4252 5.1)
    ABANDONED = enum.auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reason`` is for the logs alone; ``proof`` what a later link of a chain may not use again."""

    result: Result
    reason: str = ""
    proof: str = ""


class Connection(Protocol):
    """The transport, as authentication sees it."""

    @property
    def session_id(self) -> bytes:
        """Exchange hash of the first key exchange (RFC 4253 7.2)."""
        ...

    @property
    def client_version(self) -> str: ...

    @property
    def insecure(self) -> bool:
        """Cipher or MAC is ``none``."""
        ...

    @property
    def banners(self) -> bool:
        """The client understands SSH_MSG_USERAUTH_BANNER (OpenSSH 2.0 to 2.3.0 do not)."""
        ...

    @property
    def host_key(self) -> bytes:
        """Blob of the host key that this connection was keyed with (publickey-hostbound)."""
        ...

    def send(self, message: int, *parts: bytes) -> None: ...

    def exchange(self, name: str, instruction: str, prompts: Sequence[Prompt]) -> Sequence[bytes]: ...

    def authenticated(self) -> None: ...

    def disconnect(self, reason: int, text: str) -> None: ...


@dataclass(slots=True)
class Attempt:
    """One USERAUTH_REQUEST. ``name`` is the user name as sent: signatures cover it, whatever a hook made of it."""

    session: Session
    connection: Connection
    conf: SftpConf
    progress: Progress
    name: bytes
    method: str
    candidate: Candidate
    #: facts for logs, environment and notes (``SFTP_USER_PUBLICKEY_ALGO``)
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """The name as text, for logs and for finding stores."""
        return self.name.decode("utf-8", "surrogateescape")

    @property
    def fips(self) -> bool:
        """Started with ``-D SFTP_USE_FIPS``: keys are held to the same standard as the exchange of keys."""
        return FIPS_LABEL in self.session.configuration.labels


class Method(Protocol):
    """One way to authenticate; built once per session."""

    name: str

    def read(self, reader: Reader) -> Any:
        """The fields of the method, copied. Raises: PeerError."""
        ...

    def probe(self, attempt: Attempt, request: Any) -> Outcome | None:
        """Answer a request that is a question and no attempt; ``None`` = it is an attempt."""
        ...

    def decide(self, attempt: Attempt, request: Any) -> Outcome: ...
