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
    # the C server stops at the fault that it meets first; ours come in the order of the lines
    said = [(error.where and (error.where.file, error.where.line), error.message) for error in raised.value.errors]
    assert ((str(path), int(expected[1])), expected[2]) in said
    assert len(said) <= 2


def test_corpus_is_there() -> None:
    assert len(FILES) > 100
