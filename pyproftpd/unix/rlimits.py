"""Resource limits of a process."""

from __future__ import annotations

import resource


def forbid_core_dumps() -> None:
    """A core file of a session would hold keys and passwords. Source: real server, main.c."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def raise_descriptors(wanted: int) -> None:
    """Let this process hold up to ``wanted`` descriptors, or as many as the hard limit grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
