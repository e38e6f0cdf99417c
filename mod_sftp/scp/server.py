"""``scp -t`` and ``scp -f``: the other end of a client's scp, without a shell and without the scp program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mod_sftp.conf import SftpConf
from mod_sftp.log import SftpLog
from mod_sftp.scp.sink import Sink
from mod_sftp.scp.source import Source
from mod_sftp.wire.words import Word
from pyproftpd.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyproftpd.session.session import Session

#: Flags without a meaning for us: -v talks, -d is answered by the kind of the target.
KNOWN_FLAGS = frozenset("dfprtv")
#: Paths of one command line.
MAX_PATHS = 1024


@dataclass(frozen=True, slots=True)
class Arguments:
    flags: frozenset[str]
    paths: tuple[Word, ...]
    unknown: tuple[str, ...]


def arguments(words: Sequence[str]) -> Arguments:
    """The command line behind ``scp``; ``--`` ends the flags. Raises: Refused (behaviours 177)."""
    flags: set[str] = set()
    unknown: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        for letter in word[1:]:
            if letter in KNOWN_FLAGS:
                flags.add(letter)
            else:
                unknown.append(letter)
    if ("t" in flags) == ("f" in flags):
        raise Refused("scp needs one of -t and -f")
    if not rest or ("t" in flags and len(rest) > 1) or len(rest) > MAX_PATHS:
        raise Refused(f"scp with {len(rest)} paths")
    return Arguments(frozenset(flags), tuple(trimmed(path) for path in rest), tuple(unknown))


def trimmed(path: str) -> Word:
    """Without trailing slashes, but the root stays."""
    pattern = path.pattern if isinstance(path, Word) else ""
    return Word(path.rstrip("/") or ("/" if path.startswith("/") else ""), pattern.rstrip("/"))


def open_program(session: Session, channel: Any, words: Sequence[str]) -> Sink | Source:
    """``exec scp ...``, unquoted. Raises: Refused, which fails the request and nothing else."""
    for number, word in enumerate(words):
        session.trace("scp", 5, f"reqargv[{number}] = '{word}'")
    parsed = arguments(words[1:])
    if session.view is None:
        raise Refused("no file view: not logged in")
    log = session.store.get(SftpLog)
    if parsed.unknown and isinstance(log, SftpLog):
        log.line(f"ignoring unknown scp flags: {' '.join(parsed.unknown)}")
    options = session.scope.get(SftpConf).options
    session.protocol = "scp"
    kind = Sink if "t" in parsed.flags else Source
    program = kind(session, channel, session.view, parsed.flags, parsed.paths, options)
    program.start()
    return program
