"""What a session publishes, and what single directives change about it, seen by real clients and in the logs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from tests.clients import openssh
from tests.link.client import Choice, string, u32
from tests.link.live import INIT, VERSION, Live
from tests.servers import Server, Site
from tests.waiting import wait_until

#: variable and note -> what it must look like in a session of OpenSSH with the options below
PUBLISHED = {
    "SFTP": "1", "SFTP_LIBRARY_VERSION": r"OpenSSL .+|LibreSSL .+|BoringSSL.*",
    "SSH_CONNECTION": r"127\.0\.0\.1 \d+ 127\.0\.0\.1 {port}",
    "SFTP_CLIENT_BANNER": r"SSH-2\.0-OpenSSH_.+", "SFTP_KEX_ALGO": "curve25519-sha256",
    "SFTP_HOST_KEY_ALGO": "ssh-ed25519", "SFTP_CLIENT_CIPHER_ALGO": "aes128-ctr", "SFTP_SERVER_CIPHER_ALGO": "aes128-ctr",
    "SFTP_CLIENT_MAC_ALGO": "hmac-sha2-256", "SFTP_SERVER_MAC_ALGO": "hmac-sha2-256", "SFTP_CLIENT_COMPRESSION_ALGO": "none",
    "SFTP_SERVER_COMPRESSION_ALGO": "none", "SFTP_USER_AUTH_METHOD": "publickey", "SFTP_USER_PUBLICKEY_ALGO": "ssh-ed25519",
    "SFTP_USER_PUBLICKEY_FINGERPRINT": "{fingerprint}", "SFTP_USER_PUBLICKEY_FINGERPRINT_ALGO": "SHA256",
}
FIXED = ("-oKexAlgorithms=curve25519-sha256", "-oHostKeyAlgorithms=ssh-ed25519", "-oCiphers=aes128-ctr", "-oMACs=hmac-sha2-256")


def fingerprint(site: Site, hash_name: str = "sha256") -> str:
    shown = subprocess.run(["ssh-keygen", "-l", "-E", hash_name, "-f", site.keys / "client_ed25519.pub"], check=True,
                           capture_output=True, text=True)
    return shown.stdout.split()[1].split(":", 1)[1]


def test_environment_and_notes_of_a_session(start: Callable[..., Server], site: Site) -> None:
    """Variables and notes carry the same. (``%{env:NAME}`` in a configuration is the environment of the start.)"""
    formats = "".join(f"[%{{{name}}}e][%{{note:{name}}}]" for name in PUBLISHED)
    server = start(f'LogFormat all "%m {formats}"\nExtendedLog {site.root}/log/ext.log ALL all\n')
    assert openssh.sftp(server, "mkdir d\n", arguments=FIXED).returncode == 0
    text = site.wait_for_log("ext.log", "\nMKD")
    line = next(line for line in text.splitlines() if line.startswith("MKD"))
    found = re.findall(r"\[([^\]]*)\]", line)
    assert len(found) == 2 * len(PUBLISHED)
    for number, (name, pattern) in enumerate(PUBLISHED.items()):
        wanted = pattern.replace("{port}", str(server.port)).replace("{fingerprint}", re.escape(fingerprint(site)))
        assert re.fullmatch(wanted, found[2 * number]), (name, found[2 * number])
        assert found[2 * number + 1] == found[2 * number], name


@pytest.mark.root
@pytest.mark.parametrize("ours", [True, pytest.param(False, marks=pytest.mark.real)], ids=["ours", "real"])
def test_notes_of_the_jail_and_of_a_broken_upload(start: Callable[..., Server], site: Site, ours: bool) -> None:
    server = start('DefaultRoot ~\nLogFormat all "%m %s [%{note:mod_sftp.file-status}] [%{note:mod_sftp.chroot-path}]"\n'
                   f"ExtendedLog {site.root}/log/ext.log ALL all\n", ours=ours)
    (site.root / "up").write_text("content")
    assert openssh.sftp(server, f"put {site.root}/up whole\n").returncode == 0
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        live.data(channel, INIT)
        assert live.pump(lambda: VERSION in live.received())
        before = len(live.received())
        live.data(channel, u32(21) + b"\x03" + u32(1) + string("half") + u32(0x1a) + u32(0))
        assert live.pump(lambda: len(live.received()) > before)
    home = site.accounts["demo"].home
    text = site.wait_for_log("ext.log", "STOR 451")
    assert f"STOR 226 [] [{home}]" in text and f"STOR 451 [failed] [{home}]" in text and f"PASS 230 [] [{home}]" in text


@pytest.mark.parametrize(("setting", "hash_name", "encoding"), [
    ("md5+hex+colons", "md5", "colons"), ("sha1", "sha1", "base64"), ("md5+hex", "md5", "hex")])
def test_fingerprints_are_shown_as_configured(start: Callable[..., Server], site: Site, setting: str, hash_name: str,
                                              encoding: str) -> None:
    server = start(f"SFTPKeyFingerprints {setting}\n")
    assert openssh.sftp(server, "pwd\n").returncode == 0
    wanted = fingerprint(site, hash_name)
    wanted = {"colons": wanted, "hex": wanted.replace(":", ""), "base64": wanted}[encoding]
    site.wait_for_log("sftp.log", wanted)


def test_accepted_environment_has_wildcards_and_limits(start: Callable[..., Server], site: Site) -> None:
    server = start('SFTPAcceptEnv LC_* FOO? *\nLogFormat all "%m [%{LC_TEST}e] [%{FOO1}e]"\n'
                   f"ExtendedLog {site.root}/log/ext.log ALL all\n")
    with Live(server.port) as live:
        channel = live.log_in().open()
        for name, granted in (("LC_TEST", True), ("FOO1", True), ("ANY", True), ("PATH", False), ("home", False),
                              ("LD_PRELOAD", False), ("ld_preload", False), ("SFTP_KEX_ALGO", False), ("TZ", False),
                              ("A=B", False), ("", False), ("N" * 200, False)):
            assert live.request(channel, "env", string(name) + string("value")) is granted, name
        live.sftp(channel)
        live.data(channel, INIT)
        assert live.pump(lambda: VERSION in live.received())
        live.data(channel, u32(9 + 1) + b"\x0e" + u32(1) + string("d") + u32(0))
        live.push()
    assert "MKD [value] [value]" in site.wait_for_log("ext.log", "MKD")
    assert "environment variable 'PATH' prohibited by policy" in site.log("sftp.log")


def test_accepted_environment_without_a_wildcard(start: Callable[..., Server]) -> None:
    server = start("SFTPAcceptEnv FOO?\n")
    with Live(server.port) as live:
        channel = live.log_in().open()
        assert not live.request(channel, "env", string("FOO") + string("x"))
        assert not live.request(channel, "env", string("FOO12") + string("x"))
        assert live.request(channel, "env", string("FOO1") + string("x"))


@pytest.mark.parametrize(("directive", "line"), [
    ("", "SSH-2.0-mod_sftp"), ("ServerIdent off\n", "SSH-2.0-mod_sftp"), ("ServerIdent on\n", "SSH-2.0-mod_sftp"),
    ('ServerIdent on "Files of %L"\n', "SSH-2.0-Files of 127.0.0.1"), ('ServerIdent on "gr\u00fc\u00dfe"\n', None)])
def test_server_ident(start: Callable[..., Server], directive: str, line: str | None) -> None:
    server = start(directive)
    with Live(server.port) as live:
        live.exchange_keys()
        said = live.client.server_version.decode("ascii")
        assert said.startswith("SSH-2.0-") and said.isprintable()
        assert line is None or said == line


def test_channels_per_user(start: Callable[..., Server], site: Site) -> None:
    """C5: the limit is read after login, so a user's own section counts."""
    site.add_account("guest")
    server = start("SFTPMaxChannels 3\n<IfUser guest>\nSFTPMaxChannels 1\n</IfUser>\n",
                   prologue="LoadModule mod_ifsession.c\n")
    for user, most in (("demo", 3), ("guest", 1)):
        with Live(server.port) as live:
            live.log_in(user)
            for peer in range(most):
                live.open(peer)
            live.client.send(90, string("session"), u32(9), u32(2**20), u32(32768))
            assert live.until(92)[4:8] in (u32(1), u32(4))


