"""Logs (mod_log.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module, Table
from pyproftpd.log.conf import ExtendedLogConf, SystemLogConf


def _fields() -> Table:
    from pyproftpd.log import fields

    return ("name", "meaning"), [tuple(row) for row in fields.described()]


module = Module(name="log", api=API, conf=(SystemLogConf, ExtendedLogConf), describe={"logformat": _fields})
