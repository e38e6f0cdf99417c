"""Where ours is not to be like a C proftpd 1.3.8, each with the reason. Everything else must be equal.

A :class:`Line` rewrites or drops lines of one server before the comparison; a :class:`Fields` leaves variables of some
commands out of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import Pattern

THEIRS, OURS = "theirs", "ours"


@dataclass(frozen=True)
class Line:
    """``replacement`` None drops the line. ``scripts`` empty: in all of them."""

    side: str
    record: str
    pattern: Pattern[str]
    replacement: str | None
    reason: str
    scripts: tuple[str, ...] = ()


def line(side: str, record: str, pattern: str, replacement: str | None, reason: str, *scripts: str) -> Line:
    return Line(side, record, re.compile(pattern), replacement, reason, scripts)


def both(record: str, pattern: str, reason: str, *scripts: str) -> tuple[Line, Line]:
    """Lines that neither has to have."""
    return line(THEIRS, record, pattern, None, reason, *scripts), line(OURS, record, pattern, None, reason, *scripts)


@dataclass(frozen=True)
class Fields:
    """Variables, by the names they have in the record, that are not compared for the commands that match."""

    commands: Pattern[str]
    names: frozenset[str]
    reason: str
    scripts: tuple[str, ...] = ()


def fields(commands: str, names: str, reason: str, *scripts: str) -> Fields:
    return Fields(re.compile(commands), frozenset(names.split()), reason, scripts)


LINES = (
    # what clients are told
    line(THEIRS, "answers", "^Server does not support lsetstat", None, "lsetstat@openssh.com: 1.3.8 has it not"),
    line(OURS, "answers", "^remote lsetstat ", None, "lsetstat@openssh.com: 1.3.8 has it not"),
    line(THEIRS, "answers", "^realpath .*: No such file$", "stat remote: No such file or directory",
         "REALPATH of a name that is about to be made is answered, as by OpenSSH's server"),
    line(OURS, "answers", "^scp: (.*)$", r"\1", "SCP errors begin with 'scp: ', as those of OpenSSH's scp"),
    line(THEIRS, "answers", "^d: Operation not permitted$", "d: not a regular file",
         "scp of a directory without -r: the words of OpenSSH's scp"),
    # what is on disk
    line(THEIRS, "files", "^-rw-r--r-- (.*) umask/y ", r"-rw-r----- \1 umask/y ",
         "Umask holds for SCP uploads without -p, as with OpenSSH's scp", "places"),
    # the transfer log
    # the system log
    *both("stderr", "STARTUP$|SHUTDOWN$|killed \\(signal 15\\)$", "names of releases"),
    line(THEIRS, "stderr", "Login successful$", None, "said a second time, with a full stop"),
    line(THEIRS, "stderr", "::ffff:127", "127", "an IPv4 address is written as one"),
    # the SSH log
    line(THEIRS, "sftp.log", "::ffff:127", "127", "an IPv4 address is written as one"),
    *both("sftp.log", "^ \\+ Session key exchange: ", "clients that are not held to one method agree with ours on a newer one"),
    # ExtendedLog
    line(OURS, "variables", "^m=EXTENDED\\|J=lsetstat", None, "lsetstat@openssh.com: 1.3.8 has it not"),
    *both("variables", "^m=STAT\\|J=\\S*/(link|soft|inner)\\|", "LSTAT describes a link, so a client asks for its target too"),
    line(OURS, "variables", "^m=STAT\\|J=\\S*/sub/missing\\|", None, "REALPATH of a name that is about to be made is answered"),
    *both("variables", "^m=REALPATH", "asked again and again where it failed", "psftp"),
    *both("variables", "^m=CHANNEL_CLOSE", "psftp does not always wait to send it", "psftp"),
    *both("variables", "^m=RNFR", "in the order of commands, refused or not", "limits"),
    line(OURS, "variables", "^m=MLSD\\|J=\\S*/owned\\|", None, "a listing that OPENDIR refuses was asked for", "limits"),
    line(THEIRS, "variables", "^m=RETR\\|J=d\\|", None, "a directory that scp is asked for without -r is no download", "scp"),
    line(OURS, "variables", r"\\011", "\t", "control characters cannot forge a line"),
    line(THEIRS, "variables", "\\|L=::ffff:", "|L=", "an IPv4 address is written as one"),
    line(THEIRS, "events", "\\|L=::ffff:", "|L=", "an IPv4 address is written as one"),
)

NO_FILE = ("LSTAT|STAT|FSTAT|SETSTAT|FSETSTAT|OPEN|OPENDIR|READDIR|REALPATH|READLINK|SYMLINK|LINK|HARDLINK|REMOVE|RENAME|"
           "MKDIR|RMDIR|CLOSE|EXTENDED|EXIT")
TRANSFERS = "STOR|APPE|RETR"

#: matched with the command, the code of its reply and the protocol, ``STOR 226 sftp``
FIELDS = (
    fields(f"({NO_FILE}) .*", "f F basename", "every request that has a path says so; the C server has one for transfers only"),
    fields("MLSD .*", "f F basename transfer-failure", "a listing has a path, and no failure when it succeeded"),
    fields("MLSD .*", "D", "a directory's path has no slash behind it", "jail"),
    fields("(MKD|MKDIR|RMD|SYMLINK|EXTENDED|OPEN) .*", "s S",
           "these say how they ended; the C server says nothing, or 257 for MKDIR"),
    fields("REALPATH .*", "s S", "REALPATH of a name that is about to be made is answered"),
    fields(f"({TRANSFERS}) .*", "J r mod_xfer.store-path mod_xfer.retr-path",
           "the name as the client gave it, absolute in SFTP; the C server resolves links in SFTP but not in SCP"),
    fields("FSETSTAT .*", "J", "the argument is the handle, as in the full command; the C server says the path here"),
    fields(f"({TRANSFERS}) ((451|550|-) sftp|.* scp)", "s S b f F E basename transfer-failure transfer-status file-size",
           "a transfer that failed says so with its path; the C server says it without, and in SCP says nothing or success"),
    fields(f"({TRANSFERS}|READ) .*", "file-offset", "where a resumed transfer began; the C server has lost it by then"),
    fields("(DELE|FSTAT|EXIT) .*", "b", "bytes of what was deleted or moved by this very command"),
    fields("(CHANNEL_\\w+|EXIT) .*", "protocol", "several programs may run on one connection: the rest is ssh2"),
    fields("(USERAUTH_REQUEST|EXIT) .*", "U", "the name that was tried is not forgotten after a refusal", "logins"),
    fields("(DELE|RNTO) 550 .*", "S b", "the reason in the words of its status, and behind RNTO that", "limits"),
    fields("(STOR|OPEN|CLOSE) .*", "file-modified mod_xfer.file-modified",
           "an upload behind HiddenStores that replaces a file says so, one that is refused does not", "places"),
)
