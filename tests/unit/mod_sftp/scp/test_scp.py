"""scp's own protocol against a real directory: bytes in, bytes and files out."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from mod_sftp.scp.server import arguments, open_program
from mod_sftp.wire.words import Word, split
from pyproftpd.errors import Refused
from pyproftpd.wire.globs import Glob
from tests.unit.mod_sftp.desk import ALLOWING, MemoryChannel, make_session, pieces
from tests.unit.vfs.windows import Window


class Scp:
    """One scp command on a channel in memory."""

    def __init__(self, root: Path, *words: str, conf: str = ALLOWING) -> None:
        self.window = Window(root, conf)
        self.channel = MemoryChannel()
        self.program: Any = open_program(
            make_session(self.window), self.channel, [Word(word, word) for word in ("scp", *words)])

    def send(self, data: bytes) -> bytes:
        """Feed, and return what came back."""
        packet = bytearray(data)
        self.program.feed(memoryview(packet))
        packet[:] = b"\xee" * len(packet)
        return self.said()

    def said(self) -> bytes:
        data = bytes(self.channel.output)
        self.channel.output.clear()
        return data


def test_a_file_is_uploaded(root: Path) -> None:
    scp = Scp(root, "-t", "new")
    assert scp.said() == b"\0"
    assert scp.send(b"C0640 5 whatever\n") == b"\0"
    assert scp.send(b"hello") == b""
    assert scp.send(b"\0") == b"\0"
    scp.program.eof()
    assert scp.channel.status == 0
    assert (root / "new").read_bytes() == b"hello"
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o640
    assert [record.bytes for record in scp.window.records] == [5]


SESSION = (b"T1500000000 0 1400000000 0\nC0755 3 one\n", b"abc\0", b"C0644 0 empty\n", b"\0",
           b"D0700 0 sub\n", b"C0600 4 two\n", b"wxyz\0", b"E\n")


def test_any_cuts_give_the_same_tree(root: Path) -> None:
    """security.md P5: the stream of a recursive upload, whole, byte by byte, and cut once at every place."""
    stream = b"".join(SESSION)
    for number, cuts in enumerate([[], list(range(1, len(stream))), *([cut] for cut in range(1, len(stream)))]):
        target = root / str(number)
        target.mkdir()
        scp = Scp(root, "-r", "-p", "-t", str(number))
        for part in pieces(stream, cuts):
            scp.send(part)
        scp.program.eof()
        assert scp.channel.status == 0
        assert (target / "one").read_bytes() == b"abc" and (target / "one").stat().st_mtime == 1_500_000_000
        assert stat.S_IMODE((target / "one").stat().st_mode) == 0o755
        assert (target / "empty").read_bytes() == b"" and (target / "sub" / "two").read_bytes() == b"wxyz"
        assert stat.S_IMODE((target / "sub").stat().st_mode) == 0o700


@pytest.mark.parametrize(("target", "place"), [
    ("old", "old"), ("new", "new"), ("d", "d/sent"), ("d/", "d/sent"), ("d/new", "d/new"), (".", "sent"), ("missing/", "missing"),
    ("missing/new", None)])
def test_178_where_an_upload_goes(root: Path, target: str, place: str | None) -> None:
    (root / "d").mkdir()
    (root / "old").write_text("old")
    scp = Scp(root, "-t", target)
    assert scp.said() == b"\0"
    answer = scp.send(b"C0644 3 sent\n")
    if place is None:
        assert answer.startswith(b"\1scp: ") and b"No such file" in answer
        return
    assert answer == b"\0" and scp.send(b"new\0") == b"\0"
    assert (root / place).read_text() == "new"


def test_mode_less_the_umask_without_p(root: Path) -> None:
    scp = Scp(root, "-t", ".")
    scp.send(b"C0777 0 f\n")
    scp.send(b"\0")
    assert stat.S_IMODE((root / "f").stat().st_mode) == 0o755


def test_directories_get_their_mode_and_times_when_left(root: Path) -> None:
    scp = Scp(root, "-rpt", ".")
    for part in (b"T1500000000 0 1500000000 0\n", b"D0555 0 d\n", b"C0644 1 f\n", b"x", b"\0"):
        scp.send(part)
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o755
    assert scp.send(b"E\n") == b"\0"
    info = (root / "d").stat()
    assert stat.S_IMODE(info.st_mode) == 0o555 and info.st_mtime == 1_500_000_000


@pytest.mark.parametrize("conf", ["", "<Directory {root}>\n<Limit SITE_CHMOD>\nDenyAll\n</Limit>\n</Directory>\n"])
def test_a_new_directory_that_its_owner_may_not_write_to(root: Path, conf: str) -> None:
    """Without -p: filled, and then less the Umask; whoever may not change modes has it writable."""
    scp = Scp(root, "-rt", ".", conf=conf)
    for part in (b"D0577 0 d\n", b"C0444 1 f\n", b"x", b"\0"):
        scp.send(part)
    assert scp.send(b"E\n") == b"\0"
    assert stat.S_IMODE((root / "d").stat().st_mode) == (0o755 if conf else 0o555)
    assert stat.S_IMODE((root / "d" / "f").stat().st_mode) == 0o444
    scp.program.eof()
    assert scp.channel.status == 0


@pytest.mark.parametrize("name", [b"../x", b"a/b", b".", b"..", b"", b"a\tb", b"\x7f", b"a\0b", b"n" * 256])
@pytest.mark.parametrize("kind", [b"C0644 1 ", b"D0755 0 "])
def test_names_that_are_no_entry_are_refused(root: Path, kind: bytes, name: bytes) -> None:
    """security.md P2."""
    (root / "d").mkdir()
    scp = Scp(root, "-r", "-t", "d")
    scp.said()
    answer = scp.send(kind + name + b"\n")
    assert answer[:1] in (b"\1", b"\2") and answer.endswith(b"\n")
    assert sorted(path.name for path in root.rglob("*")) == ["d"]


@pytest.mark.parametrize("record", [
    b"C0644 18446744073709551616 f", b"C0644 9223372036854775808 f", b"C0644 -1 f", b"C0644 text f", b"C0644  f",
    b"C0999 1 f", b"Cxyz 1 f", b"C", b"X", b"E", b"T1 2 3", b"Tx 0 1 0", b"T1 1000000 1 0", b"T99999999999999 0 1 0",
    b"C0644 1 " + b"n" * 5000])
def test_records_that_break_the_protocol(root: Path, record: bytes) -> None:
    """security.md P1."""
    scp = Scp(root, "-r", "-t", ".")
    scp.said()
    answer = scp.send(record + b"\n")
    assert answer[:1] in (b"\1", b"\2") and answer.endswith(b"\n")
    assert scp.channel.status == 1
    assert list(root.iterdir()) == []


def test_a_directory_needs_the_flag(root: Path) -> None:
    scp = Scp(root, "-t", ".")
    scp.said()
    assert scp.send(b"D0755 0 d\n").startswith(b"\2scp: ")
    assert not (root / "d").exists()


def test_mkd_is_asked_for_directories(root: Path) -> None:
    """security.md P3."""
    scp = Scp(root, "-r", "-t", ".", conf="<Directory {root}>\n<Limit MKD>\nDenyAll\n</Limit>\n</Directory>\n")
    scp.said()
    assert scp.send(b"D0755 0 d\n") == b"\1scp: ./d: Permission denied\n"
    assert not (root / "d").exists()


@pytest.mark.parametrize("conf", ["AllowOverwrite off\n", "PathDenyFilter \\.secret$\n"])
def test_uploads_obey_the_rules_of_uploads(root: Path, conf: str) -> None:
    (root / "x.secret").write_bytes(b"old")
    scp = Scp(root, "-t", "x.secret", conf=conf)
    scp.said()
    assert scp.send(b"C0644 3 x.secret\n").startswith(b"\1scp: ")
    assert scp.send(b"C0644 3 x.secret\n").startswith(b"\1scp: ")
    assert (root / "x.secret").read_bytes() == b"old"


def test_a_file_that_is_too_large_is_read_and_dropped(root: Path) -> None:
    scp = Scp(root, "-t", ".", conf="MaxStoreFileSize 1 KB\n")
    scp.said()
    assert scp.send(b"C0644 3000 f\n") == b"\0"
    assert scp.send(bytes(3000)) == b""
    assert scp.send(b"\0").startswith(b"\1scp: ")
    assert scp.send(b"C0644 2 g\n") == b"\0"
    assert scp.send(b"ok\0") == b"\0"
    assert (root / "g").read_bytes() == b"ok"
    scp.program.eof()
    assert scp.channel.status == 1


def test_a_fifo_takes_a_file_as_it_is_emptied(root: Path) -> None:
    """What it has no room for waits, what came behind it too; nobody reads an order into its pieces."""
    os.mkfifo(root / "fifo")
    reader = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    data = os.urandom(200_000)
    try:
        scp = Scp(root, "-t", "fifo")
        scp.send(b"C0644 200000 fifo\n")
        scp.said()
        assert scp.send(data + b"\0") == b"" and scp.channel.working
        got = b""
        while len(got) < len(data):
            got += os.read(reader, 65536)
            scp.program.ready()
        assert got == data and not scp.channel.working
        kept, = scp.channel.kept
        assert kept == b"\0" and scp.send(kept) == b"\0"
        record, = scp.window.records
        assert record.complete and record.bytes == len(data)
    finally:
        os.close(reader)


def test_a_fifo_that_nobody_empties_goes_with_its_channel(root: Path) -> None:
    os.mkfifo(root / "fifo")
    reader = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        scp = Scp(root, "-t", "fifo")
        scp.send(b"C0644 200000 fifo\n")
        scp.send(bytes(100_000))
        scp.program.close("connection lost")
        record, = scp.window.records
        assert not record.complete and record.bytes == 65536
    finally:
        os.close(reader)


def test_a_shorter_file_replaces_a_longer_one(root: Path) -> None:
    (root / "f").write_bytes(bytes(100))
    scp = Scp(root, "-t", "f")
    scp.send(b"C0644 3 f\n")
    scp.send(b"new\0")
    assert (root / "f").read_bytes() == b"new"


@pytest.mark.parametrize("end", ["eof", "close", "fatal"])
def test_an_upload_cut_short_is_reported(root: Path, end: str) -> None:
    scp = Scp(root, "-t", "f")
    scp.send(b"C0644 100 f\n")
    scp.send(b"half")
    if end == "eof":
        scp.program.eof()
    elif end == "close":
        scp.program.close("connection lost")
    else:
        scp.send(bytes(96))
        scp.send(b"\2read failed\n")
    record, = scp.window.records
    assert not record.complete


def test_a_client_may_end_behind_the_last_byte(root: Path) -> None:
    """phpseclib says nothing more; a lost connection is another thing."""
    scp = Scp(root, "-t", "f", conf="HiddenStores on\n")
    scp.send(b"C0644 4 f\n")
    scp.send(b"last")
    scp.program.eof()
    assert scp.channel.status == 0 and (root / "f").read_bytes() == b"last"
    assert [record.complete for record in scp.window.records] == [True]
    scp = Scp(root, "-t", "g", conf="HiddenStores on\n")
    scp.send(b"C0644 4 g\n")
    scp.send(b"last")
    scp.program.close("connection lost")
    assert not (root / "g").exists() and [record.complete for record in scp.window.records] == [False]


def test_d_needs_a_directory(root: Path) -> None:
    (root / "f").touch()
    scp = Scp(root, "-d", "-t", "f")
    assert scp.said() == b"\1scp: f: Not a directory\n"
    assert scp.channel.status == 1
    assert Scp(root, "-d", "-t", "missing").said() == b"\1scp: missing: No such file or directory\n"


def fetch(scp: Scp) -> bytes:
    """Acknowledge everything until the server is done."""
    collected = scp.send(b"\0")
    for _ in range(1000):
        if scp.channel.status is not None:
            return collected
        collected += scp.send(b"\0")
    raise AssertionError("the server does not come to an end")


@pytest.mark.parametrize("refuse", [False, True])
def test_a_file_is_downloaded(root: Path, refuse: bool) -> None:
    data = os.urandom(300_000)
    (root / "f").write_bytes(data)
    (root / "f").chmod(0o604)
    scp = Scp(root, "-f", "f")
    scp.channel.refuse_reservations = refuse
    assert scp.said() == b""
    assert scp.send(b"\0") == b"C0604 300000 f\n"
    assert scp.send(b"\0") == data + b"\0"
    assert scp.send(b"\0") == b""
    assert scp.channel.status == 0
    assert [record.complete for record in scp.window.records] == [True]


def test_a_download_waits_for_room(root: Path) -> None:
    (root / "f").write_bytes(bytes(300_000))
    scp = Scp(root, "-f", "f")
    scp.send(b"\0")
    scp.channel.blocked = True
    assert scp.send(b"\0") == b""
    scp.channel.blocked = False
    scp.program.ready()
    assert scp.said() == bytes(300_001)


def test_a_tree_is_downloaded_with_times(root: Path) -> None:
    (root / "d" / "empty").mkdir(parents=True)
    (root / "d" / "f").write_bytes(b"x")
    for path in (root / "d" / "f", root / "d" / "empty", root / "d"):
        os.utime(path, (111, 222))
    scp = Scp(root, "-r", "-p", "-f", "d")
    stream = fetch(scp)
    assert stream.startswith(b"T222 0 111 0\nD0755 0 d\n") and stream.endswith(b"E\n")
    assert b"T222 0 111 0\nC0644 1 f\nx\0" in stream
    assert b"T222 0 111 0\nD0755 0 empty\nE\n" in stream
    assert scp.channel.status == 0


@pytest.mark.parametrize("name", ["with space", "it's", 'say "x"', "$(id)", "a;b", "[x]", "*", "back\\slash", "-t"])
def test_names_are_literal(root: Path, name: str) -> None:
    """security.md P4: an existing name is meant as it stands, and no shell sees it."""
    (root / name).write_bytes(b"1")
    (root / "other").write_bytes(b"2")
    scp = Scp(root, "-f", "--", name)
    assert fetch(scp) == b"C0644 1 " + name.encode() + b"\n1\0"


def test_wildcards_on_downloads_only(root: Path) -> None:
    for name in ("a1", "a2", "b1"):
        (root / name).write_text(name)
    assert fetch(Scp(root, "-f", "a*")) == b"C0644 2 a1\na1\0C0644 2 a2\na2\0"
    scp = Scp(root, "-f", "no*")
    assert fetch(scp) == b"\1scp: no*: No such file or directory\n"
    assert scp.channel.status == 1
    up = Scp(root, "-t", "a*")
    up.send(b"C0644 1 z\n")
    up.send(b"x\0")
    assert (root / "a*").read_bytes() == b"x"


@pytest.mark.parametrize(("line", "names"), [
    ("scp -f a*", ["a1", "a2"]), ("scp -f 'a*'", []), ('scp -f "a*"', []), ("scp -f a\\*", []), ("scp -f 'a'*", ["a1", "a2"]),
    ("scp -f '*'?", ["*1"]), ("scp -f {a,b}1", ["a1", "b1"]), ("scp -f '{a,b}'*", ["{a,b}x"]),
    ("scp -f '{a,b}'[x-z]", ["{a,b}x"]), ("scp -f 'd e'/?", ["f"]), ("scp -f '[a]1'", [])])
def test_a_quoted_wildcard_is_a_character(root: Path, line: str, names: list[str]) -> None:
    """security.md P4: as the user's shell would have it, without a shell."""
    for name in ("a1", "a2", "b1", "*1", "{a,b}x"):
        (root / name).touch()
    (root / "d e").mkdir()
    (root / "d e" / "f").touch()
    window, channel = Window(root, ALLOWING), MemoryChannel()
    program = open_program(make_session(window), channel, split(line))
    for _ in range(10):
        if channel.status is None:
            program.feed(memoryview(b"\0"))
    found = [record.rpartition(b" ")[2].decode() for record in bytes(channel.output).replace(b"\0", b"").splitlines()
             if record.startswith(b"C0644 0 ")]
    assert found == names
    assert channel.status == (0 if names else 1)


