"""Smaller statements about starts, connections and logins, each with its number in the list of behaviours."""

from __future__ import annotations

import base64
import re
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.clients.rawsftp import RawSftp
from tests.link.client import Choice, _modp, string, take_string, u32
from tests.link.live import INIT, Live
from tests.servers import OURS, Server, Site
from tests.unit.mod_sftp.auth.test_blacklist import dictionary
from tests.waiting import wait_until

IFSESSION = "LoadModule mod_ifsession.c\n"
SHIPPED = Path(__file__).parents[2] / "etc" / "dhparams.pem"


def verdict(site: Site, extra: str) -> tuple[bool, str]:
    """Does ``proftpd -t`` like this configuration, and what does it say?"""
    done = subprocess.run([OURS, "-t", "-c", str(site.configuration(extra))], capture_output=True, text=True, timeout=60)
    return done.returncode == 0, done.stdout + done.stderr


class Channel:
    """An SFTP channel of a session; ``version`` has the extensions that were announced behind it."""

    def __init__(self, live: Live, user: str = "demo") -> None:
        self.live, self.number, self.taken = live, live.log_in(user).open(), 0
        live.sftp(self.number)
        live.client.messages.clear()
        self.sftp = RawSftp(lambda data: live.data(self.number, data), self.receive)

    def receive(self, count: int) -> bytes:
        assert self.live.pump(lambda: len(self.live.received()) >= self.taken + count)
        data = self.live.received()[self.taken:self.taken + count]
        self.taken += count
        return data


# Start and configuration.

def test_2_tls_and_ssh_on_one_server_stop_the_start(site: Site) -> None:
    good, said = verdict(site, "TLSEngine on\n")
    assert not good and "TLSEngine" in said and "proftpd.conf:" in said


