"""Accounts of the system (mod_auth_unix.c)."""

from __future__ import annotations

from typing import Any

from pyproftpd import API
from pyproftpd.api.auth import AuthSource
from pyproftpd.api.module import AuthRow, Module
from pyproftpd.session.conf import AuthUnixConf


def _make(scope: Any, facts: Any) -> AuthSource | None:
    """The machinery is loaded where it is used: naming this module must stay cheap."""
    from pyproftpd.session.sources import auth_unix

    return auth_unix.make(scope, facts)


module = Module(name="auth_unix", api=API, conf=(AuthUnixConf,), auth=(AuthRow("auth_unix", _make),))
