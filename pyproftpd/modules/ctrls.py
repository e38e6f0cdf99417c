"""The controls socket of ftpdctl (mod_ctrls.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.controls import FAILED, Answer, ControlsAcl, Daemon, controls_acl, socket_acl
from pyproftpd.api.directive import ConfBlock, Context, Repeat, Status, directive
from pyproftpd.api.module import Control, Module


class ControlsConf(ConfBlock, module="ctrls", prefix="Controls"):
    """Commands to the running daemon."""

    engine: bool = directive(
        "ControlsEngine", values.boolean, where=Context.SERVER, arity="1..*", syntax="on|off", default=True,
        default_text="on", repeat=Repeat.LAST, doc="Listen for ftpdctl.")
    socket: str = directive(
        "ControlsSocket", values.path, where=Context.SERVER, arity="1..*", syntax="path",
        default=f"{values.LOCALSTATEDIR}/proftpd.sock", default_text="localstatedir/proftpd.sock", repeat=Repeat.LAST,
        doc="Path of the socket.")
    socket_owner: tuple[str, str] = directive(
        "ControlsSocketOwner", values.pair, where=Context.SERVER, arity="2..*", syntax="user group",
        default=("root", "root"), default_text="root root", repeat=Repeat.LAST,
        doc="Owner and group of the socket.")
    socket_acl: ControlsAcl | None = directive(
        "ControlsSocketACL", socket_acl, where=Context.SERVER, arity="3..*", syntax="allow|deny user|group list",
        default_text="root only", repeat=Repeat.LAST, doc="Who may connect.")
    ac_ls: tuple[ControlsAcl, ...] = directive(
        "ControlsACLs", controls_acl, where=Context.SERVER, arity="4..*",
        syntax="actions|all allow|deny user|group list", default=(), default_text="root only", repeat=Repeat.ACCUMULATE,
        doc="Who may run the actions of mod_ctrls.")
    max_clients: int = directive(
        "ControlsMaxClients", values.integer(1), where=Context.SERVER, arity="1..*", syntax="n", default=5,
        default_text="5", repeat=Repeat.LAST, doc="Most clients served at a time.")
    interval: float = directive(
        "ControlsInterval", values.positive_duration, where=Context.SERVER, arity="1..*", syntax="secs", default=10.0,
        default_text="10", repeat=Repeat.LAST, status=Status.ACCEPTED,
        doc="Seconds between two rounds; here requests are answered at once.")
    auth_freshness: float = directive(
        "ControlsAuthFreshness", values.positive_duration, where=Context.SERVER, arity="1..*", syntax="secs", default=10.0,
        default_text="10", repeat=Repeat.LAST, doc="Seconds that a client has for its request.")
    log: str | None = directive(
        "ControlsLog", values.path_or_none, where=Context.SERVER, arity="1..*", syntax="path|none", repeat=Repeat.LAST,
        doc="Log of the controls.")


def wrong_count() -> Answer:
    return FAILED, ["wrong number of parameters"]


def _help(daemon: Daemon, words: Sequence[str]) -> Answer:
    if words:
        return wrong_count()
    return 0, [f"{row.action}: {row.doc}" for _, row in daemon.actions()]


def _list(daemon: Daemon, words: Sequence[str]) -> Answer:
    if words:
        return wrong_count()
    return 0, [f"{row.action} (mod_{module}.c)" for module, row in daemon.actions()]


def _enable(daemon: Daemon, words: Sequence[str]) -> Answer:
    return _switch(daemon, words, on=True)


def _disable(daemon: Daemon, words: Sequence[str]) -> Answer:
    """``rmctrl all`` is for good: without actions there is nobody to switch them on again."""
    if list(words) == ["all"]:
        for _, row in daemon.actions():
            daemon.switch(row.action, on=False)
        return 0, ["all controls disabled", "restart the daemon to re-enable controls"]
    return _switch(daemon, words, on=False)


def _switch(daemon: Daemon, words: Sequence[str], *, on: bool) -> Answer:
    """``action [mod_x.c]``"""
    if len(words) not in (1, 2):
        return wrong_count()
    wanted = words[0]
    if not any(row.action == wanted and (len(words) == 1 or words[1] == f"mod_{module}.c")
               for module, row in daemon.actions()):
        return FAILED, [f"no such control: '{wanted}'"]
    daemon.switch(wanted, on=on)
    return 0, [f"'{wanted}' control {'enabled' if on else 'disabled'}"]


def _acls(scope: Any) -> Sequence[ControlsAcl]:
    return scope.get(ControlsConf).ac_ls  # type: ignore[no-any-return]


module = Module(name="ctrls", api=API, conf=(ControlsConf,), controls=(
    Control("help", "describe all registered controls", _help, _acls),
    Control("insctrl", "enable a disabled control", _enable, _acls),
    Control("lsctrl", "list all registered controls", _list, _acls),
    Control("rmctrl", "disable a registered control", _disable, _acls),
))
