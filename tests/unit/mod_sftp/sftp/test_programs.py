"""How an SFTP channel opens, and what it tells the logs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mod_sftp.sftp.server import open_program
from mod_sftp.sftp.terms import terms_of
from pyproftpd.api.command import Command, Phase
from pyproftpd.api.module import Hook, Module
from pyproftpd.errors import Refused
from pyproftpd.session.dispatch import Dispatcher
from pyproftpd.session.display import Display
from pyproftpd.session.session import Session
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32
from tests.unit.mod_sftp.desk import ALLOWING, Desk, MemoryChannel, make_session
from tests.unit.vfs.windows import Window


def session_for(root: Path, conf: str = "", client: str = "SSH-2.0-OpenSSH_9.9 Debian") -> Session:
    session = make_session(Window(root, conf))
    session.environ["SFTP_CLIENT_BANNER"] = client
    return session


def test_display_login_comes_once(root: Path) -> None:
    session = session_for(root)
    session.store[Display] = Display("hello %U\nbye\n")
    first, second = MemoryChannel(), MemoryChannel()
    open_program(session, first, ["sftp"])
    open_program(session, second, ["sftp"])
    assert first.stderr.startswith(b"hello ") and first.stderr.endswith(b"bye\r\n")
    assert second.stderr == b""


def test_protocols_decides(root: Path) -> None:
    with pytest.raises(Refused):
        open_program(session_for(root, "Protocols scp\n"), MemoryChannel(), ["sftp"])
    open_program(session_for(root, "Protocols sftp\n"), MemoryChannel(), ["sftp"])


@pytest.mark.parametrize(("client", "small"), [
    ("SSH-2.0-OpenSSH_8.4p1", True), ("SSH-2.0-OpenSSH_9.1", True), ("SSH-2.0-OpenSSH_9.2p1", False), ("SSH-2.0-Go", False)])
def test_old_openssh_hears_of_small_limits(root: Path, client: str, small: bool) -> None:
    terms = terms_of(session_for(root, client=client))
    assert (terms.max_message, terms.max_data) == ((256 * 1024, 255 * 1024) if small else (512 * 1024, 511 * 1024))


def test_client_match_sets_versions(root: Path) -> None:
    conf = "SFTPClientMatch ^WinSCP sftpProtocolVersion 1-3\nSFTPClientMatch .* sftpUTF8ProtocolVersion 3\n"
    terms = terms_of(session_for(root, conf, "SSH-2.0-WinSCP_release_6.1"))
    assert (terms.lowest, terms.highest, terms.utf8_from, terms.draft_symlinks) == (1, 3, 3, True)


@pytest.mark.parametrize(("version", "extra", "sent", "on_disk"), [
    (4, "", "grüße".encode(), "grüße".encode("latin-1")), (6, "", "grüße".encode(), "grüße".encode("latin-1")),
    (3, "", "grüße".encode(), "grüße".encode()), (3, "SFTPClientMatch .* sftpUTF8ProtocolVersion 3\n", "ü".encode(), b"\xfc"),
    (4, "", "Ωmega".encode(), "Ωmega".encode()), (4, "", b"\xff\xfe", b"\xff\xfe")])
def test_names_are_utf8_from_version_4_and_local_on_disk(root: Path, version: int, extra: str, sent: bytes,
                                                         on_disk: bytes) -> None:
    """Behaviours 25 and 125: UseEncoding's local set; what cannot be converted is taken byte for byte."""
    session = session_for(root, f"UseEncoding iso-8859-1 utf-8\n{extra}")
    client = Desk(root, version=version, terms=terms_of(session)).client
    client.close(client.create(sent))
    assert os.listdir(os.fsencode(root)) == [on_disk]
    shown = on_disk.decode("latin-1").encode() if version >= 4 else sent
    assert shown in [entry.name for entry in client.listing("")]
    assert client.stat(sent).size == client.stat(shown).size == 0


def test_version_6_tells_the_name_on_disk_where_it_is_another(root: Path) -> None:
    """Draft 13, 7.15: the untranslated name, of names that were converted alone."""
    (root / "plain").touch()
    (root / os.fsdecode(b"gr\xfc\xdfe")).touch()
    client = Desk(root, version=6, terms=terms_of(session_for(root, "UseEncoding iso-8859-1 utf-8\n"))).client
    found = {entry.name: entry.attrs.values.get("untranslated_name") for entry in client.listing("")}
    assert found == {b".": None, b"..": None, b"plain": None, "grüße".encode(): b"gr\xfc\xdfe"}


