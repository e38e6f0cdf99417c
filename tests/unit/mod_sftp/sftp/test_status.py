from __future__ import annotations

import errno

import pytest

from mod_sftp.sftp.status import Status, code_for, describe, reply
from pyproftpd.errors import Refused

HIGHEST_CODE = {1: 8, 2: 8, 3: 8, 4: 13, 5: 17, 6: 31}


@pytest.mark.parametrize("version", range(1, 7))
def test_no_version_hears_a_code_that_it_does_not_define(version: int) -> None:
    assert max(code_for(code, version) for code in range(32)) <= HIGHEST_CODE[version]


@pytest.mark.parametrize(("number", "by_version"), [
    (errno.ENOENT, {3: 2, 4: 2, 5: 2, 6: 2}), (errno.EBADF, {3: 2, 6: 2}), (errno.EACCES, {3: 3, 6: 3}),
    (errno.EPERM, {3: 3, 6: 3}),
    (errno.EEXIST, {3: 4, 4: 11, 5: 11, 6: 11}), (errno.ENOSPC, {3: 4, 4: 4, 5: 14, 6: 14}),
    (errno.EFBIG, {3: 4, 4: 4, 5: 14, 6: 14}), (errno.EDQUOT, {3: 4, 4: 4, 5: 15, 6: 15}),
    (errno.ENOTEMPTY, {3: 4, 5: 4, 6: 18}), (errno.ENOTDIR, {3: 4, 5: 4, 6: 19}), (errno.ENAMETOOLONG, {3: 4, 6: 20}),
    (errno.ELOOP, {3: 4, 6: 21}), (errno.EISDIR, {3: 4, 6: 24}), (errno.EINVAL, {3: 8, 5: 8, 6: 23}),
    (errno.ENOSYS, {3: 8, 6: 8}), (errno.EIO, {3: 4, 6: 4}), (errno.EXDEV, {3: 4, 6: 4})])
def test_errno_becomes_the_code_of_the_version(number: int, by_version: dict[int, int]) -> None:
    for version, code in by_version.items():
        assert code_for(describe(OSError(number, "text", "/outside/path"))[0], version) == code


def test_no_path_and_no_rule_reaches_the_client() -> None:
    assert describe(OSError(errno.ENOENT, "No such file", "/srv/secret/x"))[1] == "No such file"
    assert describe(OSError(errno.EIO, "text", "/srv/secret/x")) == (Status.FAILURE, "Input/output error")
    assert describe(Refused("Limit WRITE (/etc/proftpd.conf:7)"))[1] == "Permission denied"


def test_bytes_of_a_status() -> None:
    assert reply(2, 1, Status.OK) == b"\0\0\0\x09\x65\0\0\0\1\0\0\0\0"
    assert reply(3, 1, Status.EOF, "end") == b"\0\0\0\x19\x65\0\0\0\1\0\0\0\1\0\0\0\3end\0\0\0\5en-US"
