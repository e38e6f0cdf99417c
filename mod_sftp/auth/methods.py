"""Which methods a session has, and the chains that lead through them."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from mod_sftp.api import KbdintDrivers
from mod_sftp.auth.chains import Chain, parse
from mod_sftp.auth.hostbased import HostBased
from mod_sftp.auth.kbdint import KeyboardInteractive
from mod_sftp.auth.outcome import Method
from mod_sftp.auth.password import Password
from mod_sftp.auth.publickey import HOSTBOUND, PublicKey

if TYPE_CHECKING:
    from mod_sftp.conf import SftpConf
    from pyproftpd.session.session import Session

#: Other names on the wire of a method: what it is called in SFTPAuthMethods.
ALIASES = {HOSTBOUND: "publickey"}


def available(session: Session, conf: SftpConf) -> dict[str, Method]:
    """By name on the wire, in the order in which the real server lists them when no directive does."""
    found: dict[str, Method] = {}
    if conf.authorized_user_keys or conf.trusted_user_ca_keys:
        found["publickey"], found[HOSTBOUND] = PublicKey(), PublicKey(bound=True)
    if conf.authorized_host_keys:
        found["hostbased"] = HostBased()
    named = any("keyboard-interactive" in chain for chain in parse(conf.auth_methods))
    drivers = [driver for driver in session.state(KbdintDrivers).rows if named or driver.available(session.scope)]
    if drivers:
        found["keyboard-interactive"] = KeyboardInteractive(drivers)
    found["password"] = Password()
    return found


def chains(conf: SftpConf, methods: Container[str]) -> tuple[Chain, ...]:
    """SFTPAuthMethods, without the chains that need what this session lacks; else every method for itself."""
    named = parse(conf.auth_methods) or (("publickey",), ("hostbased",), ("keyboard-interactive",), ("password",))
    return tuple(chain for chain in named if all(link in methods for link in chain))
