"""The corpus of small configurations: accepted, or refused on the right line for the right reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyproftpd.conf.load import load
from pyproftpd.errors import ConfigErrors

CORPUS = Path(__file__).parents[2] / "corpus" / "conf" / "verdicts"
FILES = sorted(CORPUS.glob("*.conf"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_verdict(path: Path) -> None:
    header = path.read_text().splitlines()[0]
    if header == "# accepted":
        load(str(path))
        return
    expected = re.fullmatch(r"# refused on line (\d+): (.*)", header)
    assert expected is not None, f"{path} has no verdict"
    with pytest.raises(ConfigErrors) as raised:
        load(str(path))
    first = raised.value.errors[0]
    assert first.where is not None
    assert (first.where.file, first.where.line, first.message) == (str(path), int(expected[1]), expected[2])


def test_corpus_is_there() -> None:
    assert len(FILES) > 100
