"""File transfers (mod_xfer.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module
from pyproftpd.vfs.conf import TransferConf

module = Module(name="xfer", api=API, conf=(TransferConf,))
