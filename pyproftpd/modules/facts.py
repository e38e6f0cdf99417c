"""Machine-readable listings of FTP (mod_facts.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Repeat, Status, directive
from pyproftpd.api.module import Module

_facts = values.names_from("modify", "perm", "size", "type", "unique", "UNIX.group", "UNIX.groupname", "UNIX.mode",
                           "UNIX.owner", "UNIX.ownername", "media-type")
_options = values.options("UseSlink", "AdjustedSymlinks", "NoAdjustedSymlinks", "NoNames")


class FactsConf(ConfBlock, module="facts", prefix="Facts"):
    """MLST and MLSD."""

    advertise: bool = directive(
        "FactsAdvertise", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True,
        default_text="on", status=Status.FTP, doc="Name the facts in FEAT.")
    default: tuple[str, ...] = directive(
        "FactsDefault", _facts, where=SERVERS, arity="1..*", syntax="fact ...", default=(),
        default_text="all but media-type", status=Status.FTP, doc="Facts sent until the client chooses.")
    options: frozenset[str] = directive(
        "FactsOptions", _options, where=SERVERS, arity="1..*", syntax="opt ...", default=frozenset(),
        repeat=Repeat.ACCUMULATE, joined=True, status=Status.FTP, doc="Shape of the facts.")


module = Module(name="facts", api=API, conf=(FactsConf,))
