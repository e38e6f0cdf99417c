"""What the clients do: one script each for the ways that files are stored, fetched, changed, listed and refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.clients.rawsftp import CREAT, READ_FLAG, TRUNC, WRITE_FLAG

if TYPE_CHECKING:
    from tests.parity.twins import Driver
    from tests.servers import Site

#: group of the account that the scripts give files to
TEAM = 63100


def furnish(site: Site) -> None:
    """The files that every script finds: some to read, some to change, directories with settings of their own."""
    home, account = site.accounts["demo"].home, site.accounts["demo"]
    site.groups["team"] = (TEAM, ("demo",))
    site.add_account("keeper")
    for name in ("d", "umask", "keep", "hidden", "owned", "sgid", "full", "sub"):
        (home / name).mkdir()
    for name, text in (("one", "1"), ("two", "22"), ("part", "0123"), ("keep/one", "1"), ("full/one", "1"), ("sub/in", "in")):
        (home / name).write_text(text)
    (home / "link").symlink_to("one")
    os.mkfifo(home / "d" / "fifo")
    for path in (home, *home.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    os.chown(home / "sgid", account.uid, TEAM)
    (home / "sgid").chmod(0o2775)
    for path in home.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1_400_000_000, 1_400_000_000))


@dataclass(frozen=True)
class Script:
    """``run`` drives the clients of a server with ``configuration``."""

    name: str
    run: Callable[[Driver], None]
    configuration: str = "AllowOverwrite on\n"
    prepare: Callable[[Site], None] = furnish


def _transfers(drive: Driver) -> None:
    drive.sftp("put three new\nput three link\nget link got\nput ten new\nput -p three kept\nreput ten part\nget one got\n"
               "get -p two got\n-reget two got\n-get missing got\n-put missing x\n-get d got\n-put three missing/x\n"
               "-put three d\nget -r sub got-sub\n-get /etc/shadow got\n-put three /etc/three\nput three 'a b\tc'\n")


def _changes(drive: Driver) -> None:
    drive.sftp("rename one uno\n-rename missing x\n-rename uno two\nrename sub moved\n-rename two d\n"
               "mkdir made\n-rmdir d\nrmdir made\n-rmdir missing\n-rmdir two\nrm two\n-rm missing\n-rm d\nrm link\n")
    drive.sftp("chmod 640 part\n-chmod 600 missing\nchmod 2750 d\n-chown 0 part\n-chown -h 0 part\n-chgrp 0 part\n"
               f"chgrp {TEAM} part\nchmod 600 keep/*\nln part hard\n-ln missing hard2\n-ln part hard\n-ln -s part soft\n"
               "ln -s missing dangling\n-ln -s x soft\nls -l soft\n-mkdir /etc/x\n-rm /etc/passwd\n-chmod 777 /etc/passwd\n")


def _listings(drive: Driver) -> None:
    drive.sftp("ls\nls -l\nls -la d\nls -1 sub/*\n-ls missing\nls -n one\npwd\ncd sub\npwd\nls\n-cd missing\n-cd in\ncd /\npwd\n")


def _scp(drive: Driver) -> None:
    for words in (("three", "HOST:up"), ("-p", "three", "HOST:kept"), ("three", "ten", "HOST:d"), ("three", "HOST:missing/"),
                  ("HOST:one", "got"), ("-p", "HOST:two", "got"), ("HOST:missing", "got"), ("HOST:d", "got"),
                  ("-r", "HOST:sub", "got-sub"), ("HOST:/etc/shadow", "got"), ("three", "HOST:/etc/three"),
                  ("HOST:keep/*", "got")):
        drive.scp(*words)


def _psftp(drive: Driver) -> None:
    drive.psftp("put three new\nreput ten part\nget one got\nmv one uno\nmkdir made\nrmdir made\nrm two\nchmod 600 part\n"
                "get missing got\ncd sub\npwd\ndel missing\nrmdir missing\n")


def _cut(drive: Driver) -> None:
    home = str(drive.home)
    with drive.cut() as raw:
        raw.write(raw.open(f"{home}/half", WRITE_FLAG | CREAT | TRUNC), 0, b"abcde")
    with drive.cut() as raw:
        raw.read(raw.open(f"{home}/part", READ_FLAG), 0, 2)
    with drive.cut() as raw:
        raw.write(raw.open(f"{home}/hidden/half", WRITE_FLAG | CREAT | TRUNC), 0, b"abcde")


PLACES = """\
AllowOverwrite on
<Directory ~/umask>
  Umask 027 007
