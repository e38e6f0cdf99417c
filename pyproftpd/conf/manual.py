"""The manual page of the configuration: ``python -m pyproftpd.conf.manual > etc/man/proftpd.conf.5``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pyproftpd.api.directive import Status
from pyproftpd.conf import describe

_HEAD = """\
.TH PROFTPD.CONF 5 "November 2026" "pyproftpd" "File Formats"
.SH NAME
proftpd.conf \\- configuration of proftpd
.SH DESCRIPTION
A line is a directive with its words. A backslash at the end of a line joins it with the next, # begins a comment, quotes hold
words with spaces together, and
.B %{env:NAME}
stands for a variable of the environment. Sections such as
.B <Directory>
stand in angle brackets and are closed by
.BR </Directory> .
Names of directives may be written in any case.
.PP
.B proftpd \\-t
says all that is wrong with a file, each fault with its line;
.B proftpd \\-\\-explain
prints what is in force, and which line says so.
.PP
Contexts:
.B server
is the main server,
.B virtualhost
a VirtualHost section,
.B ftpaccess
a file .ftpaccess; the others are the sections of that name.
.SH DIRECTIVES"""

_FOOT = """\
.SH FILES
.TP
.I /etc/proftpd/proftpd.conf
The configuration, where
.B proftpd \\-c
names no other.
.SH SEE ALSO
.BR ftpasswd (1),
.BR ftpdctl (8),
.BR proftpd (8)"""


def page() -> Iterator[str]:
    yield _HEAD
    for keyword, module, syntax, default, contexts, _, _, doc, status in describe.directives()[1]:
        name = keyword.strip("<>")
        usage = name if syntax in ("-", "(none)") else f"{name} {syntax}"
        yield ".TP"
        yield f".B {_plain(f'<{usage}>' if keyword != name else usage)}"
        yield _plain(doc if status == Status.HONOURED.word else f"{status.capitalize()}: {doc}")
        about = f"{module}.c; contexts {contexts.replace(',', ', ')}" + (f"; default {default}" if keyword == name else "")
        yield ".br"
        yield f"({_plain(about)})"
    yield _FOOT


def _plain(text: str) -> str:
    """Nothing in it is a request or an escape of the formatter."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()) + "\n")
