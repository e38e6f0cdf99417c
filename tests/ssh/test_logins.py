"""Certificates, chains and stores with OpenSSH's own tools against a running server."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.link.client import Choice, take_string
from tests.link.live import Live
from tests.servers import Server, Site
from tests.unit.mod_sftp.auth.test_blacklist import dictionary

ONLY = ("-oPreferredAuthentications=publickey",)


def keygen(*words: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)


@dataclass
class Authority:
    """A certificate authority, and what it has certified."""

    directory: Path

    @property
    def key(self) -> Path:
        path = self.directory / "authority"
        if not path.exists():
            keygen("-t", "ed25519", "-N", "", "-f", path)
        return path

    def certify(self, name: str, *words: str, kind: str = "ed25519") -> Path:
        """A client key with a certificate beside it; ``words`` are ssh-keygen's (``-n demo -V +1h -O ...``)."""
        path = self.directory / name
        keygen("-t", kind, "-N", "", "-f", path)
        keygen("-s", self.key, "-I", name, *words, path.with_suffix(".pub"))
        return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def trusting(site: Site, authority: Authority, extra: str = "") -> str:
    (site.root / "trusted").write_text(authority.key.with_suffix(".pub").read_text())
    return f"SFTPTrustedUserCAKeys {site.root}/trusted\n{extra}"


def enters(server: Server, key: Path) -> bool:
    certificate = key.with_name(f"{key.name}-cert.pub")
    return openssh.sftp(server, "pwd\n", key=key, arguments=[*ONLY, f"-oCertificateFile={certificate}"]).returncode == 0


def test_certificates_let_in_by_their_own_terms(start: Callable[..., Server], site: Site, authority: Authority) -> None:
    server = start(trusting(site, authority))
    for words, allowed in (
        (("-n", "demo"), True), (("-n", "demo,other", "-V", "+1h"), True), (("-n", "somebody"), False), ((), False),
        (("-n", "demo", "-V", "20200101:20200102"), False), (("-n", "demo", "-V", "20900101:20910101"), False),
        (("-n", "demo", "-O", "source-address=127.0.0.0/8"), True), (("-n", "demo", "-O", "source-address=10.0.0.0/8"), False),
        (("-n", "demo", "-O", "critical:unknown@example.org=x"), False),
        (("-n", "demo", "-h"), False),
    ):
        name = f"key{abs(hash(words))}"
        assert enters(server, authority.certify(name, *words)) is allowed, words


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_certificates_of_other_kinds(start: Callable[..., Server], site: Site, authority: Authority, kind: str) -> None:
    assert enters(start(trusting(site, authority)), authority.certify("key", "-n", "demo", kind=kind))


def test_principals_file_and_revocation(start: Callable[..., Server], site: Site, authority: Authority) -> None:
    """AuthorizedPrincipals names who may use which account; a KRL of ssh-keygen takes a certificate back."""
    (site.root / "principals").mkdir()
    (site.root / "principals" / "demo").write_text("# staff\nadmin\n")
    first, second = authority.certify("first", "-n", "admin", "-z", "1"), authority.certify("second", "-n", "admin", "-z", "2")
    stranger = authority.certify("stranger", "-n", "demo", "-z", "3")
    (authority.directory / "revoked").write_text("serial: 2\n")
    keygen("-k", "-f", site.root / "krl", "-s", authority.key.with_suffix(".pub"), authority.directory / "revoked")
    server = start(trusting(site, authority, f"SFTPAuthorizedPrincipals {site.root}/principals/%u\n"
                                             f"SFTPRevokedKeys {site.root}/krl\n"))
    assert [enters(server, key) for key in (first, second, stranger)] == [True, False, False]
    assert "revoked" in site.wait_for_log("sftp.log", "revoked")


def test_a_revocation_list_that_cannot_be_read_lets_nobody_in(start: Callable[..., Server], site: Site,
                                                              authority: Authority) -> None:
    (site.root / "krl").write_bytes(b"SSHKRL\n\0 and nonsense")
    key = authority.certify("key", "-n", "demo")
    server = start(trusting(site, authority, f"SFTPRevokedKeys {site.root}/krl\n"))
    assert not enters(server, key)
    assert openssh.sftp(server, "pwd\n", arguments=ONLY).returncode != 0


@pytest.mark.parametrize(("methods", "password", "works"), [
    ("publickey+password", True, True), ("publickey+password", False, False), ("publickey+password password", True, True)])