CLIENT_MATCHES: dict[str, Callable[[Live], bool]] = {
    "sftpCiphers aes192-ctr": lambda live: live.client.server_lists[2] == ["aes192-ctr"],
    "sftpDigests hmac-sha2-512": lambda live: live.client.server_lists[4] == ["hmac-sha2-512"],
    "sftpHostKeys rsa-sha2-256": lambda live: live.client.server_lists[1] == ["rsa-sha2-256"],
    "sftpKeyExchanges curve448-sha512": lambda live: live.client.server_lists[0][0] == "curve448-sha512"
    and "curve25519-sha256" not in live.client.server_lists[0],
}


@pytest.mark.parametrize("key", CLIENT_MATCHES)
def test_client_match_of_algorithms(start: Callable[..., Server], key: str) -> None:
    """For the client named and no other; KEXINIT waits for its version."""
    server = start(f'SFTPClientMatch "^LinkTest_1" {key}\nSFTPClientMatch "^Nobody" sftpCiphers aes256-cbc\n')
    with Live(server.port) as live:
        live.client.auto = False
        assert live.pump(lambda: bool(live.client.server_lists))
        assert CLIENT_MATCHES[key](live), live.client.server_lists
    done = openssh.sftp(server, "pwd\n", arguments=["-oCiphers=aes256-ctr", "-oMACs=hmac-sha2-256", *FIXED[:2]])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("value", "asked", "given"), [("3", 6, 3), ("2-4", 6, 4), ("4-6", 6, 6), ("4-6", 3, None)])
