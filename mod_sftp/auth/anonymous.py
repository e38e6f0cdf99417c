"""<Anonymous> sections that nobody can log in to over SFTP: said at start, with the line, and never a reason not to start.

Different on purpose: the real server ignores such sections altogether with one warning; here they work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mod_sftp.auth.chains import parse
from mod_sftp.conf import SftpConf
from pyproftpd.session.conf import LoginConf, ServerConf

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope


def remarks(server: Scope) -> tuple[str, ...]:
    """Lines for the server log, one for each thing that cannot work."""
    return tuple(f"{section.where}: <Anonymous {section.path}>: {fault}"
                 for section in server.anonymous for fault in _faults(section))


def _faults(section: Scope) -> Iterator[str]:
    if section.own(ServerConf).user is None and not section.own(LoginConf).user_alias:
        yield "names neither User nor UserAlias, so no name leads here"
    if section.path.startswith("/") and "%" not in section.path and not os.path.isdir(section.path):
        yield "is not a directory, logins will be refused"
    conf = section.get(SftpConf)
    chains = parse(conf.auth_methods)
    if chains and ("password",) not in chains and not section.get(LoginConf).anon_require_password:
        yield (f"SFTPAuthMethods ({conf.source('auth_methods')}) offers no method that takes any password; "
               "guests can log in only as it says")
