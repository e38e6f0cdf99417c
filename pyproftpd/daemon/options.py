"""What the command line asks of a daemon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyproftpd.conf.load import Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Field by field the options of ``proftpd``; ``debug_level`` and ``ipv6`` are ``None`` where the file decides."""

    path: str
    labels: frozenset[str] = frozenset()
    overrides: Overrides | None = None
    debug_level: int | None = None
    #: -n: stay in the foreground
    foreground: bool = False
    quiet: bool = False
    #: -X: serve one session in this process, then end
    single: bool = False
    ipv6: bool | None = None
    #: changed by ftpdctl in the running daemon, for sessions to come: (channel, lowest, highest level), UseReverseDNS
    trace: tuple[tuple[str, int, int], ...] = ()
    reverse_dns: bool | None = None

    @property
    def to_terminal(self) -> bool:
        """Do log lines go to stderr?"""
        return (self.foreground or self.single) and not self.quiet
