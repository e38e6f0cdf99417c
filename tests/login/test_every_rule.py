"""Every login rule times every method: one server, a virtual host for each rule, the verdicts and where a session lands.

The rules about accounts (shells, ftpusers, roots...) stand in test_methods.py, one account each.
"""

from __future__ import annotations

import os
import shutil
import struct
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from paramiko import SSHException

from pyproftpd.session.delay import DelayTable
from pyproftpd.unix import wtmp
from tests.clients.rawauth import FAILURE, SUCCESS, Ended, connect
from tests.login.methods import PERMIT, prove
from tests.machine import free_port
from tests.servers import PASSWORD, Server, Site, scratch
from tests.waiting import wait_until

pytestmark = pytest.mark.root

#: "correct horse", by openssl passwd
OTHER_HASH = "$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB"
#: of no password at all, by perl
EMPTY_HASH = "$5$abcdefgh$mnv0N8gJGuJiQCFVlADjwwxPyRiUO8rGuljjETTLqw9"
#: what the rows below call the methods
LETTERS = {"p": "password", "k": "publickey", "i": "keyboard-interactive"}
WRONG = "(Login failed): Incorrect password"
GUEST = "<Anonymous {root}/pub>\nUser demo\nUserAlias guest demo\nUserAlias other demo\n%s</Anonymous>\n"


@dataclass(frozen=True)
class Rule:
    """``lets_in``: a user, or ``user:password``, and the letters of the methods that open; ``said`` of those that do not."""

    lines: str
    lets_in: Mapping[str, str]
    said: str = ""
    #: root and working directory of a session that is in, as /proc shows them
    lands: tuple[str, str] = ("/", "{root}/home/demo")