def test_chains_with_openssh(start: Callable[..., Server], methods: str, password: bool, works: bool) -> None:
    server = start(f"SFTPAuthMethods {methods}\n")
    command = ["sftp", "-P", str(server.port), *openssh.options(server), "-oNumberOfPasswordPrompts=1",
               "-oBatchMode=no" if password else "-oBatchMode=yes", "-b", "-", "demo@127.0.0.1"]
    done = subprocess.run([*(["sshpass", "-p", "secret"] if password else []), *command], input="pwd\n", capture_output=True,
                          text=True, timeout=120)
    assert (done.returncode == 0) is works, done.stderr


def test_a_key_of_the_blacklist_is_refused(start: Callable[..., Server], site: Site) -> None:
    """The compact file of Debian's proftpd-core."""
    blob = base64.b64decode((site.keys / "client_rsa.pub").read_text().split()[1])
    (site.root / "authorized_keys" / "demo").write_text((site.keys / "client_rsa.pub").read_text())
    (site.root / "blacklist").write_bytes(dictionary([blob]))
    for setting, allowed in ((f"SFTPKeyBlacklist {site.root}/blacklist\n", False), ("SFTPKeyBlacklist none\n", True)):
        server = start(setting)
        done = openssh.sftp(server, "pwd\n", key=site.keys / "client_rsa", arguments=ONLY)
        assert (done.returncode == 0) is allowed, site.log("sftp.log")
        server.stop()


@pytest.mark.parametrize(("limits", "allowed"), [("MinimumRSASize 8192", False), ("MinimumRSASize 1024", True)])
def test_key_limits_hold_for_users(start: Callable[..., Server], site: Site, limits: str, allowed: bool) -> None:
    (site.root / "authorized_keys" / "demo").write_text((site.keys / "client_rsa.pub").read_text())
    server = start(f"SFTPKeyLimits {limits}\n")
    done = openssh.sftp(server, "pwd\n", key=site.keys / "client_rsa",
                        arguments=[*ONLY, "-oHostKeyAlgorithms=ssh-ed25519"])
    assert (done.returncode == 0) is allowed, done.stderr


def test_extension_information_names_what_there_is(start: Callable[..., Server]) -> None:
    """server-sig-algs, publickey-hostbound and ping; OpenSSH then binds its signature to the host key."""
    server = start("")
    with Live(server.port, Choice()) as live:
        live.request_service()
        payload = next(payload for kind, payload in live.client.own if kind == 7)
    names, at = [], 4
    while at < len(payload):
        name, at = take_string(payload, at)
        _, at = take_string(payload, at)
        names.append(name.decode())
    assert names == ["server-sig-algs", "publickey-hostbound@openssh.com", "ping@openssh.com"]
    done = openssh.sftp(server, "pwd\n", arguments=["-vvv", "-oLogLevel=DEBUG3"])
    assert done.returncode == 0 and "publickey-hostbound@openssh.com" in done.stderr


def test_stores_of_home_and_name_are_tried_in_order(start: Callable[..., Server], site: Site) -> None:
    account = site.accounts["demo"]
    (site.root / "authorized_keys" / "demo").unlink()
    ssh = account.home / ".ssh"
    ssh.mkdir(mode=0o700)
    (ssh / "authorized_keys").write_text((site.keys / "client_ed25519.pub").read_text())
    for path in (ssh, ssh / "authorized_keys"):
        os.chown(path, account.uid, account.gid)
    server = start(prologue=f"SFTPAuthorizedUserKeys file:{site.root}/nothing/%u file:~/.ssh/authorized_keys\n")
    assert openssh.sftp(server, "pwd\n", arguments=ONLY).returncode == 0


def test_a_module_may_bring_stores_of_its_own(start: Callable[..., Server], site: Site) -> None:
    """What mod_sftp_sql needs: a kind of store is a row; one that fails and one that nobody provides cost a line each."""
    (site.root / "authorized_keys" / "demo").unlink()
    blob = (site.keys / "client_ed25519.pub").read_text().split()[1]
    site.write_private("table", f"somebody AAAA\ndemo {blob}\n")
    server = start(prologue="LoadModule mod_keytable.c\n"
                   f"SFTPAuthorizedUserKeys sql:/get table:/broken table:{site.root}/table\n",
                   environment={"PYTHONPATH": str(Path(__file__).parent / "modules")})
    assert openssh.sftp(server, "pwd\n", arguments=ONLY).returncode == 0
    assert openssh.sftp(server, "pwd\n", arguments=ONLY, key=site.keys / "client_ecdsa").returncode != 0
    log = site.log("sftp.log")
    assert "key store 'sql:/get' ignored: no module provides 'sql:'" in log
    assert "key store 'table:/broken' refused for user 'demo': the table is upside down" in log
