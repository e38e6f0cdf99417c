"""What the time of a refusal tells: ghosts, wrong passwords and locked accounts, as medians of many tries. security.md U1 to U3.

Tries take turns, so that what else the machine does meets all of them. The servers run with DelayEngine off: what is measured
is what mod_delay would have to hide.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import paramiko

from tests.bench.peers import LOCKED, USER, WRONG, Bench, Peer
from tests.clients.rawauth import METHOD, Ended, RawAuth, connect

GHOST = WRONG.replace("wrong", "ghost")
#: attempts on one connection; the servers end it after six failures. They are no independent ones, as each session of
#: pyproftpd has a scale of times of its own: a sample counts as many as it has connections
PER_CONNECTION = 4
#: two samples of n differ by a Kolmogorov-Smirnov distance above this over the root of n/2 once in a thousand cases
KS = 1.95

Try = Callable[[RawAuth, str], bytes]


def passwords(bench: Bench, peer: Peer, tries: int) -> dict[str, float] | None:
    """Accounts of the user file: a wrong password, a locked account, a name that nobody has."""
    if peer.name == "sshd":
        return None  # knows no accounts but the system's
    return _compared(peer, tries, (WRONG, LOCKED, GHOST), lambda client, user: client.password(user, "guess"))


def queries(bench: Bench, peer: Peer, tries: int) -> dict[str, float]:
    """May this key log in? For an account that has another one, and for a name that nobody has."""
    blob = paramiko.Ed25519Key.from_private_key_file(str(bench.keys / "ssh_host_ed25519_key")).asbytes()
    return _compared(peer, tries, (USER, GHOST), lambda client, user: client.query(user, "ssh-ed25519", blob))


def conversations(bench: Bench, peer: Peer, tries: int) -> dict[str, float] | None:
    """pam_unix without its own delay: an account of the system with a password, a locked one, a name that nobody has."""
    if peer.name != "pyproftpd":
        return None  # the others are run without PAM

    def answer(client: RawAuth, user: str) -> bytes:
        said = client.ask(user)
        return client.answer("guess") if said[0] == METHOD else said
    return _compared(peer, tries, (WRONG, LOCKED, GHOST), answer)


def _compared(peer: Peer, tries: int, names: Sequence[str], attempt: Try) -> dict[str, float]:
    """Median milliseconds by name; the slowest over the fastest; the greatest KS distance over what chance explains."""
    times: dict[str, list[float]] = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        clients = {name: _clients(peer, stack) for name in names}
        for number in range(tries):
            for name in (*names[number % len(names):], *names[:number % len(names)]):
                client = next(clients[name])
                begin = time.monotonic()
                with contextlib.suppress(Ended):
                    attempt(client, name)
                times[name].append(time.monotonic() - begin)
    medians = {name: statistics.median(found) * 1000 for name, found in times.items()}
    distance = max(_distance(times[one], times[other]) for one, other in itertools.combinations(names, 2))
    return {**{f"{name.split('-')[1]}_ms": value for name, value in medians.items()},
            "spread": max(medians.values()) / min(medians.values()), "ks": distance * math.sqrt(tries / PER_CONNECTION / 2) / KS}


def _clients(peer: Peer, stack: contextlib.ExitStack) -> Iterator[RawAuth]:
    """A connection for each name, and a new one before the server would have enough of it."""
    while True:
        with contextlib.ExitStack() as one:
            client = one.enter_context(connect(peer))
            for _ in range(PER_CONNECTION):
                yield client


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Kolmogorov-Smirnov: the greatest distance of two empirical distributions."""
    first, second = sorted(one), sorted(other)
    found = 0.0
    here = there = 0
    for value in sorted((*first, *second)):
        while here < len(first) and first[here] <= value:
            here += 1
        while there < len(second) and second[there] <= value:
            there += 1
        found = max(found, abs(here / len(first) - there / len(second)))
    return found
