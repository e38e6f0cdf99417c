"""The directories of the matrix on one server: one per policy, and below it a fresh one for every request."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.matrix.actions import CONTENT, XATTR, Cell
from tests.matrix.road import Road
from tests.servers import Server, Site

#: rules of a directory by the name of the policy
Policies = dict[str, str]

BASE = """\
AllowOverwrite on
AllowStoreRestart on
SFTPMaxChannels 64
SFTPExtensions +xattr +vendorID
"""


@dataclass
class Ground:
    server: Server
    road: Road
    serial: count[int]

    @property
    def site(self) -> Site:
        return self.server.site

    def cell(self, policy: str, version: int) -> Cell:
        """A directory under the policy with a fresh file, directory and link, and one under none with a fresh file."""
        number = str(next(self.serial))
        here = furnish(self.site, policy_directory(self.site, policy) / number)
        return Cell(self.road, version, here, lambda: aside(self.site, policy_directory(self.site, "aside") / number))

    def log(self) -> SftpLogTail:
        return SftpLogTail(self.site)


class SftpLogTail:
    """What the SFTPLog gains from now on."""

    def __init__(self, site: Site) -> None:
        self._path = site.root / "log" / "sftp.log"
        self._place = self._path.stat().st_size if self._path.exists() else 0

    def read(self) -> str:
        with self._path.open(errors="surrogateescape") as file:
            file.seek(self._place)
            text = file.read()
            self._place = file.tell()
        return text


def policy_directory(site: Site, policy: str) -> Path:
    return site.accounts["demo"].home / policy


def sections(site: Site, policies: Policies) -> str:
    """A Directory section for each policy; ``free`` has none."""
    made = []
    for name, rules in policies.items():
        place = policy_directory(site, name)
        place.mkdir()
        os.chown(place, site.accounts["demo"].uid, site.accounts["demo"].gid)
        if rules:
            made.append(f"<Directory {place}>\n{rules}\n</Directory>\n")
    return "".join(made)


def furnish(site: Site, place: Path) -> Path:
    for directory in (place, place / "file.sub", place / "file.full"):
        directory.mkdir()
    (place / "file.dat").write_bytes(CONTENT)
    os.setxattr(place / "file.dat", f"user.{XATTR}", b"value")
    (place / "file.full" / "inner.dat").write_bytes(CONTENT)
    (place / "file.link").symlink_to("file.dat")
    give((place, *place.rglob("*")), site.accounts["demo"].uid, site.accounts["demo"].gid)
    return place


def aside(site: Site, place: Path) -> Path:
    place.mkdir()
    (place / "other.dat").write_bytes(CONTENT)
    give((place, place / "other.dat"), site.accounts["demo"].uid, site.accounts["demo"].gid)
    return place


def give(paths: Iterable[Path], uid: int, gid: int) -> None:
    for path in paths:
        os.chown(path, uid, gid, follow_symlinks=False)


def content(cell: Cell) -> dict[str, bytes]:
    """Every file under the policy and what is in it."""
    return {path.name: path.read_bytes() for path in cell.here.rglob("*") if path.is_file() and not path.is_symlink()}
