"""Resource limits of the daemon and of sessions (mod_rlimit.c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, ParseContext, Repeat, directive
from pyproftpd.api.events import PostParse
from pyproftpd.api.module import Module, On
from pyproftpd.errors import ConfigError
from pyproftpd.unix import rlimits
from pyproftpd.unix.rlimits import MAX, UNLIMITED
from pyproftpd.vfs.conf import JailConf


@dataclass(frozen=True, slots=True)
class Limits:
    """Soft and hard limit for the ``daemon``, the ``session``, or (``""``) both."""

    whose: str
    soft: int
    hard: int | None


def _limit(word: str, *, memory: bool) -> int:
    special = {"unlimited": UNLIMITED, "max": MAX}
    if word.lower() in special:
        return special[word.lower()]
    unit = word[-1:].upper()
    if memory and unit and unit in "GMKB":
        return values.to_size(word[:-1], unit if unit == "B" else unit + "B")
    return values.to_integer(word)


def _parse(words: Sequence[str], *, memory: bool) -> Limits:
    whose = words[0].lower() if words[0].lower() in ("daemon", "session") else ""
    numbers = [_limit(word, memory=memory) for word in (words[1:] if whose else words)]
    if not 1 <= len(numbers) <= 2:
        raise ValueError("[daemon|session] soft [hard]")
    return Limits(whose, numbers[0], numbers[1] if len(numbers) > 1 else None)


def _limits(words: Sequence[str], context: ParseContext) -> Limits:
    return _parse(words, memory=False)


def _memory_limits(words: Sequence[str], context: ParseContext) -> Limits:
    return _parse(words, memory=True)


class RLimitConf(ConfBlock, module="rlimit", prefix="RLimit"):
    """Limits of the kernel on processes."""

    cpu: tuple[Limits, ...] = directive(
        "RLimitCPU", _limits, where=SERVERS, arity="1..3",
        syntax="[daemon|session] soft|max|unlimited [hard|max|unlimited]", default=(), default_text="system",
        repeat=Repeat.ACCUMULATE, doc="Seconds of processor time.")
    memory: tuple[Limits, ...] = directive(
        "RLimitMemory", _memory_limits, where=SERVERS, arity="1..3",
        syntax="[daemon|session] soft[G|M|K|B]|max|unlimited [hard]", default=(), default_text="system",
        repeat=Repeat.ACCUMULATE, doc="Bytes of memory.")
    open_files: tuple[Limits, ...] = directive(
        "RLimitOpenFiles", _limits, where=SERVERS, arity="1..3", syntax="[daemon|session] soft|max|unlimited [hard]",
        default=(), default_text="system", repeat=Repeat.ACCUMULATE, doc="Open files.")


def limit_daemon(event: PostParse, *context: Any) -> None:
    """The master, as root; its children inherit what no session limit changes. Raises ``ConfigError``."""
    conf = event.configuration.servers[0].get(RLimitConf)
    for kind, limits in _of(conf, "daemon"):
        try:
            rlimits.apply(kind, limits.soft, limits.hard)
        except (OSError, ValueError) as error:
            raise ConfigError(f"the system refuses the limit: {error}", conf.source(kind)) from error


def limit_session(session: Any) -> None:
    """A limit that cannot be set is no limit: the session does not begin (``OSError``, ``ValueError``)."""
    with session.privs.root():
        for kind, limits in _of(session.scope.get(RLimitConf), "session"):
            rlimits.apply(kind, limits.soft, limits.hard)


def _of(conf: RLimitConf, whose: str) -> list[tuple[str, Limits]]:
    """First line of a kind wins; one without ``daemon`` or ``session`` is for both."""
    found = []
    for kind, rows in (("cpu", conf.cpu), ("memory", conf.memory), ("open_files", conf.open_files)):
        mine = next((row for row in rows if row.whose in (whose, "")), None)
        if mine is not None:
            found.append((kind, mine))
    return found


module = Module(name="rlimit", api=API, conf=(RLimitConf, JailConf), on=(On(PostParse, limit_daemon),),
                session_init=limit_session)
