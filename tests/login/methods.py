"""The three ways to log in over SSH, one attempt each, on a running server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import paramiko
import pytest

from tests.clients.rawauth import METHOD, SUCCESS, Ended, Listener, RawAuth, connect
from tests.servers import PASSWORD, Site

METHODS = ("password", "publickey", "keyboard-interactive")

#: a PAM stack that asks nothing: every user who begins has proved who he is
PERMIT = "\n".join(f"{kind} required pam_permit.so" for kind in ("auth", "account", "password", "session"))


class Host(Listener, Protocol):
    """A running server, or one of its virtual hosts, whose users' keys lie in its site."""

    @property
    def site(self) -> Site: ...


@pytest.fixture
def permit() -> Iterator[str]:
    """The name of a PAM service that lets everybody in."""
    path = Path("/etc/pam.d") / f"pyproftpd-permit-{uuid.uuid4().hex}"
    path.write_text(PERMIT + "\n")
    try:
        yield path.name
    finally:
        path.unlink()


def prove(client: RawAuth, server: Host, user: str, method: str, password: str = PASSWORD) -> bytes:
    """The answer to the right proof. Raises ``Ended``."""
    if method == "publickey":
        key = paramiko.Ed25519Key.from_private_key_file(str(server.site.keys / "client_ed25519"))
        return client.key(user, key)
    if method == "password":
        return client.password(user, password)
    said = client.ask(user)
    return client.answer(password) if said[0] == METHOD else said


def log_in(server: Host, user: str, method: str, password: str = PASSWORD) -> bool:
    """Does the right proof let this user in?"""
    try:
        with connect(server) as client:
            return prove(client, server, user, method, password) == bytes((SUCCESS,))
    except Ended:
        return False


@contextmanager
def logged_in(server: Host, user: str = "demo", method: str = "publickey") -> Iterator[RawAuth]:
    """A session that stays while the block runs."""
    with connect(server) as client:
        assert prove(client, server, user, method) == bytes((SUCCESS,))
        yield client
