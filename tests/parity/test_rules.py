"""Limits, orders, expressions, addresses, Directory sections and .ftpaccess files on a C proftpd and on ours: equal verdicts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import paramiko
import pytest

from tests.clients import rawsftp
from tests.clients.rawsftp import CREAT, READ_FLAG, TRUNC, WRITE_FLAG, RawSftp, SftpStatus, text, u32, u64
from tests.machine import free_port
from tests.matrix.road import Road
from tests.parity.rules import CASES, DIFFERENT, SERVER
from tests.servers import Server, Site, scratch

pytestmark = [pytest.mark.root, pytest.mark.real, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

#: directories of a case, its own first
PLACES = ("", "/in", "/in/deep", "/no")

#: (case, place) -> what became of a download, a STAT, an upload, and a listing; the mode of what was uploaded
Verdicts = dict[tuple[str, str], tuple[str, ...]]


def places(case: str) -> tuple[str, ...]:
    """The rules of one section are tried where it stands."""
    return PLACES if [path for path, _ in CASES[case]] != ["{d}"] else PLACES[:1]


def furnish(site: Site) -> str:
    """The trees of all cases; returns the configuration."""
    demo = site.accounts["demo"]
    lines = [SERVER]
    for number, (case, sections) in enumerate(CASES.items()):
        top = demo.home / f"c{number}"
        for place in places(case):
            directory = Path(f"{top}{place}")
            directory.mkdir()
            for name in ("file.dat", "other.dat"):
                (directory / name).write_bytes(b"0123456789")
        for path, rules in sections:
            path = path.format(d=top, n=top.name, r=site.root)
            if path.startswith("fa:"):
                (Path(path[3:]) / ".ftpaccess").write_text(rules + "\n")
            else:
                lines.append(f"<Directory {path}>\n{rules}\n</Directory>\n")
        for found in (top, *top.rglob("*")):
            os.chown(found, demo.uid, demo.gid)
    return "".join(lines)


def word(code: int) -> str:
    return {0: "done", 2: "missing", 3: "denied"}.get(code, str(code))


def moved(client: RawSftp, path: str, flags: int) -> str:
    try:
        handle = client.open(path, flags)
    except SftpStatus as error:
        return word(error.code)
    if flags == READ_FLAG:
        reply = client.ask(rawsftp.READ, text(handle), u64(0), u32(10))
        found = "done" if reply.kind == rawsftp.DATA else word(client.status(reply))
    else:
        found = word(client.write(handle, 0, b"x"))
    client.close(handle)
    return found


def tried(client: RawSftp, place: Path) -> tuple[str, ...]:
    read = moved(client, f"{place}/file.dat", READ_FLAG)
    looked = client.ask(rawsftp.STAT, text(f"{place}/file.dat"))
    seen = "done" if looked.kind == rawsftp.ATTRS else word(client.status(looked))
    written = moved(client, f"{place}/file.new", WRITE_FLAG | CREAT | TRUNC)
    try:
        listed = " ".join(sorted(entry.name.decode() for entry in client.listing(str(place)) if entry.name not in (b".", b"..")))
    except SftpStatus as error:
        listed = word(error.code)
    mode = f"{(place / 'file.new').stat().st_mode & 0o777:o}" if written == "done" else ""
    return read, seen, written, listed, mode


def verdicts(root: Path, keys: Path, port: int, *, ours: bool) -> Verdicts:
    root.mkdir()
    site = Site(root, keys, port=port)
    site.add_account("other")
    site.groups["team"] = (63100, ("demo",))
    server = Server(site, ours=ours)
    found: Verdicts = {}
    try:
        server.start(furnish(site))
        road = Road(server)
        for number, case in enumerate(CASES):
            for place in places(case):
                try:
                    found[case, place] = tried(road.sftp(3), Path(f"{site.accounts['demo'].home}/c{number}{place}"))
                except (EOFError, OSError, paramiko.SSHException) as error:
                    found[case, place] = ("lost", type(error).__name__)
                    road.close()
                    road = Road(server)
        road.close()
    finally:
        server.stop()
        shutil.rmtree(root)
    return found


@pytest.fixture(scope="module")
def both(keys: Path) -> tuple[Verdicts, Verdicts]:
    """On the same paths: the verdicts of a C proftpd and of ours."""
    with scratch() as root:
        root.chmod(0o755)
        port = free_port()
        return verdicts(root / "site", keys, port, ours=False), verdicts(root / "site", keys, port, ours=True)


def differing(both: tuple[Verdicts, Verdicts]) -> dict[str, list[str]]:
    theirs, mine = both
    found: dict[str, list[str]] = {}
    for (case, place), real in theirs.items():
        if case.startswith("Hide"):  # a hidden name does not exist, not even by a refusal (security F11)
            real = tuple("missing" if answer == "denied" else answer for answer in real)
        if real != mine[case, place]:
            found.setdefault(case, []).append(f"{case}, in {place or '.'}: real {real}, ours {mine[case, place]}")
    return found


def test_verdicts_are_those_of_the_real_server(both: tuple[Verdicts, Verdicts]) -> None:
    explained = {case for cases in DIFFERENT.values() for case in cases}
    faults = [line for case, lines in differing(both).items() if case not in explained for line in lines]
    assert not faults, "\n".join(faults)


def test_every_difference_is_one(both: tuple[Verdicts, Verdicts]) -> None:
    """A row of the list that nothing needs any more goes."""
    assert {case for cases in DIFFERENT.values() for case in cases} - differing(both).keys() == set()
    assert ("lost",) not in {found[:1] for found in (*both[0].values(), *both[1].values())}
