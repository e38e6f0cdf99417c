"""Attribute layouts against bytes written by hand from the drafts."""

from __future__ import annotations

import pytest

from mod_sftp.wire.attrs import Attr, Attributes, decode_attributes, encode_attributes, known, unknown
from mod_sftp.wire.ssh import Reader
from pyproftpd.errors import PeerError


def sample() -> Attributes:
    attrs = Attributes()
    attrs.type, attrs.size, attrs.uid, attrs.gid, attrs.permissions = 1, 2, 3, 4, 0o100644
    attrs.atime, attrs.mtime, attrs.owner, attrs.group = 5, 6, b"me", b"us"
    attrs.atime_part, attrs.mtime_part = 7, 8
    attrs.link_count, attrs.allocation_size = 9, 512
    attrs.createtime, attrs.createtime_part, attrs.ctime, attrs.ctime_part = 3, 4, 10, 11
    attrs.acl, attrs.bits, attrs.bits_valid, attrs.text_hint = b"a", 1, 1, 2
    attrs.mime_type, attrs.untranslated_name = b"m", b"u"
    return attrs


HEAD3 = bytes.fromhex("0000000f 0000000000000002 00000003 00000004 000081a4 00000005 00000006")
HEAD4 = bytes.fromhex("000000ad 01 0000000000000002 00000002 6d65 00000002 7573 000001a4 0000000000000005 0000000000000006")
FINE4 = bytes.fromhex("00000128 01 0000000000000005 00000007 0000000000000006 00000008")
#: every field that a version has, in its order
WHOLE4 = bytes.fromhex(
    "000001fd 01 0000000000000002 00000002 6d65 00000002 7573 000001a4 0000000000000005 00000007 0000000000000003 00000004"
    "0000000000000006 00000008 00000001 61")
WHOLE5 = bytes.fromhex("000003fd") + WHOLE4[4:] + bytes.fromhex("00000001")
WHOLE6 = bytes.fromhex(
    "0000fffd 01 0000000000000002 0000000000000200 00000002 6d65 00000002 7573 000001a4 0000000000000005 00000007"
    "0000000000000003 00000004 0000000000000006 00000008 000000000000000a 0000000b 00000001 61 00000001 00000001 02"
    "00000001 6d 00000009 00000001 75")
HEAD6 = bytes.fromhex("00002401 01 0000000000000002 0000000000000200 00000009")


@pytest.mark.parametrize(("version", "mask", "expected"), [
    (1, 0xF, HEAD3), (2, 0xF, HEAD3), (3, 0xF, HEAD3), (4, 0xAD, HEAD4), (5, 0xAD, HEAD4), (6, 0xAD, HEAD4),
    (4, 0x128, FINE4), (6, 0x128, FINE4), (6, 0x2401, HEAD6), (4, 0x1FD, WHOLE4), (5, 0x3FD, WHOLE5),
    (6, 0xFFFD, WHOLE6), (3, 0, bytes(4)), (4, 0, bytes(4) + b"\1")])
def test_layouts(version: int, mask: int, expected: bytes) -> None:
    assert encode_attributes(sample(), version, mask) == expected


@pytest.mark.parametrize(("version", "data", "names"), [
    (3, HEAD3, ("size", "uid", "gid", "permissions", "atime", "mtime")), (4, HEAD4, ("size", "owner", "group", "atime", "mtime")),
    (6, FINE4, ("atime", "atime_part", "mtime", "mtime_part")), (6, HEAD6, ("size", "allocation_size", "link_count")),
    (4, WHOLE4, ("createtime", "createtime_part", "mtime", "mtime_part", "acl")), (5, WHOLE5, ("acl", "bits")),
    (6, WHOLE6, ("ctime", "ctime_part", "acl", "bits", "bits_valid", "text_hint", "mime_type", "link_count",
                 "untranslated_name"))])
def test_decoding_reads_what_was_written(version: int, data: bytes, names: tuple[str, ...]) -> None:
    reader = Reader(data)
    found = decode_attributes(reader, version)
    assert reader.left == 0
    for name in names:
        assert getattr(found, name) == getattr(sample(), name)


@pytest.mark.parametrize("version", [4, 5, 6])
def test_flags_that_no_draft_defines_are_refused(version: int) -> None:
    for bit in range(32):
        if not known(version) & 1 << bit:
            with pytest.raises(PeerError):
                decode_attributes(Reader((1 << bit).to_bytes(4, "big") + bytes(200)), version)


@pytest.mark.parametrize(("seconds", "sent"), [(-1, 0), (2**32, 2**32 - 1), (2**33, 2**32 - 1)])
def test_times_of_version_3_have_32_bits(seconds: int, sent: int) -> None:
    attrs = Attributes()
    attrs.atime = attrs.mtime = seconds
    assert encode_attributes(attrs, 3, Attr.ACMODTIME) == b"\0\0\0\x08" + sent.to_bytes(4, "big") * 2


@pytest.mark.parametrize(("kind", "shown"), [(5, 5), (6, 4), (9, 4), (2, 2)])
def test_types_that_version_4_does_not_know_are_special(kind: int, shown: int) -> None:
    attrs = Attributes()
    attrs.type = kind
    assert encode_attributes(attrs, 4, 0)[4] == shown
    assert encode_attributes(attrs, 5, 0)[4] == kind


def test_extended_pairs_go_behind_everything() -> None:
    attrs = sample()
    attrs.extended = ((b"n", b"v"),)
    assert encode_attributes(attrs, 6, Attr.SIZE | Attr.EXTENDED) == bytes.fromhex(
        "80000001 01 0000000000000002 00000001 00000001 6e 00000001 76")


def test_nothing_known() -> None:
    assert unknown(3) == bytes(4)
    assert unknown(6) == bytes(4) + b"\5"
