"""READLINK, SYMLINK, LINK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mod_sftp.sftp.replies import Entries, Named
from mod_sftp.wire.attrs import unknown
from mod_sftp.wire.fxp import Fxp, Request
from pyproftpd.api.command import Command

if TYPE_CHECKING:
    from mod_sftp.sftp.server import SftpServer

#: Clients that send SYMLINK in the order of draft 02 (link, then target) to a server that does not call itself OpenSSH,
#: by the beginning of their version text. All others send OpenSSH's order (target, then link), whatever the server says:
#: OpenSSH, paramiko, Go's pkg/sftp, libssh2, JSch. Source: trying them (tests/interop has AsyncSSH, Erlang, ssh2, libssh,
#: Net::SSH, phpseclib and J2SSH; OpenSSH and paramiko), and the sources of WinSCP. J2SSH gives the address of its makers.
DRAFT_ORDER = ("AsyncSSH_", "Erlang/", "ssh2js", "libssh_", "libssh-", "phpseclib", "Ruby/Net::SSH", "WinSCP_",
               "http://www.sshtools.com")


def draft_order(client_version: str) -> bool:
    """Does this client, by its version text after ``SSH-2.0-``, put the link first?"""
    return client_version.removeprefix("SSH-2.0-").startswith(DRAFT_ORDER)


def readlink(sftp: SftpServer, cmd: Command, request: Request) -> Entries:
    """The text of the link as it stands: relative stays relative."""
    text = sftp.name(sftp.view.readlink(cmd, cmd.path or ""))
    return Entries([Named(text, text, unknown(sftp.version))])


def by_link(sftp: SftpServer, request: Request) -> tuple[str, str | None, str | None]:
    """Puts the arguments of the client's order in ours, path = the new name and target = where it leads.

    The target of a symbolic link is text and not resolved; LINK has the new name first in every client (draft 13).
    """
    link, target = request.path, request.target
    if request.kind == Fxp.SYMLINK and not sftp.terms.draft_symlinks:
        link, target = target, link
    request.path, request.target = link, target
    return f"{target} {link}", sftp.path(link), None


def symlink(sftp: SftpServer, cmd: Command, request: Request) -> None:
    sftp.view.symlink(cmd, request.target, cmd.path or "")


def link(sftp: SftpServer, cmd: Command, request: Request) -> None:
    """LINK of version 6, symbolic or hard."""
    if request.symbolic:
        sftp.view.symlink(cmd, request.target, cmd.path or "")
    else:
        sftp.view.link(cmd, cmd.path or "", sftp.path(request.target))