RULES = {
    "UserAlias": Rule("UserAlias web demo\n", {"web": "pki", "demo": "pki"}),
    "UserAlias *": Rule("UserAlias * demo\n", {"whoever": "pki"}),
    "AuthAliasOnly": Rule("AuthAliasOnly on\nUserAlias web demo\n", {"web": "pki", "demo": ""}, "AuthAliasOnly on ("),
    "UserPassword": Rule(f"UserPassword demo {OTHER_HASH}\n", {"demo": "ki", "demo:correct horse": "pki"}, WRONG),
    "AllowEmptyPasswords on": Rule("AllowEmptyPasswords on\n", {"empty:": "pki"}, lands=("/", "{root}/home/empty")),
    "AllowEmptyPasswords off": Rule("AllowEmptyPasswords off\n", {"empty:": "ki"}, WRONG, ("/", "{root}/home/empty")),
    "a field that is empty": Rule("AllowEmptyPasswords on\n", {"void:": "ki", "void": "ki"}, WRONG, ("/", "{root}/home/void")),
    "Limit LOGIN by user": Rule("<Limit LOGIN>\nDenyUser demo\n</Limit>\n", {"demo": "", "other:correct horse": "pki"},
                                "Limit configuration denies login [<Limit LOGIN> (", ("/", "{root}/home/other")),
    "Limit LOGIN by class": Rule("<Limit LOGIN>\nDenyClass here\n</Limit>\n", {"demo": ""}, "denied"),
    "Limit LOGIN by another class": Rule("<Limit LOGIN>\nDenyClass away\n</Limit>\n", {"demo": "pki"}),
    "DefaultRoot": Rule("DefaultRoot ~\n", {"demo": "pki"}, lands=("{root}/home/demo", "{root}/home/demo")),
    "DefaultRoot of a group": Rule("DefaultRoot {root}/home demo\n", {"demo": "pki"}, lands=("{root}/home", "{root}/home/demo")),
    "DefaultChdir": Rule("DefaultChdir inside\n", {"demo": "pki"}, lands=("/", "{root}/home/demo/inside")),
    "DefaultChdir in a jail": Rule("DefaultRoot ~\nDefaultChdir /inside\n", {"demo": "pki"},
                                   lands=("{root}/home/demo", "{root}/home/demo/inside")),
    "CreateHome": Rule("CreateHome on 750\n", {"newcomer": "pki"}, lands=("/", "{root}/made/newcomer")),
    "CreateHome off": Rule("CreateHome off\n", {"homeless": ""}, "cannot be entered"),
    "Anonymous": Rule(GUEST % "", {"guest:me@example.org": "pki", "demo:x": "pki"}, lands=("{root}/pub", "{root}/pub")),
    "Anonymous and others": Rule(GUEST % "", {"neighbour:x": "ki"}, WRONG, ("/", "{root}/home/neighbour")),
    "AnonRequirePassword": Rule(GUEST % "AnonRequirePassword on\n", {"guest:x": "ki", "guest": "pki"}, WRONG,
                                ("{root}/pub", "{root}/pub")),
    "AuthUsingAlias": Rule(GUEST % "AnonRequirePassword on\nAuthUsingAlias on\n", {"other": "ki", "other:correct horse": "pki"},
                           WRONG, ("{root}/pub", "{root}/pub")),
    "UserDirRoot": Rule(GUEST % "UserDirRoot on\n", {"guest": "pki"}, lands=("{root}/pub/guest", "{root}/pub/guest")),
    "UserDirRoot without the directory": Rule(GUEST % "UserDirRoot on\n", {"other": ""}, "chroot to '{root}/pub/other'"),
    "Limit LOGIN of guests": Rule(GUEST % "<Limit LOGIN>\nDenyAll\n</Limit>\n", {"guest": "", "neighbour": "pki"},
                                  "Limit configuration denies login", ("/", "{root}/home/neighbour")),
    # what follows is about more than one login: the tests further down
    "MaxClients": Rule("MaxClients 1\n", {"demo": "pki"}),
    "MaxClientsPerHost": Rule("MaxClientsPerHost 1\n", {"demo": "pki"}),
    "MaxClientsPerUser": Rule("MaxClientsPerUser 1\n", {"demo": "pki"}),
    "MaxClientsPerClass": Rule("MaxClientsPerClass here 1\n", {"demo": "pki"}),
    "MaxClientsPerUser of IfUser": Rule("<IfUser demo>\nMaxClientsPerUser 1\n</IfUser>\n", {"demo": "pki"}),
    "MaxClients of IfGroup": Rule("<IfGroup demo>\nMaxClients 1\n</IfGroup>\n", {"demo": "pki"}),
    "MaxClientsPerHost of IfClass": Rule("<IfClass here>\nMaxClientsPerHost 1\n</IfClass>\n", {"demo": "pki"}),
    "MaxHostsPerUser": Rule("MaxHostsPerUser 1\n", {"demo": "pki"}),
    "MaxConnectionsPerHost": Rule("MaxConnectionsPerHost 1\n", {"demo": "pki"}),
    "MaxLoginAttempts": Rule("MaxLoginAttempts 2\n", {"demo": "pki"}),
    "TimeoutLogin": Rule("TimeoutLogin 6\n", {"demo": "pki"}),
    "TimeoutSession": Rule("TimeoutSession 6\n", {"demo": "pki"}),
    "DelayEngine": Rule("DelayEngine on\n", {"demo": "pki"}),
    "DelayOnEvent": Rule("DelayOnEvent FailedLogin 400\n", {"demo": "pki"}),
    "WtmpLog": Rule("WtmpLog on\nUseLastlog on\n", {"demo": "pki"}),
}
CASES = [(name, who, letter) for name, rule in RULES.items() for who in rule.lets_in for letter in LETTERS]


@dataclass
class Door:
    """The virtual host of a rule, as clients see it."""

    server: Server
    port: int

    @property
    def site(self) -> Site:
        return self.server.site


def people(site: Site) -> None:
    site.add_account("other", hash=OTHER_HASH)
    site.add_account("empty", hash=EMPTY_HASH)
    site.add_account("void", hash="")
    site.add_account("neighbour")
    for name, home in (("newcomer", site.root / "made" / "newcomer"), ("homeless", site.root / "nowhere")):
        shutil.rmtree(site.add_account(name).home)
        site.accounts[name].home = home
    for name in ("pub/guest", "home/demo/inside"):
        (site.root / name).mkdir(parents=True)
    (site.root / "pub").chmod(0o755)
    (site.root / "pub" / "guest").chmod(0o755)
    for name in ("whoever", "web", "guest"):
        shutil.copy(site.keys / "client_ed25519.rfc4716", site.root / "authorized_keys" / name)


