"""SFTP layouts against bytes written by hand."""

from __future__ import annotations

import pytest

from mod_sftp.wire.fxp import LAYOUTS, BadMessage, Dialect, Fxp, Request, decode, fields_of, message, opening, version_message
from mod_sftp.wire.ssh import Reader


def parsed(kind: int, version: int, data: bytes) -> Request:
    return decode(fields_of(LAYOUTS[kind], version), Reader(data), Dialect(version))


def test_open_of_version_3() -> None:
    request = parsed(Fxp.OPEN, 3, b"\0\0\0\1f" + b"\0\0\0\x1a" + b"\0\0\0\4\0\0\1\xa4")
    assert (request.path, request.flags, request.attrs.permissions) == ("f", 0x1A, 0o644)
    want = opening(request, 3)
    assert (want.read, want.write, want.create, want.truncate, want.append, want.exclusive) == (
        False, True, True, True, False, False)


def test_open_of_version_5_has_an_access_mask() -> None:
    request = parsed(Fxp.OPEN, 5, b"\0\0\0\1f" + b"\0\0\0\3" + b"\0\0\0\0" + b"\0\0\0\0\1")
    want = opening(request, 5)
    assert (want.read, want.write, want.create, want.exclusive, want.truncate) == (True, True, True, True, False)


@pytest.mark.parametrize(("version", "data"), [(3, b"\0\0\0\1f"), (4, b"\0\0\0\1f\0\0\0\1"), (4, b"\0\0\0\1f")])
def test_the_mask_of_a_stat_came_with_version_4(version: int, data: bytes) -> None:
    request = parsed(Fxp.STAT, version, data)
    assert request.path == "f"
    assert request.mask == (1 if len(data) > 5 else None)


def test_what_follows_the_fields_is_ignored() -> None:
    assert parsed(Fxp.REMOVE, 3, b"\0\0\0\1fmore").path == "f"


def test_short_fields_are_bad_messages() -> None:
    with pytest.raises(BadMessage):
        parsed(Fxp.REMOVE, 3, b"\0\0\0\5f")
    with pytest.raises(BadMessage):
        parsed(Fxp.CLOSE, 3, b"\0\0\1\1" + b"h" * 257)


def test_replies() -> None:
    assert message(Fxp.HANDLE, 7, b"\0\0\0\1h") == b"\0\0\0\x0a" + b"\x66" + b"\0\0\0\7" + b"\0\0\0\1h"
    assert version_message(3, (("a", b"1"),)) == b"\0\0\0\x0f\2\0\0\0\3\0\0\0\1a\0\0\0\1" + b"1"
