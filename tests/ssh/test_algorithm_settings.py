"""Directives of algorithms in every place, and what the profiles offer (security.md T13)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from mod_sftp import serving
from mod_sftp.conf import SftpConf
from mod_sftp.module import SftpFrontEnd
from mod_sftp.quirks import Overrides
from mod_sftp.transport.offer import make_terms
from pyproftpd.conf.load import load
from tests.clients import openssh
from tests.link.client import Choice, string, take_string
from tests.link.live import Live
from tests.machine import free_port
from tests.servers import Server, Site

#: directive -> (value, name-list of KEXINIT, what stands in it)
DIRECTIVES = {
    "SFTPCiphers": ("aes256-ctr aes128-ctr", 2, ["aes256-ctr", "aes128-ctr"]),
    "SFTPDigests": ("hmac-sha2-512", 4, ["hmac-sha2-512"]),
    "SFTPKeyExchanges": ("ecdh-sha2-nistp384", 0, ["ecdh-sha2-nistp384"]),
    "SFTPHostKeys": ("rsa-sha2-256", 1, ["rsa-sha2-256"]),
}
#: what no list of the profile modern may hold
BROKEN = re.compile(r"-cbc|arcfour|3des|blowfish|cast128|md5|sha1-96|ripemd|(?<!hmac)-sha1$|group1-|group14|ssh-dss|ssh-rsa$"
                    r"|^none$")


def lists(port: int) -> list[list[str]]:
    """The lists of KEXINIT, without the markers."""
    with Live(port) as live:
        assert live.pump(lambda: bool(live.client.server_lists))
        return [[name for name in names if not name.startswith(("ext-info-", "kex-strict-"))]
                for names in live.client.server_lists]


def signature_algorithms(port: int, choice: Choice | None = None) -> list[str]:
    """``server-sig-algs``."""
    with Live(port, choice) as live:
        live.request_service()
        payload = next(payload for kind, payload in live.client.own if kind == 7)
    name, at = take_string(payload, 4)
    assert name == b"server-sig-algs"
    return take_string(payload, at)[0].decode().split(",")


@pytest.mark.parametrize("place", ["server", "global", "virtualhost"])
def test_T13_settings_count_wherever_they_stand(start: Callable[..., Server], site: Site, place: str) -> None:
    """The real server once dropped those of <Global> in silence (Issue 1712)."""
    words = "".join(f"{name} {value}\n" for name, (value, _, _) in DIRECTIVES.items())
    words += "SFTPAuthPublicKeys ecdsa-sha2-nistp256 ssh-ed25519\n"
    port = site.port
    if place == "global":
        words = f"<Global>\n{words}</Global>\n"
    elif place == "virtualhost":
        port = free_port()
        keys = "".join(f"SFTPHostKey {site.keys}/ssh_host_{kind}_key\n" for kind in site.host_keys)
        words = f"<VirtualHost 127.0.0.1>\nPort {port}\nSFTPEngine on\n{keys}{words}</VirtualHost>\n"
    start(words)
    offered = lists(port)
    for value in DIRECTIVES.values():
        assert offered[value[1]] == value[2]
    assert offered[3] == offered[2] and offered[5] == offered[4]
    assert signature_algorithms(port, Choice(kex="ecdh-sha2-nistp384", cipher="aes256-ctr", mac="hmac-sha2-512",
                                             host_key="rsa-sha2-256")) == ["ecdsa-sha2-nistp256", "ssh-ed25519"]
    if place == "virtualhost":
        assert lists(site.port)[2] != ["aes256-ctr", "aes128-ctr"]


def test_T13_a_user_key_of_an_algorithm_that_is_off_is_refused(start: Callable[..., Server], site: Site) -> None:
    server = start("SFTPAuthPublicKeys rsa-sha2-512\n")
    (site.root / "authorized_keys" / "demo").write_text(
        "".join((site.keys / f"client_{kind}.pub").read_text() for kind in ("ed25519", "rsa")))
    only = ["-oPreferredAuthentications=publickey"]
    assert openssh.sftp(server, "pwd\n", key=site.keys / "client_ed25519", arguments=only).returncode != 0
    assert openssh.sftp(server, "pwd\n", key=site.keys / "client_rsa", arguments=only).returncode == 0


def test_T13_modern_offers_nothing_broken(start: Callable[..., Server], site: Site) -> None:
    server = start("SFTPSecurityProfile modern\n")
    offered = [name for names in (*lists(server.port), signature_algorithms(server.port)) for name in names]
    assert [name for name in offered if BROKEN.search(name)] == ["none", "none"]  # compression
    assert "weak" not in site.log("stderr") + site.log("system.log")


def test_compat_says_once_what_is_weak(start: Callable[..., Server], site: Site) -> None:
    server = start("")
    assert {"3des-cbc", "aes256-cbc"} <= set(lists(server.port)[2]) and "none" not in lists(server.port)[2]
    said = [line for line in (site.log("stderr") + site.log("system.log")).splitlines() if "weak algorithms are offered" in line]
    assert len(said) == 1
    assert "3des-cbc" in said[0] and "SFTPSecurityProfile" in said[0]


def test_weak_groups_by_option(start: Callable[..., Server]) -> None:
    offered = lists(start("SFTPOptions AllowWeakDH\n").port)[0]
    assert offered[-1] == "diffie-hellman-group1-sha1" and "rsa1024-sha1" in offered


@pytest.mark.parametrize(("directive", "wrong", "nearest"), [
    ("SFTPCiphers", "aes256-crt", "aes256-ctr"), ("SFTPDigests", "hmac-sha256", "hmac-sha2-256"),
    ("SFTPKeyExchanges", "curve25519-sha265", "curve25519-sha256"), ("SFTPHostKeys", "ssh-ed25518", "ssh-ed25519"),
    ("SFTPAuthPublicKeys", "ecdsa-sha2-nistp265", "ecdsa-sha2-nistp256"), ("SFTPOptions", "NoStrictKEX2", "NoStrictKex"),
    ("SFTPAuthMethods", "passwort", "password"),
    ('SFTPClientMatch ".*" sftpCiphers', "aes128-gmc@openssh.com", "aes128-gcm@openssh.com")])
def test_an_unknown_name_stops_the_start_and_the_nearest_is_told(site: Site, directive: str, wrong: str, nearest: str) -> None:
    path = site.configuration(f"{directive} {wrong}\n")
    done = subprocess.run([sys.executable, "-m", "pyproftpd", "-t", "-c", str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert wrong in said and f"{nearest}" in said.replace(wrong, "") and "proftpd.conf" in said


def until_judged(live: Live) -> None:
    """USERAUTH_SUCCESS or USERAUTH_FAILURE has come, or the connection has gone."""
    live.pump(lambda: any(kind in (51, 52) for kind, _ in live.client.messages))


@pytest.mark.parametrize(("method", "fields", "left"), [
    ("password", b"\0" + string("secret"), "publickey,keyboard-interactive"),
    ("keyboard-interactive", string("") * 2, "publickey,password")])
def test_a_method_that_cipher_none_rules_out_leaves_the_list(start: Callable[..., Server], method: str, fields: bytes,
                                                             left: str) -> None:
    """Without a look at what was sent, and without a question; a wrong password (below) keeps its method."""
    server = start("SFTPCiphers none\nSFTPDigests none\nSFTPAuthMethods publickey keyboard-interactive password\n")
    with Live(server.port, Choice(cipher="none", mac="none")) as live:
        live.request_service()
        live.client.send(50, string("demo"), string("ssh-connection"), string(method), fields)
        assert live.pump(lambda: any(kind in (51, 52, 60) for kind, _ in live.client.messages))
        assert [payload for kind, payload in live.client.messages if kind in (51, 52, 60)] == [string(left) + b"\0"]


def test_cipher_none_needs_a_word_for_passwords(start: Callable[..., Server], site: Site) -> None:
    choice = Choice(cipher="none", mac="none")
    for option, reason in (("", False), ("SFTPOptions AllowInsecureLogin\n", True)):
        server = start(f"SFTPCiphers none\nSFTPDigests none\n{option}")
        with Live(server.port, choice) as live:
            live.request_service()
            live.client.send(50, string("demo"), string("ssh-connection"), string("password"), b"\0", string("secret"))
            until_judged(live)
            assert any(kind == 52 for kind, _ in live.client.messages) is reason
        server.stop()


def test_fips_without_a_module_is_a_clear_start_error(site: Site) -> None:
    from mod_sftp.crypto.offer import fips_enabled

    if fips_enabled():
        pytest.skip("this library runs on a FIPS module")
    path = site.configuration("")
    done = subprocess.run([sys.executable, "-m", "pyproftpd", "-n", "-DSFTP_USE_FIPS", "-c", str(path)], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode != 0 and "FIPS" in done.stdout + done.stderr


def test_fips_with_a_module_is_said_and_keeps_to_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No library of ours runs on such a module, so that one answer of it is the test's; everything behind it is real."""
    monkeypatch.setattr(serving, "fips_enabled", lambda: True)
    configuration = load(str(site.configuration("")), labels=frozenset({"SFTP_USE_FIPS"}))
    front = SftpFrontEnd()
    assert front.prepare(configuration)[0] == "FIPS mode enabled"
    [prepared] = front._prepared.values()
    conf = configuration.servers[0].get(SftpConf)
    offered = make_terms(conf, prepared.keys, prepared.groups, Overrides(), fips=prepared.fips).offer
    assert prepared.fips and "cast128-cbc" not in offered.ciphers and not any("umac" in name for name in offered.macs)


def test_crypto_device_is_accepted_with_a_warning(start: Callable[..., Server], site: Site) -> None:
    server = start("SFTPCryptoDevice all\n")
    assert openssh.sftp(server, "pwd\n").returncode == 0
    assert "SFTPCryptoDevice" in site.log("stderr") + site.log("system.log")