@pytest.fixture(scope="module")
def street(keys: Path) -> Iterator[dict[str, Door]]:
    """The doors by the names of their rules."""
    with scratch() as root:
        site = Site(root, keys)
        people(site)
        service = Path(f"/etc/pam.d/pyproftpd-street-{uuid.uuid4().hex}")
        service.write_text(PERMIT + "\n")
        server = Server(site)
        doors = {name: Door(server, free_port()) for name in RULES}
        shared = (f"AuthOrder mod_auth_file.c\nAuthUserFile {root}/passwd\nAuthGroupFile {root}/group\nRequireValidShell off\n"
                  f"UseFtpUsers off\nSFTPEngine on\nSFTPLog {root}/log/sftp.log\nTransferLog none\n"
                  f"SFTPPAMEngine on\nSFTPPAMServiceName {service.name}\n"
                  f"SFTPAuthorizedUserKeys file:{root}/authorized_keys/%u\nSFTPHostKey {keys}/ssh_host_ed25519_key\n")
        usual = DelayTable(f"{root}/delay")
        for _ in range(3):
            usual.add(doors["DelayEngine"].port, 0.4)
        hosts = "".join(f"<VirtualHost 127.0.0.1>\nPort {doors[name].port}\n{shared}{rule.lines.format(root=root)}"
                        f"{quiet(rule)}</VirtualHost>\n" for name, rule in RULES.items())
        classes = "<Class here>\nFrom 127.0.0.1\n</Class>\n<Class away>\nFrom 192.0.2.1\n</Class>\n"
        try:
            server.start(classes + hosts, prologue=f"LoadModule mod_ifsession.c\nDelayTable {root}/delay\n")
            yield doors
        finally:
            server.stop()
            service.unlink()


def quiet(rule: Rule) -> str:
    """What a virtual host leaves out that is not about it."""
    return "".join(f"{keyword} off\n" for keyword in ("WtmpLog", "DelayEngine") if keyword[:5] not in rule.lines)


def until(server: Server, count: int) -> None:
    """Wait until only so many sessions are there: those of the test before are over."""
    wait_until(lambda: len(server.sessions()) <= count, "the end of a session")
    assert len(server.sessions()) == count


def proof(who: str) -> tuple[str, str]:
    user, colon, password = who.partition(":")
    return user, password if colon else PASSWORD


@pytest.mark.parametrize(("name", "who", "letter"), CASES)
def test_verdicts_and_places(street: dict[str, Door], name: str, who: str, letter: str) -> None:
    rule, door, (user, password) = RULES[name], street[name], proof(who)
    root, expected = door.site.root, letter in rule.lets_in[who]
    until(door.server, 0)
    before = door.site.log("stderr")
    try:
        with connect(door) as client:
            inside = prove(client, door, user, LETTERS[letter], password) == bytes((SUCCESS,))
            if inside:
                (pid,) = door.server.sessions()
                assert (os.readlink(f"/proc/{pid}/root"), os.readlink(f"/proc/{pid}/cwd")) == tuple(
                    path.format(root=root) for path in rule.lands)
    except (Ended, OSError, EOFError, SSHException):
        inside = False
    assert inside is expected
    if not expected:
        said = rule.said.format(root=root)
        told = door.site.wait_for_log("stderr", said, since=before)[len(before):]
        assert sum(said in line for line in told.splitlines()) == 1, told


#: the rule -> from where one more of the same user is one too many
FULL = {"MaxClients": "127.0.0.1", "MaxClientsPerHost": "127.0.0.1", "MaxClientsPerUser": "127.0.0.2",
        "MaxClientsPerClass": "127.0.0.1", "MaxHostsPerUser": "127.0.0.2", "MaxClientsPerUser of IfUser": "127.0.0.2",
        "MaxClients of IfGroup": "127.0.0.2", "MaxClientsPerHost of IfClass": "127.0.0.1"}


@pytest.mark.parametrize("name", FULL)
def test_no_method_finds_a_place_that_is_not_there(street: dict[str, Door], name: str) -> None:
    """security.md U11: wherever the cap is written."""
    door = street[name]
    until(door.server, 0)
    before = len(door.site.log("stderr"))
    with connect(door) as first:
        assert prove(first, door, "demo", "publickey") == bytes((SUCCESS,))
        for method in LETTERS.values():
            with connect(door, FULL[name]) as client, pytest.raises(Ended) as ended:
                prove(client, door, "demo", method)
            assert ended.value.reason == 12, "SSH_DISCONNECT_TOO_MANY_CONNECTIONS"
        if name in ("MaxClientsPerHost", "MaxHostsPerUser"):
            with connect(door, "127.0.0.2" if name == "MaxClientsPerHost" else "127.0.0.1") as other:
                assert prove(other, door, "demo", "publickey") == bytes((SUCCESS,))
    told = door.site.log("stderr")[before:]
    assert told.count(f"Connection refused ({name.split()[0]} 1)") == 3
    until(door.server, 0)
    with connect(door) as client:
        assert prove(client, door, "demo", "password") == bytes((SUCCESS,)), "the place is free again"


