"""docs/security.md cannot rot: every id has its row, every test that a row names exists and its file speaks of the id."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.house.tree import ROOT, parsed

IDS = [f"{area}{number}" for area, last in (("T", 20), ("U", 19), ("C", 9), ("F", 17), ("P", 5), ("M", 12), ("A10.", 25))
       for number in range(1, last + 1)]
UNPROVED = ("Not applicable: ", "Not proved: ")

PROOF = re.compile(r"`([\w/]*(?:\.py)?)::(\w+)`")
SPAN = re.compile(r"\b([TUCFPM])(\d+) to [TUCFPM]?(\d+)\b")


@cache
def rows() -> dict[str, str]:
    """id -> what its row says of proofs."""
    cells = [line.strip("|").split("|") for line in (ROOT / "docs/security.md").read_text().splitlines()
             if re.match(r"\| [A-Z]\d", line)]
    found = {cell[0].strip(): cell[2].strip() for cell in cells}
    assert len(found) == len(cells), "an id has two rows"
    return found


def proofs(cell: str) -> list[tuple[str, str]]:
    """(file below tests/, name of a test); a name without a file is of the file before it."""
    found, file = [], ""
    for there, name in PROOF.findall(cell):
        file = there or file
        found.append((file, name))
    return found


def speaks_of(text: str, row: str) -> bool:
    """Tests say an id in their name (``test_a10_21_...``), in a docstring, or in a comment; several in a row as a span."""
    area, number = re.match(r"(A10\.|[A-Z])(\d+)", row).groups()  # type: ignore[union-attr]
    if re.search(rf"(?<![A-Za-z0-9]){area.replace('.', '[._]')}{number}(?!\d)", text, re.IGNORECASE):
        return True
    return any(start == area and int(first) <= int(number) <= int(last) for start, first, last in SPAN.findall(text))


def test_every_id_has_a_row_and_no_other_has() -> None:
    assert sorted(rows()) == sorted(IDS)


@pytest.mark.parametrize("row", IDS)
def test_a_row_is_proved_or_says_why_not(row: str) -> None:
    named = proofs(rows()[row])
    assert named or rows()[row].startswith(UNPROVED), "neither a proof nor a reason"
    for file, name in named:
        path = ROOT / "tests" / file
        assert path.is_file(), f"there is no {file}"
        tests = {node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)}
        assert name in tests, f"{file} has no {name}"
    if named and not rows()[row].startswith(UNPROVED):
        same = re.match(r"As ([A-Z]\d+): ", rows()[row])
        texts = [(ROOT / "tests" / file).read_text() for file, _ in named]
        assert any(speaks_of(text, same[1] if same else row) for text in texts), f"no test that is named speaks of {row}"
