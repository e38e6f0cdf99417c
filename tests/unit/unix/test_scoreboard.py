"""The scoreboard: shared by processes, cut to length, healed after whatever happens to the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyproftpd.unix import scoreboard
from pyproftpd.unix.scoreboard import Scoreboard


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Scoreboard]:
    made = Scoreboard.create(str(tmp_path / "board"), str(tmp_path / "lock"), master=os.getpid())
    yield made
    made.close()


def test_a_reader_sees_what_a_session_wrote(board: Scoreboard) -> None:
    slot = board.add(os.getpid(), user="müller", server_port=22, remote_address="192.0.2.1", connection_class="eval")
    slot.begin("STOR", "/a/b.txt", protocol="sftp")
    snapshot = scoreboard.read(board.path)
    (entry,) = snapshot.entries
    assert snapshot.master == os.getpid()
    assert (entry.user, entry.server_port, entry.command, entry.argument, entry.protocol, entry.idle) == (
        "müller", 22, "STOR", "/a/b.txt", "sftp", False)
    slot.idle()
    assert scoreboard.read(board.path).entries[0].idle
    slot.remove()
    assert scoreboard.read(board.path).entries == ()


def test_texts_of_any_length_and_bytes_of_any_kind_fit(board: Scoreboard) -> None:
    slot = board.add(os.getpid(), user="x" * 5000)
    slot.begin("RETR", "\udcff\n" * 4000)
    (entry,) = board.entries()
    assert entry.user == "x" * 64
    assert 0 < len(entry.argument) < 400


def test_the_slot_of_a_dead_process_is_not_shown_and_is_taken_by_the_next(board: Scoreboard) -> None:
    child = os.fork()
    if child == 0:
        board.add(os.getpid(), user="ghost")
        os._exit(0)
    os.waitpid(child, 0)
    assert list(board.entries()) == []
    size = len(list(board.entries()))
    board.add(os.getpid(), user="living")
    assert [entry.user for entry in board.entries()] == ["living"]
    assert size == 0


def test_children_that_come_together_never_share_a_slot(board: Scoreboard) -> None:
    ready, go = os.pipe(), os.pipe()
    children = []
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            board.add(os.getpid(), user=str(os.getpid()))
            os.write(ready[1], b".")
            os.read(go[0], 1)
            os._exit(0)
        children.append(pid)
    arrived = 0
    while arrived < 20:
        arrived += len(os.read(ready[0], 20))
    assert sorted(entry.pid for entry in board.entries()) == sorted(children)
    os.write(go[1], b"." * 20)
    for pid in children:
        os.waitpid(pid, 0)
    for fd in (*ready, *go):
        os.close(fd)


@pytest.mark.parametrize("harm", [lambda path: os.truncate(path, 0), lambda path: path.write_bytes(b"\xff" * 9000)])
def test_a_spoilt_file_is_rebuilt_and_the_session_shows_itself_again(board: Scoreboard, harm: object) -> None:
    slot = board.add(os.getpid(), user="demo")
    harm(Path(board.path))  # type: ignore[operator]
    slot.begin("LIST")
    assert [(entry.user, entry.command) for entry in board.entries()] == [("demo", "LIST")]


def test_drop_clears_the_slot_of_a_reaped_child(board: Scoreboard) -> None:
    board.add(os.getpid())
    board.drop(os.getpid())
    assert list(board.entries()) == []


def test_a_file_of_another_kind_is_refused_by_readers(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\xde\xad\xbe\xef" * 100)
    with pytest.raises(ValueError, match="not a scoreboard"):
        scoreboard.read(str(other))


def test_a_scoreboard_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "board").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError):
        Scoreboard.create(str(tmp_path / "board"), str(tmp_path / "lock"), master=1)
    assert (tmp_path / "victim").read_text() == "precious"
