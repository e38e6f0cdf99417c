"""Conditions as values: user, group and class expressions, host rules, patterns. Parsed once, asked many times.

Everything here is immutable and answers from its arguments alone.
"""

from __future__ import annotations

import enum
import fnmatch
import ipaddress
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Generic, TypeVar

from pyproftpd.api.facts import BindFacts
from pyproftpd.errors import Refused

T = TypeVar("T")

#: longest text that a pattern of the configuration is asked about; names beyond PATH_MAX do not exist
MAX_SUBJECT = 8192

#: CPU seconds that one question to a pattern may cost; an honest one takes microseconds
MATCH_SECONDS = 0.25

#: at most one repetition and no group: such an expression cannot run away
_TAME = re.compile(r"[^*+?{(]*[*+?{]?[^*+?{(]*")

_POSIX_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": r"\x21-\x7e", "lower": "a-z", "print": r"\x20-\x7e", "punct": r"!-/:-@\[-`{-~", "space": r"\s",
    "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}


def translate_posix(pattern: str) -> str:
    """A POSIX extended expression in Python's spelling: ``[[:alpha:]]``, and ``$`` that does not stop before a newline.

    Raises ``re.error`` for a class that does not exist.
    """
    out: list[str] = []
    place, inside = 0, False
    while place < len(pattern):
        char = pattern[place]
        if char == "\\" and place + 1 < len(pattern):
            out.append(pattern[place:place + 2])
            place += 2
            continue
        if inside:
            named = re.match(r"\[([:.=])(.*?)\1\]", pattern[place:])
            if named:
                if named[1] != ":" or named[2] not in _POSIX_CLASSES:
                    raise re.error(f"no such class as {named[0]}", pattern, place)
                out.append(_POSIX_CLASSES[named[2]])
                place += named.end()
                continue
            if char in "[&|~":  # doubled, Python will read the others as operations on sets some day
                char = "\\" + char
            elif char == "]":
                inside = False
        elif char == "[":
            inside = True
            opening = re.match(r"\[\^?\]?", pattern[place:])
            assert opening is not None
            out.append(opening[0].replace("]", r"\]"))
            place += opening.end()
            continue
        elif char == "$":
            char = r"\Z"
        out.append(char)
        place += 1
    return "".join(out)


class Pattern:
    """A regular expression of the configuration; ``search`` refuses over-long subjects by not matching.

    ``negated`` (a leading ``!``) is inside: ``search`` already answers the whole question. An expression that backtracks
    without end on a subject that a client chose is stopped by the clock and refuses what it was asked about.
    """

    __slots__ = ("text", "negated", "_regex", "_tame")

    def __init__(self, text: str, *, ignore_case: bool = False, negated: bool = False) -> None:
        """Raises ``re.error`` for an expression that does not compile."""
        self.text, self.negated = text, negated
        try:
            self._regex = re.compile(translate_posix(text), re.IGNORECASE if ignore_case else 0)
        except RecursionError:
            raise re.error("too many groups in each other") from None
        except OverflowError as error:
            raise re.error(str(error)) from None
        self._tame = _TAME.fullmatch(text) is not None

    def search(self, subject: str) -> bool:
        """Raises ``Refused`` when the answer would take longer than ``MATCH_SECONDS``."""
        if len(subject) > MAX_SUBJECT:
            return False
        found = self._regex.search(subject) if self._tame else self._bounded(subject)
        return (found is not None) != self.negated

    def _bounded(self, subject: str) -> re.Match[str] | None:
        """The engine looks for signals while it backtracks, so a timer of the CPU's time can end it."""
        def expired(number: int, frame: FrameType | None) -> None:
            raise Refused(f"regular expression '{self.text}', which takes too long")

        before = signal.signal(signal.SIGVTALRM, expired)
        signal.setitimer(signal.ITIMER_VIRTUAL, MATCH_SECONDS)
        try:
            return self._regex.search(subject)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)

    def __repr__(self) -> str:
        return f"Pattern({'!' if self.negated else ''}{self.text})"

    def __str__(self) -> str:
        return ("!" if self.negated else "") + self.text


class Mode(enum.Enum):
    AND = "AND"
    OR = "OR"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class Expression:
    """``[AND|OR|regex] name,!name`` over the users, groups or classes of a session. ``kind``: user, group or class.

    AND needs every term, OR one; there are no wildcards. Source: real server, expr.c.
    """

    kind: str
    mode: Mode
    terms: tuple[str, ...]
    pattern: Pattern | None = None

    def matches(self, facts: BindFacts) -> bool:
        names = self._names(facts)
        if self.pattern is not None:
            return any(self.pattern.search(name) for name in names)
        verdicts = (self._term(term, names) for term in self.terms)
        return all(verdicts) if self.mode is Mode.AND else any(verdicts)

    def _names(self, facts: BindFacts) -> tuple[str, ...]:
        if self.kind == "user":
            return (facts.user,) if facts.user else ()
        if self.kind == "group":
            return tuple(facts.groups)
        return (facts.connection_class,) if facts.connection_class else ()

    @staticmethod
    def _term(term: str, names: tuple[str, ...]) -> bool:
        wanted = term[1:] if term.startswith("!") else term
        return (wanted in names) != term.startswith("!")

    def __str__(self) -> str:
        return f"{self.mode.value} {self.pattern if self.pattern else ','.join(self.terms)}"


@dataclass(frozen=True, slots=True)
class Conditional(Generic[T]):
    """A value that holds for some sessions only; ``expression`` ``None`` = for all of them."""

    value: T
    expression: Expression | None = None

    @property
    def kind(self) -> str:
        return self.expression.kind if self.expression else ""

    def applies(self, facts: BindFacts | None) -> bool:
        """``facts`` ``None`` = nothing is known yet: only what holds for everybody applies."""
        return self.expression is None or (facts is not None and self.expression.matches(facts))


@dataclass(frozen=True, slots=True)
class HostRule:
    """One element of an ACL: ``all``, ``none``, an address, a network, an address prefix, a name, a domain or a glob."""

    text: str
    kind: str
    negated: bool = False
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None

    def verdict(self, address: str, hostname: str) -> int:
        """1 = matches, -1 = a negated rule excludes this client, 0 = says nothing.

        Source: real server, netacl.c: a negated rule that does not hit counts as a match.
        """
        if self.kind == "none":
            return -1
        hit = self._hit(plain_address(address), hostname.lower())
        if self.negated:
            return -1 if hit else 1
        return 1 if hit else 0

    def matches(self, address: str, hostname: str) -> bool:
        return self.verdict(address, hostname) == 1

    def _hit(self, address: str, hostname: str) -> bool:
        if self.kind == "all":
            return True
        if self.network is not None:
            try:
                return ipaddress.ip_address(address) in self.network
            except ValueError:
                return False
        if self.kind == "prefix":
            return address.startswith(self.text)
        if self.kind == "domain":
            return hostname.endswith(self.text)
        if self.kind == "glob":
            return fnmatch.fnmatchcase(hostname, self.text) or fnmatch.fnmatchcase(address, self.text)
        return self.text in (hostname, address)


@dataclass(frozen=True, slots=True)
class HostRules:
    """The ACL of one ``Allow``, ``Deny`` or ``From`` line."""

    rules: tuple[HostRule, ...]

    def matches(self, address: str, hostname: str) -> bool:
        """One match is enough, unless a negated rule excludes the client."""
        verdicts = [rule.verdict(address, hostname) for rule in self.rules]
        return 1 in verdicts and -1 not in verdicts


def plain_address(address: str) -> str:
    """An IPv4 address that came in by an IPv6 socket (``::ffff:192.0.2.1``) as plain IPv4, zone removed."""
    address = address.partition("%")[0]
    return address[7:] if address.lower().startswith("::ffff:") and "." in address else address


def parse_expression(words: Sequence[str], kind: str, default: Mode) -> Expression:
    """Read ``[AND|OR|regex] expr``. Raises ``ValueError`` with what was expected."""
    mode, rest = default, list(words)
    head = rest[0].lower() if rest else ""
    if len(rest) > 1 and head in ("and", "or", "regex"):
        mode = {"and": Mode.AND, "or": Mode.OR, "regex": Mode.REGEX}[head]
        rest = rest[1:]
    if mode is Mode.REGEX:
        if len(rest) != 1:
            raise ValueError("one regular expression after 'regex'")
        try:
            return Expression(kind, mode, (rest[0],), Pattern(rest[0]))
        except re.error as error:
            raise ValueError(f"a regular expression, but '{rest[0]}' has a fault: {error}") from None
    terms = tuple(part.strip() for word in rest for part in word.split(",") if part.strip())
    if not terms:
        raise ValueError(f"a list of {kind} names")
    return Expression(kind, mode, terms)


def parse_host_rule(word: str) -> HostRule:
    """Raises ``ValueError`` with what was expected."""
    negated, text = word.startswith("!"), word.removeprefix("!").lower()
    if text in ("all", "none"):
        if negated:
            raise ValueError(f"no negation before '{text}'")
        return HostRule(text, text)
    if not text:
        raise ValueError("an address, a network, a name, 'all' or 'none'")
    try:
        network = ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        if "/" in text:
            raise ValueError(f"a network such as 192.0.2.0/24, not '{word}'") from None
        if ":" in text:
            raise ValueError(f"an IPv6 address or network such as 2001:db8::/32, not '{word}'") from None
        return HostRule(text, _name_kind(text), negated)
    return HostRule(text, "network", negated, _plain_network(network))


def _plain_network(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """IPv4 in the dress of IPv6 (``::ffff:192.0.2.0/120``) as what it is: clients are compared so, too."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    return network if mapped is None or network.prefixlen < 96 else ipaddress.IPv4Network((mapped, network.prefixlen - 96))


def _name_kind(text: str) -> str:
    if any(char in text for char in "*?["):
        return "glob"
    if text.startswith("."):
        return "domain"
    if re.fullmatch(r"[0-9.]+\.", text):
        return "prefix"
    return "name"
