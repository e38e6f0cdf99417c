"""Which client gets which treatment (behaviours 13 to 15 and 36)."""

from __future__ import annotations

import pytest

from mod_sftp.conf import ClientMatch
from mod_sftp.quirks import Overrides, needs_client_first, overrides
from pyproftpd.api.expressions import Pattern


@pytest.mark.parametrize(("software", "expected"), [
    ("OpenSSH_9.2p1", Overrides()),
    ("OpenSSH_9.1p1", Overrides(short_limits=True)),
    ("OpenSSH_8.9", Overrides(short_limits=True)),
    ("OpenSSH_2.2.0p1", Overrides(rekey=False, banner=False)),
    ("OpenSSH_2.3.0p1", Overrides(rekey=False, banner=False)),
    ("OpenSSH_2.5.3", Overrides(rekey=False)),
    ("OpenSSH_2.9", Overrides()),
    ("Cisco-1.25", Overrides(hostkeys=False)),
    ("TTSSH/2.72", Overrides(hostkeys=False)),
    ("TTSSH/2.73", Overrides()),
    ("Sun_SSH_1.0.1", Overrides(rekey=False)),
    ("3.2.9 SSH", Overrides(ignore=False)),
    ("PuTTY_Release_0.78", Overrides()),
])
def test_known_families(software: str, expected: Overrides) -> None:
    assert overrides(software, ()) == expected


def test_every_match_counts_and_later_ones_win() -> None:
    matches = (ClientMatch(Pattern("OpenSSH"), channel_window_size=1000, channel_packet_size=500),
               ClientMatch(Pattern("PuTTY"), channel_window_size=1),
               ClientMatch(Pattern("_9"), channel_window_size=2000))
    found = overrides("OpenSSH_9.9", matches)
    assert (found.channel_window_size, found.channel_packet_size) == (2000, 500)


@pytest.mark.parametrize(("match", "waits"), [
    (ClientMatch(Pattern("x"), ciphers=("aes128-ctr",)), True),
    (ClientMatch(Pattern("x"), key_exchanges=("curve25519-sha256",)), True),
    (ClientMatch(Pattern("x"), channel_packet_size=1), False),
])
def test_algorithm_keys_make_kexinit_wait(match: ClientMatch, waits: bool) -> None:
    assert needs_client_first([match]) is waits
