"""Requests that take several steps."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

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
