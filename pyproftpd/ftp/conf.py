"""Settings that only FTP reads."""

from __future__ import annotations

from collections.abc import Sequence

from pyproftpd.api import values
from pyproftpd.api.directive import ANYWHERE, SERVERS, ConfBlock, Context, Merge, ParseContext, Repeat, Status, directive

#: longest control line that may be asked for
MAX_COMMAND_BUFFER = 512 * 1024


def _foreign(words: Sequence[str], context: ParseContext) -> bool | str:
    """On, off, or the name of the connection class that may."""
    try:
        return values.to_boolean(words[0])
    except ValueError:
        return words[0]


def _buffer(words: Sequence[str], context: ParseContext) -> int:
    size = values.to_size(*words[:2])
    if not 1 <= size <= MAX_COMMAND_BUFFER:
        raise ValueError(f"a size up to {MAX_COMMAND_BUFFER} bytes")
    return size


def _ports(words: Sequence[str], context: ParseContext) -> tuple[int, int]:
    low, high = (values.to_integer(word, 1024, 65535) for word in words[:2])
    if low >= high:
        raise ValueError("two ports, the lower one first")
    return low, high


class FtpConf(ConfBlock, module="core"):
    """The FTP protocol."""

    allow_foreign_address: bool | str = directive(
        "AllowForeignAddress", _foreign, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="on|off|class",
        default=False, default_text="off", merge=Merge.DOWN, status=Status.FTP,
        doc="Let data connections go to another address than the client's.")
    cd_path: tuple[str, ...] = directive(
        "CDPath", values.text, where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="dir", default=(),
        default_text="unset", merge=Merge.DOWN, repeat=Repeat.ACCUMULATE, status=Status.FTP,
        doc="Further directories that CWD searches.")
    command_buffer_size: int = directive(
        "CommandBufferSize", _buffer, where=SERVERS, arity="1..2", syntax="bytes [unit]", default=512,
        default_text="512", status=Status.FTP, doc="Longest command line.")
    default_transfer_mode: str = directive(
        "DefaultTransferMode", values.enumeration("ascii", "binary"), where=SERVERS, arity="1..*",
        syntax="ascii|binary", default="ascii", default_text="ascii", module="xfer", status=Status.FTP,
        doc="Type of transfers until the client says another.")
    defer_welcome: bool = directive(
        "DeferWelcome", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=False,
        default_text="off", status=Status.FTP, doc="Hide the server's name until login.")
    multiline_rfc2228: bool = directive(
        "MultilineRFC2228", values.flag, where=ANYWHERE, arity="0..*", syntax="(ignored)", default=False,
        default_text="off", repeat=Repeat.LAST, status=Status.FTP, doc="Obsolete.")
    passive_ports: tuple[int, int] | None = directive(
        "PassivePorts", _ports, where=SERVERS, arity="2..*", syntax="min max", default_text="kernel-chosen ports",
        status=Status.FTP, doc="Ports of passive data connections.")