@pytest.mark.parametrize("conf", ["", "UseEncoding off\n", "UseEncoding on\n", "UseEncoding no-such-set utf-8\n"])
def test_without_a_usable_character_set_names_are_bytes(root: Path, conf: str) -> None:
    client = Desk(root, version=4, terms=terms_of(session_for(root, conf))).client
    client.close(client.create("grüße"))
    assert os.listdir(root) == ["grüße"]


def test_options_and_extensions_of_the_configuration(root: Path) -> None:
    terms = terms_of(session_for(root, "SFTPExtensions -statvfs +xattr\nSFTPOptions IgnoreSFTPSetTimes\n"))
    assert "statvfs" not in terms.extensions and "xattr" in terms.extensions and "posixRename" in terms.extensions
    assert terms.options == {"IgnoreSFTPSetTimes"}


class Records:
    """What hooks and logs see: (phase, name, argument, code, failed)."""

    def __init__(self, root: Path, version: int = 3, conf: str = ALLOWING) -> None:
        self.seen: list[tuple[str, str, str, str, bool]] = []
        hooks = tuple(Hook(phase, "*", self._hook(phase)) for phase in (Phase.PRE, Phase.LOG, Phase.LOG_ERR))
        session = make_session(Window(root, conf))
        session.dispatcher = Dispatcher((Module(name="records", api=1, hooks=hooks),))
        self.desk = Desk(root, version=version, session=session, conf=conf)
        self.seen.clear()

    def _hook(self, phase: Phase) -> Callable[[object, Command], None]:
        def record(session: object, cmd: Command) -> None:
            self.seen.append((phase.value, cmd.name, cmd.arg, cmd.code, cmd.failed))
        return record


def test_an_upload_in_the_logs(root: Path) -> None:
    """As the real server writes them: OPEN, then STOR inside CLOSE; the STOR begins at OPEN."""
    records = Records(root)
    client = records.desk.client
    handle = client.create("a")
    client.write(handle, 0, b"xyz")
    client.close(handle)
    name, full = handle.decode(), str(root / "a")
    assert records.seen == [
        ("pre", "OPEN", "a", "", False), ("pre", "STOR", full, "", False), ("log", "OPEN", "a", "", False),
        ("pre", "CLOSE", name, "", False), ("log", "STOR", full, "226", False), ("log", "CLOSE", name, "0", False)]


@pytest.mark.parametrize(("flags", "name"), [
    (raw.READ_FLAG, "RETR"), (raw.WRITE_FLAG, "STOR"), (raw.READ_FLAG | raw.WRITE_FLAG, "STOR"),
    (raw.WRITE_FLAG | raw.APPEND_FLAG, "APPE")])
def test_what_an_open_acts_as(root: Path, flags: int, name: str) -> None:
    """Behaviours 137: for hooks and logs, and for Limits."""
    (root / "a").touch()
    records = Records(root)
    records.desk.client.close(records.desk.client.open("a", flags))
    assert ("log", name, str(root / "a"), "226", False) in records.seen
    denied = Desk(root, conf=f"{ALLOWING}<Directory {root}>\n<Limit {name}>\nDenyAll\n</Limit>\n</Directory>\n").client
    assert denied.status(denied.ask(raw.OPEN, text("a"), u32(flags), u32(0))) == raw.PERMISSION_DENIED


def test_requests_act_as_ftp_commands(root: Path) -> None:
    records = Records(root)
    client = records.desk.client
    client.ask(raw.MKDIR, text("d"), u32(0))
    client.ask(raw.RENAME, text("d"), text("e"))
    client.ask(raw.RMDIR, text("e"))
    client.ask(raw.REMOVE, text("no"))
    logged = [entry for entry in records.seen if entry[0] != "pre"]
    assert logged == [
        ("log", "MKD", "d", "257", False), ("log", "MKDIR", "d", "0", False), ("log", "RNFR", "d", "350", False),
        ("log", "RNTO", "e", "250", False), ("log", "RENAME", "d e", "0", False), ("log", "RMD", str(root / "e"), "250", False),
        ("log", "RMDIR", "e", "0", False), ("log_err", "DELE", "no", "550", True), ("log_err", "REMOVE", "no", "2", True)]


