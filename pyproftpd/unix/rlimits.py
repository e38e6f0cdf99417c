"""Resource limits of a process."""

from __future__ import annotations

import resource
from types import MappingProxyType

#: what the values of ``apply`` mean besides numbers: no limit, and the hard limit in force
UNLIMITED, MAX = -1, -2

_KINDS = MappingProxyType({
    "cpu": resource.RLIMIT_CPU, "memory": resource.RLIMIT_AS, "open_files": resource.RLIMIT_NOFILE})


def forbid_core_dumps() -> None:
    """A core file of a session would hold keys and passwords. Source: real server, main.c."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def raise_descriptors(wanted: int) -> None:
    """Let this process hold up to ``wanted`` descriptors, or as many as the hard limit grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))


def apply(kind: str, soft: int, hard: int | None) -> None:
    """Set one limit of this process, ``cpu`` (seconds), ``memory`` (bytes) or ``open_files``.

    Without ``hard`` the hard limit stays. Raises ``OSError`` or ``ValueError`` when the kernel refuses.
    """
    _, ceiling = resource.getrlimit(_KINDS[kind])
    top = ceiling if hard is None else _number(hard, ceiling)
    wanted = _number(soft, ceiling)
    if top != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > top):
        wanted = top
    resource.setrlimit(_KINDS[kind], (wanted, top))


def _number(value: int, ceiling: int) -> int:
    if value == MAX:
        return ceiling
    return resource.RLIM_INFINITY if value == UNLIMITED else value
