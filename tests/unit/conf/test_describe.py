from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyproftpd.api.directive import Status
from pyproftpd.conf import describe
from pyproftpd.errors import ConfigError

ROOT = Path(__file__).parents[3]


def test_the_handbook_is_current() -> None:
    written = (ROOT / "docs" / "directives.md").read_text()
    assert written == "\n".join(describe.handbook()) + "\n", "python -m pyproftpd.conf.describe > docs/directives.md"


def test_every_row_has_its_columns_and_a_sentence() -> None:
    header, rows = describe.directives()
    assert len(rows) > 220
    for row in rows:
        assert len(row) == len(header)
        assert "\t" not in "".join(row)
        assert row[header.index("summary")].endswith(".")


@pytest.mark.parametrize("name", ["directives", "algorithms", "sftp", "logformat", "commands"])
def test_tables(name: str) -> None:
    header, rows = describe.table(name)
    assert rows
    assert {len(row) for row in rows} == {len(header)}


def test_an_unknown_table_names_the_known_ones() -> None:
    with pytest.raises(ConfigError) as raised:
        describe.table("nonsense")
    assert "algorithms" in str(raised.value)


#: directives that the parser itself obeys
OBEYED_WHILE_PARSING = {"Define", "Include", "IncludeOptions", "LoadModule"}


def test_a_directive_that_nothing_reads_is_not_called_honoured() -> None:
    """Only a net against forgetting: that a name occurs does not prove that it has its effect."""
    code = "\n".join(path.read_text() for package in ("pyproftpd", "mod_sftp", "mod_sftp_pam")
                     for path in (ROOT / package).rglob("*.py") if path.name not in ("conf.py", "directive.py"))
    unread = [row.directive.keyword for row in describe.everything().rows()
              if row.directive.status is Status.HONOURED and row.directive.keyword not in OBEYED_WHILE_PARSING
              and not re.search(rf"\.{row.attribute}\b|\"{row.attribute}\"", code)]
    assert unread == []
