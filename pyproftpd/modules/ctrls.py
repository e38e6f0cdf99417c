"""The controls socket of ftpdctl (mod_ctrls.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.controls import ControlsAcl, controls_acl, socket_acl
from pyproftpd.api.directive import ConfBlock, Context, Repeat, Status, directive
from pyproftpd.api.module import Module


class ControlsConf(ConfBlock, module="ctrls", prefix="Controls"):
    """Commands to the running daemon."""

    engine: bool = directive(
        "ControlsEngine", values.boolean, where=Context.SERVER, arity="1..*", syntax="on|off", default=True,
        default_text="on", repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Listen for ftpdctl.")
    socket: str = directive(
        "ControlsSocket", values.path, where=Context.SERVER, arity="1..*", syntax="path",
        default=f"{values.LOCALSTATEDIR}/proftpd.sock", default_text="localstatedir/proftpd.sock", repeat=Repeat.LAST,
        status=Status.ACCEPTED, doc="Path of the socket.")
    socket_owner: tuple[str, str] = directive(
        "ControlsSocketOwner", values.pair, where=Context.SERVER, arity="2..*", syntax="user group",
        default=("root", "root"), default_text="root root", repeat=Repeat.LAST, status=Status.ACCEPTED,
        doc="Owner and group of the socket.")
    socket_acl: ControlsAcl | None = directive(
        "ControlsSocketACL", socket_acl, where=Context.SERVER, arity="3..*", syntax="allow|deny user|group list",
        default_text="deny all", repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Who may connect.")
    ac_ls: tuple[ControlsAcl, ...] = directive(
        "ControlsACLs", controls_acl, where=Context.SERVER, arity="4..*",
        syntax="actions|all allow|deny user|group list", default=(), default_text="deny all", repeat=Repeat.ACCUMULATE,
        status=Status.ACCEPTED, doc="Who may run the actions of mod_ctrls.")
    max_clients: int = directive(
        "ControlsMaxClients", values.integer(1), where=Context.SERVER, arity="1..*", syntax="n", default=5,
        default_text="5", repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Most clients served in one round.")
    interval: float = directive(
        "ControlsInterval", values.duration, where=Context.SERVER, arity="1..*", syntax="secs", default=10.0,
        default_text="10", repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Seconds between two rounds.")
    auth_freshness: float = directive(
        "ControlsAuthFreshness", values.duration, where=Context.SERVER, arity="1..*", syntax="secs", default=10.0,
        default_text="10", repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Oldest credentials accepted.")
    log: str | None = directive(
        "ControlsLog", values.log_path, where=Context.SERVER, arity="1..*", syntax="path|none", repeat=Repeat.LAST,
        status=Status.ACCEPTED, doc="Log of the controls.")


module = Module(name="ctrls", api=API, conf=(ControlsConf,))
