"""A world: one configuration with everything that was made from it. The master holds one and may swap it for another.

Building one has no effect on the world in force: it reads the configuration, lets modules judge it, finds the front end
of every server and lets the front ends prepare (host keys, as root).
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyproftpd.api.events import EventBus, PostParse
from pyproftpd.api.frontend import FrontEnd
from pyproftpd.api.module import Module
from pyproftpd.conf.load import load
from pyproftpd.conf.scope import Configuration, Scope
from pyproftpd.daemon.options import Options
from pyproftpd.errors import ConfigError, ConfigErrors, ProftpdError
from pyproftpd.log.sinks import StderrSink
from pyproftpd.log.system import ServerLogger
from pyproftpd.session import admission
from pyproftpd.session.conf import ServerConf
from pyproftpd.session.dispatch import Dispatcher
from pyproftpd.session.sources import order


class StartError(ProftpdError):
    """The server cannot start, or not with this configuration; the text is one line for the administrator."""


@dataclass(frozen=True, slots=True)
class Service:
    """A server that somebody speaks for."""

    scope: Scope
    frontend: FrontEnd
    port: int
    #: what the master itself says to whoever connects; ``b""`` = nothing, the session has to look at the client first
    greeting: bytes = b""


@dataclass(frozen=True, slots=True)
class World:
    configuration: Configuration
    dispatcher: Dispatcher
    services: tuple[Service, ...]
    #: effective ids of the daemon
    uid: int
    gid: int
    #: what the administrator should know, said once
    notes: tuple[str, ...]

    @property
    def main(self) -> Scope:
        return self.configuration.servers[0]


def event_bus(modules: tuple[Module, ...]) -> EventBus:
    """The handlers of all modules, in load order; a bus per process."""
    bus = EventBus()
    for module in modules:
        for row in module.on:
            bus.on(row.event, row.handler)
    return bus


def build(options: Options) -> World:
    """Make a world from the configuration file. Raises ``ConfigErrors`` or ``StartError``; the caller is root."""
    world = _made(options)
    if not world.services:
        raise StartError("\n".join([*world.notes, f"{options.path}: no server to run: this version speaks SFTP and SCP "
                                    "only, so a server needs 'SFTPEngine on' and a Port other than 0"]))
    return world


def examine(options: Options) -> tuple[str, ...]:
    """``proftpd -t``: everything that ``build`` looks at; returns what should be known. Raises ``ConfigErrors``."""
    return _made(options).notes


def _made(options: Options) -> World:
    configuration = load(options.path, labels=options.labels, overrides=options.overrides)
    faults: list[ConfigError] = []
    for handler in event_bus(configuration.modules).handlers(PostParse):
        with _collected(faults):
            handler(PostParse(configuration))
    services, notes = _services(configuration)
    for frontend in dict.fromkeys(service.frontend for service in services):
        with _collected(faults):
            notes.extend(frontend.prepare(configuration))
    for service in services:
        with _collected(faults):
            order.build(service.scope, configuration, None, ServerLogger(StderrSink()))
        resolve(service.scope, configuration.modules)
    uid = gid = -1
    with _collected(faults):
        uid, gid = _daemon_ids(configuration.servers[0])
    if faults:
        raise ConfigErrors(tuple(faults))
    return World(configuration, Dispatcher(configuration.modules), services, uid, gid,
                 (*configuration.warnings, *notes))


@contextmanager
def _collected(faults: list[ConfigError]) -> Iterator[None]:
    """What is found at fault here is told together with what else there is."""
    try:
        yield
    except ConfigErrors as error:
        faults.extend(error.errors)
    except ConfigError as error:
        faults.append(error)


def resolve(server: Scope, modules: tuple[Module, ...]) -> None:
    """Work out all settings of a server now: its sessions share what does not depend on them."""
    for scope in (server, *server.anonymous):
        for module in modules:
            for block in module.conf:
                scope.get(block)


def _services(configuration: Configuration) -> tuple[tuple[Service, ...], list[str]]:
    """The servers that a front end claims; each other one is named, since silence would look like a server that works."""
    frontends = [frontend for module in configuration.modules for frontend in module.frontends]
    services, notes = [], []
    for scope in configuration.servers:
        port = scope.get(ServerConf).port
        if port == 0:
            continue
        frontend = next((one for one in frontends if one.claims(scope)), None)
        if frontend is None:
            notes.append(f"{scope.where}: server \"{scope.get(ServerConf).server_name}\" (port {port}) is not served: "
                         "this version speaks SFTP and SCP only (SFTPEngine on)")
        else:
            greeting = frontend.greeting(scope) if admission.all_welcome(scope) else b""
            services.append(Service(scope, frontend, port, greeting))
    return tuple(services), notes


def _daemon_ids(main: Scope) -> tuple[int, int]:
    """User and Group of the main server, the ids of this process where they are not set."""
    conf = main.get(ServerConf)
    uid, gid = os.getuid(), os.getgid()
    if conf.user:
        try:
            account = pwd.getpwuid(int(conf.user)) if conf.user.isdigit() else pwd.getpwnam(conf.user)
        except KeyError:
            raise ConfigError(f"User: no such user '{conf.user}'", conf.source("user")) from None
        uid, gid = account.pw_uid, account.pw_gid
    if conf.group:
        try:
            gid = int(conf.group) if conf.group.isdigit() else grp.getgrnam(conf.group).gr_gid
        except KeyError:
            raise ConfigError(f"Group: no such group '{conf.group}'", conf.source("group")) from None
    return uid, gid
