"""The SITE commands (mod_site.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module

module = Module(name="site", api=API)