def test_wildcards_that_never_end_are_given_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What alternatives, names and stars multiply to is counted; a pattern that people write is far below."""
    looked = 0
    plain = Glob.matches

    def counting(self: Glob, name: str) -> bool:
        nonlocal looked
        looked += 1
        return plain(self, name)

    monkeypatch.setattr(Glob, "matches", counting)
    for number in range(300):
        (root / f"{'a' * 200}{number}").touch()
    assert b"too many names" in fetch(Scp(root, "-f", "{a,b}" * 10 + "*a" * 60 + "*b"))
    assert looked < 5000
    assert fetch(Scp(root, "-f", "*a17")).startswith(b"C0644 0 ")


def test_globbing_can_be_off(root: Path) -> None:
    (root / "a1").touch()
    assert fetch(Scp(root, "-f", "a*", conf="UseGlobbing off\n")).startswith(b"\1scp: ")


def test_trouble_with_one_file_does_not_stop_the_next(root: Path) -> None:
    (root / "d").mkdir()
    (root / "f").write_text("x")
    os.mkfifo(root / "fifo")
    scp = Scp(root, "-f", "no", "d", "f")
    assert fetch(scp) == (b"\1scp: no: No such file or directory\n\1scp: d: not a regular file\nC0644 1 f\nx\0")
    assert scp.channel.status == 1


def test_the_client_may_refuse_a_file(root: Path) -> None:
    (root / "a").write_text("1")
    (root / "b").write_text("2")
    scp = Scp(root, "-f", "a", "b")
    scp.send(b"\0")
    assert scp.send(b"\1no room\n") == b"C0644 1 b\n"
    assert scp.send(b"\0") == b"2\0"
    scp.send(b"\0")
    assert scp.channel.status == 1
    assert [(record.complete, record.bytes) for record in scp.window.records] == [(False, 0), (True, 1)]


def test_a_fatal_answer_ends_it(root: Path) -> None:
    (root / "a").write_text("1")
    scp = Scp(root, "-f", "a", "a")
    scp.send(b"\0")
    scp.send(b"\2enough\n")
    assert scp.channel.status == 1
    assert [record.complete for record in scp.window.records] == [False]


def test_a_download_cut_short_is_reported(root: Path) -> None:
    (root / "a").write_text("1")
    scp = Scp(root, "-f", "a")
    scp.send(b"\0")
    scp.program.close("connection lost")
    record, = scp.window.records
    assert (record.complete, record.failure) == (False, "connection lost")


@pytest.mark.parametrize("words", [[], ["-t"], ["-f"], ["-x"], ["-t", "a", "b"], ["-tf", "a"], ["a"], ["--", "a"]])
def test_command_lines_that_are_refused(root: Path, words: list[str]) -> None:
    with pytest.raises(Refused):
        Scp(root, *words)


def test_flags_may_stand_together_and_unknown_ones_are_ignored() -> None:
    found = arguments(["-vrpX", "-f", "--", "-name", "b//"])
    assert found.flags == frozenset("vrpf") and found.paths == ("-name", "b") and found.unknown == ("X",)


def test_read_limits_hold(root: Path) -> None:
    (root / "a").write_text("1")
    scp = Scp(root, "-f", "a", conf="<Directory {root}>\n<Limit RETR>\nDenyAll\n</Limit>\n</Directory>\n")
    assert fetch(scp) == b"\1scp: a: Permission denied\n"
