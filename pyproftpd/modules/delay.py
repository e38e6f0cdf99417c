"""Time that hides how a login was decided (mod_delay.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyproftpd import API
from pyproftpd.api.command import Command, Phase
from pyproftpd.api.controls import FAILED, Answer, ControlsAcl, Daemon
from pyproftpd.api.events import Connected, PostParse
from pyproftpd.api.module import Control, Hook, Module, On
from pyproftpd.session.conf import DelayConf


def _load(event: PostParse, *context: Any) -> None:
    """Naming this module must stay cheap, and a session must not import: its user may not be able to read our files."""
    import pyproftpd.session.delay  # noqa: F401


def _begin(session: Any) -> None:
    from pyproftpd.session import delay

    delay.open_table(session)


def _connected(event: Connected, session: Any) -> None:
    from pyproftpd.session import delay

    delay.connected(event, session)


def _before_user(session: Any, cmd: Command) -> None:
    from pyproftpd.session import delay

    delay.before_user(session, cmd)


def _before_pass(session: Any, cmd: Command) -> None:
    from pyproftpd.session import delay

    delay.before_pass(session, cmd)


def _after_failure(session: Any, cmd: Command) -> None:
    from pyproftpd.session import delay

    delay.after_failure(session, cmd)


def _control(daemon: Daemon, words: Sequence[str]) -> Answer:
    """``info`` or ``reset``. Source: real server, whose table has rows for protocols and steps of a login besides."""
    if not words:
        return FAILED, ["delay: missing required parameters"]
    if words[0] not in ("info", "reset"):
        return FAILED, [f"unknown delay action: '{words[0]}'"]
    if len(words) > 1:
        return FAILED, ["wrong number of parameters"]
    path = daemon.configuration.servers[0].get(DelayConf).delay_table
    if path is None:
        return FAILED, ["no DelayTable is kept"]
    from pyproftpd.session.delay import DelayTable

    try:
        with daemon.root():
            table = DelayTable(path)
    except OSError as error:
        return FAILED, [f"cannot open DelayTable '{path}': {error.strerror}"]
    if words[0] == "reset":
        table.reset()
        return 0, [f"DelayTable '{path}' reset"]
    lines = []
    for host, port in daemon.addresses:
        known = table.samples(port)
        values = f": {' '.join(map(str, known))}" if known else ""
        lines += [f"Address {host}#{port}: PASS values (usecs):", f" + Protocol ssh2, {len(known)} values{values}"]
    return 0, lines


def _acls(scope: Any) -> Sequence[ControlsAcl]:
    return scope.get(DelayConf).delay_controls_ac_ls  # type: ignore[no-any-return]


module = Module(
    name="delay", api=API, conf=(DelayConf,), session_init=_begin,
    on=(On(PostParse, _load), On(Connected, _connected)),
    controls=(Control("delay", "tune mod_delay settings", _control, _acls),),
    hooks=(Hook(Phase.PRE, "USER", _before_user), Hook(Phase.PRE, "PASS", _before_pass),
           Hook(Phase.POST_ERR, "PASS", _after_failure)))
