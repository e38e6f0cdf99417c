"""Requests that take several steps."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from tests.clients import rawsftp as raw
from tests.clients.rawsftp import text, u32, u64
from tests.unit.mod_sftp.desk import Desk

MIB, GIB = 1 << 20, 1 << 30


def test_what_comes_behind_a_long_request_is_answered_behind_it(root: Path) -> None:
    """In their order, and none while it lasts; the digests are those of the whole blocks."""
    data = os.urandom(3 * MIB + 17)
    (root / "f").write_bytes(data)
    desk = Desk(root, version=3)
    desk.steps = False
    digest = desk.client.post(raw.EXTENDED, text("check-file-name"), text("f") + text("sha1") + u64(0) + u64(0) + u32(1 << 20))
    assert desk.channel.working and not desk.channel.output
    steps = 0
    while desk.channel.working:
        desk.server.ready()
        steps += 1
    assert 3 <= steps <= 10
    answer = desk.client.reply()
    assert answer.ident == digest
    blocks = [data[start:start + (1 << 20)] for start in range(0, len(data), 1 << 20)]
    assert answer.body == text("sha1") + b"".join(hashlib.sha1(block).digest() for block in blocks)


def test_a_listing_of_hidden_names_rests(root: Path) -> None:
    """And tells of the few that are not hidden."""
    for number in range(3000):
        (root / f".h{number}").touch()
    (root / "seen").touch()
    desk = Desk(root, version=6, conf="<Directory {root}>\nHideFiles ^\\.h\n</Directory>\n")
    handle = desk.client.expect(desk.client.ask(raw.OPENDIR, text("")), raw.HANDLE).text()
    desk.steps = False
    desk.client.post(raw.READDIR, text(handle))
    steps = 0
    while desk.channel.working:
        assert not desk.channel.output
        desk.server.ready()
        steps += 1
    assert steps >= 2
    answer = desk.client.reply()
    assert answer.body[-1] == 1 and [entry.name for entry in desk.client.names(answer)] == [b".", b"..", b"seen"]


@pytest.mark.parametrize("end", ["done", "closed"])
def test_a_rename_to_another_disk_rests(root: Path, end: str) -> None:
    """The source stays until all of it is there."""
    with (root / "big").open("wb") as file:
        file.truncate(40 * MIB)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        if os.stat(place).st_dev == root.stat().st_dev:
            pytest.skip("no second file system")
        desk = Desk(root, version=3)
        desk.steps = False
        desk.client.post(raw.RENAME, text("big"), text(f"{place}/moved"))
        assert desk.channel.working and not desk.channel.output
        if end == "closed":
            desk.server.close("connection lost")
            assert os.listdir(place) == [] and (root / "big").stat().st_size == 40 * MIB
            return
        steps = 0
        while desk.channel.working:
            assert (root / "big").exists()
            desk.server.ready()
            steps += 1
        assert steps >= 3 and desk.client.status(desk.client.reply()) == raw.OK
        assert os.listdir(place) == ["moved"] and not (root / "big").exists()
        assert os.path.getsize(f"{place}/moved") == 40 * MIB


def test_a_channel_that_closes_gives_a_copy_up(root: Path) -> None:
    """What is left is what an upload that is cut short leaves."""
    with (root / "big").open("wb") as file:
        file.truncate(GIB)
    desk = Desk(root, version=3, conf="AllowOverwrite on\nDeleteAbortedStores on\n")
    desk.steps = False
    desk.client.post(raw.EXTENDED, text("copy-file"), text("big") + text("copy") + b"\1")
    assert desk.channel.working
    desk.server.close("connection lost")
    assert not (root / "copy").exists()
    record, = desk.window.records
    assert not record.complete
