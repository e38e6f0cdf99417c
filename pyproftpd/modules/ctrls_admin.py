"""Administration through ftpdctl (mod_ctrls_admin.c)."""

from __future__ import annotations

from collections.abc import Sequence

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.controls import ControlsAcl, controls_acl
from pyproftpd.api.directive import ConfBlock, Context, ParseContext, Repeat, Status, directive
from pyproftpd.api.module import Module


def _engine(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    """``("on",)``, ``("off",)``, or the actions enabled."""
    try:
        return ("on",) if values.to_boolean(words[0]) else ("off",)
    except ValueError:
        return tuple(action.lower() for word in words for action in word.split(",") if action)


class AdminControlsConf(ConfBlock, module="ctrls_admin", prefix="AdminControls"):
    """Administrative actions."""

    engine: tuple[str, ...] = directive(
        "AdminControlsEngine", _engine, where=Context.SERVER, arity="1..*", syntax="on|off|action,...",
        default=("on",), default_text="on", repeat=Repeat.LAST, status=Status.ACCEPTED,
        doc="All actions, none, or those listed.")
    ac_ls: tuple[ControlsAcl, ...] = directive(
        "AdminControlsACLs", controls_acl, where=Context.SERVER, arity="4..*",
        syntax="actions|all allow|deny user|group list", default=(), default_text="deny all", repeat=Repeat.ACCUMULATE,
        status=Status.ACCEPTED, doc="Who may run the administrative actions.")


module = Module(name="ctrls_admin", api=API, conf=(AdminControlsConf,), requires=("ctrls",))