</Directory>
<Directory ~/keep>
  AllowOverwrite off
</Directory>
<Directory ~/hidden>
  HiddenStores on
</Directory>
<Directory ~/owned>
  GroupOwner team
</Directory>
"""


def _places(drive: Driver) -> None:
    drive.sftp("put three umask/x\nmkdir umask/d\n-put three keep/one\nput three keep/new\n-reput ten keep/one\n"
               "put three hidden/x\nput ten hidden/x\nput three owned/x\nmkdir owned/d\n"
               "put three sgid/x\nmkdir sgid/d\nls -l keep\n")
    drive.scp("three", "HOST:umask/y")
    drive.scp("three", "HOST:keep/one")
    drive.scp("ten", "HOST:hidden/y")


def _jail(drive: Driver) -> None:
    drive.sftp("pwd\nput three new\nput three sub/new\nget one got\nrename one uno\nls -l /\nrm two\nmkdir made\nrmdir made\n"
               "-get /etc/passwd got\n-get ../../../etc/passwd got\nln -s /sub/in inner\nget inner got\nls -l inner\n")
    drive.scp("three", "HOST:/scp")
    drive.scp("HOST:scp", "got")


def _owner(drive: Driver) -> None:
    drive.sftp("put three new\nput three one\nmkdir made\n")


LIMITED = ("d", "umask", "keep", "hidden", "owned", "sgid", "full", "sub")


def furnish_limited(site: Site) -> None:
    """In each directory one name for each command, so that none asks for what is not there."""
    furnish(site)
    account = site.accounts["demo"]
    for place in LIMITED:
        for name in ("read", "old", "mode", "gone"):
            (account.home / place / name).write_text(name)
        (account.home / place / "empty").mkdir()
        for name in ("read", "old", "mode", "gone", "empty"):
            os.chown(account.home / place / name, account.uid, account.gid)


def limited(*names: str) -> str:
    return "AllowOverwrite on\n" + "".join(
        f"<Directory ~/{place}>\n  <Limit {name}>\n    DenyAll\n  </Limit>\n</Directory>\n"
        for place, name in zip(LIMITED, names, strict=False))


def _limits(drive: Driver) -> None:
    for place in LIMITED:
        drive.sftp(f"-put three {place}/new\n-get {place}/read got\n-mkdir {place}/made\n-rmdir {place}/empty\n-ls -1 {place}\n"
                   f"-rename {place}/old {place}/name\n-chmod 600 {place}/mode\n-ln -s x {place}/link\n-rm {place}/gone\n")


def _logins(drive: Driver) -> None:
    drive.sftp("pwd\n", password="wrong")
    drive.sftp("pwd\n", user="ghost")
    drive.sftp("pwd\n")


SCRIPTS = (
    Script("transfers", _transfers),
    Script("changes", _changes),
    Script("listings", _listings),
    Script("scp", _scp),
    Script("psftp", _psftp),
    Script("cut", _cut, "AllowOverwrite on\n<Directory ~/hidden>\n  HiddenStores on\n</Directory>\n"),
    Script("places", _places, PLACES),
    Script("jail", _jail, "AllowOverwrite on\nDefaultRoot ~\n"),
    Script("owner", _owner, "AllowOverwrite on\n<Directory ~>\n  UserOwner keeper\n  GroupOwner team\n</Directory>\n"),
    Script("limits", _limits, limited("STOR", "RETR", "MKD", "DELE", "OPENDIR", "WRITE", "ALL", "RNFR"),
           furnish_limited),
    Script("logins", _logins),
)