def test_client_match_of_versions(start: Callable[..., Server], value: str, asked: int, given: int | None) -> None:
    server = start(f'SFTPClientMatch ".*" sftpProtocolVersion {value}\n')
    with Live(server.port) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        live.client.messages.clear()
        live.data(channel, u32(5) + b"\x01" + u32(asked))
        if given is None:
            assert [reason for reason, _ in live.ended()] == [8]
        else:
            assert live.pump(lambda: b"\x02" + u32(given) in live.received())


def test_client_match_later_lines_override(start: Callable[..., Server]) -> None:
    server = start('SFTPClientMatch "LinkTest" channelWindowSize 64KB channelPacketSize 8KB\n'
                   'SFTPClientMatch "_1.0$" channelWindowSize 128KB\n')
    with Live(server.port) as live:
        live.log_in().client.send(90, string("session"), u32(0), u32(2**20), u32(32768))
        assert live.until(91)[8:16] == u32(128 * 1024) + u32(8 * 1024)


def test_the_banner_file_has_its_variables_filled_in(start: Callable[..., Server], site: Site) -> None:
    (site.root / "banner").write_text("Welcome to %V (%L), %C users here.\n")
    server = start(f"SFTPDisplayBanner {site.root}/banner\nServerName Archive\n")
    done = subprocess.run(["ssh", "-p", str(server.port), *openssh.options(server, extra=["-oLogLevel=INFO"])[2:4],
                           "-F", "/dev/null", "-oUserKnownHostsFile=/dev/null", "-oBatchMode=yes",
                           f"-oIdentityFile={site.keys}/client_ed25519", "demo@127.0.0.1", "date"],
                          capture_output=True, text=True, timeout=120)
    assert "Welcome to " in done.stderr and "%V" not in done.stderr and "(127.0.0.1)" in done.stderr


def test_traces_of_every_channel_of_ours(start: Callable[..., Server], site: Site) -> None:
    server = start(f"TraceLog {site.root}/log/trace.log\nTrace ssh2:20 sftp:20 scp:20\n")
    (site.root / "up").write_text("content")
    assert openssh.sftp(server, f"put {site.root}/up\nls\n").returncode == 0
    assert openssh.scp(server, str(site.root / "up"), "HOST:second", arguments=["-O"]).returncode == 0
    text = site.wait_for_log("trace.log", "<scp:")
    for line in ("<ssh2:3>: sent SSH_MSG_KEXINIT (20) packet (", "<ssh2:3>: received SSH_MSG_KEXINIT (20) packet",
                 "<ssh2:3>: received SSH_MSG_USER_AUTH_REQUEST (50) packet", "<ssh2:3>: sent SSH_MSG_CHANNEL_DATA (94) packet (",
                 "<sftp:6>: received INIT (1) SFTP request (channel ID 0)",
                 "<sftp:6>: received OPEN (3) SFTP request (request ID ", "<sftp:7>: received request: OPENDIR ",
                 "<scp:5>: reqargv[0] = 'scp'", "<scp:5>: reqargv[1] = '-t'"):
        assert line in text, line
    assert "content" not in text


