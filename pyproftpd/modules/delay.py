"""Time that hides how a login was decided (mod_delay.c)."""

from __future__ import annotations

from typing import Any

from pyproftpd import API
from pyproftpd.api.command import Command, Phase
from pyproftpd.api.events import Connected, PostParse
from pyproftpd.api.module import Hook, Module, On
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


module = Module(
    name="delay", api=API, conf=(DelayConf,), session_init=_begin, on=(On(PostParse, _load), On(Connected, _connected)),
    hooks=(Hook(Phase.PRE, "USER", _before_user), Hook(Phase.PRE, "PASS", _before_pass),
           Hook(Phase.POST_ERR, "PASS", _after_failure)))