@pytest.mark.parametrize("method", ["publickey", "hostbased"])
def test_3_a_method_without_its_keys_stops_the_start(site: Site, method: str) -> None:
    path = site.configuration(f"SFTPAuthMethods {method} password\n")
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "AuthorizedUserKeys" not in line))
    done = subprocess.run([OURS, "-t", "-c", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and f"SFTPAuthMethods names {method}" in done.stdout + done.stderr


def test_12_options_of_several_lines_and_sections_add_up(start: Callable[..., Server]) -> None:
    server = start("SFTPOptions NoStrictKex\nSFTPOptions NoHostkeyRotation\n<Global>\nSFTPOptions AllowWeakDH\n</Global>\n"
                   "SFTPOptions NoExtensionNegotiation\n")
    with Live(server.port) as live:
        assert live.log_in().alive()
        offered = live.client.server_lists[0]
        assert not {"ext-info-s", "kex-strict-s-v00@openssh.com"} & set(offered)
        assert not any(kind == 80 for kind, _ in live.client.messages)


@pytest.mark.root
def test_17_extensions_and_rekeying_are_those_of_the_user(start: Callable[..., Server], site: Site) -> None:
    site.add_account("guest")
    server = start(IFSESSION + "<IfUser guest>\nSFTPExtensions -fsync +vendorID\nSFTPRekey required 1\n</IfUser>\n")
    announced = {}
    for user in ("demo", "guest"):
        with Live(server.port) as live:
            channel = Channel(live, user)
            live.data(channel.number, INIT)
            size = int.from_bytes(channel.receive(4), "big")
            announced[user] = channel.receive(size)
            if user == "guest":
                assert live.pump(lambda live=live: live.client.exchanges == 2)  # type: ignore[misc]
            else:
                assert live.alive() and live.client.exchanges == 1
    assert b"fsync@openssh.com" in announced["demo"] and b"vendor-id" not in announced["demo"]
    assert b"fsync@openssh.com" not in announced["guest"] and b"vendor-id" in announced["guest"]


def test_19_extensions_are_switched_by_signs(site: Site) -> None:
    assert verdict(site, "SFTPExtensions +xattr -fsync\n")[0]
    assert not verdict(site, "SFTPExtensions xattr\n")[0]


def groups(path: Path) -> list[tuple[int, str]]:
    """(prime, block) of each group of a parameter file, as openssl(1) reads it."""
    found = []
    for block in re.findall(r"-----BEGIN DH.*?-----END DH PARAMETERS-----\n", path.read_text(), re.S):
        shown = subprocess.run(["openssl", "asn1parse"], input=block, capture_output=True, text=True, check=True).stdout
        found.append((int(re.findall(r"INTEGER +:([0-9A-F]+)", shown)[0], 16), block))
    return found


def test_21_groups_are_those_of_the_file_or_of_the_rfc(start: Callable[..., Server], site: Site) -> None:
    """Two of 2048 bits are shipped: with a file that has the one of RFC 7919 alone that of RFC 3526 is not used."""
    choice = Choice(kex="diffie-hellman-group-exchange-sha256")
    standard = _modp("diffie-hellman-group14-sha256")[0]
    [(prime, block)] = [one for one in groups(SHIPPED) if one[0].bit_length() == 2048 and one[0] != standard]
    (site.root / "groups.pem").write_text(block)
    for name, wanted in (("groups.pem", prime), ("none.pem", standard)):
        server = start(f"SFTPDHParamFile {site.root}/{name}\n")
        with Live(server.port, choice) as live:
            live.exchange_keys()
            assert live.client.prime == wanted
        server.stop()
    assert f"SFTPDHParamFile '{site.root}/none.pem': No such file or directory; using the built-in groups" in site.log("sftp.log")


@pytest.mark.root
def test_26_times_of_long_names_follow_timesgmt(start: Callable[..., Server], site: Site) -> None:
    for user in ("guest", "demo"):
        account = site.accounts.get(user) or site.add_account(user)
        (account.home / "file").write_text("x")
    server = start(IFSESSION + "TimesGMT on\n<IfUser guest>\nTimesGMT off\n</IfUser>\n", environment={"TZ": "XXX-9"})
    shown = {}
    for user in ("demo", "guest"):
        with Live(server.port) as live:
            channel = Channel(live, user)
            channel.sftp.init(3)
            entries = channel.sftp.listing(str(site.accounts[user].home))
            shown[user] = next(entry.long_name for entry in entries if entry.name == b"file")
    for user, hours in (("demo", 0), ("guest", 9)):
        moment = time.gmtime((site.accounts[user].home / "file").stat().st_mtime + 3600 * hours)
        assert time.strftime("%b %d %H:%M", moment).encode() in shown[user], (user, shown[user])


# Transport.

@pytest.mark.root
def test_43_no_timeoutidle_is_for_ever(start: Callable[..., Server], site: Site) -> None:
    """The one without a limit lives when the one with a limit, who came later, is gone."""
    site.add_account("guest")
    server = start(IFSESSION + "TimeoutIdle 3\n<IfUser guest>\nTimeoutIdle 0\n</IfUser>\n")
    with Live(server.port) as patient, Live(server.port) as other:
        patient.log_in("guest")
        assert other.log_in().ended() == [(11, "TimeoutIdle")]
        assert patient.alive()


def test_44_with_a_channel_the_channel_is_asked(start: Callable[..., Server]) -> None:
    """Any answer is a sign of life, a refusal too; without a channel it is a global request."""
    server = start("SFTPClientAlive 6 1\n")
    with Live(server.port) as live:
        live.log_in()
        assert b"keepalive@proftpd.org" in live.until(80) + live.until(80)  # the first announces host keys
        live.client.send(82)
        channel = live.open(5)
        for answer in (100, 99, 100):
            asked = live.until(98)
            assert asked == u32(5) + string("keepalive@proftpd.org") + b"\x01"
            live.client.send(answer, u32(channel))
        assert live.alive()


def test_48_words_of_debug_are_shown_where_they_are_meant_to_be(start: Callable[..., Server], site: Site) -> None:
    server = start(f"TraceLog {site.root}/log/trace.log\nTrace ssh2:9\n")
    with Live(server.port) as live:
        live.log_in()
        for always, text in ((1, "to\nbe seen"), (0, "a\x1bdetail")):
            live.client.send(4, bytes((always,)), string(text), string(""))
        assert live.alive()
    text = site.wait_for_log("sftp.log", "SSH_MSG_DEBUG")
    assert "be seen" in text and "to\nbe" not in text and "detail" not in text
    assert "detail" in site.log("trace.log") and "\x1b" not in site.log("trace.log")


def test_52_a_connection_that_breaks_ends_the_session_and_the_transfer(start: Callable[..., Server], site: Site) -> None:
    """Reset in the middle of a download: the transfer is logged as incomplete, and nothing stays."""
    home = site.accounts["demo"].home
    with (home / "large").open("wb") as file:
        file.truncate(64 << 20)
    server = start("")
    live = Live(server.port)
    channel = Channel(live)
    channel.sftp.init(3)
    handle = channel.sftp.open_existing(str(home / "large"))
    for number in range(400):
        channel.sftp.post(5, string(handle), struct.pack(">QI", number << 15, 1 << 15))
    live.push()
    live.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    live.socket.close()
    wait_until(lambda: not server.sessions(), "the end of the session")
    assert site.wait_for_log("xferlog", "large").rstrip().endswith(" i")
    assert openssh.sftp(server, "pwd\n").returncode == 0


# Key exchange.

def test_63_the_key_of_the_rsa_exchanges_is_fresh_and_large(start: Callable[..., Server]) -> None:
    server = start("SFTPKeyExchanges rsa2048-sha256 rsa1024-sha1\n")
    moduli = set()
    for kex, bits in (("rsa1024-sha1", 2048), ("rsa1024-sha1", 2048), ("rsa2048-sha256", 3072)):
        with Live(server.port, Choice(kex=kex)) as live:
            live.client.auto = False
            seen: list[bytes] = []
            live.client._method = lambda kind, payload, seen=seen: seen.append(payload)  # type: ignore[method-assign,misc]
            live.client.begin()
            assert live.pump(lambda seen=seen: bool(seen))  # type: ignore[misc]
            assert seen[0][0] == 30
            blob = take_string(seen[0], take_string(seen[0], 1)[1])[0]
            kind, at = take_string(blob)
            modulus = int.from_bytes(take_string(blob, take_string(blob, at)[1])[0], "big")
            assert kind == b"ssh-rsa" and modulus.bit_length() == bits
            moduli.add(modulus)
    assert len(moduli) == 3


def test_65_nobody_is_asked_for_new_keys_before_his_login(start: Callable[..., Server]) -> None:
    server = start("SFTPRekey required 1 1\nTimeoutLogin 4\n")
    with Live(server.port) as live:
        live.request_service()
        assert live.ended() == [(11, "TimeoutLogin")]
        assert live.client.exchanges == 1


# Authentication.

@pytest.fixture
def noted(start: Callable[..., Server], site: Site) -> Iterator[Callable[[], str]]:
    """A server whose log shows what hooks of USER and PASS see; the callable gives the log."""
    blob = base64.b64decode((site.keys / "client_rsa.pub").read_text().split()[1])
    (site.root / "blacklist").write_bytes(dictionary([blob]))
    with (site.root / "authorized_keys" / "demo").open("a") as store:
        store.write("\n" + (site.keys / "client_rsa.pub").read_text())
    start('LogFormat x "%m %J %s [%{note:SFTP_USER_PUBLICKEY_ALGO}] [%{note:SFTP_USER_PUBLICKEY_FINGERPRINT}]"\n'
          f"ExtendedLog {site.root}/log/auth.log AUTH x\nSFTPKeyBlacklist {site.root}/blacklist\n"
          "SFTPAuthMethods publickey password\n")
    yield lambda: site.log("auth.log")


def test_74_none_runs_the_hooks_of_user_and_counts_as_nothing(noted: Callable[[], str], site: Site) -> None:
    with Live(site.port) as live:
        live.request_service()
        for _ in range(8):
            live.client.send(50, string("demo"), string("ssh-connection"), string("none"))
            assert live.until(51) == string("publickey,password") + b"\0"
    assert "PASS" not in site.wait_for_log("auth.log", "USER demo 331")


def test_86_a_key_that_is_refused_is_in_the_log(noted: Callable[[], str], site: Site) -> None:
    """And 87: a weak key is found out when it signs."""
    done = openssh.sftp(Server(site), "pwd\n", key=site.keys / "client_rsa",
                        arguments=["-oPreferredAuthentications=publickey", "-oPubkeyAcceptedAlgorithms=rsa-sha2-256"])
    assert done.returncode != 0
    shown = subprocess.run(["ssh-keygen", "-l", "-f", site.keys / "client_rsa.pub"], check=True, capture_output=True, text=True)
    fingerprint = shown.stdout.split()[1].removeprefix("SHA256:")
    site.wait_for_log("auth.log", f"PASS (hidden) 530 [rsa-sha2-256] [{fingerprint}]")
    log = site.log("sftp.log")
    assert log.index("sending publickey OK") < log.index("public key is blacklisted")


def test_42_a_session_that_says_nothing_is_ended_at_once(start: Callable[..., Server], site: Site) -> None:
    """TimeoutIdle is not tried again: one expiry, one line, one DISCONNECT."""
    server = start("TimeoutIdle 3\n")
    with Live(server.port) as live:
        live.log_in()
        assert live.ended() == [(11, "TimeoutIdle")]
    assert site.wait_for_log("sftp.log", "Idle timeout").count("Idle timeout (3 seconds) exceeded, disconnecting client") == 1



# Timers, limits and logs.

def test_188_a_transfer_shows_in_the_title_and_to_ftpwho(start: Callable[..., Server], site: Site) -> None:
    server = start("AllowOverwrite on\n")
    path = site.accounts["demo"].home / "half"
    with Live(server.port) as live:
        channel = Channel(live)
        channel.sftp.init(3)
        handle = channel.sftp.create(str(path))
        channel.sftp.write(handle, 0, bytes(1000))
        [pid] = server.sessions()

        def title() -> str:
            return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()

        def shown() -> str:
            return subprocess.run([Path(OURS).parent / "ftpwho", "-v", "-f", site.root / "proftpd.scoreboard"],
                                  capture_output=True, text=True, check=True).stdout

        wait_until(lambda: title() == f"proftpd: demo - 127.0.0.1: STOR {path}", title)
        wait_until(lambda: re.search(rf"^ *{pid} demo .* STOR {path}$", shown(), re.M), shown)
        assert "protocol: sftp" in shown()
        assert channel.sftp.close(handle) == 0


def test_197_protocols_paths_and_bytes_in_the_log(start: Callable[..., Server], site: Site) -> None:
    """The protocol is ssh2 until a subsystem opens and after it closes (197), a hidden upload has its final name (200), bytes of
    the session are those of the socket, those of a transfer its content (190)."""
    server = start('AllowOverwrite on\nHiddenStores on\nLogFormat x "%m %{protocol} %I %O %b %f"\n'
                   f"ExtendedLog {site.root}/log/x.log ALL,EXIT x\n")
    (site.root / "up").write_bytes(bytes(100_000))
    assert openssh.sftp(server, f"put {site.root}/up file\nget file {site.root}/down\n").returncode == 0
    lines = site.wait_for_log("x.log", "CHANNEL_CLOSE").splitlines()
    found = {name: line for line in lines for name in [line.split()[0]]}
    home = site.accounts["demo"].home
    assert found["USERAUTH_REQUEST"].split()[1] == found["CHANNEL_CLOSE"].split()[1] == "ssh2"
    for name, direction in (("STOR", 2), ("RETR", 3)):
        fields = found[name].split()
        assert (fields[1], fields[4:]) == ("sftp", ["100000", f"{home}/file"])
        assert 100_000 < int(fields[direction]) < 110_000


@pytest.mark.parametrize("line", ["MaxHostsPerUser 1", "MaxClientsPerClass all 1", "MaxConnectionsPerHost 1"])
def test_186_who_is_too_many_is_told_by_disconnect_12(start: Callable[..., Server], line: str) -> None:
    """The caps beside MaxClients, MaxClientsPerHost and MaxClientsPerUser; of users when the second host logs in."""
    server = start(f"<Class all>\nFrom 127.0.0.0/8\n</Class>\n{line}\n")
    wait_until(lambda: not server.sessions(), "the end of the session that saw whether the server listens")
    with Live(server.port) as first:
        first.log_in()
        with Live(server.port, source="127.0.0.2" if "HostsPerUser" in line else "127.0.0.1") as second:
            if second.pump(lambda: second.client.exchanges == 1 or bool(second.said)) and not second.said:
                second.request_service()
                second.client.send(50, string("demo"), string("ssh-connection"), string("password"), b"\0", string("secret"))
            assert [reason for reason, _ in second.ended()] == [12]
        assert first.alive()
