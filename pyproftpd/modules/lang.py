"""Languages of replies and encodings of names (mod_lang.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Context, Repeat, Status, directive
from pyproftpd.api.module import Module
from pyproftpd.session.conf import EncodingConf

_options = values.options("PreferServerEncoding", "RequireValidEncoding")


class LangConf(ConfBlock, module="lang"):
    """Language and encoding."""

    lang_default: str | None = directive(
        "LangDefault", values.text, where=SERVERS, arity="1..*", syntax="tag",
        default_text="from environment, else en_US", status=Status.FTP, doc="Language of replies.")
    lang_engine: bool = directive(
        "LangEngine", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True, default_text="on",
        status=Status.FTP, doc="Offer languages.")
    lang_options: frozenset[str] = directive(
        "LangOptions", _options, where=SERVERS, arity="1..*", syntax="opt ...", default=frozenset(),
        repeat=Repeat.ACCUMULATE, joined=True, status=Status.FTP, doc="How the encoding is agreed on.")
    lang_path: str | None = directive(
        "LangPath", values.path, where=Context.SERVER, arity="1..*", syntax="dir",
        default_text="compiled locale directory", repeat=Repeat.LAST, status=Status.FTP,
        doc="Directory of the message catalogues.")


module = Module(name="lang", api=API, conf=(LangConf, EncodingConf))
