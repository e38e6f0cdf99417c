"""Hostile bytes into an SFTP channel of each version, and into scp: an answer, a PeerError, or silence; nothing else, and
nothing outside of the served directory changes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_sftp.scp.server import open_program
from pyproftpd.errors import PeerError
from tests.unit.mod_sftp.desk import ALLOWING, Desk, MemoryChannel, make_session
from tests.unit.vfs.windows import Window

#: stand for the handles of an open file and an open directory, which a test cannot know before
FILE, DIRECTORY = b"@the open file.@", b"@the directory.@"
NOBODY = 65534


@pytest.fixture(autouse=True, scope="module")
def harmless() -> Iterator[None]:
    """Hostile requests may name any path of this machine: nobody's rights are all they get. Everything is imported
    before, because nobody may not be able to read the interpreter's own files."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "root"
        root.mkdir()
        desk = Desk(root, version=6)
        desk.client.listing("")
        desk.server.close("end")
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(NOBODY)
    yield
    if privileged:
        os.seteuid(0)


WORDS = st.sampled_from([b"", b".", b"..", b"f", b"d", b"d/x", b"../../etc/passwd", b"/", b"~", b"a\0b", b"\xff\xfe", b"n" * 300,
                         b"posix-rename@openssh.com", b"check-file-name", b"copy-file", b"limits@openssh.com",
                         b"setxattr@proftpd.org", b"users-groups-by-id@openssh.com", b"version-select", b"md5,sha1", FILE,
                         DIRECTORY, b"check-file-handle", b"copy-data", b"fstatvfs@openssh.com", b"fsync@openssh.com",
                         b"fgetxattr@proftpd.org", b"lsetstat@openssh.com", b"expand-path@openssh.com",
                         b"home-directory", b"space-available"])
NUMBERS = st.sampled_from([0, 1, 2, 3, 5, 8, 0x1A, 0x80, 0x80000000, 2**31 - 1, 2**32 - 1]) | st.integers(0, 2**32 - 1)


@st.composite
def fields(draw: st.DrawFn) -> bytes:
    parts = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.integers(0, 3))
        if kind == 0:
            word = draw(WORDS)
            parts.append(len(word).to_bytes(4, "big") + word)
        elif kind == 1:
            parts.append(draw(NUMBERS).to_bytes(4, "big"))
        elif kind == 2:
            parts.append(draw(st.integers(0, 2**64 - 1)).to_bytes(8, "big"))
        else:
            parts.append(draw(st.binary(max_size=40)))
    return b"".join(parts)


REQUESTS = st.lists(st.tuples(st.integers(3, 23) | st.sampled_from([0, 1, 99, 200, 255]), fields()), min_size=1, max_size=12)


@pytest.mark.parametrize("version", range(1, 7))
@given(requests=REQUESTS, cuts=st.lists(st.integers(1, 400), max_size=5))
def test_every_request_is_answered_once(version: int, requests: list[tuple[int, bytes]], cuts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "outer" / "root"
        (root / "d").mkdir(parents=True)
        (root / "f").write_bytes(b"data")
        outside = Path(place) / "outside"
        outside.write_bytes(b"untouched")
        desk = Desk(root, version=version)
        handles = {FILE: desk.client.open_existing("f", write=True),
                   DIRECTORY: desk.client.expect(desk.client.ask(11, (1).to_bytes(4, "big") + b"d"), 102).text()}
        stream = b""
        for ident, (kind, body) in enumerate(requests):
            if kind != 1:
                stream += (len(body) + 5).to_bytes(4, "big") + bytes((kind,)) + ident.to_bytes(4, "big") + body
        for stand_in, handle in handles.items():
            stream = stream.replace(stand_in, handle)
        edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
        for start, stop in zip(edges, edges[1:], strict=False):
            desk.feed(stream[start:stop])
        answered = []
        while desk.channel.output:
            answered.append(desk.client.reply().ident)
        assert answered == [ident for ident, (kind, _) in enumerate(requests) if kind != 1]
        desk.server.close("end")
        assert outside.read_bytes() == b"untouched"


@given(data=st.binary(max_size=200))
def test_noise_is_refused_or_answered(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "root"
        root.mkdir()
        desk = Desk(root, version=None)
        with suppress(PeerError):
            desk.feed(data)
        desk.server.close("end")


RECORDS = st.lists(st.sampled_from([
    b"\0", b"\1warning\n", b"\2fatal\n", b"C0644 3 f\n", b"C0644 0 g\n", b"abc", b"abc\0", b"D0755 0 d\n", b"D0700 0 e\n", b"E\n",
    b"T1 0 1 0\n", b"T9999999999999999999 0 1 0\n", b"C0644 99999999999999999999 f\n", b"D0755 0 ..\n", b"C0644 1 a/b\n", b"\n",
    b"C0644 1 f"]) | st.binary(max_size=30), max_size=20)


@pytest.mark.parametrize("words", [["-t", "."], ["-r", "-p", "-t", "."], ["-t", "new"], ["-f", "f"], ["-r", "-p", "-f", "."]])
@given(records=RECORDS)
def test_scp_survives_any_order_of_records(words: list[str], records: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "root"
        (root / "d").mkdir(parents=True)
        (root / "f").write_bytes(b"data")
        channel = MemoryChannel()
        window = Window(root, ALLOWING)
        program = open_program(make_session(window), channel, ["scp", *words])
        for record in records:
            if channel.status is None:
                program.feed(memoryview(bytearray(record)))
        program.close("end")
        assert sorted(os.listdir(place)) == ["root", "root.conf"]
