"""Whatever bytes come, a method reads them or blames the peer (security.md T16)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mod_sftp.auth.hostbased import HostBased
from mod_sftp.auth.kbdint import KeyboardInteractive, info_response
from mod_sftp.auth.outcome import Method
from mod_sftp.auth.password import Password
from mod_sftp.auth.publickey import PublicKey
from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError

METHODS = (Password(), PublicKey(), PublicKey(bound=True), HostBased(), KeyboardInteractive(()))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
@given(data=st.binary(max_size=200))
@settings(max_examples=150)
def test_any_bytes(method: Method, data: bytes) -> None:
    try:
        method.read(Reader(data))
    except PeerError:
        return


@given(data=st.binary(max_size=100), asked=st.integers(0, 4))
@settings(max_examples=300)
def test_any_answers(data: bytes, asked: int) -> None:
    try:
        answers = info_response(memoryview(data), asked)
    except PeerError:
        return
    assert len(answers) == asked
    assert sum(map(len, answers)) + 4 * (asked + 1) == len(data)


@pytest.mark.parametrize("count", [501, 0xFFFFFFFF])
def test_t5_counts_taken_on_trust(count: int) -> None:
    with pytest.raises(PeerError, match="over the limit of 500"):
        info_response(memoryview(count.to_bytes(4, "big")), count)
