"""Passwords through PAM (mod_auth_pam.c)."""

from __future__ import annotations

from typing import Any

from pyproftpd import API
from pyproftpd.api.auth import AuthSource
from pyproftpd.api.module import AuthRow, Module
from pyproftpd.session.conf import AuthPamConf


def _make(scope: Any, facts: Any) -> AuthSource | None:
    """The machinery is loaded where it is used: naming this module must stay cheap."""
    from pyproftpd.session.sources import auth_pam

    return auth_pam.make(scope, facts)


module = Module(name="auth_pam", api=API, conf=(AuthPamConf,), auth=(AuthRow("auth_pam", _make),))
