"""Listings (mod_ls.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module
from pyproftpd.vfs.conf import ListingConf

module = Module(name="ls", api=API, conf=(ListingConf,))
