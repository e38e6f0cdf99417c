"""What to do differently for which client, by its version text.

First the built-in table of known families (first match wins), then every matching SFTPClientMatch in the order of the
configuration, later ones overriding earlier. Patterns see the text behind ``SSH-2.0-`` without its comment
(behaviours 13 to 15 and 36). Source of the table: real server; for Erlang, trying it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from mod_sftp.conf import ClientMatch, ClientSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides(ClientSettings):
    """What counts for one client: what matches said, and what families of clients cannot stand."""

    #: a key exchange that we begin
    rekey: bool = True
    #: SSH_MSG_IGNORE
    ignore: bool = True
    #: SSH_MSG_USERAUTH_BANNER
    banner: bool = True
    #: hostkeys-00@openssh.com
    hostkeys: bool = True
    #: limits@openssh.com must stay at 256 KiB
    short_limits: bool = False


_NO_REKEY = Overrides(rekey=False)
_NO_IGNORE = Overrides(ignore=False)
_NO_HOSTKEYS = Overrides(hostkeys=False)
_SHORT_LIMITS = Overrides(short_limits=True)
#: ssh_sftp asks for version 6 without knowing its attributes, and hangs in the first listing; in 4 it lacks the type byte
_VERSION_3 = Overrides(protocol_version=(1, 3))

#: PuTTY and WinSCP take no data while keys change; nobody gets any from us, so they have no row.
FAMILIES: tuple[tuple[re.Pattern[str], Overrides], ...] = tuple((re.compile(pattern), row) for pattern, row in (
    (r"^Cisco-1", _NO_HOSTKEYS),
    (r"^Erlang/", _VERSION_3),
    (r"^OpenSSH[-_](2\.[0-2]|2\.3\.0)", Overrides(rekey=False, banner=False)),
    (r"^OpenSSH[-_]2\.([3-4]|5\.[0-3])", _NO_REKEY),
    (r"^OpenSSH[-_](8\.|9\.[01])", _SHORT_LIMITS),
    (r"J2SSH_Maverick", _NO_REKEY),
    (r"^Sun_SSH_1\.0", _NO_REKEY),
    (r"^TTSSH/(1\.|2\.([0-6]?[0-9]([^0-9]|$)|7[0-2]))", _NO_HOSTKEYS),
    (r"^(1\.2\.(18|19|20|21|22)|1\.3\.2|3\.2\.9)( |$)", _NO_IGNORE),
))

#: algorithm keys cannot be honoured once KEXINIT is out (behaviour 14)
ALGORITHM_KEYS = ("ciphers", "digests", "host_keys", "key_exchanges")


def overrides(software: str, matches: Iterable[ClientMatch]) -> Overrides:
    """Everything that counts for this client."""
    found = next((row for pattern, row in FAMILIES if pattern.search(software)), Overrides())
    for match in matches:
        if match.pattern.search(software):
            said = {field.name: value for field in fields(ClientSettings)
                    if (value := getattr(match, field.name)) is not None}
            found = replace(found, **said)
    return found


def needs_client_first(matches: Iterable[ClientMatch]) -> bool:
    """Must KEXINIT wait for the client's version, because some match sets algorithms?"""
    return any(getattr(match, key) is not None for match in matches for key in ALGORITHM_KEYS)
