"""What would become of each command on one path, for ``proftpd --explain``: asked of the same function as a session asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from pyproftpd.api.auth import Identity
from pyproftpd.api.facts import BindFacts
from pyproftpd.errors import Refused
from pyproftpd.unix.users import Names, NameSource
from pyproftpd.vfs import replace
from pyproftpd.vfs.access import Access, Decision, Subject
from pyproftpd.vfs.conf import AccessConf
from pyproftpd.vfs.opening import Rules, readable, writable
from pyproftpd.vfs.resolve import VPath, locate
from pyproftpd.wire import vpath

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope


class Asked(NamedTuple):
    """A command as policy is asked about it; the flags are those of ``Access.decide``."""

    name: str
    limits: tuple[str, ...]
    group: str = ""
    filters: bool = True
    looks: bool = False
    #: asked last, of what stands there; raises ``Refused``
    further: Callable[[Decision, os.stat_result | None], None] = lambda decision, info: None


def _retrieve(decision: Decision, info: os.stat_result | None) -> None:
    if info is not None:
        readable(Rules(decision.scope), info)


def _store(decision: Decision, info: os.stat_result | None) -> None:
    writable(Rules(decision.scope), "", info, truncate=True, append=False)


def _append(decision: Decision, info: os.stat_result | None) -> None:
    writable(Rules(decision.scope), "", info, truncate=False, append=True)


def _replace(decision: Decision, info: os.stat_result | None) -> None:
    if info is not None:
        replace.ask(decision.scope.get(AccessConf))


COMMANDS = (
    Asked("RETR", ("RETR",), "READ", further=_retrieve), Asked("STOR", ("STOR",), "WRITE", further=_store),
    Asked("APPE", ("APPE", "STOR"), "WRITE", further=_append), Asked("DELE", ("DELE",), "WRITE"),
    Asked("MKD", ("MKD", "XMKD"), "WRITE"), Asked("RMD", ("RMD", "XRMD"), "WRITE"), Asked("RNFR", ("RNFR",), "DIRS"),
    Asked("RNTO", ("RNTO",), "WRITE", further=_replace), Asked("OPENDIR", ("OPENDIR",), "DIRS", filters=False, looks=True),
    Asked("READDIR", ("READDIR", "LIST", "NLST"), "DIRS", filters=False, looks=True),
    Asked("REALPATH", ("REALPATH",), "DIRS", filters=False, looks=True),
    Asked("STAT", ("STAT",), "READ", filters=False, looks=True), Asked("LSTAT", ("LSTAT",), filters=False, looks=True),
    Asked("SETSTAT", ("SETSTAT",), "WRITE"), Asked("SITE_CHMOD", ("SITE_CHMOD",), "WRITE"),
    Asked("SITE_CHGRP", ("SITE_CHGRP",), "WRITE"), Asked("SYMLINK", ("SYMLINK",), "WRITE"),
    Asked("READLINK", ("READLINK",), "READ", filters=False, looks=True), Asked("HARDLINK", ("HARDLINK", "LINK"), "WRITE"),
    Asked("SITE_COPY", ("SITE_COPY", "COPY", "STOR"), "WRITE", further=_replace),
    Asked("SITE_DIGEST", ("SITE_DIGEST",), "READ", looks=True),
    Asked("LOCK", ("LOCK",), "WRITE"),
)


def lines(scope: Scope, identity: Identity, facts: BindFacts, people: NameSource, path: str, command: str = "") -> Iterator[str]:
    """``path`` absolute and as the kernel knows it; ``command`` one of them, or one that only a Limit names."""
    faults: list[str] = []
    access = Access(identity=identity, scope=scope, facts=facts, names=Names(people), chroot="", warn=faults.append)
    subject = _subject(path)
    wanted = command.upper()
    rows = [row for row in COMMANDS if wanted in ("", row.name)] or [Asked(wanted, (wanted,))]
    for row in rows:
        decision = access.decide(row.limits, row.group, subject, filters=row.filters, looks=row.looks)
        if not decision.allowed:
            yield f"{row.name}: refused by {decision.reason}" + (", as if it did not exist" if decision.hidden else "")
            continue
        try:
            row.further(decision, subject.info)
            yield f"{row.name}: allowed"
        except Refused as refusal:
            yield f"{row.name}: refused by {refusal.rule}"
        except OSError as error:
            yield f"{row.name}: fails: {error.strerror}"
    yield from (f"warning: {fault}" for fault in faults)


def _subject(path: str) -> Subject:
    """What stands there, links resolved; a path that cannot be walked is judged as it is written."""
    virtual = vpath.absolute(path, "/", "/")
    try:
        with locate(virtual, follow=True) as place:
            return Subject(place.path, place.info, path)
    except OSError:
        return Subject(VPath(virtual, virtual, virtual), None, os.path.normpath(path))
