"""The same requests, byte by byte, in versions 2 to 6: replies, files and transfer logs are equal but for DIFFERENT."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import rawsftp as raw
from tests.clients.rawsftp import EXTENDED, HANDLE, Cursor, RawSftp, Reply, read_attrs, text, u32, u64
from tests.parity.twins import Driver, record
from tests.servers import Site

pytestmark = [pytest.mark.root, pytest.mark.real]

#: 1.3.8 has no version 1 unless it was built for it
VERSIONS = range(2, 7)
#: attributes that both servers tell without being asked, or that are asked for here: size, owner, permissions, mtime
ASKED = 0x1 | 0x4 | 0x20 | 0x80
TOLD = ("size", "uid", "gid", "owner", "group", "permissions", "mtime", "link_count")


def furnish(site: Site) -> None:
    home, account = site.accounts["demo"].home, site.accounts["demo"]
    for version in VERSIONS:
        here = home / f"v{version}"
        for name in ("d", "e", "full"):
            (here / name).mkdir(parents=True)
        for name, content, mode in (("f", "0123456789", 0o640), ("ro", "r", 0o444), ("full/in", "", 0o644), ("closed", "", 0)):
            (here / name).write_text(content)
            (here / name).chmod(mode)
        (here / "link").symlink_to("f")
        (here / "dangling").symlink_to("nothing")
        for path in (here, *here.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
            if not path.is_symlink():
                os.utime(path, (1_400_000_000, 1_400_000_000))
        os.chown(here / "closed", 0, 0)


class Script:
    """Asks and writes down what came: the name of the request, and the reply without what is another in every run."""

    def __init__(self, client: RawSftp, answers: list[str]) -> None:
        self.client, self.answers, self.version = client, answers, client.version
        self.four = self.version >= 4

    def ask(self, name: str, kind: int, *parts: bytes) -> Reply:
        answer = self.client.ask(kind, *parts)
        self.answers.append(f"v{self.version} {name}: {self.shown(answer)}")
        return answer

    def shown(self, answer: Reply) -> str:
        cur = answer.cursor
        if answer.kind == raw.STATUS:
            return f"status {cur.u32()} " + (cur.text().decode() if self.version >= 3 else "")
        if answer.kind == raw.ATTRS:
            return f"attrs {self.attributes(cur)}"
        if answer.kind == raw.NAME:
            entries = []
            for _ in range(cur.u32()):
                name, _ = cur.text().decode(), "" if self.four else cur.text()
                entries.append(f"{name} {self.attributes(cur)}")
            return "names " + " | ".join(sorted(entries))
        return f"reply {answer.kind}" + (f" {answer.body!r}" if answer.kind == raw.DATA else "")

    def attributes(self, cur: Cursor) -> str:
        found = read_attrs(cur, self.version)
        told = {name: found.values[name] for name in TOLD if name in found.values}
        if found.type == 2 or found.values.get("permissions", 0) & 0o170000 == 0o040000:
            told.pop("size", None)  # that of a directory is the disk's affair
        if found.values.get("mtime", 0) > 1_600_000_000:
            told["mtime"] = "now"
        return f"{found.type} {told}"

    def mask(self, bits: int = ASKED) -> bytes:
        return u32(bits) if self.four else b""

    def attrs(self, flag: int, body: bytes) -> bytes:
        return u32(flag) + (b"\1" if self.four else b"") + body

    def open(self, name: str, path: bytes, flags: int, access: int, disposition: int) -> bytes | None:
        how = u32(access) + u32(disposition) if self.version >= 5 else u32(flags)
        answer = self.ask(name, raw.OPEN, path, how, self.client.no_attrs())
        return text(answer.cursor.text()) if answer.kind == HANDLE else None


def looking(script: Script, path: Callable[[str], bytes]) -> None:
    for name in ("f", "d", "dangling", "nothing", "f/x", "closed", "no/x", "n" * 300):
        script.ask(f"STAT {name[:10]}", raw.STAT, path(name), script.mask())
        script.ask(f"LSTAT {name[:10]}", raw.LSTAT, path(name), script.mask())
    script.ask("STAT link", raw.STAT, path("link"), script.mask())
    script.ask("STAT of the size alone", raw.STAT, path("f"), script.mask(1))
    for name in (".", "d/../f", "no/x"):
        if script.version < 6:  # 1.3.8 leaves a byte out of that NAME of version 6
            script.ask(f"REALPATH {name}", raw.REALPATH, path(name))
    for name in ("f", "nothing") if script.version >= 3 else ():
        script.ask(f"READLINK {name}", raw.READLINK, path(name))
    for name in ("f", "nothing"):
        script.ask(f"OPENDIR {name}", raw.OPENDIR, path(name))
    handle = text(script.ask("OPENDIR", raw.OPENDIR, path("full")).cursor.text())
    script.ask("READDIR", raw.READDIR, handle)
    script.ask("READDIR at the end", raw.READDIR, handle)
    script.ask("READ of a directory", raw.READ, handle, u64(0), u32(1))
    script.ask("CLOSE of a directory", raw.CLOSE, handle)
    script.ask("CLOSE again", raw.CLOSE, handle)


def moving(script: Script, path: Callable[[str], bytes]) -> None:
    script.open("OPEN nothing", path("nothing"), 1, 1, 2)
    script.open("OPEN closed", path("closed"), 1, 1, 2)
    script.open("OPEN a directory", path("d"), 1, 1, 2)
    script.open("OPEN exclusively what is there", path("f"), 0x2A, 2, 0)
    handle = script.open("OPEN to read", path("f"), 1, 1, 2)
    assert handle is not None
    for offset, count in ((0, 4), (8, 100), (10, 1), (1000, 1)):
        script.ask(f"READ {offset} {count}", raw.READ, handle, u64(offset), u32(count))
    script.ask("READ 2^63", raw.READ, handle, u64(2**63), u32(1))
    script.ask("WRITE of what reads", raw.WRITE, handle, u64(0), text("x"))
    script.ask("READDIR of a file", raw.READDIR, handle)
    script.ask("FSTAT", raw.FSTAT, handle, script.mask())
    script.ask("CLOSE", raw.CLOSE, handle)
    handle = script.open("OPEN to write", path("new"), 0x1A, 2, 1)
    assert handle is not None
    for offset, data in ((0, "abc"), (0, ""), (10, "z"), (2**63, "z")):
        script.ask(f"WRITE {offset} {data}", raw.WRITE, handle, u64(offset), text(data))
    script.ask("READ of what writes", raw.READ, handle, u64(0), u32(1))
    script.ask("FSETSTAT of the size", raw.FSETSTAT, handle, script.attrs(1, u64(5)))
    script.ask("CLOSE", raw.CLOSE, handle)


def changing(script: Script, path: Callable[[str], bytes]) -> None:
    def rename(name: str, old: str, new: str, flags: int = 0) -> None:
        script.ask(f"RENAME {name}", raw.RENAME, path(old), path(new), u32(flags) if script.version >= 5 else b"")

    rename("of nothing", "nothing", "x")
    rename("onto what is there", "new", "ro")
    rename("onto itself", "new", "new")
    rename("to nowhere", "d", "no/x")
    rename("into itself", "d", "d/x")
    rename("of a file", "new", "moved")
    rename("of a directory", "e", "moved directory")
    if script.version >= 5:
        rename("over", "ro", "moved", 1)
    for name, target in (("", "made"), (" of a file", "f"), (" nowhere", "no/made")):
        script.ask(f"MKDIR{name}", raw.MKDIR, path(target), script.client.no_attrs())
    for name, target in ((" of nothing", "nothing"), (" of a file", "f"), (" of a full one", "full"), ("", "made"),
                         (" of a link", "link")):
        script.ask(f"RMDIR{name}", raw.RMDIR, path(target))
    for name, target in ((" of nothing", "nothing"), (" of a directory", "d"), (" of a link", "link"), ("", "moved")):
        script.ask(f"REMOVE{name}", raw.REMOVE, path(target))
    script.ask("SETSTAT of nothing", raw.SETSTAT, path("nothing"), script.attrs(4, u32(0o600)))
    script.ask("SETSTAT of a mode", raw.SETSTAT, path("f"), script.attrs(4, u32(0o604)))
    script.ask("SETSTAT of a size", raw.SETSTAT, path("f"), script.attrs(1, u64(3)))
    script.ask("SETSTAT of another's", raw.SETSTAT, path("closed"), script.attrs(4, u32(0o600)))
    script.ask("SETSTAT of times", raw.SETSTAT, path("d"), script.attrs(0x28, u64(1_500_000_000) * 2) if script.four
               else script.attrs(8, u32(1_500_000_000) * 2))
    script.ask("SETSTAT of an owner", raw.SETSTAT, path("f"), script.attrs(0x80, text("root") * 2) if script.four
               else script.attrs(2, u32(0) * 2))
    if script.four:
        script.ask("SETSTAT of nobody's name", raw.SETSTAT, path("f"), script.attrs(0x80, text("ghost") * 2))
    if script.version >= 3:
        script.ask("SYMLINK", raw.SYMLINK, text("f"), path("soft"))
        script.ask("SYMLINK that is there", raw.SYMLINK, text("f"), path("f"))
        script.ask("SYMLINK nowhere", raw.SYMLINK, text("f"), path("no/soft"))
    if script.version >= 6:
        script.ask("LINK", raw.LINK, path("hard"), path("f"), b"\0")
        script.ask("LINK that is there", raw.LINK, path("soft"), path("f"), b"\0")


def extending(script: Script, path: Callable[[str], bytes]) -> None:
    for name in ("posix-rename@openssh.com", "hardlink@openssh.com"):
        script.ask(f"{name} of nothing", EXTENDED, text(name), path("nothing"), path("x"))
    script.ask("hardlink@openssh.com", EXTENDED, text("hardlink@openssh.com"), path("f"), path("second"))
    script.ask("statvfs@openssh.com", EXTENDED, text("statvfs@openssh.com"), path("d"))
    script.ask("statvfs@openssh.com of nothing", EXTENDED, text("statvfs@openssh.com"), path("nothing"))
    script.ask("copy-file", EXTENDED, text("copy-file"), path("f"), path("copy"), b"\0")
    script.ask("posix-rename@openssh.com over", EXTENDED, text("posix-rename@openssh.com"), path("copy"), path("second"))
    script.ask("copy-file", EXTENDED, text("copy-file"), path("f"), path("another copy"), b"\0")
    script.ask("copy-file of nothing", EXTENDED, text("copy-file"), path("nothing"), path("x"), b"\0")
    script.ask("copy-file of a directory", EXTENDED, text("copy-file"), path("d"), path("x"), b"\0")
    for name, target in (("", "f"), (" of a directory", "d")):
        script.ask(f"check-file-name{name}", EXTENDED, text("check-file-name"), path(target), text("sha256"), u64(0) * 2, u32(0))
    script.ask("an extension of nobody", EXTENDED, text("nothing@example.com"))


PARTS = (looking, moving, changing, extending)


def inside(directory: str) -> Callable[[str], bytes]:
    return lambda name: text(f"{directory}/{name}")


def play(driver: Driver) -> None:
    for version in VERSIONS:
        with driver.cut(version=version) as client:
            script = Script(client, driver.answers)
            for part in PARTS:
                part(script, inside(f"v{version}"))


#: (lines of the C server, what is written in their place, why)
DIFFERENT: tuple[tuple[str, str, str], ...] = (
    (r"^(v[23] .*): status (?:9|11) (.*)$", r"\1: status 4 \2", "only codes that the version defines"),
    (r"^(v4 .*): status 16 ", r"\1: status 4 ", "only codes that the version defines"),
    (r"^(v2 OPEN a directory): status 3 ", r"\1: status 4 ", "OPEN of a directory is a failure that says why"),
    (r"^(v[345] OPEN a directory): status 3 .*", r"\1: status 4 File is a directory", "the same"),
    (r"^(v6 OPEN a directory): status 3 .*", r"\1: status 24 File is a directory", "the same"),
    (r"^(v2 (?:READ|WRITE) of what \w+): status 2 ", r"\1: status 3 ", "a handle that is not open for that is no missing file"),
    (r"^(v\d READ of what \w+): status 2 .+", r"\1: status 3 Handle is not open for reading", "the same"),
    (r"^(v\d WRITE of what \w+): status 2 .+", r"\1: status 3 Handle is not open for writing", "the same"),
    (r"^(v\d (?:READ 2.63|WRITE 9\d+ z): status \d+) .+", r"\1 Offset is out of range", "says which parameter"),
    (r"^(v[45] REALPATH .*) \d {}$", r"\1 5 {}", "the attributes of a REALPATH are a dummy (draft 04, 6.11)"),
)


def expected(lines: list[str]) -> list[str]:
    for pattern, replacement, _ in DIFFERENT:
        lines = [re.sub(pattern, replacement, line) for line in lines]
    return lines


def test_requests_of_every_version(keys: Path) -> None:
    theirs, ours = record(keys, "AllowOverwrite on\nSFTPExtensions +checkFile +copyFile\n", furnish, play)
    assert ours.answers == expected(theirs.answers)
    assert ours.files == theirs.files
    assert ours.logs["xferlog"] == theirs.logs["xferlog"]
