"""Linux capabilities (mod_cap.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module
from pyproftpd.session.conf import CapConf

module = Module(name="cap", api=API, conf=(CapConf,))
