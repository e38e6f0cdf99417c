"""RFC 1413 look-ups (mod_ident.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Status, directive
from pyproftpd.api.module import Module


class IdentConf(ConfBlock, module="ident"):
    """Who the client's machine says is calling."""

    ident_lookups: bool = directive(
        "IdentLookups", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False,
        default_text="off", status=Status.ACCEPTED, doc="Ask the client's machine for the name of its user.")


module = Module(name="ident", api=API, conf=(IdentConf,))
