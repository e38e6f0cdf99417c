"""The same clients against a C proftpd and against ours: answers, files and logs are equal, but for what differences.py lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.parity.differences import FIELDS, LINES, OURS, THEIRS
from tests.parity.scripts import SCRIPTS, Script
from tests.parity.twins import SEPARATOR, Recording, record

pytestmark = [pytest.mark.root, pytest.mark.real]

#: lines of the SFTPLog that tools look for, and that say the same on both servers
KEY_LINES = re.compile(
    r"^(sent server version|received client version|handling connection| \+ Session |sending (acceptable )?userauth|"
    r"user '.*' authenticated via|password authentication for user|no account for user|'\w+' channel request|"
    r"using SFTP protocol version|client at .* sent SSH_DISCONNECT|disconnecting client)")


def settled(recording: Recording, side: str, script: str) -> dict[str, list[str]]:
    """The record with the lines of the table rewritten or left out."""
    kept = {"answers": recording.answers, "files": recording.files,
            **{name: lines for name, lines in recording.logs.items() if name != "all"}}
    kept["sftp.log"] = [text for text in kept["sftp.log"] if KEY_LINES.match(text)]
    for row in LINES:
        if row.side == side and (not row.scripts or script in row.scripts):
            kept[row.record] = [
                row.pattern.sub(row.replacement or "", text) for text in kept[row.record]
                if row.replacement is not None or not row.pattern.search(text)]
    for name in ("variables", "events"):
        kept[name] = [without_fields(text, script) for text in kept[name]]
    return kept


def values(text: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in text.split(SEPARATOR))


def without_fields(text: str, script: str) -> str:
    found = values(text)
    ended = f"{found['m']} {found['s']} {found['protocol']}"
    for row in FIELDS:
        if row.commands.fullmatch(ended) and (not row.scripts or script in row.scripts):
            for name in row.names:
                found.pop(name, None)
    return SEPARATOR.join(f"{name}={value}" for name, value in found.items())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_same_commands_leave_the_same(script: Script, keys: Path) -> None:
    theirs, ours = record(keys, script.configuration, script.prepare, script.run)
    expected, found = settled(theirs, THEIRS, script.name), settled(ours, OURS, script.name)
    for name, lines in expected.items():
        assert found[name] == lines, name


def test_the_default_format_is_the_variables_that_it_names(keys: Path) -> None:
    """On both: a line of an ExtendedLog without a format, made from the variables of the same command."""
    for recording in record(keys, SCRIPTS[0].configuration, SCRIPTS[0].prepare, SCRIPTS[0].run):
        made = [f'{v["h"]} {v["l"]} {v["u"]} [TIME] "{v["r"]}" {v["s"]} {v["b"]}'
                for v in map(values, recording.logs["variables"])]
        assert recording.logs["all"] == made
