"""mod_sftp_pam.c: offers keyboard-interactive by PAM to every SSH session whose server has SFTPPAMEngine on."""

from __future__ import annotations

from typing import Any

from mod_sftp.api import KbdintDrivers
from mod_sftp_pam.conf import OPTIONS, SftpPamConf
from pyproftpd import API
from pyproftpd.api.module import Module, Table


def session_init(session: Any) -> None:
    """Loading the module is enough (real server). The machinery of PAM is imported by the sessions that use it."""
    if not session.scope.get(SftpPamConf).engine:
        return
    from mod_sftp_pam.driver import PamDriver

    session.state(KbdintDrivers).rows.append(PamDriver())


def _words() -> Table:
    return ("group", "name", "value", "default", "note"), [("SFTPPAMOptions", *row) for row in OPTIONS]


module = Module(
    name="sftp_pam",
    api=API,
    requires=("sftp",),
    conf=(SftpPamConf,),
    session_init=session_init,
    describe={"sftp": _words},
)
