"""Every word of SFTPOptions with the effect that a client or the file system can see; a word without a row fails."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mod_sftp import words
from tests.clients import openssh, rawsftp
from tests.clients.rawsftp import RawSftp, text
from tests.link.client import Choice, string, u32
from tests.link.live import Live
from tests.servers import Server, Site
from tests.waiting import LIMIT

Check = Callable[[Server, Site], bool]

FLAG_SIZE, FLAG_UIDGID, FLAG_PERMISSIONS, FLAG_ACMODTIME, FLAG_EXTENDED = 1, 2, 4, 8, 0x80000000


class Wire:
    """An SFTP channel of a session as the raw client wants it."""

    def __init__(self, live: Live, version: int = 3) -> None:
        self.live, self.channel, self.taken = live, live.log_in().open(), 0
        live.sftp(self.channel)
        live.client.messages.clear()
        self.sftp = RawSftp(lambda data: live.data(self.channel, data), self.receive)
        self.sftp.init(version)

    def receive(self, count: int) -> bytes:
        assert self.live.pump(lambda: len(self.live.received()) >= self.taken + count)
        data = self.live.received()[self.taken:self.taken + count]
        self.taken += count
        return data


def home(site: Site) -> Path:
    return site.accounts["demo"].home


def owned(site: Site, name: str, content: bytes = b"content") -> Path:
    path = home(site) / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    os.chown(path, site.accounts["demo"].uid, site.accounts["demo"].gid)
    path.chmod(0o644)
    return path


def setstat(server: Server, path: Path, flags: int, *fields: bytes) -> None:
    with Live(server.port) as live:
        sftp = Wire(live).sftp
        sftp.ask(rawsftp.SETSTAT, text(str(path)), struct.pack(">I", flags), *fields)


def no_kex_marker(name: str) -> Check:
    def check(server: Server, site: Site) -> bool:
        with Live(server.port) as live:
            live.pump(lambda: bool(live.client.server_lists))
            return name not in live.client.server_lists[0]
    return check


def insecure_login(server: Server, site: Site) -> bool:
    with Live(server.port, Choice(mac="none", cipher="aes128-ctr")) as live:
        live.request_service()
        live.client.send(50, string("demo"), string("ssh-connection"), string("password"), b"\0", string("secret"))
        live.pump(lambda: any(kind in (51, 52) for kind, _ in live.client.messages))
        return any(kind == 52 for kind, _ in live.client.messages)


def weak_groups(server: Server, site: Site) -> bool:
    with Live(server.port) as live:
        live.pump(lambda: bool(live.client.server_lists))
        return "diffie-hellman-group1-sha1" in live.client.server_lists[0]


def fifo_refused(server: Server, site: Site) -> bool:
    path = home(site) / "fifo"
    if not path.exists():
        os.mkfifo(path)
        os.chown(path, site.accounts["demo"].uid, site.accounts["demo"].gid)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with Live(server.port) as live:
            answer = Wire(live).sftp.ask(rawsftp.OPEN, text(str(path)), u32(rawsftp.WRITE_FLAG), u32(0))
            return answer.kind == rawsftp.STATUS
    finally:
        os.close(reader)


def scp_mode_dropped(server: Server, site: Site) -> bool:
    source = site.root / "source"
    source.write_bytes(b"x")
    source.chmod(0o600)
    (home(site) / "scp").unlink(missing_ok=True)
    assert openssh.scp(server, str(source), "HOST:scp", arguments=["-O", "-p"]).returncode == 0
    return stat.S_IMODE((home(site) / "scp").stat().st_mode) != 0o600


def scp_times_dropped(server: Server, site: Site) -> bool:
    source = site.root / "source"
    source.write_bytes(b"x")
    os.utime(source, (1, 1_000_000_000))
    (home(site) / "scp").unlink(missing_ok=True)
    assert openssh.scp(server, str(source), "HOST:scp", arguments=["-O", "-p"]).returncode == 0
    return int((home(site) / "scp").stat().st_mtime) != 1_000_000_000


def mode_kept(server: Server, site: Site) -> bool:
    path = owned(site, "mode")
    setstat(server, path, FLAG_PERMISSIONS, u32(0o600))
    return stat.S_IMODE(path.stat().st_mode) == 0o644


def times_kept(server: Server, site: Site) -> bool:
    path = owned(site, "times")
    setstat(server, path, FLAG_ACMODTIME, u32(5), u32(1_000_000_000))
    return int(path.stat().st_mtime) != 1_000_000_000


def owner_is_no_matter(server: Server, site: Site) -> bool:
    """Giving a file away is refused by the system; dropped, the request succeeds."""
    path = owned(site, "owner")
    with Live(server.port) as live:
        sftp = Wire(live).sftp
        return sftp.status(sftp.ask(rawsftp.SETSTAT, text(str(path)), u32(FLAG_UIDGID), u32(1), u32(1))) == rawsftp.OK


def xattrs(path: Path) -> list[str]:
    return os.listxattr(path)


def set_attributes_dropped(server: Server, site: Site) -> bool:
    path = owned(site, "xattr")
    setstat(server, path, FLAG_EXTENDED, u32(1), text("user.test"), text("value"))
    return "user.test" not in xattrs(path)


def uploaded(server: Server, site: Site, flags: int, *fields: bytes) -> Path:
    path = home(site) / "uploaded"
    path.unlink(missing_ok=True)
    with Live(server.port) as live:
        sftp = Wire(live).sftp
        handle = sftp.open(str(path), rawsftp.WRITE_FLAG | rawsftp.CREAT, attrs=u32(flags) + b"".join(fields))
        sftp.close(handle)
    return path


def upload_attributes_dropped(server: Server, site: Site) -> bool:
    return "user.test" not in xattrs(uploaded(server, site, FLAG_EXTENDED, u32(1), text("user.test"), text("value")))


def upload_mode_dropped(server: Server, site: Site) -> bool:
    return stat.S_IMODE(uploaded(server, site, FLAG_PERMISSIONS, u32(0o600)).stat().st_mode) != 0o600


def times_unasked(server: Server, site: Site) -> bool:
    """Version 4 and later ask for fields; only the type and the size here."""
    path = owned(site, "file")
    with Live(server.port) as live:
        return "mtime" in Wire(live, 4).sftp.stat(str(path), mask=1).values


def subject_decides(server: Server, site: Site) -> bool:
    lines = (site.keys / "client_ed25519.rfc4716").read_text().splitlines()
    path = site.root / "authorized_keys" / "demo"
    only = ["-oPreferredAuthentications=publickey"]
    results = []
    for subject in ("demo", "somebody"):
        path.write_text("\n".join([lines[0], f"Subject: {subject}", *lines[1:]]) + "\n")
        results.append(openssh.sftp(server, "pwd\n", arguments=only).returncode == 0)
    return results == [True, False]


def no_extension_information(server: Server, site: Site) -> bool:
    with Live(server.port) as live:
        live.request_service()
        return not any(kind == 7 for kind, _ in live.client.own)


def no_rotation(server: Server, site: Site) -> bool:
    with Live(server.port) as live:
        assert live.log_in().alive()
        return not any(kind == 80 for kind, _ in live.client.messages)


def waits_for_the_version(server: Server, site: Site) -> bool:
    """A version that is none gets no KEXINIT: what was sent before it is all that comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), LIMIT) as connection:
        connection.sendall(b"nobody\r\n")
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    assert said.startswith(b"SSH-2.0-mod_sftp\r\n") and said.endswith(b"Protocol mismatch.\n")
    return b"ssh-ed25519" not in said


