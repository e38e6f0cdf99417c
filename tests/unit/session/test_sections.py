"""Sections of mod_ifsession and every directive that may stand in them: in force for whom it is meant, or said to be too late."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyproftpd.api.directive import ConfBlock, Context, Status
from pyproftpd.conf.load import load
from pyproftpd.conf.scope import Configuration, Scope
from pyproftpd.modules.ifsession import BEFORE_LOGIN, OF_THE_DAEMON
from tests.unit.conf.conftest import Someone

CLASSES = "<Class near>\nFrom 127.0.0.1\n</Class>\n<Class far>\nFrom 192.0.2.1\n</Class>\n"

#: what may be said of those that are not on or off
SAMPLES = {
    "AllowFilter": "^a", "AuthUnixOptions": "NoGetgrouplist", "CapabilitiesSet": "+CAP_FOWNER", "CreateHome": "on 750",
    "DebugLevel": "3", "DefaultChdir": "/srv", "DefaultRoot": "~", "DenyFilter": "^a", "DirFakeGroup": "on some",
    "DirFakeMode": "0440", "DirFakeUser": "on some", "DisplayLogin": "/srv/text", "ExtendedLog": "/var/log/one ALL",
    "FSOptions": "IgnoreExtendedAttributes", "HiddenStores": ".before", "LogOptions": "-Hostname", "MaxClients": "4",
    "MaxClientsPerClass": "near 4", "MaxClientsPerHost": "4", "MaxClientsPerUser": "4", "MaxCommandRate": "10 2",
    "MaxHostsPerUser": "4", "MaxRetrieveFileSize": "4 Kb", "MaxStoreFileSize": "4 Kb", "MaxTransfersPerHost": "RETR 4",
    "MaxTransfersPerUser": "STOR 4", "PathAllowFilter": "^a", "PathDenyFilter": "^a", "Protocols": "sftp",
    "ServerAdmin": "somebody@example.org", "ServerLog": "/var/log/other", "ServerName": "other", "SetEnv": "NAME value",
    "SFTPAcceptEnv": "LC_*", "SFTPClientAlive": "3 30", "SFTPExtensions": "-copyFile", "SFTPLog": "/var/log/sftp",
    "SFTPMaxChannels": "3", "SFTPOptions": "PessimisticKexinit", "SFTPRekey": "required 600 100", "SFTPTrafficPolicy": "low",
    "SyslogLevel": "error", "TimeoutIdle": "7", "TimeoutNoTransfer": "7", "TimeoutSession": "7",
    "TimeoutStalled": "7", "Trace": "ssh2:5", "TraceOptions": "+ConnIPs", "TransferLog": "/var/log/transfers",
    "TransferRate": "RETR 10", "Umask": "077", "UnsetEnv": "HOME", "UploadDurability": "full", "UseEncoding": "UTF-8 UTF-8",
}
#: read while the file is read
OF_THE_FILE = {"Define", "Include", "IncludeOptions"}

BOB, EVE = Someone("bob", ("users", "staff"), "near"), Someone("eve", ("users",), "far")
STRANGER = Someone(connection_class="far", authenticated=False)
#: section -> whom it is for, and whom it is not for
SECTIONS = {"IfUser bob": (BOB, EVE), "IfGroup staff": (BOB, EVE), "IfClass near": (BOB, EVE), "IfAuthenticated": (EVE, STRANGER)}


@pytest.fixture
def configure(tmp_path: Path) -> Callable[[str], Configuration]:
    def loader(text: str) -> Configuration:
        path = tmp_path / "proftpd.conf"
        path.write_text(f"LoadModule mod_ifsession.c\n{CLASSES}{text}")
        return load(str(path))
    return loader


def blocks() -> Iterator[tuple[type[ConfBlock], str]]:
    """Every directive that acts and that a virtual host may hold, with the block that it belongs to."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write("LoadModule mod_ifsession.c\n")
        file.flush()
        modules = load(file.name).modules
    for module in modules:
        for block in module.conf:
            for attribute, row in block.directives.items():
                if row.status is Status.HONOURED and Context.VIRTUALHOST in row.where:
                    yield block, attribute


DIRECTIVES = {block.directives[attribute].keyword: (block, attribute) for block, attribute in blocks()}
IN_TIME = sorted(set(DIRECTIVES) - OF_THE_DAEMON - BEFORE_LOGIN - OF_THE_FILE)


def words(keyword: str) -> str:
    block, attribute = DIRECTIVES[keyword]
    return SAMPLES.get(keyword) or ("off" if block.directives[attribute].default else "on")


def test_the_lists_name_directives_that_exist() -> None:
    assert not BEFORE_LOGIN - set(DIRECTIVES) and not set(SAMPLES) - set(DIRECTIVES) and not BEFORE_LOGIN & OF_THE_DAEMON


@pytest.mark.parametrize("keyword", IN_TIME)
def test_a_line_is_in_force_for_whom_it_is_meant(configure: Callable[[str], Configuration], keyword: str) -> None:
    block, attribute = DIRECTIVES[keyword]

    def value(scope: Scope, somebody: Someone) -> str:
        return repr(getattr(scope.bind(somebody).get(block), attribute))

    hosts = "".join(f"<VirtualHost 127.0.0.{number}>\n<{section}>\n{keyword} {words(keyword)}\n</{section.split()[0]}>\n"
                    "</VirtualHost>\n" for number, section in enumerate(SECTIONS, 2))
    configuration = configure(f"{hosts}<VirtualHost 127.0.0.9>\n{keyword} {words(keyword)}\n</VirtualHost>\n"
                              "<VirtualHost 127.0.0.10>\n</VirtualHost>\n")
    *conditional, always, never = configuration.servers[1:]
    for scope, (meant, other) in zip(conditional, SECTIONS.values(), strict=True):
        assert value(scope, meant) == value(always, meant) != value(never, meant)
        assert value(scope, other) == value(never, other)
    assert not [line for line in configuration.warnings if "no effect" in line]


@pytest.mark.parametrize(("line", "section", "said"), [
    ("MaxLoginAttempts 3", "IfUser bob", True), ("SFTPAuthMethods publickey", "IfGroup staff", True),
    ("UserAlias a b", "IfAuthenticated", True), ("MaxLoginAttempts 3", "IfClass near", False),
    ("Port 2222", "IfClass near", True), ("RootLogin on", "IfUser bob", False)])
def test_a_line_that_comes_too_late_is_said_with_its_place(configure: Callable[[str], Configuration], line: str, section: str,
                                                           said: bool) -> None:
    told = [one for one in configure(f"<{section}>\n{line}\n</{section.split()[0]}>\n").warnings
            if f"proftpd.conf:9: {line.split()[0]} has no effect" in one]
    assert bool(told) is said
