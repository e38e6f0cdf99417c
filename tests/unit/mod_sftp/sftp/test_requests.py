"""Every request of every version on a real directory (security.md F13, A10.24, A10.25)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.clients import rawsftp as raw
from tests.clients.rawsftp import RawSftp, SftpStatus, text, u32, u64
from tests.unit.mod_sftp.desk import Desks

VERSIONS = range(1, 7)
#: what a version calls "already there" and "the handle means nothing"
EXISTS = {1: 4, 2: 4, 3: 4, 4: 11, 5: 11, 6: 11}
NO_HANDLE = {1: 4, 2: 4, 3: 4, 4: 9, 5: 9, 6: 9}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_is_written_read_and_removed(desk: Desks, root: Path, version: int) -> None:
    client = desk(version=version).client
    handle = client.create("a.bin")
    data = bytes(range(256)) * 20
    assert client.write(handle, 0, data) == raw.OK
    assert client.write(handle, 10_000, b"end") == raw.OK
    assert client.read(handle, 0, 5120) == data
    assert client.close(handle) == raw.OK
    assert (root / "a.bin").read_bytes() == data + bytes(10_000 - len(data)) + b"end"
    handle = client.open_existing("a.bin")
    assert client.read(handle, 9_990, 4096) == bytes(10) + b"end"
    with pytest.raises(SftpStatus) as caught:
        client.read(handle, 10_003, 10)
    assert caught.value.code == raw.EOF
    client.close(handle)
    assert client.status(client.ask(raw.REMOVE, text("a.bin"))) == raw.OK
    assert not (root / "a.bin").exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_attributes_are_told_in_the_version_s_own_layout(desk: Desks, root: Path, version: int) -> None:
    path = root / "f"
    path.write_bytes(b"12345")
    path.chmod(0o640)
    os.utime(path, ns=(1_000_000_000_000_000_007, 1_500_000_000_000_000_009))
    found = desk(version=version).client.stat("f")
    assert found.size == 5
    if version <= 3:
        assert found.permissions == stat.S_IFREG | 0o640
        assert (found.atime, found.mtime) == (1_000_000_000, 1_500_000_000)
        assert found.uid == os.geteuid()
    else:
        assert found.permissions == 0o640
        assert found.type == 1
        assert (found.atime, found.atime_ns, found.mtime, found.mtime_ns) == (1_000_000_000, 7, 1_500_000_000, 9)
        assert found.owner == b"root"
    if version >= 6:
        assert found.link_count == 1
        assert found.ctime > 1_600_000_000
        assert found.bits_valid == 1


@pytest.mark.parametrize(("version", "count"), [(4, 3), (5, 3), (6, 3)])
def test_the_acl_is_what_the_mode_says(desk: Desks, root: Path, version: int, count: int) -> None:
    (root / "f").touch()
    (root / "f").chmod(0o640)
    cur = raw.Cursor(desk(version=version).client.stat("f", mask=0x40).acl)
    if version >= 6:
        assert cur.u32() == 0
    entries = [(cur.u32(), cur.u32(), cur.u32(), cur.text()) for _ in range(cur.u32())]
    cur.done()
    assert len(entries) == count
    owner, group, everyone = entries
    assert owner[3] == b"OWNER@" and owner[2] & 0x3 == 0x3
    assert group[3] == b"GROUP@" and group[2] & 0x3 == 0x1
    assert everyone[3] == b"EVERYONE@" and everyone[2] & 0x3 == 0


@pytest.mark.parametrize("version", [4, 5, 6])
def test_only_what_was_asked_for_is_told(desk: Desks, root: Path, version: int) -> None:
    (root / "f").touch()
    assert desk(version=version).client.stat("f", mask=0x1).flags == 0x1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_directory_is_made_listed_and_removed(desk: Desks, root: Path, version: int) -> None:
    client = desk(version=version).client
    assert client.status(client.ask(raw.MKDIR, text("d"), client.no_attrs())) == raw.OK
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o755
    for number in range(300):
        (root / "d" / f"name{number}").touch()
    entries = client.listing("d")
    assert {entry.name for entry in entries} == {b".", b".."} | {b"name%d" % number for number in range(300)}
    assert len(entries) == 302
    for entry in entries:
        if version <= 3:
            assert entry.long_name.endswith(b" " + entry.name)
            assert entry.long_name[:1] == (b"d" if entry.name in (b".", b"..") else b"-")
        else:
            assert entry.attrs.type == (2 if entry.name in (b".", b"..") else 1)
    not_empty = client.status(client.ask(raw.RMDIR, text("d")))
    assert not_empty == (18 if version >= 6 else raw.FAILURE)
    for path in (root / "d").iterdir():
        path.unlink()
    assert client.status(client.ask(raw.RMDIR, text("d"))) == raw.OK
    assert not (root / "d").exists()


@pytest.mark.parametrize(("files", "flags"), [(3, [1]), (126, [0]), (127, [0, 1])])
def test_version_6_says_where_a_directory_ends(desk: Desks, root: Path, files: int, flags: list[int]) -> None:
    """Behaviours 164: the byte behind the names. A batch has 128, "." and ".." among them."""
    for number in range(files):
        (root / str(number)).touch()
    client = desk(version=6).client
    handle = client.expect(client.ask(raw.OPENDIR, text("")), raw.HANDLE).text()
    said = []
    while (answer := client.ask(raw.READDIR, text(handle))).kind == raw.NAME:
        said.append(answer.body[-1])
    assert client.status(answer) == raw.EOF and said == flags


def test_a_name_that_is_not_utf8_comes_and_goes_unchanged(desk: Desks, root: Path) -> None:
    name = b"caf\xe9"
    Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(b"x")
    for version in (3, 6):
        client = desk(version=version).client
        assert name in [entry.name for entry in client.listing("")]
        assert client.stat(name).size == 1


@pytest.mark.parametrize("version", range(2, 7))
def test_rename_refuses_an_existing_target(desk: Desks, root: Path, version: int) -> None:
    (root / "a").write_text("a")
    (root / "b").write_text("b")
    client = desk(version=version).client
    flags = u32(0) if version >= 5 else b""
    assert client.status(client.ask(raw.RENAME, text("a"), text("b"), flags)) == EXISTS[version]
    assert (root / "b").read_text() == "b"
    assert client.status(client.ask(raw.RENAME, text("a"), text("c"), flags)) == raw.OK
    assert (root / "c").read_text() == "a"


@pytest.mark.parametrize("version", [5, 6])
@pytest.mark.parametrize("flag", [1, 2])
def test_rename_replaces_when_the_flags_ask_and_policy_allows(desk: Desks, root: Path, version: int, flag: int) -> None:
    (root / "a").write_text("a")
    (root / "b").write_text("b")
    client = desk(version=version).client
    assert client.status(client.ask(raw.RENAME, text("a"), text("b"), u32(flag))) == raw.OK
    assert (root / "b").read_text() == "a"


@pytest.mark.parametrize("flag", [1, 2])
def test_rename_flags_do_not_beat_allow_overwrite(desk: Desks, root: Path, flag: int) -> None:
    (root / "a").write_text("a")
    (root / "b").write_text("b")
    client = desk(version=6, conf="AllowOverwrite off\n").client
    assert client.status(client.ask(raw.RENAME, text("a"), text("b"), u32(flag))) != raw.OK
    assert client.status(client.extended("posix-rename@openssh.com", text("a"), text("b"))) != raw.OK
    assert (root / "b").read_text() == "b"


def test_version_1_has_no_rename(desk: Desks) -> None:
    client = desk(version=1).client
    assert client.status(client.ask(raw.RENAME, text("a"), text("b"))) == raw.OP_UNSUPPORTED


@pytest.mark.parametrize("version", [3, 4, 5])
@pytest.mark.parametrize("draft", [True, False])
def test_symlink_takes_the_order_of_the_client(desk: Desks, root: Path, version: int, draft: bool) -> None:
    from mod_sftp.sftp.terms import Terms
    client = desk(version=version, terms=Terms(draft_symlinks=draft)).client
    link, target = text("link"), text("../else/where")
    parts = (link, target) if draft else (target, link)
    assert client.status(client.ask(raw.SYMLINK, *parts)) == raw.OK
    assert os.readlink(root / "link") == "../else/where"
    assert [entry.name for entry in client.names(client.ask(raw.READLINK, text("link")))] == [b"../else/where"]


@pytest.mark.parametrize(("client", "draft"), [
    ("OpenSSH_9.2p1", False), ("paramiko_3.4.0", False), ("Go", False), ("libssh2_1.11.0", False), ("JSCH-0.1.54", False),
    ("AsyncSSH_2.14.2", True), ("ssh2js1.15.0", True), ("libssh_0.10.6", True), ("phpseclib_3.0", True),
    ("Ruby/Net::SSH_7.2.0", True), ("WinSCP_release_6.1", True), ("http://www.sshtools.com", True)])
def test_which_clients_put_the_link_first(client: str, draft: bool) -> None:
    from mod_sftp.sftp.links import draft_order
    assert draft_order(client) is draft


@pytest.mark.parametrize("symbolic", [True, False])
def test_link_of_version_6(desk: Desks, root: Path, symbolic: bool) -> None:
    (root / "there").write_text("x")
    client = desk(version=6).client
    assert client.status(client.ask(raw.LINK, text("new"), text("there"), bytes((symbolic,)))) == raw.OK
    assert (root / "new").is_symlink() is symbolic
    assert (root / "new").samefile(root / "there")


@pytest.mark.parametrize("version", VERSIONS)
def test_realpath_answers_for_a_name_about_to_be_made(desk: Desks, root: Path, version: int) -> None:
    client = desk(version=version).client
    answer = client.names(client.ask(raw.REALPATH, text("new")))
    assert [entry.name for entry in answer] == [os.fsencode(root / "new")]
    assert client.names(client.ask(raw.REALPATH, text("")))[0].name == os.fsencode(root)


@pytest.mark.parametrize("version", range(1, 6))
def test_realpath_needs_the_parent_below_version_6(desk: Desks, version: int) -> None:
    client = desk(version=version).client
    assert client.status(client.ask(raw.REALPATH, text("no/new"))) == raw.NO_SUCH_FILE


@pytest.mark.parametrize(("control", "path", "type_or_code"), [
    (1, "f", 1), (2, "f", 1), (3, "f", 1), (1, "no/f", 5), (2, "no/f", 5)])
def test_realpath_6_control_byte(desk: Desks, root: Path, control: int, path: str, type_or_code: int) -> None:
    (root / "f").touch()
    client = desk(version=6).client
    entry, = client.names(client.ask(raw.REALPATH, text(path), bytes((control,))))
    assert entry.name == os.fsencode(root / path)
    assert entry.attrs.type == type_or_code


def test_realpath_6_always_fails_without_the_file(desk: Desks) -> None:
    client = desk(version=6).client
    assert client.status(client.ask(raw.REALPATH, text("no"), b"\3")) == raw.NO_SUCH_FILE


@pytest.mark.parametrize("control", [4, 5, 255])
def test_realpath_6_refuses_control_bytes_of_no_meaning(desk: Desks, control: int) -> None:
    client = desk(version=6).client
    assert client.status(client.ask(raw.REALPATH, text("."), bytes((control,)))) == 23


def test_realpath_6_composes(desk: Desks, root: Path) -> None:
    client = desk(version=6).client
    entry, = client.names(client.ask(raw.REALPATH, text("a"), b"\1", text("b"), text("../c")))
    assert entry.name == os.fsencode(root / "a" / "c")
    entry, = client.names(client.ask(raw.REALPATH, text("a"), b"\1", text("/x"), text("y")))
    assert entry.name == b"/x/y"


def set_3(mode: int | None = None, size: int | None = None, times: tuple[int, int] | None = None) -> bytes:
    flags = (1 if size is not None else 0) | (4 if mode is not None else 0) | (8 if times else 0)
    body = u32(flags) + (u64(size) if size is not None else b"") + (u32(mode) if mode is not None else b"")
    return body + (u32(times[0]) + u32(times[1]) if times else b"")


def test_setstat_and_fsetstat_of_version_3(desk: Desks, root: Path) -> None:
    (root / "f").write_bytes(b"0123456789")
    client = desk(version=3).client
    assert client.status(client.ask(raw.SETSTAT, text("f"), set_3(0o600, 4, (111, 222)))) == raw.OK
    info = (root / "f").stat()
    assert (stat.S_IMODE(info.st_mode), info.st_size, info.st_atime, info.st_mtime) == (0o600, 4, 111, 222)
    handle = client.open_existing("f", write=True)
    assert client.status(client.ask(raw.FSETSTAT, text(handle), set_3(0o640, 0))) == raw.OK
    assert (root / "f").stat().st_size == 0
    client.close(handle)


def test_setstat_stops_at_the_first_failure(desk: Desks, root: Path) -> None:
    """Behaviours 166: permissions, owner, size, times. A file cannot have that size."""
    (root / "f").write_bytes(b"x")
    client = desk(version=3).client
    attrs = u32(0xF) + u64(2**63 - 1) + u32(2) + u32(5001) + u32(0o600) + u32(1) + u32(1)
    assert client.status(client.ask(raw.SETSTAT, text("f"), attrs)) == raw.FAILURE
    info = (root / "f").stat()
    assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_size) == (0o600, 2, 5001, 1)
    assert info.st_mtime > 1


@pytest.mark.parametrize("version", [4, 5, 6])
def test_setstat_with_nanoseconds_and_names(desk: Desks, root: Path, version: int) -> None:
    (root / "f").touch()
    client = desk(version=version).client
    flags = 0x4 | 0x8 | 0x20 | 0x80 | 0x100
    attrs = (u32(flags) + b"\1" + text("bin") + text("staff") + u32(0o604)
             + u64(1000) + u32(5) + u64(2000) + u32(6))
    assert client.status(client.ask(raw.SETSTAT, text("f"), attrs)) == raw.OK
    info = (root / "f").stat()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (2, 5001, 0o604)
    assert (info.st_atime_ns, info.st_mtime_ns) == (1_000_000_000_005, 2_000_000_000_006)


@pytest.mark.parametrize(("version", "code"), [(4, 4), (5, 16), (6, 16)])
def test_an_unknown_owner_is_named_in_the_answer(desk: Desks, root: Path, version: int, code: int) -> None:
    (root / "f").touch()
    client = desk(version=version).client
    with pytest.raises(SftpStatus) as caught:
        client.expect(client.ask(raw.SETSTAT, text("f"), u32(0x80) + b"\1" + text("ghost") + text("staff")), raw.ATTRS)
    assert caught.value.code == code
    assert caught.value.extra == (text("ghost") if version >= 5 else b"")


@pytest.mark.parametrize("version", [4, 5, 6])
def test_attributes_that_we_do_not_set_are_read_off_the_wire(desk: Desks, root: Path, version: int) -> None:
    """Every field that the version has, in one SETSTAT: the mode behind them all arrives."""
    (root / "f").touch()
    flags = 0x4 | 0x10 | 0x40 | 0x80000000
    body = u32(0o611) + u64(77) + text(b"acl bytes")
    if version == 5:
        flags |= 0x200
        body += u32(0xFF)
    if version == 6:
        flags |= 0x200 | 0x400 | 0x800 | 0x1000 | 0x2000 | 0x4000 | 0x8000
        body = (u64(4096) + u32(0o611) + u64(77) + u64(78) + text(b"acl bytes") + u32(0xFF) + u32(0xFF) + b"\0"
                + text("text/plain") + u32(3) + text("raw name"))
    body += u32(1) + text("user.x") + text("y")
    client = desk(version=version).client
    assert client.status(client.ask(raw.SETSTAT, text("f"), u32(flags) + b"\1" + body)) == raw.OK
    assert stat.S_IMODE((root / "f").stat().st_mode) == 0o611


def test_locks_conflict_between_channels(desk: Desks, root: Path) -> None:
    (root / "f").write_bytes(bytes(100))
    one, other = desk(version=6).client, desk(version=6).client
    mine, theirs = one.open_existing("f", write=True), other.open_existing("f", write=True)

    def block(client: RawSftp, handle: bytes, flags: int) -> int:
        return client.status(client.ask(raw.BLOCK, text(handle), u64(0), u64(10), u32(flags)))

    assert block(one, mine, 0x80) == raw.OK
    assert block(other, theirs, 0x80) == 25
    assert block(other, theirs, 0x40) == 25
    assert block(other, theirs, 0xC0) == block(other, theirs, 0x100) == block(other, theirs, 0) == 26
    directory = one.expect(one.ask(raw.OPENDIR, text("")), raw.HANDLE).text()
    assert block(one, directory, 0x80) == 9
    reading, writing = one.open("f", 2, access=0x1), one.open("f", 2, access=0x2)
    assert block(one, reading, 0x80) == block(one, writing, 0x40) == raw.PERMISSION_DENIED
    assert block(one, b"no such handle", 0x80) == 9
    assert one.status(one.ask(raw.UNBLOCK, text(mine), u64(0), u64(10))) == raw.OK
    assert block(other, theirs, 0x80) == raw.OK


@pytest.mark.parametrize("version", VERSIONS)
def test_handles_belong_to_one_channel_and_end_at_close(desk: Desks, root: Path, version: int) -> None:
    (root / "f").write_bytes(b"x")
    one, other = desk(version=version).client, desk(version=version).client
    handle = one.open_existing("f")
    assert len(handle) == 16
    for client, name in ((other, handle), (one, b"0123456789abcdef"), (one, b"")):
        for kind, rest in ((raw.READ, u64(0) + u32(1)), (raw.CLOSE, b""), (raw.READDIR, b""), (raw.WRITE, u64(0) + text("x")),
                           (raw.FSTAT, u32(0))):
            assert client.status(client.ask(kind, text(name), rest)) == NO_HANDLE[version]
    assert one.close(handle) == raw.OK
    assert one.close(handle) == NO_HANDLE[version]


def test_a_handle_gives_only_what_it_was_opened_for(desk: Desks, root: Path) -> None:
    (root / "f").write_bytes(b"x")
    client = desk(version=3).client
    reading = client.open("f", raw.READ_FLAG)
    assert client.write(reading, 0, b"y") == raw.PERMISSION_DENIED
    writing = client.open("f", raw.WRITE_FLAG)
    assert client.status(client.ask(raw.READ, text(writing), u64(0), u32(1))) == raw.PERMISSION_DENIED


def test_growing_files_can_be_followed(desk: Desks, root: Path) -> None:
    (root / "log").write_bytes(b"one")
    client = desk(version=3).client
    handle = client.open("log", raw.READ_FLAG)
    assert client.read(handle, 0, 100) == b"one"
    with (root / "log").open("ab") as log:
        log.write(b"two")
    assert client.read(handle, 3, 100) == b"two"


def test_what_is_open_when_the_channel_goes_is_logged_as_broken(desk: Desks, root: Path) -> None:
    here = desk(version=3)
    handle = here.client.create("part")
    here.client.write(handle, 0, b"half")
    here.server.close("connection lost")
    record, = here.window.records
    assert (record.complete, record.bytes, record.failure) == (False, 4, "connection lost")


def test_a_refused_upload_says_so_and_leaves_the_file(desk: Desks, root: Path) -> None:
    (root / "f").write_bytes(b"old")
    client = desk(version=3, conf="AllowOverwrite off\n").client
    with pytest.raises(SftpStatus) as caught:
        client.create("f")
    assert caught.value.code in (raw.PERMISSION_DENIED, raw.FAILURE)
    assert (root / "f").read_bytes() == b"old"


@pytest.mark.parametrize(("version", "code"), [(3, 4), (4, 4), (5, 14), (6, 14)])
def test_too_large_is_refused_before_it_is_written(desk: Desks, root: Path, version: int, code: int) -> None:
    client = desk(version=version, conf="AllowOverwrite on\nMaxStoreFileSize 1 KB\n").client
    handle = client.create("f")
    assert client.write(handle, 0, bytes(1024)) == raw.OK
    assert client.write(handle, 1000, bytes(25)) == code
    assert (root / "f").stat().st_size == 1024