def test_no_trace_where_none_is_asked_for(start: Callable[..., Server], site: Site) -> None:
    """A channel of the real server to which nothing is written here is named at start, and no other."""
    server = start(f"TraceLog {site.root}/log/trace.log\nTrace sftp:6 lock:10 fileperms:0 DEFAULT:1\n")
    assert openssh.sftp(server, "pwd\n").returncode == 0
    text = site.wait_for_log("trace.log", "REALPATH")
    assert "<ssh2" not in text and "<sftp:7" not in text
    assert "Trace names channels to which nothing is written: lock (there are ssh2, sftp, scp)" in site.log("stderr")


@pytest.mark.parametrize("policy", ["low", "medium", "high", "paranoid", "rogaway", "none"])
def test_every_traffic_policy_carries_data(start: Callable[..., Server], site: Site, policy: str) -> None:
    server = start(f"SFTPTrafficPolicy {policy}\nAllowOverwrite on\n")
    (site.root / "up").write_bytes(bytes(range(256)) * 2000)
    done = openssh.sftp(server, f"put {site.root}/up\nget up {site.root}/down\n")
    assert done.returncode == 0, done.stderr
    assert (site.root / "down").read_bytes() == (site.root / "up").read_bytes()


@pytest.mark.parametrize(("policy", "cipher", "dummies"), [
    ("", "aes128-ctr", False), ("", "aes128-cbc", True), ("SFTPTrafficPolicy none\n", "aes128-cbc", False),
    ("SFTPTrafficPolicy paranoid\n", "aes128-ctr", True)])
def test_T10_dummies_come_with_cbc_and_with_paranoia(start: Callable[..., Server], policy: str, cipher: str,
                                                     dummies: bool) -> None:
    server = start(policy)
    with Live(server.port, Choice(cipher=cipher, mac="hmac-sha2-256")) as live:
        channel = live.log_in().open()
        live.sftp(channel)
        live.client.own.clear()
        live.data(channel, INIT)
        assert live.pump(lambda: VERSION in live.received())
        assert any(kind == 2 for kind, _ in live.client.own) is dummies


def test_rekey_by_time(start: Callable[..., Server]) -> None:
    server = start("SFTPRekey required 1\n")
    with Live(server.port) as live:
        live.log_in()
        assert live.pump(lambda: live.client.exchanges == 2)
        assert live.alive()


def test_rekey_none_never_asks(start: Callable[..., Server]) -> None:
    """The client's own wish is granted all the same."""
    server = start("SFTPRekey none\n")
    with Live(server.port) as live:
        live.log_in()
        live.client.begin()
        assert live.pump(lambda: live.client.exchanges == 2)
        assert live.alive() and live.client.exchanges == 2


def test_openssh_answers_probes(start: Callable[..., Server], site: Site) -> None:
    """SFTPClientAlive asks a client that says nothing for longer than it would have, and it stays."""
    server = start(f"SFTPClientAlive 20 1\nTraceLog {site.root}/log/trace.log\nTrace ssh2:3\n")
    command = ["sftp", "-q", "-P", str(server.port), *openssh.options(server), "-b", "-", "demo@127.0.0.1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin is not None and client.stdout is not None
        wait_until(lambda: site.log("trace.log").count("received SSH_MSG_CHANNEL_FAILURE (100) packet") >= 3,
                   lambda: site.log("trace.log")[-2000:])
        client.stdin.write("pwd\n")
        client.stdin.close()
        assert "Remote working directory" in client.stdout.read()
        assert client.wait() == 0
