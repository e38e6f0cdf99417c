"""Every extension: announced where it should be, switched off by its word, and what it does (security.md F2, F4, F6, A10.23)."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path

import pytest

from mod_sftp.sftp.extensions import EXTENSIONS
from mod_sftp.sftp.terms import Terms
from tests.clients import rawsftp as raw
from tests.clients.rawsftp import Cursor, SftpStatus, text, u32, u64
from tests.unit.mod_sftp.desk import ALLOWING, EVERYTHING, Desk, Desks

#: flags of a setxattr: the name must be new, or must be there
CREATE, REPLACE = 1, 2

OPENSSH = {"posix-rename@openssh.com": b"1", "statvfs@openssh.com": b"2", "fstatvfs@openssh.com": b"2",
           "hardlink@openssh.com": b"1", "fsync@openssh.com": b"1", "lsetstat@openssh.com": b"1",
           "limits@openssh.com": b"1", "expand-path@openssh.com": b"1", "users-groups-by-id@openssh.com": b"1"}


def test_announcements_stand_in_the_order_of_the_real_server(root: Path) -> None:
    assert list(Desk(root, version=6).client.extensions) == [
        "versions", "newline", "supported2", "check-file", "copy-data", "copy-file", "home-directory", "space-available",
        "vendor-id", "fsync@openssh.com", "posix-rename@openssh.com", "statvfs@openssh.com", "fstatvfs@openssh.com",
        "hardlink@openssh.com", "limits@openssh.com", "users-groups-by-id@openssh.com",
        "lsetstat@openssh.com", "expand-path@openssh.com", "xattr@proftpd.org"]


@pytest.mark.parametrize("version", range(1, 7))
def test_announcements(desk: Desks, version: int) -> None:
    found = desk(version=version).client.extensions
    for name, data in OPENSSH.items():
        assert found[name] == data
    assert found["versions"] == b"1,2,3,4,5,6"
    assert found.get("newline") == (b"\n" if version >= 4 else None)
    assert ("supported" in found) is (version == 5)
    assert ("supported2" in found) is (version == 6)
    vendor = Cursor(found["vendor-id"])
    assert vendor.text() == b"pyproftpd"
    vendor.text(), vendor.text(), vendor.u64()
    vendor.done()


def test_supported_of_version_5(desk: Desks) -> None:
    cur = Cursor(desk(version=5).client.extensions["supported"])
    masks = [cur.u32() for _ in range(5)]
    assert masks[0] == 0x1 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200
    assert masks[4] == 511 * 1024
    names = []
    while cur.pos < len(cur.data):
        names.append(cur.text())
    assert b"copy-data" in names and b"check-file" in names


def test_supported2_of_version_6(desk: Desks) -> None:
    cur = Cursor(desk(version=6).client.extensions["supported2"])
    attributes, _, opens, access, most = (cur.u32() for _ in range(5))
    assert attributes & 0x1 and opens & 0x8 and access & 0x3 == 0x3 and most == 511 * 1024
    assert attributes & 0x4000, "untranslated names are told where there are any"
    at_open, later = struct.unpack(">HH", cur.take(4))
    assert (at_open, later) == (1, 1 | 1 << 1 | 1 << 2 | 1 << 9 | 1 << 10)
    assert cur.u32() == 0
    names = [cur.text() for _ in range(cur.u32())]
    cur.done()
    assert names == [b"check-file", b"copy-data", b"copy-file", b"home-directory", b"space-available", b"vendor-id"]


#: word of SFTPExtensions -> what it announces, requests with fields that would be taken if it were on
SWITCHED: dict[str, tuple[set[str], dict[str, bytes]]] = {
    "posixRename": ({"posix-rename@openssh.com"}, {"posix-rename@openssh.com": text("a") + text("b")}),
    "hardlink": ({"hardlink@openssh.com"}, {"hardlink@openssh.com": text("a") + text("b")}),
    "fsync": ({"fsync@openssh.com"}, {"fsync@openssh.com": text("h")}),
    "statvfs": ({"statvfs@openssh.com", "fstatvfs@openssh.com"},
                {"statvfs@openssh.com": text(""), "fstatvfs@openssh.com": text("h")}),
    "limits": ({"limits@openssh.com"}, {"limits@openssh.com": b""}),
    "userGroupNames": ({"users-groups-by-id@openssh.com"}, {"users-groups-by-id@openssh.com": text("") + text("")}),
    "copyFile": ({"copy-file"}, {"copy-file": text("a") + text("b") + b"\0"}),
    "copyData": ({"copy-data"}, {"copy-data": text("h") + u64(0) + u64(0) + text("h") + u64(0)}),
    "checkFile": ({"check-file"}, {name: text("a") + text("md5") + u64(0) + u64(0) + u32(0)
                                   for name in ("check-file", "check-file-name", "check-file-handle")}),
    "homeDirectory": ({"home-directory"}, {"home-directory": text("")}),
    "spaceAvailable": ({"space-available"}, {"space-available": text("")}),
    "versionSelect": ({"versions"}, {"version-select": text("3")}),
    # the client's own introduction is always taken
    "vendorID": ({"vendor-id"}, {}),
    "xattr": ({"xattr@proftpd.org"}, {
        **{f"{f}getxattr@proftpd.org": text("a") + text("b") + u32(0) for f in ("", "f")},
        **{f"{f}listxattr@proftpd.org": text("a") + u32(0) for f in ("", "f")},
        **{f"{f}setxattr@proftpd.org": text("a") + text("b") + text("c") + u32(0) for f in ("", "f")},
        **{f"{f}removexattr@proftpd.org": text("a") + text("b") for f in ("", "f")}}),
}


def test_every_switch_and_every_extension_is_tried() -> None:
    assert set(SWITCHED) == EVERYTHING == {row.switch for row in EXTENSIONS} - {""}
    switched = {row.name for row in EXTENSIONS if row.switch and row.row is not None} - {"vendor-id"}
    assert switched == {name for _, requests in SWITCHED.values() for name in requests}


@pytest.mark.parametrize("switch", SWITCHED)
def test_a_switched_off_extension_is_neither_announced_nor_taken(root: Path, switch: str) -> None:
    (root / "a").touch()
    announced, requests = SWITCHED[switch]
    everything = Desk(root).client.extensions
    client = Desk(root, terms=Terms(extensions=EVERYTHING - {switch})).client
    assert set(everything) - set(client.extensions) == announced
    for name, fields in requests.items():
        assert client.status(client.extended(name, fields)) == raw.OP_UNSUPPORTED, name
    assert [path.name for path in root.iterdir()] == ["a"] and (root / "a").stat().st_nlink == 1


def test_unknown_extensions_are_unsupported(desk: Desks) -> None:
    client = desk().client
    assert client.status(client.extended("nobody@example.com", b"\0" * 50)) == raw.OP_UNSUPPORTED


def test_posix_rename_replaces(desk: Desks, root: Path) -> None:
    (root / "a").write_text("a")
    (root / "b").write_text("b")
    client = desk().client
    assert client.status(client.extended("posix-rename@openssh.com", text("a"), text("b"))) == raw.OK
    assert (root / "b").read_text() == "a" and not (root / "a").exists()


def test_hardlink_and_fsync(desk: Desks, root: Path) -> None:
    client = desk().client
    handle = client.create("a")
    client.write(handle, 0, b"x")
    assert client.status(client.extended("fsync@openssh.com", text(handle))) == raw.OK
    client.close(handle)
    assert client.status(client.extended("hardlink@openssh.com", text("a"), text("b"))) == raw.OK
    assert (root / "a").samefile(root / "b")


def test_limits(root: Path) -> None:
    client = Desk(root, terms=Terms(extensions=EVERYTHING, max_handles=99)).client
    cur = client.expect(client.extended("limits@openssh.com"), raw.EXTENDED_REPLY)
    assert [cur.u64() for _ in range(4)] == [512 * 1024, 511 * 1024, 511 * 1024, 99]
    cur.done()


@pytest.mark.parametrize("by_handle", [False, True])
def test_statvfs(desk: Desks, root: Path, by_handle: bool) -> None:
    client = desk().client
    (root / "f").touch()
    name, subject = (("fstatvfs@openssh.com", client.open_existing("f")) if by_handle else ("statvfs@openssh.com", b"f"))
    cur = client.expect(client.extended(name, text(subject)), raw.EXTENDED_REPLY)
    numbers = [cur.u64() for _ in range(11)]
    cur.done()
    expected = os.statvfs(root)
    assert (numbers[0], numbers[1], numbers[2], numbers[10]) == (
        expected.f_bsize, expected.f_frsize, expected.f_blocks, expected.f_namemax)


def test_space_available(desk: Desks, root: Path) -> None:
    client = desk().client
    cur = client.expect(client.extended("space-available", text("")), raw.EXTENDED_REPLY)
    device, _, _, _, unit = cur.u64(), cur.u64(), cur.u64(), cur.u64(), cur.u32()
    cur.done()
    expected = os.statvfs(root)
    assert (device, unit) == (expected.f_blocks * expected.f_frsize, expected.f_frsize)


def test_users_and_groups_by_id(desk: Desks) -> None:
    client = desk().client
    answer = client.extended("users-groups-by-id@openssh.com", text(u32(2) + u32(77777)), text(u32(5001)))
    cur = client.expect(answer, raw.EXTENDED_REPLY)
    users, groups = Cursor(cur.text()), Cursor(cur.text())
    cur.done()
    assert [users.text(), users.text()] == [b"bin", b""]
    assert groups.text() == b"staff"


@pytest.mark.parametrize("ids", [text(b"abc") + text(""), text(bytes(4 * 4097)) + text(""), u32(2**32 - 1)])
def test_bad_id_lists(desk: Desks, ids: bytes) -> None:
    client = desk().client
    assert client.status(client.extended("users-groups-by-id@openssh.com", ids)) == raw.BAD_MESSAGE


def test_lsetstat_changes_the_link_itself(desk: Desks, root: Path) -> None:
    (root / "f").touch()
    (root / "link").symlink_to("f")
    before = (root / "f").stat().st_mtime
    client = desk().client
    assert client.status(client.extended("lsetstat@openssh.com", text("link"), u32(8) + u32(11) + u32(22))) == raw.OK
    assert (root / "link").lstat().st_mtime == 22
    assert (root / "f").stat().st_mtime == before


@pytest.mark.parametrize(("path", "expected"), [("~", ""), ("~/x", "x"), ("~alice/x", "x"), ("x", "x")])
def test_expand_path(desk: Desks, root: Path, path: str, expected: str) -> None:
    client = desk().client
    entry, = client.names(client.extended("expand-path@openssh.com", text(path)))
    assert entry.name == os.fsencode(root / expected if expected else root)


def test_home_directory_tells_of_oneself_alone(desk: Desks, root: Path) -> None:
    client = desk().client
    for name in ("", "alice"):
        entry, = client.names(client.extended("home-directory", text(name)))
        assert entry.name == os.fsencode(root)
    ghost, real = (client.extended("home-directory", text(name)) for name in ("ghost", "root"))
    assert client.status(ghost) == client.status(real) == raw.NO_SUCH_FILE


def test_version_select_directly_after_init(root: Path) -> None:
    desk = Desk(root, version=3)
    assert desk.client.status(desk.client.extended("version-select", text("6"))) == raw.OK
    desk.client.version = 6
    assert desk.client.stat("").type == 2
    assert desk.channel.status is None


@pytest.mark.parametrize(("choice", "before"), [("7", False), ("0", False), ("x", False), ("", False), ("3", True)])
def test_version_select_otherwise_ends_the_channel(root: Path, choice: str, before: bool) -> None:
    desk = Desk(root, version=3)
    if before:
        desk.client.stat("")
    assert desk.client.status(desk.client.extended("version-select", text(choice))) == raw.FAILURE
    assert desk.channel.status == 1


def test_vendor_id_is_taken_from_everybody(root: Path) -> None:
    client = Desk(root, terms=Terms()).client
    fields = text("me") + text("client") + text("1") + u64(7)
    assert client.status(client.extended("vendor-id", fields)) == raw.OK


def test_copy_file(desk: Desks, root: Path) -> None:
    (root / "a").write_bytes(b"content")
    (root / "a").chmod(0o4775)
    (root / "d").mkdir()
    client = desk().client
    assert client.status(client.extended("copy-file", text("a"), text("b"), b"\0")) == raw.OK
    assert (root / "b").read_bytes() == b"content" and (root / "b").stat().st_mode & 0o7777 == 0o755
    assert client.status(client.extended("copy-file", text("d"), text("e"), b"\0")) == raw.FAILURE
    assert not (root / "e").exists()
    (root / "c").write_bytes(b"old")
    assert client.status(client.extended("copy-file", text("a"), text("c"), b"\0")) != raw.OK
    assert (root / "c").read_bytes() == b"old"
    assert client.status(client.extended("copy-file", text("a"), text("c"), b"\1")) == raw.OK
    assert client.status(client.extended("copy-file", text("a"), text("a"), b"\1")) != raw.OK
    assert (root / "c").read_bytes() == (root / "a").read_bytes() == b"content"


def test_copy_data(desk: Desks, root: Path) -> None:
    data = os.urandom(700_000)
    (root / "a").write_bytes(data)
    client = desk().client
    source, target = client.open_existing("a"), client.create("b")

    def copy(offset: int, length: int, to: bytes, at: int) -> int:
        return client.status(client.extended("copy-data", text(source), u64(offset), u64(length), text(to), u64(at)))

    assert copy(10, 0, target, 5) == raw.OK
    assert client.close(target) == raw.OK
    assert (root / "b").read_bytes() == bytes(5) + data[10:]
    assert copy(0, 5, source, 0) == raw.PERMISSION_DENIED
    assert copy(0, 5, b"no such handle", 0) == raw.FAILURE
    same = client.open("a", raw.READ_FLAG | raw.WRITE_FLAG)
    overlap = client.extended("copy-data", text(same), u64(0), u64(100), text(same), u64(50))
    assert client.status(overlap) == raw.OP_UNSUPPORTED
    beyond = client.extended("copy-data", text(same), u64(0), u64(2**63), text(same), u64(2**63))
    assert client.status(beyond) != raw.OK
    assert (root / "a").read_bytes() == data


def test_a_copy_to_the_end_of_its_own_source_ends(desk: Desks, root: Path) -> None:
    """What it appends is not copied again, however much was asked for."""
    (root / "log").write_bytes(b"0123456789")
    client = desk().client
    source, target = client.open_existing("log"), client.open("log", raw.WRITE_FLAG | raw.APPEND_FLAG)
    answer = client.extended("copy-data", text(source), u64(2), u64(2**40), text(target), u64(2**41))
    assert client.status(answer) == raw.OK
    assert (root / "log").read_bytes() == b"012345678923456789"


DIGESTS = {"md5": hashlib.md5, "sha1": hashlib.sha1, "sha224": hashlib.sha224, "sha256": hashlib.sha256,
           "sha384": hashlib.sha384, "sha512": hashlib.sha512}


@pytest.mark.parametrize("digest", DIGESTS)
def test_check_file_by_handle(desk: Desks, root: Path, digest: str) -> None:
    data = bytes(range(256)) * 10
    (root / "f").write_bytes(data)
    client = desk().client
    handle = client.open_existing("f")
    for name in ("check-file-handle", "check-file"):
        answer = client.extended(name, text(handle), text(f"nonsense,{digest},md5"), u64(100), u64(1000), u32(0))
        cur = client.expect(answer, raw.EXTENDED_REPLY)
        if name == "check-file":
            assert cur.text() == b"check-file"
        assert cur.text() == digest.encode()
        assert cur.data[cur.pos:] == DIGESTS[digest](data[100:1100]).digest()


def test_check_file_by_name_in_blocks(desk: Desks, root: Path) -> None:
    data = bytes(range(250)) * 4
    (root / "f").write_bytes(data)
    here = desk()
    client = here.client
    cur = client.expect(client.extended("check-file-name", text("f"), text("crc32"), u64(0), u64(0), u32(300)),
                        raw.EXTENDED_REPLY)
    assert cur.text() == b"crc32"
    blocks = [data[start:start + 300] for start in range(0, 1000, 300)]
    assert cur.data[cur.pos:] == b"".join(struct.pack(">I", zlib.crc32(block)) for block in blocks)
    assert here.window.records == []


@pytest.mark.parametrize(("path", "digest", "offset", "block"), [
    ("f", "whirlpool", 0, 0), ("f", "md5", 0, 255), ("f", "md5", 10_000, 0), ("d", "md5", 0, 0), ("no", "md5", 0, 0),
    ("f", "md5", 2**63, 0)])
def test_check_file_refusals(desk: Desks, root: Path, path: str, digest: str, offset: int, block: int) -> None:
    (root / "f").write_bytes(bytes(1000))
    (root / "d").mkdir()
    client = desk().client
    answer = client.extended("check-file-name", text(path), text(digest), u64(offset), u64(0), u32(block))
    assert client.status(answer) != raw.OK


def test_check_file_needs_read(desk: Desks, root: Path) -> None:
    """security.md F6: a digest must not read what READ denies."""
    (root / "f").write_bytes(b"secret")
    client = desk(conf="<Directory {root}>\n<Limit READ>\nDenyAll\n</Limit>\n</Directory>\n").client
    answer = client.extended("check-file-name", text("f"), text("md5"), u64(0), u64(0), u32(0))
    assert client.status(answer) == raw.PERMISSION_DENIED


@pytest.mark.parametrize("by_handle", [False, True])
def test_extended_attributes(desk: Desks, root: Path, by_handle: bool) -> None:
    """All eight requests, by path and by handle."""
    (root / "f").touch()
    try:
        os.setxattr(root / "f", "user.probe", b"")
        os.removexattr(root / "f", "user.probe")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    client = desk().client
    f = "f" if by_handle else ""
    subject = text(client.open_existing("f", write=True) if by_handle else b"f")

    def put(name: str, value: bytes, flags: int) -> int:
        return client.status(client.extended(f"{f}setxattr@proftpd.org", subject, text(name), text(value), u32(flags)))

    def get(name: str, room: int) -> bytes:
        cur = client.expect(client.extended(f"{f}getxattr@proftpd.org", subject, text(name), u32(room)), raw.EXTENDED_REPLY)
        value = cur.text()
        cur.done()
        return value

    def names(room: int) -> list[bytes]:
        cur = client.expect(client.extended(f"{f}listxattr@proftpd.org", subject, u32(room)), raw.EXTENDED_REPLY)
        found = [cur.text() for _ in range(cur.u32())]
        cur.done()
        return sorted(found)

    def remove(name: str) -> int:
        return client.status(client.extended(f"{f}removexattr@proftpd.org", subject, text(name)))

    assert put("user.one", b"\0value", CREATE) == raw.OK
    assert os.getxattr(root / "f", "user.one") == b"\0value"
    assert put("user.one", b"x", CREATE) == raw.FAILURE and put("user.two", b"x", REPLACE) == raw.NO_SUCH_FILE
    assert put("two", b"second", 0) == raw.OK and put("user.one", b"other", REPLACE) == raw.OK
    assert (os.getxattr(root / "f", "user.one"), os.getxattr(root / "f", "user.two")) == (b"other", b"second")
    assert [get("user.one", room) for room in (0, 5, 100, 2**32 - 1)] == [b"other"] * 4
    with pytest.raises(SftpStatus):
        get("user.one", 4)
    assert names(0) == names(2**32 - 1) == [b"user.one", b"user.two"]
    with pytest.raises(SftpStatus):
        names(17)
    assert remove("user.one") == raw.OK and remove("user.one") == raw.NO_SUCH_FILE
    assert names(18) == [b"user.two"]
    for name in ("trusted.x", "security.x", "system.posix_acl_access"):
        put(name, b"x", 0)
    assert all(name.startswith("user.") for name in os.listxattr(root / "f"))


def test_extended_attributes_of_an_open_are_for_new_files_only(desk: Desks, root: Path) -> None:
    client = desk().client
    attrs = u32(0x80000000) + u32(1) + text("user.a") + text("first")
    client.close(client.create("f", attrs=attrs))
    client.close(client.create("f", attrs=attrs.replace(b"first", b"later")))
    client.close(client.open("f", raw.READ_FLAG, attrs=attrs.replace(b"first", b"third")))
    assert os.getxattr(root / "f", "user.a") == b"first"


def test_extended_attributes_may_be_hidden(desk: Desks, root: Path) -> None:
    """Behaviours 134: FSOptions."""
    (root / "f").touch()
    client = desk(conf=f"{ALLOWING}FSOptions IgnoreExtendedAttributes\n").client
    assert client.status(client.extended("setxattr@proftpd.org", text("f"), text("a"), text("b"), u32(0))) == raw.OP_UNSUPPORTED
    assert client.status(client.extended("listxattr@proftpd.org", text("f"), u32(0))) == raw.OP_UNSUPPORTED
    assert os.listxattr(root / "f") == []