def old_client_comes_in(server: Server, site: Site) -> bool:
    with Live(server.port) as live:
        live.client.auto = False
        live.client.out[:] = b"SSH-1.99-LinkTest_1.0\r\n"
        return live.pump(lambda: bool(live.client.server_lists) and b"Protocol mismatch" not in live.client.server_version
                         and waits_for_the_version(server, site))


#: word -> (further directives, what holds with it and does not without it)
EFFECTS: dict[str, tuple[str, Check]] = {
    "AllowInsecureLogin": ("SFTPDigests none hmac-sha2-256\n", insecure_login),
    "AllowWeakDH": ("", weak_groups),
    "IgnoreFIFOs": ("", fifo_refused),
    "IgnoreSCPUploadPerms": ("AllowOverwrite on\n", scp_mode_dropped),
    "IgnoreSCPUploadTimes": ("AllowOverwrite on\n", scp_times_dropped),
    "IgnoreSFTPSetExtendedAttributes": ("SFTPExtensions +xattr\n", set_attributes_dropped),
    "IgnoreSFTPSetOwners": ("", owner_is_no_matter),
    "IgnoreSFTPSetPerms": ("", mode_kept),
    "IgnoreSFTPSetTimes": ("", times_kept),
    "IgnoreSFTPUploadExtendedAttributes": ("SFTPExtensions +xattr\n", upload_attributes_dropped),
    "IgnoreSFTPUploadPerms": ("", upload_mode_dropped),
    "IncludeSFTPTimes": ("", times_unasked),
    "MatchKeySubject": ("", subject_decides),
    "NoExtensionNegotiation": ("", no_extension_information),
    "NoHostkeyRotation": ("", no_rotation),
    "NoStrictKex": ("", no_kex_marker("kex-strict-s-v00@openssh.com")),
    "OldProtocolCompat": ("", old_client_comes_in),
    "PessimisticKexinit": ("", waits_for_the_version),
}
#: proved where the parts that they need are at hand
ELSEWHERE = {
    "FIDOTouchRequired": "tests/unit/mod_sftp/auth/test_tokens.py",
    "FIDOVerifyRequired": "tests/unit/mod_sftp/auth/test_tokens.py",
    "InsecureHostKeyPerms": "tests/ssh/test_hostkeys.py",
}


def test_no_word_is_without_a_proof() -> None:
    assert set(EFFECTS) | set(ELSEWHERE) == set(words.words(words.OPTIONS))
    root = Path(__file__).parents[2]
    for word, place in ELSEWHERE.items():
        assert word in (root / place).read_text()


@pytest.mark.root
@pytest.mark.parametrize("word", EFFECTS)
def test_a_word_has_its_effect_and_only_then(start: Callable[..., Server], site: Site, word: str) -> None:
    if "Attributes" in word and not _has_xattrs(home(site)):
        pytest.skip("no extended attributes on this file system")
    extra, check = EFFECTS[word]
    server = start(extra)
    assert not check(server, site), "without the word"
    server.stop()
    server = start(f"{extra}SFTPOptions {word}\n")
    assert check(server, site), "with the word"


def _has_xattrs(path: Path) -> bool:
    probe = path / "probe"
    probe.write_bytes(b"")
    try:
        os.setxattr(probe, "user.test", b"x")
    except OSError:
        return False
    finally:
        probe.unlink()
    return True
