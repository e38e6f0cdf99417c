"""Calls of a session that fail on purpose, and a wall clock that is set: the face of faults.c."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

_HEAD = struct.Struct("=iiiii")
_MOST, _NAME = 256, 16
_NAMES = _HEAD.size + _NAME
SIZE = _NAMES + _MOST * _NAME


class Faults:
    """``environment`` is for the server; :meth:`arm` is about one of its sessions from now on, :meth:`disarm` ends it."""

    def __init__(self, directory: Path) -> None:
        """``directory``: somewhere that the user of a server can read."""
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("no C compiler")
        library, shared = directory / "faults.so", directory / "faults"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_suffix(".c"), "-ldl"], check=True)
        shared.write_bytes(bytes(SIZE))
        with shared.open("r+b") as file:
            self._board = mmap.mmap(file.fileno(), SIZE)
        self.environment = {"LD_PRELOAD": str(library), "FAULTS": str(shared)}

    def arm(self, pid: int, name: str = "", turn: int = 0, error: int = 0) -> None:
        """Call number ``turn`` of that name fails with ``error``; without a name none does."""
        self._board[:] = _HEAD.pack(0, turn, error, 0, 0) + name.encode().ljust(SIZE - _HEAD.size, b"\0")
        self._board[:4] = struct.pack("=i", pid)

    def set_clock(self, ahead: int) -> None:
        """The wall clock of the server and its sessions, in seconds ahead of ours."""
        _HEAD.pack_into(self._board, 0, 0, 0, 0, 0, ahead)

    def disarm(self) -> list[str]:
        """The names of the calls that were made meanwhile."""
        count = _HEAD.unpack_from(self._board)[3]
        self._board[:4] = bytes(4)
        names = (self._board[_NAMES + at * _NAME:_NAMES + (at + 1) * _NAME] for at in range(min(count, _MOST)))
        return [name.rstrip(b"\0").decode() for name in names]
