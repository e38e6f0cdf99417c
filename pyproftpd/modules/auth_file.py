"""Accounts from files (mod_auth_file.c)."""

from __future__ import annotations

from typing import Any

from pyproftpd import API
from pyproftpd.api.auth import AuthSource
from pyproftpd.api.events import PostParse
from pyproftpd.api.module import AuthRow, Module, On
from pyproftpd.session.conf import AuthFileConf


def _make(scope: Any, facts: Any) -> AuthSource | None:
    """The machinery is loaded where it is used: naming this module must stay cheap."""
    from pyproftpd.session.sources import auth_file

    return auth_file.make(scope, facts)


def _verify(event: PostParse, *context: Any) -> None:
    """Account files are read once before a configuration is put into force."""
    from pyproftpd.session.sources import auth_file

    auth_file.verify(event)


module = Module(name="auth_file", api=API, conf=(AuthFileConf,), auth=(AuthRow("auth_file", _make),),
                on=(On(PostParse, _verify),))
