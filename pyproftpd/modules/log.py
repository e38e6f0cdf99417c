"""Logs (mod_log.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module
from pyproftpd.log.conf import ExtendedLogConf, SystemLogConf

module = Module(name="log", api=API, conf=(SystemLogConf, ExtendedLogConf))
