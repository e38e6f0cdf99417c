"""mod_sftp as a module: the front end that speaks SSH2 for every server with ``SFTPEngine on``.

What it takes to serve (crypto, authentication, SFTP) is imported when a configuration is prepared, not when the module is
named: ``proftpd -V`` must stay fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mod_sftp.conf import SftpConf
from pyproftpd import API
from pyproftpd.api.module import Module, Table
from pyproftpd.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from mod_sftp.crypto.hostkeys import PrivateSigner
    from mod_sftp.rehearsal import Rehearsal
    from mod_sftp.serving import Prepared
    from pyproftpd.conf.scope import Configuration, Scope
    from pyproftpd.session.session import Session


class SftpFrontEnd:
    """Serves SSH2 connections (``api.frontend.FrontEnd``)."""

    name, protocol = "sftp", "ssh2"

    def __init__(self) -> None:
        #: by server; a configuration that is dropped takes its keys with it, one that fails to load costs nothing
        self._prepared: MutableMapping[Scope, Prepared] = WeakKeyDictionary()

    def claims(self, scope: Scope) -> bool:
        return scope.get(SftpConf).engine

    def prepare(self, configuration: Configuration) -> list[str]:
        """Load the keys of every server, as root, and warm up, so that the first client finds what the second finds.

        Raises ``ConfigErrors``.
        """
        from mod_sftp import serving

        fips = serving.fips_asked(configuration)
        servers = [scope for scope in configuration.servers if self.claims(scope)]
        loaded: dict[str, PrivateSigner] = {}
        faults: list[ConfigError] = []
        for scope in servers:
            try:
                self._prepared[scope] = serving.prepare(scope, loaded, fips=fips)
            except ConfigError as error:
                faults.append(error)
        if faults:
            raise ConfigErrors(tuple(faults))
        notes = (note for scope in servers for note in (*self._prepared[scope].faults, *serving.remarks(scope)))
        return ["FIPS mode enabled"] * fips + list(dict.fromkeys(notes))

    def greeting(self, scope: Scope) -> bytes:
        from mod_sftp import serving

        return serving.greeting(scope)

    def rehearsal(self, directory: Path) -> Rehearsal | None:
        """Played with the keys of the first server that has any; its key exchange is none that FIPS knows."""
        from mod_sftp.crypto.offer import offer
        from mod_sftp.rehearsal import Rehearsal

        for scope, prepared in self._prepared.items():
            if prepared.keys and not prepared.fips:
                conf = scope.get(SftpConf)
                return Rehearsal(prepared, offer("cipher", conf.ciphers, profile=conf.security_profile,
                                                 fips=prepared.fips), directory)
        return None

    def run(self, session: Session) -> None:
        from mod_sftp import serving

        prepared = self._prepared[session.server]
        self._prepared = {session.server: prepared}  # this process needs the keys of no other server
        serving.serve(session, prepared)

    def refuse(self, session: Session, reason: str, text: str) -> None:
        from mod_sftp import serving

        serving.refuse(session, text)


def _algorithms() -> Table:
    from mod_sftp import describe

    return describe.algorithms()


def _words() -> Table:
    from mod_sftp import describe

    return describe.sftp()


module = Module(
    name="sftp",
    api=API,
    conf=(SftpConf,),
    frontends=(SftpFrontEnd(),),
    describe={"algorithms": _algorithms, "sftp": _words},
)
