"""Logins and their limits (mod_auth.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api.module import Module
from pyproftpd.session.conf import AdmissionConf, LoginConf

module = Module(name="auth", api=API, conf=(LoginConf, AdmissionConf))
