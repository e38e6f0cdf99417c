"""MaxCommandRate by a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from pyproftpd.conf.load import load
from pyproftpd.session.pace import Pace

Make = Callable[[str], tuple[Pace, list[str]]]


@pytest.fixture
def make(tmp_path: object) -> Make:
    def pace(line: str) -> tuple[Pace, list[str]]:
        path = f"{tmp_path}/proftpd.conf"
        with open(path, "w") as file:
            file.write(line)
        said: list[str] = []
        session = SimpleNamespace(scope=load(path).servers[0], log=SimpleNamespace(notice=said.append))
        return Pace(session), said  # type: ignore[arg-type]
    return pace


def test_the_number_is_free_and_the_rest_comes_at_the_rate(make: Make) -> None:
    pace, said = make("MaxCommandRate 4 2\n")
    now, came = 100.0, []
    for _ in range(10):
        came.append(now - 100.0)
        now += pace.spend(now)
    assert came == pytest.approx([0, 0, 0, 0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert said == ["MaxCommandRate (4 cmds/2 secs) exceeded, injecting processing delay of 500 ms"]


def test_who_rests_may_hurry_again_and_is_told_of_again(make: Make) -> None:
    pace, said = make("MaxCommandRate 2\n")
    assert [pace.spend(now) for now in (5.0, 5.0, 9.0, 9.0)] == pytest.approx([0, 0.5, 0, 0.5])
    assert len(said) == 2


@pytest.mark.parametrize("line", ["", "MaxCommandRate 0\n"])
def test_no_limit(make: Make, line: str) -> None:
    pace, said = make(line)
    assert pace.rate is None and not any(pace.spend(1.0) for _ in range(1000)) and said == []
