"""SFTPAuthMethods as data: chains of methods, and how far a client has come along each.

A chain (``publickey+password``) is done when each of its methods succeeded in order; one chain done is a login. Only the
first open method of each chain is offered (RFC 4252 5.1; real server). ``publickey+publickey`` needs two different keys
and two links of keyboard-interactive two different drivers (security.md U8), which is what ``Progress.used`` is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: ``("publickey", "password")``: the methods of one chain in their order
Chain = tuple[str, ...]


def parse(words: Iterable[str]) -> tuple[Chain, ...]:
    """``["publickey+password", "hostbased"]`` -> the chains, in the order of the directive."""
    return tuple(tuple(word.split("+")) for word in words)


class Progress:
    """How far one client is. ``none`` in a directive is never a link: that method only answers the list."""

    __slots__ = ("_chains", "_withdrawn", "used", "_open")

    def __init__(self, chains: Sequence[Chain]) -> None:
        self._chains = [chain for chain in chains if "none" not in chain]
        self._withdrawn: set[str] = set()
        #: what earlier links used up: key fingerprints, names of drivers
        self.used: set[str] = set()
        self.restart()

    def restart(self) -> None:
        """All links are open again: the login that a finished chain led to was refused."""
        self._open = [list(chain) for chain in self._chains]
        self.used.clear()

    def offered(self) -> tuple[str, ...]:
        """What may be tried now, each name once, in the order of the chains."""
        heads = (chain[0] for chain in self._open if not self._withdrawn.intersection(chain))
        return tuple(dict.fromkeys(heads))

    def succeed(self, method: str, proof: str = "") -> bool:
        """Record that ``method`` succeeded with ``proof`` (a key, a driver); true when a whole chain is done."""
        if method not in self.offered():
            return False
        if proof:
            self.used.add(proof)
        for chain in self._open:
            if chain[0] == method:
                del chain[0]
        return not all(self._open)

    def withdraw(self, method: str) -> None:
        """The method cannot succeed in this session: chains that need it are no longer offered."""
        self._withdrawn.add(method)
