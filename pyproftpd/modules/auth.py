"""Logins and their limits (mod_auth.c)."""

from __future__ import annotations

from typing import Any

from pyproftpd import API
from pyproftpd.api.events import Ended, PostParse
from pyproftpd.api.module import Module, On
from pyproftpd.session.conf import AdmissionConf, LoginConf


def _load(event: PostParse, *context: Any) -> None:
    """Naming this module must stay cheap, and a session must not import: its user may not be able to read our files."""
    import pyproftpd.session.login  # noqa: F401


def _close_records(event: Ended, *context: Any) -> None:
    """The end of a session goes into wtmp."""
    from pyproftpd.session import records

    records.close_all(event, *context)


module = Module(name="auth", api=API, conf=(LoginConf, AdmissionConf),
                on=(On(PostParse, _load), On(Ended, _close_records)))
