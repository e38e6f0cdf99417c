"""Languages of replies and encodings of names (mod_lang.c)."""

from __future__ import annotations

from collections.abc import Sequence

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Context, ParseContext, Repeat, Status, directive
from pyproftpd.api.module import Module

_options = values.options("PreferServerEncoding", "RequireValidEncoding")


def _encoding(words: Sequence[str], context: ParseContext) -> bool | tuple[str, ...]:
    """On, off, or (local, client[, strict])."""
    if len(words) == 1:
        return values.to_boolean(words[0])
    if len(words) == 3 and words[2].lower() != "strict":
        raise ValueError("local and client encoding, then at most 'strict'")
    return tuple(words)


class LangConf(ConfBlock, module="lang"):
    """Language and encoding."""

    lang_default: str | None = directive(
        "LangDefault", values.text, where=SERVERS, arity="1..*", syntax="tag",
        default_text="from environment, else en_US", status=Status.ACCEPTED, doc="Language of replies.")
    lang_engine: bool = directive(
        "LangEngine", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True, default_text="on",
        status=Status.ACCEPTED, doc="Offer languages.")
    lang_options: frozenset[str] = directive(
        "LangOptions", _options, where=SERVERS, arity="1..*", syntax="opt ...", default=frozenset(),
        repeat=Repeat.ACCUMULATE, joined=True, status=Status.ACCEPTED, doc="How the encoding is agreed on.")
    lang_path: str | None = directive(
        "LangPath", values.path, where=Context.SERVER, arity="1..*", syntax="dir",
        default_text="compiled locale directory", repeat=Repeat.LAST, status=Status.ACCEPTED,
        doc="Directory of the message catalogues.")
    use_encoding: bool | tuple[str, ...] = directive(
        "UseEncoding", _encoding, where=SERVERS, arity="1..3", syntax="on|off | local client [strict]", default=True,
        default_text="on when NLS built", status=Status.ACCEPTED, doc="Encoding of names on disk and on the wire.")


module = Module(name="lang", api=API, conf=(LangConf,))
