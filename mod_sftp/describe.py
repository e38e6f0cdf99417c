"""The tables of mod_sftp for ``proftpd --describe``: algorithms, and the words of its directives."""

from __future__ import annotations

from mod_sftp import words
from mod_sftp.crypto import names
from pyproftpd.api.module import Table

WORDS_HEADER = ("group", "name", "value", "default", "note")

#: names that stand in the same lists of the protocol without being algorithms (RFC 8308; OpenSSH's PROTOCOL)
MARKERS: tuple[tuple[str, ...], ...] = tuple((kind, name, "yes", "1", "yes", "no") for kind, name in (
    ("kex-pseudo", "ext-info-s"), ("kex-pseudo", "kex-strict-s-v00@openssh.com"),
    ("extinfo", "publickey-hostbound@openssh.com"), ("extinfo", "ping@openssh.com"),
    ("global-request", "hostkeys-00@openssh.com"), ("global-request", "hostkeys-prove-00@openssh.com")))


def algorithms() -> Table:
    """Every algorithm, in the order offered; what the installed library lacks is left out of an offer, not of this."""
    header = ("kind", "name", "default_offered", "modern", "fips_usable", "weak")
    yes = ("no", "yes")
    return header, [*(
        (kind, row.name, yes[row.default], str(row.modern or "-"), yes[row.fips], yes[row.weak])
        for kind, rows in names.KINDS.items() for row in rows), *MARKERS]


def sftp() -> Table:
    return WORDS_HEADER, [(group, *row) for group, rows in words.TABLES for row in rows]
