from __future__ import annotations

import pytest

from pyproftpd.api import values
from pyproftpd.api.directive import Arity, attribute_name


@pytest.mark.parametrize(("word", "seconds"), [
    ("0", 0), ("90", 90), ("1:30:05", 5405), ("5s", 5), ("5sec", 5), ("2m", 120), ("2MIN", 120), ("3h", 10800), ("3hr", 10800)])
def test_duration(word: str, seconds: int) -> None:
    assert values.to_duration(word) == seconds


@pytest.mark.parametrize("word", ["", "-1", "1:2", "5 s", "5days", "1:2:333", "٣", "9" * 13])
def test_no_duration(word: str) -> None:
    with pytest.raises(ValueError, match="seconds"):
        values.to_duration(word)


def test_size() -> None:
    assert values.to_size("2", "kb") == 2048
    assert values.to_size("1", "TB") == 1 << 40
    for bad in (("-1", "KB"), ("1", "XB"), ("9" * 19, "TB"), ("x", "KB")):
        with pytest.raises(ValueError):
            values.to_size(*bad)


@pytest.mark.parametrize("word", ["on", "YES", "True", "1"])
def test_true(word: str) -> None:
    assert values.to_boolean(word) is True


@pytest.mark.parametrize("word", ["off", "No", "FALSE", "0"])
def test_false(word: str) -> None:
    assert values.to_boolean(word) is False


@pytest.mark.parametrize(("text", "admitted", "refused"), [
    ("0..0", [0], [1]), ("1..*", [1, 50], [0]), ("1,4", [1, 4], [2, 3, 5]), ("3..* odd", [3, 5], [1, 2, 4]),
    ("2..* even", [2, 4], [0, 3]), ("1..* except 3", [1, 2, 4], [0, 3])])
def test_arity(text: str, admitted: list[int], refused: list[int]) -> None:
    arity = Arity.of(text)
    assert all(map(arity.admits, admitted))
    assert not any(map(arity.admits, refused))
    assert str(arity) == text


@pytest.mark.parametrize(("keyword", "prefix", "name"), [
    ("MaxStoreFileSize", "", "max_store_file_size"), ("UseReverseDNS", "", "use_reverse_dns"), ("UseIPv6", "", "use_ipv6"),
    ("SFTPDHParamFile", "SFTP", "dh_param_file"), ("From", "", "from_"), ("TCPNoDelay", "", "tcp_no_delay")])
def test_attribute_names(keyword: str, prefix: str, name: str) -> None:
    assert attribute_name(keyword, prefix) == name