def test_connections_of_a_host_are_counted_before_anybody_proves_anything(street: dict[str, Door]) -> None:
    door = street["MaxConnectionsPerHost"]
    until(door.server, 0)
    with connect(door):
        with pytest.raises((SSHException, EOFError, OSError)):
            connect(door).__enter__()
        with connect(door, "127.0.0.2") as other:
            assert prove(other, door, "demo", "password") == bytes((SUCCESS,))
    door.site.wait_for_log("stderr", "Connection refused (MaxConnectionsPerHost 1)")


@pytest.mark.parametrize("method", LETTERS.values())
def test_attempts_are_counted_alike(street: dict[str, Door], method: str) -> None:
    door = street["MaxLoginAttempts"]
    with connect(door) as client:
        assert prove(client, door, "ghost", method)[0] == FAILURE
        with pytest.raises(Ended):
            prove(client, door, "ghost", method)
            client.receive()


@pytest.mark.parametrize("method", ["", *LETTERS.values()])
def test_the_time_to_log_in_is_counted_from_the_connection(street: dict[str, Door], method: str) -> None:
    """Failures do not put it off."""
    with connect(street["TimeoutLogin"]) as client, pytest.raises(Ended):
        if method:
            prove(client, street["TimeoutLogin"], "ghost", method)
        client.receive()


def test_the_time_of_a_session_ends_it_whatever_the_method(street: dict[str, Door]) -> None:
    door = street["TimeoutSession"]
    with ExitStack() as stack:
        for method in LETTERS.values():
            client = stack.enter_context(connect(door))
            assert prove(client, door, "demo", method) == bytes((SUCCESS,))
        until(door.server, 0)


@pytest.mark.parametrize("rule", ["DelayEngine", "DelayOnEvent"])
@pytest.mark.parametrize("method", LETTERS.values())
def test_a_failure_is_held_up(street: dict[str, Door], method: str, rule: str) -> None:
    """As long as failures usually take, or as the administrator says; whatever the method."""
    door = street[rule]
    with connect(door) as client:
        begun = time.monotonic()
        assert prove(client, door, "ghost", method)[0] == FAILURE
        assert time.monotonic() - begun >= 0.4


def records(pid: int) -> list[tuple[int, str, str]]:
    """What wtmp holds of a process: kind, user, host of each entry (utmp(5), <bits/utmp.h>)."""
    entry, data = struct.Struct("=hxxi32s4s32s256s52x"), Path(wtmp.WTMP).read_bytes()
    found = (entry.unpack_from(data, offset) for offset in range(0, len(data), entry.size))
    return [(kind, user.rstrip(b"\0").decode(), host.rstrip(b"\0").decode())
            for kind, number, line, _, user, host in found if (number, line.rstrip(b"\0")) == (pid, b"ftpd%d" % pid)]


@pytest.mark.parametrize("method", LETTERS.values())
def test_wtmp_and_lastlog_are_told_of_every_login(street: dict[str, Door], method: str) -> None:
    if not (os.path.exists(wtmp.WTMP) and os.path.exists(wtmp.LASTLOG)):
        pytest.skip("this machine keeps no such records")
    door = street["WtmpLog"]
    until(door.server, 0)
    with connect(door) as client:
        assert prove(client, door, "demo", method) == bytes((SUCCESS,))
        (pid,) = door.server.sessions()
        assert records(pid)[-1] == (7, "demo", "127.0.0.1"), "USER_PROCESS"
        with open(wtmp.LASTLOG, "rb") as file:  # one record of 292 bytes for each uid: time, line, host
            file.seek(door.site.accounts["demo"].uid * 292)
            assert f"ftpd{pid}".encode() in file.read(292)
    until(door.server, 0)
    assert records(pid)[-1] == (8, "", ""), "DEAD_PROCESS"
