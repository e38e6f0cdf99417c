"""The data types of RFC 4251 5: its own examples, and messages that end too early (security.md T16)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_sftp.wire import ssh
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError


@pytest.mark.parametrize(("value", "encoded"), [
    (0, "00000000"),
    (0x9A378F9B2E332A7, "0000000809a378f9b2e332a7"),
    (0x80, "000000020080"),
    (-0x1234, "00000002edcc"),
    (-0xDEADBEEF, "00000005ff21524111"),
])
def test_mpint_examples_of_rfc_4251(value: int, encoded: str) -> None:
    assert ssh.mpint(value).hex() == encoded
    assert Reader(bytes.fromhex(encoded)).mpint() == value


@pytest.mark.parametrize(("names", "encoded"), [
    ([], "00000000"), (["zlib"], "000000047a6c6962"), (["zlib", "none"], "000000097a6c69622c6e6f6e65"),
])
def test_name_list_examples_of_rfc_4251(names: list[str], encoded: str) -> None:
    assert ssh.namelist(names).hex() == encoded
    assert Reader(bytes.fromhex(encoded)).namelist() == names


def test_fields_in_a_row() -> None:
    data = bytes.fromhex("01" "00" "02" "29b7f4aa" "0000000100000002" "0000000774657374696e67" "ff")
    reader = Reader(data)
    assert reader.u8() == 1
    assert (reader.boolean(), reader.boolean()) == (False, True)
    assert reader.u32() == 699921578
    assert reader.u64() == 0x100000002
    assert reader.text() == "testing"
    assert reader.left == 1
    with pytest.raises(PeerError):
        reader.end()
    assert bytes(reader.rest()) == b"\xff"
    reader.end()


@pytest.mark.parametrize("name", ["u8", "boolean", "u32", "u64", "string", "bytes", "text", "mpint", "namelist"])
@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\0\0\0\5abcd", b"\xff\xff\xff\xffabcdefgh", b"\x7f\xff\xff\xff"])
def test_t16_short_data_never_reads_as_empty(name: str, data: bytes) -> None:
    needed = {"u8": 1, "boolean": 1, "u32": 4, "u64": 8}.get(name)
    if needed is not None and len(data) >= needed:
        data = data[: needed - 1]
    with pytest.raises(PeerError) as caught:
        getattr(Reader(data), name)()
    assert caught.value.reason == 2


@pytest.mark.parametrize("encoded", ["é".encode(), b"a" * (32 * 1024 + 1), b"," * 2000,
                                     ",".join(["a"] * 1025).encode()])
def test_bad_name_lists(encoded: bytes) -> None:
    with pytest.raises(PeerError):
        Reader(ssh.string(encoded)).namelist()


@pytest.mark.parametrize(("encoded", "names"), [(b"a,,b", ["a", "b"]), (b",", []), (b"a,", ["a"])])
def test_empty_names_are_skipped(encoded: bytes, names: list[str]) -> None:
    """As OpenSSH does: libssh's list of key exchanges holds one."""
    assert Reader(ssh.string(encoded)).namelist() == names


def test_limits_hold() -> None:
    with pytest.raises(PeerError):
        Reader(ssh.string(b"12345")).string(4)
    with pytest.raises(PeerError):
        Reader(ssh.string(b"\1" * 2050)).mpint()
    with pytest.raises(PeerError):
        Reader(ssh.string(b"\xff\xfe")).text()


def test_views_are_handed_out_without_a_copy() -> None:
    buffer = bytearray(ssh.string(b"data"))
    view = Reader(memoryview(buffer)).string()
    buffer[4] = ord("D")
    assert bytes(view) == b"Data"


@given(st.integers(-(2**600), 2**600))
def test_every_integer_comes_back_in_its_shortest_form(value: int) -> None:
    encoded = ssh.mpint(value)
    assert Reader(encoded).mpint() == value
    body = encoded[4:]
    assert len(body) < 2 or body[0] not in (0, 255) or (body[0] ^ body[1]) & 0x80


@given(st.binary(max_size=64), st.lists(st.sampled_from(
    ["u8", "boolean", "u32", "u64", "string", "bytes", "text", "mpint", "namelist", "rest", "end"]), max_size=8))
def test_any_data_gives_values_or_a_peer_error(data: bytes, fields: list[str]) -> None:
    reader = Reader(data)
    for field in fields:
        try:
            getattr(reader, field)()
        except PeerError:
            return
        assert 0 <= reader.pos <= len(data)


def test_numbers_of_messages() -> None:
    """RFC 4250 4.1.2; the numbers of the methods repeat."""
    assert (Msg.DISCONNECT, Msg.KEXINIT, Msg.NEWKEYS, Msg.USERAUTH_REQUEST, Msg.CHANNEL_DATA) == (1, 20, 21, 50, 94)
    assert [Msg.KEX_DH_GEX_REQUEST_OLD, Msg.KEXDH_INIT] == [30, 30]
    assert Msg(94).name == "CHANNEL_DATA"
