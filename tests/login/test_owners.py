"""UserOwner and GroupOwner, for members and others, in every state of root's powers; directories with the set-group-id bit.

One server, a virtual host for each case; the C server beside it where it lives through the case.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import paramiko
import pytest

from tests.machine import free_port
from tests.servers import Server, Site, scratch
from tests.waiting import wait_until

pytestmark = pytest.mark.root

TEAM, FOREIGN = 63700, 63800


@dataclass(frozen=True)
class Case:
    """``server`` and ``directory``: lines of both; owner and group that new things get, ``""`` for the user's own."""

    server: str
    directory: str
    owner: str = ""
    group: str = ""


#: verified with 1.3.8; GroupOwner alone ends its session by signal 11
CASES = {
    "nothing": Case("", ""),
    "group, member": Case("", "GroupOwner team", "", "team"),
    "group, no member": Case("", "GroupOwner foreign"),
    "group, member, revoked": Case("RootRevoke on", "GroupOwner team", "", "team"),
    "group, no member, revoked": Case("RootRevoke on", "GroupOwner foreign"),
    "group, no member, root kept": Case("RootRevoke off", "GroupOwner foreign", "", "foreign"),
    "owner": Case("", "UserOwner keeper", "keeper"),
    "owner and group, member": Case("", "UserOwner keeper\nGroupOwner team", "keeper", "team"),
    "owner and group, no member": Case("", "UserOwner keeper\nGroupOwner foreign", "keeper", "foreign"),
    "owner, revoked": Case("RootRevoke on", "UserOwner keeper"),
    "owner and group, root kept": Case("RootRevoke off", "UserOwner keeper\nGroupOwner foreign", "keeper", "foreign"),
    "owner, no CAP_CHOWN": Case("CapabilitiesSet -CAP_CHOWN", "UserOwner keeper"),
    "owner and group, no mod_cap": Case("CapabilitiesEngine off", "UserOwner keeper\nGroupOwner foreign", "keeper", "foreign"),
}
SURVIVED = [name for name, case in CASES.items() if "GroupOwner" not in case.directory or "UserOwner" in case.directory]


@dataclass
class Yard:
    server: Server
    ports: dict[str, int]
    ids: dict[str, int]


def yard(keys: os.PathLike[str], ours: bool) -> Iterator[Yard]:
    with scratch() as root:
        site = Site(root, keys)  # type: ignore[arg-type]
        keeper = site.add_account("keeper")
        site.groups.update(team=(TEAM, ("demo",)), foreign=(FOREIGN, ()))
        demo, ports, hosts = site.accounts["demo"], {}, ""
        shared = (f"AuthOrder mod_auth_file.c\nAuthUserFile {root}/passwd\nAuthGroupFile {root}/group\nRequireValidShell off\n"
                  f"UseFtpUsers off\nWtmpLog off\nTransferLog none\nSFTPEngine on\nSFTPHostKey {keys}/ssh_host_ecdsa_key\n")
        for number, (name, case) in enumerate(CASES.items()):
            ports[name] = free_port()
            for path, gid in ((demo.home / str(number), demo.gid), (demo.home / str(number) / "sgid", TEAM)):
                path.mkdir()
                os.chown(path, demo.uid, gid)
            path.chmod(0o2775)
            hosts += (f"<VirtualHost 127.0.0.1>\nPort {ports[name]}\n{shared}{case.server}\n<Directory {demo.home}/{number}>\n"
                      f"{case.directory}\n</Directory>\n</VirtualHost>\n")
        server = Server(site, ours=ours)
        try:
            yield Yard(server.start(hosts), ports, {"": demo.uid, "keeper": keeper.uid, "team": TEAM, "foreign": FOREIGN})
        finally:
            server.stop()


@pytest.fixture(scope="module")
def our_yard(keys: os.PathLike[str]) -> Iterator[Yard]:
    yield from yard(keys, True)


@pytest.fixture(scope="module")
def real_yard(keys: os.PathLike[str]) -> Iterator[Yard]:
    yield from yard(keys, False)


@pytest.mark.parametrize("name", CASES)
def test_who_owns_what_is_made(our_yard: Yard, name: str) -> None:
    check(our_yard, name)
    if "no member" in name and not CASES[name].group or name in ("owner, revoked", "owner, no CAP_CHOWN"):
        said = our_yard.server.site.log("stderr")
        assert "failed: Operation not permitted" in said, "what could not be given is said"


@pytest.mark.real
@pytest.mark.parametrize("name", SURVIVED)
def test_the_real_server_gives_them_to_the_same(real_yard: Yard, name: str) -> None:
    check(real_yard, name)


def check(place: Yard, name: str) -> None:
    case, ids = CASES[name], place.ids
    base = place.server.site.accounts["demo"].home / str(list(CASES).index(name))
    transport = paramiko.Transport(("127.0.0.1", place.ports[name]))
    transport.start_client(timeout=20)
    try:
        transport.auth_password("demo", "secret")
        client = transport.open_sftp_client()
        assert client is not None
        for directory in ("", "sgid/"):
            with client.open(f"{base}/{directory}file", "w") as file:
                file.write("x")
            client.mkdir(f"{base}/{directory}made")
    finally:
        transport.close()
    wait_until(lambda: not place.server.sessions(), "the end of the session")
    user, group = ids[case.owner], ids[case.group]
    made = {path: base.joinpath(path).stat() for path in ("file", "made", "sgid/file", "sgid/made")}
    assert {found.st_uid for found in made.values()} == {user}
    assert {made[path].st_gid for path in ("file", "made")} == {group}
    assert {made[path].st_gid for path in ("sgid/file", "sgid/made")} == {group if case.group else TEAM}
    assert made["sgid/made"].st_mode & 0o2000 and not made["made"].st_mode & 0o2000
