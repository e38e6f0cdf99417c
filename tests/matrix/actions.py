"""Every way to reach a file, one row each: the request, the Limit names and groups that must stop it, and which other rules
are about it. Written from the reference of Limit names, not from the server's tables.

A row acts on one *subject*: a name beginning with ``file.`` in the directory under the policy. Where a request has two
ends, there is a row for each; the other end is a name beginning with ``other.`` in a directory without rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.clients import rawsftp
from tests.clients.rawsftp import RawSftp, SftpStatus, text, u32, u64
from tests.matrix.road import DENIED, DONE, MISSING, Road, ScpAnswer, scp_download, scp_upload

CONTENT = b"0123456789" * 100
XATTR = "kind"


@dataclass
class Cell:
    """One request under one policy: ``here`` is the directory under the policy; ``make_there`` makes one without rules, which
    is needed where a request has two ends."""

    road: Road
    version: int
    here: Path
    make_there: Callable[[], Path]

    @cached_property
    def there(self) -> Path:
        return self.make_there()

    @property
    def sftp(self) -> RawSftp:
        return self.road.sftp(self.version)

    def path(self, name: str) -> bytes:
        return text(str(self.here / name))

    def other(self, name: str) -> bytes:
        return text(str(self.there / name))

    def ask(self, kind: int, *parts: bytes) -> str:
        return self.judge(self.sftp.ask(kind, *parts))

    def extended(self, name: str, *parts: bytes) -> str:
        return self.judge(self.sftp.extended(name, *parts))

    def judge(self, reply: rawsftp.Reply) -> str:
        if reply.kind != rawsftp.STATUS:
            return DONE
        return outcome(self.sftp.status(reply))

    def open(self, where: bytes, pflags: int, access: int, flags: int, attrs: bytes | None = None) -> bytes:
        """``pflags`` up to version 4, ``access`` and ``flags`` from 5. Raises: SftpStatus."""
        parts = [u32(access), u32(flags)] if self.version >= 5 else [u32(pflags)]
        parts.append(attrs if attrs is not None else self.sftp.no_attrs())
        return self.sftp.expect(self.sftp.ask(rawsftp.OPEN, where, *parts), rawsftp.HANDLE).text()

    def opened(self, where: bytes, pflags: int, access: int, flags: int, attrs: bytes | None = None,
               use: Callable[[bytes], str] = lambda handle: DONE) -> str:
        try:
            handle = self.open(where, pflags, access, flags, attrs)
        except SftpStatus as error:
            return outcome(error.code)
        result = use(handle)
        closed = outcome(self.sftp.close(handle))
        return result if result != DONE else closed

    def attrs(self, flag: int, value: bytes) -> bytes:
        return u32(flag) + (b"\1" if self.version >= 4 else b"") + value

    @property
    def times(self) -> bytes:
        if self.version <= 3:
            return self.attrs(0x8, u32(1000000) + u32(1000000))
        return self.attrs(0x20, u64(1000000))


def outcome(code: int) -> str:
    if code == 0:
        return DONE
    if code in (2, 10):
        return MISSING
    return DENIED if code == 3 else f"status {code}"


@dataclass(frozen=True)
class Action:
    """``entries``: the rows of the server's tables that it goes through. ``limits``: names whose denial must stop it;
    ``groups`` likewise. ``filtered``: path filters are about it. ``looks``: a hidden subject does not exist for it;
    ``replaces``: it would replace or change the content of a file. ``makes``: (name, mode before the Umask).
    """

    name: str
    entries: tuple[str, ...]
    run: Callable[[Cell], str]
    limits: frozenset[str]
    groups: frozenset[str]
    filtered: bool = True
    looks: bool = False
    replaces: bool = False
    makes: tuple[str, int] | None = None
    versions: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    #: its argument, as command filters see it, names the subject
    named: bool = True
    #: versions in which it answers for names that are not there, so for hidden ones too
    foresees: tuple[int, ...] = ()
    #: it opens, and so empties or makes, its file before the rule is asked
    opens_first: bool = False

    def when_hidden(self, version: int) -> str:
        return DONE if version in self.foresees else MISSING


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def row(name: str, entries: str, run: Callable[[Cell], str], limits: str = "", groups: str = "", **rest: object) -> Action:
    return Action(name, tuple(entries.split()), run, _words(limits), _words(groups), **rest)  # type: ignore[arg-type]


READ, WRITE, APPEND, CREATE, TRUNCATE = 1, 2, 4, 8, 16
#: access masks and dispositions of version 5 and later
READ_DATA, WRITE_DATA, APPEND_DATA = 0x1, 0x2, 0x4
CREATE_TRUNCATE, OPEN_EXISTING, OPEN_OR_CREATE, TRUNCATE_EXISTING = 1, 2, 3, 4
APPENDING = 0x8


def _write(cell: Cell) -> Callable[[bytes], str]:
    return lambda handle: outcome(cell.sftp.write(handle, 0, b"new content"))


def _read(cell: Cell) -> Callable[[bytes], str]:
    def read(handle: bytes) -> str:
        reply = cell.sftp.ask(rawsftp.READ, text(handle), u64(0), u32(100))
        if reply.kind == rawsftp.DATA:
            return DONE if reply.cursor.text() == CONTENT[:100] else "wrong content"
        return cell.judge(reply)
    return read


def _by_handle(request: Callable[[Cell, bytes], str], *, write: bool) -> Callable[[Cell], str]:
    """A request on a handle of file.dat, opened for it."""
    def run(cell: Cell) -> str:
        pflags, access = (READ | WRITE, READ_DATA | WRITE_DATA) if write else (READ, READ_DATA)
        return cell.opened(cell.path("file.dat"), pflags, access, OPEN_EXISTING, use=lambda handle: request(cell, handle))
    return run


def _readdir(cell: Cell) -> str:
    """The listing of the directory under the policy itself: is file.dat in it?"""
    try:
        names = [entry.name for entry in cell.sftp.listing(str(cell.here))]
    except SftpStatus as error:
        return outcome(error.code)
    if b"file.dat" in names:
        return DONE
    return MISSING if b"." in names else DENIED


def _rename(cell: Cell, source: bytes, target: bytes, flags: int = 0) -> str:
    return cell.ask(rawsftp.RENAME, source, target, *([u32(flags)] if cell.version >= 5 else []))


def _realpath(cell: Cell) -> str:
    return cell.ask(rawsftp.REALPATH, cell.path("file.dat"), *([b"\3"] if cell.version >= 6 else []))


def _stat(kind: int) -> Callable[[Cell], str]:
    return lambda cell: cell.ask(kind, cell.path("file.dat"), *([u32(0xFFFFFFFF)] if cell.version >= 4 else []))


def _check_handle(name: str) -> Callable[[Cell, bytes], str]:
    return lambda cell, handle: cell.extended(name, text(handle), text("sha256"), u64(0), u64(0), u32(0))


def _copy_data(source: str, target: str) -> Callable[[Cell], str]:
    def run(cell: Cell) -> str:
        from_, to = ((cell.path if name.startswith("file.") else cell.other)(name) for name in (source, target))

        def copy(handle: bytes) -> str:
            return cell.opened(to, WRITE | CREATE | TRUNCATE, WRITE_DATA, CREATE_TRUNCATE, use=lambda second: cell.extended(
                "copy-data", text(handle), u64(0), u64(0), text(second), u64(0)))
        return cell.opened(from_, READ, READ_DATA, OPEN_EXISTING, use=copy)
    return run


def _scp(answer: ScpAnswer) -> str:
    return answer.outcome


FILE_RECORD = b"C0664 11 %s\n"
NEW = b"new content\0"
#: extensions are tried in an old and in the newest version
ONCE = (3, 6)

ACTIONS: tuple[Action, ...] = (
    row("open for reading", "OPEN READ CLOSE", lambda c: c.opened(
        c.path("file.dat"), READ, READ_DATA, OPEN_EXISTING, use=_read(c)), "RETR", "READ"),
    row("read a file opened for both", "OPEN READ CLOSE", lambda c: c.opened(
        c.path("file.dat"), READ | WRITE, READ_DATA | WRITE_DATA, OPEN_EXISTING, use=_read(c)), "RETR STOR", "READ WRITE",
        replaces=True),
    row("open a new file", "OPEN WRITE CLOSE", lambda c: c.opened(
        c.path("file.new"), WRITE | CREATE | TRUNCATE, WRITE_DATA, CREATE_TRUNCATE, use=_write(c)), "STOR", "WRITE",
        makes=("file.new", 0o666)),
    row("open a new file with a mode", "OPEN", lambda c: c.opened(
        c.path("file.new"), WRITE | CREATE | TRUNCATE, WRITE_DATA, CREATE_TRUNCATE, c.attrs(4, u32(0o640))),
        "STOR SITE_CHMOD", "WRITE"),
    row("open and empty", "OPEN WRITE CLOSE", lambda c: c.opened(
        c.path("file.dat"), WRITE | TRUNCATE, WRITE_DATA, TRUNCATE_EXISTING, use=_write(c)), "STOR", "WRITE", replaces=True),
    row("open and write into", "OPEN WRITE CLOSE", lambda c: c.opened(
        c.path("file.dat"), WRITE, WRITE_DATA, OPEN_EXISTING, use=_write(c)), "STOR", "WRITE", replaces=True),
    row("open to append", "OPEN WRITE CLOSE", lambda c: c.opened(
        c.path("file.dat"), WRITE | APPEND, APPEND_DATA | WRITE_DATA, OPEN_EXISTING | APPENDING, use=_write(c)), "APPE STOR",
        "WRITE"),
    row("stat", "STAT", _stat(rawsftp.STAT), "STAT", "READ", filtered=False, looks=True),
    row("lstat", "LSTAT", _stat(rawsftp.LSTAT), "LSTAT", filtered=False, looks=True),
    row("fstat", "FSTAT", _by_handle(lambda c, handle: c.ask(
        rawsftp.FSTAT, text(handle), *([u32(0xFFFFFFFF)] if c.version >= 4 else [])), write=False), "FSTAT RETR", "READ"),
    row("set times", "SETSTAT", lambda c: c.ask(rawsftp.SETSTAT, c.path("file.dat"), c.times), "SETSTAT", "WRITE"),
    row("set mode", "SETSTAT", lambda c: c.ask(rawsftp.SETSTAT, c.path("file.dat"), c.attrs(4, u32(0o600))),
        "SETSTAT SITE_CHMOD", "WRITE"),
    row("set size", "SETSTAT", lambda c: c.ask(rawsftp.SETSTAT, c.path("file.dat"), c.attrs(1, u64(3))), "SETSTAT", "WRITE",
        replaces=True),
    row("set mode by handle", "FSETSTAT", _by_handle(lambda c, handle: c.ask(
        rawsftp.FSETSTAT, text(handle), c.attrs(4, u32(0o600))), write=False), "FSETSTAT SETSTAT SITE_CHMOD RETR", "WRITE READ"),
    row("set size by handle", "FSETSTAT", _by_handle(lambda c, handle: c.ask(
        rawsftp.FSETSTAT, text(handle), c.attrs(1, u64(3))), write=True), "FSETSTAT SETSTAT STOR", "WRITE", replaces=True),
    row("open a directory", "OPENDIR", lambda c: c.ask(rawsftp.OPENDIR, c.path("file.sub")), "OPENDIR", "DIRS",
        filtered=False, looks=True),
    row("list", "READDIR", _readdir, "OPENDIR READDIR LIST NLST", "DIRS", filtered=False, looks=True, named=False),
    row("remove", "REMOVE", lambda c: c.ask(rawsftp.REMOVE, c.path("file.dat")), "DELE", "WRITE"),
    row("make a directory", "MKDIR", lambda c: c.ask(
        rawsftp.MKDIR, c.path("file.new"), c.sftp.no_attrs()), "MKD XMKD", "WRITE", makes=("file.new", 0o777)),
    row("remove a directory", "RMDIR", lambda c: c.ask(rawsftp.RMDIR, c.path("file.sub")), "RMD XRMD", "WRITE"),
    row("realpath", "REALPATH", _realpath, "REALPATH", "DIRS", filtered=False, looks=True,
        foresees=(1, 2, 3, 4, 5)),
    row("rename from here", "RENAME", lambda c: _rename(c, c.path("file.dat"), c.other("other.new")), "RNFR", "DIRS",
        versions=(2, 3, 4, 5, 6)),
    row("rename to here", "RENAME", lambda c: _rename(c, c.other("other.dat"), c.path("file.new")), "RNTO", "WRITE",
        versions=(2, 3, 4, 5, 6)),
    row("rename over", "RENAME", lambda c: _rename(c, c.other("other.dat"), c.path("file.dat"), 1), "RNTO", "WRITE",
        replaces=True, versions=(5, 6)),
    row("readlink", "READLINK", lambda c: c.ask(rawsftp.READLINK, c.path("file.link")), "READLINK", "READ", filtered=False,
        looks=True, versions=(3, 4, 5, 6)),
    row("make a link here", "SYMLINK", lambda c: c.ask(rawsftp.SYMLINK, c.other("other.dat"), c.path("file.new")), "SYMLINK",
        "WRITE", versions=(3, 4, 5, 6)),
    row("link to here", "SYMLINK", lambda c: c.ask(rawsftp.SYMLINK, c.path("file.dat"), c.other("other.new")), "SYMLINK",
        "READ", versions=(3, 4, 5, 6)),
    row("LINK here, symbolic", "LINK", lambda c: c.ask(rawsftp.LINK, c.path("file.new"), c.other("other.dat"), b"\1"),
        "LINK SYMLINK", "WRITE", versions=(6,)),
    row("LINK to here, symbolic", "LINK", lambda c: c.ask(rawsftp.LINK, c.other("other.new"), c.path("file.dat"), b"\1"),
        "LINK SYMLINK", "READ", versions=(6,)),
    row("LINK here, hard", "LINK", lambda c: c.ask(rawsftp.LINK, c.path("file.new"), c.other("other.dat"), b"\0"),
        "LINK SYMLINK", "WRITE", versions=(6,)),
    row("LINK to here, hard", "LINK", lambda c: c.ask(rawsftp.LINK, c.other("other.new"), c.path("file.dat"), b"\0"),
        "LINK SYMLINK RETR", "READ DIRS", versions=(6,)),
    row("lock", "LOCK", _by_handle(lambda c, handle: c.ask(
        rawsftp.BLOCK, text(handle), u64(0), u64(10), u32(0x40)), write=False), "LOCK RETR", "WRITE READ", versions=(6,)),
    row("unlock", "UNLOCK", _by_handle(lambda c, handle: c.ask(rawsftp.UNBLOCK, text(handle), u64(0), u64(10)), write=False),
        "LOCK RETR", "WRITE READ", versions=(6,)),
    # Extensions.
    row("check-file by name", "check-file-name", lambda c: c.extended(
        "check-file-name", c.path("file.dat"), text("sha256"), u64(0), u64(0), u32(0)), "SITE_DIGEST RETR", "READ", looks=True,
        versions=ONCE),
    row("check-file by handle", "check-file-handle", _by_handle(_check_handle("check-file-handle"), write=False),
        "SITE_DIGEST RETR", "READ", versions=ONCE),
    row("check-file of draft 9", "check-file", _by_handle(_check_handle("check-file"), write=False), "SITE_DIGEST RETR",
        "READ", versions=ONCE),
    row("copy from here", "copy-file", lambda c: c.extended(
        "copy-file", c.path("file.dat"), c.other("other.new"), b"\0"), "SITE_COPY COPY RETR", "READ", versions=ONCE),
    row("copy to here", "copy-file", lambda c: c.extended("copy-file", c.other("other.dat"), c.path("file.new"), b"\0"),
        "SITE_COPY COPY STOR", "WRITE", makes=("file.new", 0o666), versions=ONCE),
    row("copy over", "copy-file", lambda c: c.extended("copy-file", c.other("other.dat"), c.path("file.dat"), b"\1"),
        "SITE_COPY COPY STOR", "WRITE", replaces=True, versions=ONCE),
    row("copy data from here", "copy-data", _copy_data("file.dat", "other.new"), "RETR", "READ", versions=ONCE),
    row("copy data to here", "copy-data", _copy_data("other.dat", "file.new"), "STOR SITE_COPY COPY", "WRITE",
        makes=("file.new", 0o666), opens_first=True, versions=ONCE),
    row("copy data over", "copy-data", _copy_data("other.dat", "file.dat"), "STOR SITE_COPY COPY", "WRITE", replaces=True,
        opens_first=True, versions=ONCE),
    row("posix-rename from here", "posix-rename@openssh.com", lambda c: c.extended(
        "posix-rename@openssh.com", c.path("file.dat"), c.other("other.new")), "RNFR", "DIRS", versions=ONCE),
    row("posix-rename to here", "posix-rename@openssh.com", lambda c: c.extended(
        "posix-rename@openssh.com", c.other("other.dat"), c.path("file.new")), "RNTO", "WRITE", versions=ONCE),
    row("posix-rename over", "posix-rename@openssh.com", lambda c: c.extended(
        "posix-rename@openssh.com", c.other("other.dat"), c.path("file.dat")), "RNTO", "WRITE", replaces=True, versions=ONCE),
    row("hardlink here", "hardlink@openssh.com", lambda c: c.extended(
        "hardlink@openssh.com", c.other("other.dat"), c.path("file.new")), "HARDLINK LINK", "WRITE", versions=ONCE),
    row("hardlink to here", "hardlink@openssh.com", lambda c: c.extended(
        "hardlink@openssh.com", c.path("file.dat"), c.other("other.new")), "HARDLINK LINK RETR", "READ DIRS", versions=ONCE),
    row("fsync", "fsync@openssh.com", _by_handle(lambda c, handle: c.extended("fsync@openssh.com", text(handle)), write=False),
        "RETR", "READ", versions=ONCE),
    row("statvfs", "statvfs@openssh.com", lambda c: c.extended("statvfs@openssh.com", c.path("file.dat")), "STAT", "READ",
        filtered=False, looks=True, versions=ONCE),
    row("fstatvfs", "fstatvfs@openssh.com", _by_handle(lambda c, handle: c.extended(
        "fstatvfs@openssh.com", text(handle)), write=False), "RETR", "READ", versions=ONCE),
    row("space-available", "space-available", lambda c: c.extended("space-available", c.path("file.dat")), "STAT", "READ",
        filtered=False, looks=True, versions=ONCE),
    row("lsetstat", "lsetstat@openssh.com", lambda c: c.extended("lsetstat@openssh.com", c.path("file.link"), c.times),
        "LSETSTAT SETSTAT", "WRITE", versions=ONCE),
    row("expand-path", "expand-path@openssh.com", lambda c: c.extended("expand-path@openssh.com", c.path("file.dat")),
        "REALPATH", "DIRS", filtered=False, looks=True, foresees=ONCE, versions=ONCE),
    row("getxattr", "getxattr@proftpd.org", lambda c: c.extended(
        "getxattr@proftpd.org", c.path("file.dat"), text(XATTR), u32(0)), "GETXATTR STAT", "READ", looks=True, versions=ONCE),
    row("fgetxattr", "fgetxattr@proftpd.org", _by_handle(lambda c, handle: c.extended(
        "fgetxattr@proftpd.org", text(handle), text(XATTR), u32(0)), write=False), "FGETXATTR STAT RETR", "READ", versions=ONCE),
    row("listxattr", "listxattr@proftpd.org", lambda c: c.extended("listxattr@proftpd.org", c.path("file.dat"), u32(0)),
        "LISTXATTR STAT", "READ", looks=True, versions=ONCE),
    row("flistxattr", "flistxattr@proftpd.org", _by_handle(lambda c, handle: c.extended(
        "flistxattr@proftpd.org", text(handle), u32(0)), write=False), "FLISTXATTR STAT RETR", "READ", versions=ONCE),
    row("setxattr", "setxattr@proftpd.org", lambda c: c.extended(
        "setxattr@proftpd.org", c.path("file.dat"), text("new"), text("value"), u32(0)), "SETXATTR SETSTAT", "WRITE",
        versions=ONCE),
    row("fsetxattr", "fsetxattr@proftpd.org", _by_handle(lambda c, handle: c.extended(
        "fsetxattr@proftpd.org", text(handle), text("new"), text("value"), u32(0)), write=False), "FSETXATTR SETSTAT RETR",
        "WRITE READ", versions=ONCE),
    row("removexattr", "removexattr@proftpd.org", lambda c: c.extended(
        "removexattr@proftpd.org", c.path("file.dat"), text(XATTR)), "REMOVEXATTR SETSTAT", "WRITE", versions=ONCE),
    row("fremovexattr", "fremovexattr@proftpd.org", _by_handle(lambda c, handle: c.extended(
        "fremovexattr@proftpd.org", text(handle), text(XATTR)), write=False), "FREMOVEXATTR SETSTAT RETR", "WRITE READ",
        versions=ONCE),
    # SCP, on the road of version 3.
    row("scp a new file", "exec:scp Times File Data Status", lambda c: _scp(scp_upload(
        c.road, str(c.here / "file.new"), FILE_RECORD % b"x", NEW)), "STOR", "WRITE", makes=("file.new", 0o664), versions=(3,)),
    row("scp over", "exec:scp File Data Status", lambda c: _scp(scp_upload(
        c.road, str(c.here / "file.dat"), FILE_RECORD % b"x", NEW)), "STOR", "WRITE", replaces=True, versions=(3,)),
    row("scp into the directory", "exec:scp File Data Status", lambda c: _scp(scp_upload(
        c.road, str(c.here), FILE_RECORD % b"file.new", NEW)), "STOR", "WRITE", versions=(3,)),
    row("scp a directory", "exec:scp Directory Leave", lambda c: _scp(scp_upload(
        c.road, str(c.here), b"D0775 0 file.new\n", b"E\n", flags="-r ")), "MKD XMKD", "WRITE", makes=("file.new", 0o775),
        versions=(3,)),
    row("scp from here", "exec:scp Status", lambda c: _scp(scp_download(c.road, str(c.here / "file.dat"))), "RETR",
        "READ", looks=True, versions=(3,)),
    row("scp a tree from here", "exec:scp Status", lambda c: _scp(scp_download(c.road, str(c.here / "file.full"), "-r ")),
        "RETR OPENDIR", "READ DIRS", filtered=False, looks=True, versions=(3,)),
)

#: rows of the server's tables that are about no path, with the reason
WITHOUT_PATH = {
    "version-select": "chooses a version", "vendor-id": "a line in the log", "home-directory": "the session's own home, as text",
    "limits@openssh.com": "numbers of the configuration", "users-groups-by-id@openssh.com": "names of ids",
    "subsystem:sftp": "the SFTP requests themselves", "exec:date": "the time of day",
}
