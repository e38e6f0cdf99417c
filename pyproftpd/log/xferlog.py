"""The wu-ftpd transfer line, xferlog(5), byte for byte as the real server writes it for SFTP and SCP::

    Tue Nov 24 03:17:38 2026 0 127.0.0.1 3 /home/demo/a.txt b _ i r demo sftp 0 * c

time, seconds, host, bytes, path, type, special action, direction, access mode, user, service, ident method, ident user, status.
"""

from __future__ import annotations

import time
from functools import lru_cache

from pyproftpd.api.facts import LogFacts
from pyproftpd.api.transfer import TransferRecord

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def line(record: TransferRecord, facts: LogFacts, *, path: str | None = None, now: float | None = None) -> str:
    """One line without its newline. ``path`` is the file as it was asked for, where the record has the file behind a link;
    ``now`` in seconds of the wall clock, printed in local time.
    """
    when = _when(int(time.time() if now is None else now))
    anonymous = facts.identity is not None and facts.identity.anonymous
    user = facts.notes.get("mod_auth.anon-passwd", "nobody@localhost") if anonymous else facts.user
    return (f"{when} {int(record.seconds)} {facts.remote_name} {record.bytes} {field(path or record.path)} b _ "
            f"{record.direction} {'a' if anonymous else 'r'} {field(user)} {facts.protocol} 0 * "
            f"{'c' if record.complete else 'i'}")


@lru_cache(maxsize=1)
def _when(second: int) -> str:
    """Many small files end within one second."""
    at = time.localtime(second)
    return (f"{DAYS[at.tm_wday]} {MONTHS[at.tm_mon - 1]} {at.tm_mday:02d} "
            f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} {at.tm_year}")


def field(text: str) -> str:
    """White space and control characters become ``_``: the line is read by splitting at blanks."""
    if text.isprintable() and " " not in text:
        return text
    return "".join(char if (char.isprintable() and char != " ") or "\udc80" <= char <= "\udcff" else "_" for char in text)