def test_extensions_in_the_logs(root: Path) -> None:
    (root / "a").touch()
    records = Records(root)
    client = records.desk.client
    client.extended("posix-rename@openssh.com", text("a"), text("b"))
    client.extended("copy-file", text("b"), text("c"), b"\0")
    client.extended("bogus")
    logged = [entry for entry in records.seen if entry[0] != "pre"]
    assert logged == [
        ("log", "RNFR", "a", "350", False), ("log", "RNTO", "b", "250", False), ("log", "RENAME", "a b", "0", False),
        ("log", "EXTENDED", "posix-rename@openssh.com", "", False), ("log", "SITE_COPY", "b c", "200", False),
        ("log", "EXTENDED", "copy-file", "0", False), ("log_err", "EXTENDED", "bogus", "", True)]


def test_a_hook_may_send_a_request_elsewhere(root: Path) -> None:
    """PRE handlers may rewrite the path; the operation takes it from there."""
    def elsewhere(session: object, cmd: Command) -> None:
        cmd.path = str(root / "moved")
    session = make_session(Window(root, ALLOWING))
    session.dispatcher = Dispatcher((Module(name="r", api=1, hooks=(Hook(Phase.PRE, "MKD", elsewhere),)),))
    client = Desk(root, session=session).client
    assert client.status(client.ask(raw.MKDIR, text("d"), u32(0))) == raw.OK
    assert [path.name for path in root.iterdir()] == ["moved"]


def test_a_hook_may_refuse(root: Path) -> None:
    def refuse(session: object, cmd: Command) -> None:
        raise Refused("a module says no")
    for name in ("STOR", "OPEN", "MKD", "MKDIR"):
        session = make_session(Window(root, ALLOWING))
        session.dispatcher = Dispatcher((Module(name="r", api=1, hooks=(Hook(Phase.PRE, name, refuse),)),))
        client = Desk(root, session=session).client
        request = (raw.OPEN, text("f"), u32(0x1A), u32(0)) if name in ("STOR", "OPEN") else (raw.MKDIR, text("d"), u32(0))
        assert client.status(client.ask(*request)) == raw.PERMISSION_DENIED
    assert list(root.iterdir()) == []


def test_deny_listing_is_an_empty_directory(root: Path) -> None:
    (root / "f").touch()
    conf = "<Directory {root}>\n<Limit LIST>\nDenyAll\n</Limit>\n</Directory>\n"
    assert Desk(root, conf=conf).client.listing("") == []


def test_limits_of_listings(root: Path) -> None:
    """Behaviours 163: OPENDIR has its own, and READDIR stands above LIST."""
    (root / "f").touch()
    limits = "<Directory {root}>\n<Limit LIST NLST>\nDenyAll\n</Limit>\n<Limit READDIR>\nAllowAll\n</Limit>\n</Directory>\n"
    assert b"f" in [entry.name for entry in Desk(root, conf=limits).client.listing("")]
    client = Desk(root, conf="<Directory {root}>\n<Limit OPENDIR>\nDenyAll\n</Limit>\n</Directory>\n").client
    assert client.status(client.ask(raw.OPENDIR, text(""))) == raw.PERMISSION_DENIED


@pytest.mark.parametrize("option", ["IgnoreSFTPSetPerms", "IgnoreSFTPSetTimes", "IgnoreSFTPSetOwners"])
def test_ignored_attributes_are_answered_ok(root: Path, option: str) -> None:
    from mod_sftp.sftp.terms import Terms
    (root / "f").touch()
    before = (root / "f").stat()
    client = Desk(root, terms=Terms(options=frozenset({option}))).client
    attrs = {"IgnoreSFTPSetPerms": u32(4) + u32(0o777), "IgnoreSFTPSetTimes": u32(8) + u32(1) + u32(1),
             "IgnoreSFTPSetOwners": u32(2) + u32(2) + u32(2)}[option]
    assert client.status(client.ask(raw.SETSTAT, text("f"), attrs)) == raw.OK
    assert client.status(client.ask(raw.SETSTAT, text("missing"), attrs)) == raw.NO_SUCH_FILE
    denied = Desk(root, terms=Terms(options=frozenset({option})),
                  conf="<Directory {root}>\n<Limit SETSTAT>\nDenyAll\n</Limit>\n</Directory>\n").client
    assert denied.status(denied.ask(raw.SETSTAT, text("f"), attrs)) == raw.PERMISSION_DENIED
    after = (root / "f").stat()
    assert (after.st_mode, after.st_mtime, after.st_uid) == (before.st_mode, before.st_mtime, before.st_uid)
