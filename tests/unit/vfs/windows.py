"""A View on a real directory under a real configuration, and the few requests that tests make of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyproftpd.api.auth import Identity
from pyproftpd.api.command import Command
from pyproftpd.api.transfer import TransferRecord
from pyproftpd.conf.load import load
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.users import Names
from pyproftpd.vfs.uploads import Upload
from pyproftpd.vfs.view import View

ACCOUNTS = {"root": 0, "bin": 2, "alice": 4001, "bob": 4002}
GROUPS = {"root": 0, "bin": 2, "staff": 5001, "guests": 5002}


class Accounts:
    """Names of a small world, as an authentication source gives them."""

    def user_name(self, uid: int) -> str | None:
        return next((name for name, number in ACCOUNTS.items() if number == uid), None)

    def group_name(self, gid: int) -> str | None:
        return next((name for name, number in GROUPS.items() if number == gid), None)

    def user_id(self, user: str) -> int | None:
        return ACCOUNTS.get(user)

    def group_id(self, group: str) -> int | None:
        return GROUPS.get(group)


@dataclass
class Lines:
    """What the View has said to the server log."""

    lines: list[str] = field(default_factory=list)

    def warning(self, text: str) -> None:
        self.lines.append(text)


class Window:
    """``view`` on ``root``; ``text`` is configuration, ``{root}`` in it stands for the directory."""

    def __init__(self, root: Path, text: str = "", *, user: str = "alice", groups: tuple[str, ...] = ("staff",),
                 uid: int | None = None, address: str = "127.0.0.1", **changes: Any) -> None:
        os.umask(0)  # as in a session
        self.root = root
        self.records: list[TransferRecord] = []
        self.uploads: list[Upload] = []
        self.log = Lines()
        path = root.parent / f"{root.name}.conf"
        path.write_text('ServerName "test"\n' + text.replace("{root}", str(root)))
        path.chmod(0o644)
        facts = SimpleNamespace(user=user, groups=groups, authenticated=True, connection_class="", remote_address=address,
                                remote_port=1, remote_name=address, local_address="127.0.0.1", local_port=22)
        uid = os.geteuid() if uid is None else uid
        gids = tuple(GROUPS[name] for name in groups)
        identity = Identity(user, uid, gids[0], groups, gids, str(root), "/bin/sh")
        scope = load(str(path)).servers[0].bind(facts)
        self.view = View(identity=identity, scope=scope, facts=facts, privs=Privileges(), names=Names(Accounts()), chroot="",
                         cwd=str(root), home=str(root), report=lambda cmd, record: self.records.append(record),
                         log=self.log, trace=None, **changes)  # type: ignore[arg-type]

    def open(self, path: str, **changes: Any) -> Upload:
        """An upload as clients commonly ask for it: create or empty."""
        wanted = {"create": True, "exclusive": False, "truncate": True, "append": False, **changes}
        append = wanted["append"]
        self.uploads.append(self.view.open_upload(request("APPE" if append else "STOR", "WRITE"), path, **wanted))
        return self.uploads[-1]

    def keep(self, path: str, data: bytes = b"") -> Path:
        """Put a file there behind the View's back."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o644)
        return place

    def put(self, path: str, data: bytes, **changes: Any) -> None:
        upload = self.open(path, **changes)
        upload.write_at(0, memoryview(data))
        upload.finish()

    def get(self, path: str) -> bytes:
        download = self.view.open_download(request("RETR", "READ"), path)
        space = bytearray(65536)
        count = download.read_at(0, [memoryview(space)])
        download.finish()
        return bytes(space[:count])

    def rename(self, path: str, target: str, *, overwrite: bool = False) -> None:
        for _ in self.view.rename_in_steps(request("RENAME"), path, target, overwrite=overwrite):
            pass

    def copy(self, source: str, target: str, *, overwrite: bool = False) -> None:
        for _ in self.view.copy_in_steps(request("COPY"), source, target, overwrite):
            pass

    def names(self, path: str = "") -> set[str]:
        with self.view.listing(request("OPENDIR", "DIRS"), path) as listing:
            return {entry.name for entry in listing}


@contextlib.contextmanager
def as_user(uid: int, gid: int = 65534) -> Iterator[None]:
    """Effective ids of somebody else, for what the kernel refuses; needs root."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def request(name: str, group: str = "") -> Command:
    return Command(name, limits=(name,), group=group)
