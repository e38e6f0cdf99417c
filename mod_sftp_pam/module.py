"""mod_sftp_pam.c: offers keyboard-interactive by PAM to every SSH session whose server has SFTPPAMEngine on."""

from __future__ import annotations

from typing import Any

from mod_sftp.api import KbdintDrivers
from mod_sftp_pam.conf import OPTIONS, SftpPamConf
from pyproftpd import API
from pyproftpd.api.events import PostParse
from pyproftpd.api.module import Module, On, Table


def prepare(event: PostParse, *context: Any) -> None:
    """Load the driver in the master: naming the module must stay cheap, and a session may be unable to read our files."""
    import mod_sftp_pam.driver  # noqa: F401


def session_init(session: Any) -> None:
    """Loading the module is enough (real server)."""
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
    on=(On(PostParse, prepare),),
    session_init=session_init,
    describe={"sftp": _words},
)
