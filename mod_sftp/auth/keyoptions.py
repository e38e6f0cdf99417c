"""What an authorized_keys line or an RFC 4716 header says about the use of its key.

Options of OpenSSH (sshd(8), AUTHORIZED_KEYS FILE FORMAT) are rows: those that only take away what a file server never
gives are met by doing nothing; an option that we do not know makes the key useless, as it may be a limit.
"""

from __future__ import annotations

import calendar
import fnmatch
import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mod_sftp.api import StoredKey

#: Options in one line and patterns in one option; sshd has no more in any example.
MAX_OPTIONS = 64
MAX_PATTERNS = 256

#: No shell, forwarding, terminal or user rc file exists here to be allowed or forbidden; environment= is off in sshd too.
_WITHOUT_EFFECT = frozenset({
    "restrict", "pty", "no-pty", "port-forwarding", "no-port-forwarding", "agent-forwarding", "no-agent-forwarding",
    "x11-forwarding", "no-x11-forwarding", "user-rc", "no-user-rc", "permitopen", "permitlisten", "tunnel",
    "environment",
})
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Client:
    """What an option may ask about: the user, his client's address and name, and the wall clock in seconds."""

    user: str
    address: str
    hostname: str
    now: float


@dataclass(slots=True)
class Uses:
    """What is left of a key after its options: ``refusal`` says why it may not be used."""

    refusal: str = ""
    authority: bool = False
    principals: tuple[str, ...] = ()
    #: a token must prove presence, or that it knows its owner
    touch: bool = True
    verify: bool = False


def uses(key: StoredKey, client: Client, *, match_subject: bool = False) -> Uses:
    """Evaluate options and headers; the first refusal stands."""
    found = Uses()
    if len(key.options) > MAX_OPTIONS:
        found.refusal = f"it has more than {MAX_OPTIONS} options"
    for name, value in key.options[:MAX_OPTIONS]:
        _apply(found, name, value, client)
    _headers(found, key.headers, client, match_subject)
    return found


def _apply(found: Uses, name: str, value: str, client: Client) -> None:
    if name in _WITHOUT_EFFECT:
        return
    row = _OPTIONS.get(name)
    try:
        refusal = f"its option '{name}' is not known" if row is None else row(found, value, client)
    except ValueError as error:
        refusal = str(error)
    found.refusal = found.refusal or refusal


def _from(found: Uses, value: str, client: Client) -> str:
    return "" if matches_hosts(value, client) else "its option 'from' does not admit this client"


def _expiry(found: Uses, value: str, client: Client) -> str:
    return "" if client.now < expiry(value) else "it has expired (expiry-time)"


def _command(found: Uses, value: str, client: Client) -> str:
    """A forced command is honoured where it is what we do anyway."""
    return "" if value == "internal-sftp" else "its option 'command' asks for another program"


def _authority(found: Uses, value: str, client: Client) -> str:
    found.authority = True
    return ""


def _principals(found: Uses, value: str, client: Client) -> str:
    found.principals = tuple(name for name in value.split(",") if name)
    return "" if found.principals else "its option 'principals' names nobody"


def _no_touch(found: Uses, value: str, client: Client) -> str:
    found.touch = False
    return ""


def _verify(found: Uses, value: str, client: Client) -> str:
    found.verify = True
    return ""


#: option -> (what it leaves, its value, who asks) -> refusal
_OPTIONS: Mapping[str, Callable[[Uses, str, Client], str]] = {
    "from": _from,
    "expiry-time": _expiry,
    "command": _command,
    "cert-authority": _authority,
    "principals": _principals,
    "no-touch-required": _no_touch,
    "verify-required": _verify,
}


def _headers(found: Uses, headers: Mapping[str, str], client: Client, match_subject: bool) -> None:
    """RFC 4716 headers (names without case); ``Subject`` binds only with MatchKeySubject (real server)."""
    given = {name.lower(): value.strip() for name, value in headers.items()}
    if match_subject and "subject" in given and given["subject"] != client.user:
        found.refusal = found.refusal or "its header 'Subject' names another user"
    for header, attribute in (("x-fido-touch-required", "touch"), ("x-fido-verify-required", "verify")):
        word = given.get(header, "").lower()
        if word in _TRUE | _FALSE:
            setattr(found, attribute, word in _TRUE)
        elif word:
            found.refusal = found.refusal or f"its header '{header}' is neither true nor false"


def matches_hosts(patterns: str, client: Client) -> bool:
    """A pattern list of ssh_config(5): names and addresses with ``*`` and ``?``, CIDR blocks; one that matches behind
    ``!`` refuses for good."""
    words = patterns.split(",")
    if len(words) > MAX_PATTERNS:
        return False
    matched = False
    for word in words:
        pattern = word.strip().lower()
        negated = pattern.startswith("!")
        if _matches(pattern.lstrip("!"), client):
            if negated:
                return False
            matched = True
    return matched


def _matches(pattern: str, client: Client) -> bool:
    if "/" in pattern:
        try:
            return ipaddress.ip_address(client.address) in ipaddress.ip_network(pattern, strict=False)
        except ValueError:
            return False
    literal = pattern.replace("[", "[[]")  # fnmatch knows sets, ssh does not
    return any(fnmatch.fnmatchcase(text.lower(), literal) for text in (client.address, client.hostname))


def expiry(value: str) -> float:
    """``YYYYMMDD[HHMM[SS]]`` in local time, or UTC with a ``Z`` behind it. Raises: ValueError."""
    text, utc = (value[:-1], True) if value.endswith(("Z", "z")) else (value, False)
    layout = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(text))
    if layout is None or not text.isdecimal():
        raise ValueError("expiry-time is not YYYYMMDD[HHMM[SS]][Z]")
    try:
        parsed = time.strptime(text, layout)
    except ValueError:
        raise ValueError("expiry-time is no date") from None
    return float(calendar.timegm(parsed)) if utc else time.mktime(parsed)
