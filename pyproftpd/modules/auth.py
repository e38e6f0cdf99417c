"""Logins and their limits (mod_auth.c)."""

from __future__ import annotations

from typing import Any

from pyproftpd import API
from pyproftpd.api.events import Ended
from pyproftpd.api.module import Module, On
from pyproftpd.session.conf import AdmissionConf, LoginConf


def _close_records(event: Ended, *context: Any) -> None:
    """The end of a session goes into wtmp."""
    from pyproftpd.session import records

    records.close_all(event, *context)


module = Module(name="auth", api=API, conf=(LoginConf, AdmissionConf), on=(On(Ended, _close_records),))
