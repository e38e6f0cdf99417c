"""Host-based logins over the wire: behaviours.md 93."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.clients.rawauth import REQUEST, SUCCESS, RawAuth, connect, failure, text
from tests.servers import Server, Site

METHODS = (["hostbased", "password"], False)


@pytest.fixture
def server(start: Callable[..., Server], site: Site, keys: Path) -> Server:
    shutil.copy(keys / "client_ed25519.pub", site.root / "hosts")
    (site.root / "hosts").chmod(0o644)
    return start(f"SFTPPAMEngine off\nSFTPAuthMethods hostbased password\nSFTPAuthorizedHostKeys file:{site.root}/hosts")


def login(client: RawAuth, key: paramiko.PKey, user: str = "demo", host: str = "desk.example.org.",
          signed_host: str = "desk.example.org.") -> bytes:
    head = text(key.get_name()) + text(key.asbytes())
    signed = (text(client.session_id) + bytes((REQUEST,)) + text(user) + text("ssh-connection") + text("hostbased")
              + head + text(signed_host) + text("local"))
    signature = key.sign_ssh_data(signed).asbytes()
    return client.request(user, "hostbased", head + text(host) + text("local") + text(signature))


def test_a_known_host_vouches_for_its_user(server: Server, keys: Path) -> None:
    with connect(server) as client:
        assert failure(client.request("demo", "none")) == METHODS
        key = paramiko.Ed25519Key.from_private_key_file(str(keys / "client_ed25519"))
        assert login(client, key) == bytes((SUCCESS,))


def test_the_signature_covers_the_host(server: Server, keys: Path) -> None:
    key = paramiko.Ed25519Key.from_private_key_file(str(keys / "client_ed25519"))
    with connect(server) as client:
        assert failure(login(client, key, host="other.example.org.")) == METHODS


def test_an_unknown_host_and_a_ghost(server: Server, keys: Path) -> None:
    with connect(server) as client:
        assert failure(login(client, paramiko.ECDSAKey.generate())) == METHODS
    key = paramiko.Ed25519Key.from_private_key_file(str(keys / "client_ed25519"))
    with connect(server) as client:
        assert failure(login(client, key, user="ghost")) == METHODS


def test_the_name_is_that_of_the_address_where_names_are_looked_up(start: Callable[..., Server], site: Site, keys: Path) -> None:
    """With UseReverseDNS a host speaks for itself alone; the name may end in a dot, in any case of letters."""
    shutil.copy(keys / "client_ed25519.pub", site.root / "hosts")
    (site.root / "hosts").chmod(0o644)
    server = start("UseReverseDNS on\nSFTPAuthMethods hostbased password\nSFTPPAMEngine off\n"
                   f"SFTPAuthorizedHostKeys file:{site.root}/hosts\n")
    key = paramiko.Ed25519Key.from_private_key_file(str(keys / "client_ed25519"))
    own = socket.gethostbyaddr("127.0.0.1")[0].upper() + "."
    with connect(server) as client:
        assert failure(login(client, key)) == METHODS
        assert login(client, key, host=own, signed_host=own) == bytes((SUCCESS,))


def test_a_client_that_vouches_by_itself(server: Server, keys: Path) -> None:
    """AsyncSSH speaks the method without a helper of the system."""
    async def log_in(key: str) -> None:
        connection = asyncssh.connect("127.0.0.1", server.port, username="demo", known_hosts=None, config=None,
                                      client_keys=None, client_host_keys=[str(keys / key)], preferred_auth="hostbased",
                                      client_host="desk.example.org", client_username="local")
        async with connection as client, client.start_sftp_client() as sftp:
            assert await sftp.exists(".")

    asyncio.run(log_in("client_ed25519"))
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(log_in("client_ecdsa"))
