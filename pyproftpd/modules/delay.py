"""Time that hides how a login was decided (mod_delay.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module
from pyproftpd.session.conf import DelayConf

module = Module(name="delay", api=API, conf=(DelayConf,))
