"""The rules that may refuse an account whose client has proved who it is, one function each.

Source: real server, mod_auth.

A rule looks, and raises ``Refused`` naming directive and place; nothing is changed here. The client learns of none of
them; the log line of a refusal is the rule's text.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from pyproftpd.api.auth import Account, Verdict
from pyproftpd.api.directive import ConfBlock
from pyproftpd.errors import Refused
from pyproftpd.session.conf import LoginConf

FTPUSERS = "/etc/ftpusers"
SHELLS = "/etc/shells"

#: what getusershell(3) answers where there is no /etc/shells
_SHELLS_WITHOUT_FILE = frozenset({"/bin/sh", "/bin/csh"})

_WORDING = {
    Verdict.EXPIRED: "Password expired",
    Verdict.ACCOUNT_EXPIRED: "Account expired",
    Verdict.DISABLED: "Account disabled",
    Verdict.BAD_PASSWORD: "Incorrect password",
    Verdict.NO_USER: "No such user found",
    Verdict.REFUSED: "Refused by the authentication source",
}


class LoginRefused(Refused):
    """``line`` is the real server's wording of the reason; ``rule`` names the directive and where it stands."""

    def __init__(self, line: str, rule: str = "") -> None:
        super().__init__(rule or line)
        self.line = line

    @property
    def told(self) -> str:
        """The one line that the administrator reads: reason and rule."""
        return f"{self.line} [{self.rule}]" if self.rule != self.line else self.line


def wording(verdict: Verdict) -> str:
    """The real server's words for the log."""
    return _WORDING.get(verdict, verdict.value)


def cited(conf: ConfBlock, keyword: str, value: str) -> str:
    """``RootLogin off (proftpd.conf:12)``"""
    name = next(name for name, row in conf.directives.items() if row.keyword == keyword)
    return f"{keyword} {value} ({conf.source(name) or 'default'})"


def standing(account: Account, conf: LoginConf) -> None:
    """What the administrator says of the account, whatever state its password is in."""
    root(account, conf)
    shell(account, conf)
    ftpusers(account, conf)


def root(account: Account, conf: LoginConf) -> None:
    """uid 0 by whatever name."""
    if account.uid == 0 and not conf.root_login:
        raise LoginRefused("Root login attempted, denied by RootLogin", cited(conf, "RootLogin", "off"))


def shell(account: Account, conf: LoginConf) -> None:
    if conf.require_valid_shell and account.shell not in valid_shells():
        raise LoginRefused(f"Invalid shell: '{account.shell}'", cited(conf, "RequireValidShell", "on"))


def ftpusers(account: Account, conf: LoginConf) -> None:
    if conf.use_ftp_users and account.name in set(entries(FTPUSERS)):
        raise LoginRefused(f"User in {FTPUSERS}", cited(conf, "UseFtpUsers", "on"))


def authorized(account: Account, verdict: Verdict) -> None:
    """What the source says of the account itself, whatever the method (security.md U4)."""
    if verdict not in (Verdict.OK, Verdict.DECLINED):
        raise LoginRefused(wording(verdict), f"mod_{account.source}.c")


def valid_shells() -> frozenset[str]:
    """getusershell(3)."""
    if not os.path.exists(SHELLS):
        return _SHELLS_WITHOUT_FILE
    return frozenset(line for line in entries(SHELLS) if line.startswith("/"))


def entries(path: str) -> Iterator[str]:
    """The words that stand first on a line; ``#`` begins a comment. A missing file is empty. Raises ``OSError``."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                words = line.split("#", 1)[0].split()
                if words:
                    yield words[0]
    except FileNotFoundError:
        return
