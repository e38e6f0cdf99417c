"""LogFormat text compiled once into literals and getters; a variable that nobody prints costs nothing.

``json`` in place of a format (ours) writes one JSON object a line, described in docs/logging.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pyproftpd.api.command import Command
from pyproftpd.api.facts import LogFacts
from pyproftpd.log.fields import FIELDS, Field
from pyproftpd.log.lines import printable
from pyproftpd.log.sinks import MAX_LINE

#: what an ExtendedLog without a format name writes. Source: real server, mod_log
DEFAULT_FORMAT = '%h %l %u %t "%r" %s %b'
#: the name that selects JSON lines
JSON = "json"
#: room for what syslog puts before a line
_HEAD = 256
#: characters that texts of a record which is too long are cut to, until it fits: at the last, with twelve bytes for each
#: character, thirty texts do
_CUTS = (1024, 512, 256, 128, 64, 32)

Formatter = Callable[[Command, LogFacts], str]

_BY_NAME = {field.name: field for field in FIELDS}
_VARIABLE = re.compile(r"%(?:\{(?P<key>(?:[^{}]|\{[^{}]*\})*)\}(?P<old>[et](?![a-z]))?|(?P<letter>.))", re.DOTALL)


def compile_format(text: str) -> Formatter:
    """A formatter for a LogFormat text. Raises ``ValueError`` naming the variable that does not exist."""
    parts: list[str | tuple[Field, str]] = []
    position = 0
    for match in _VARIABLE.finditer(text):
        if match.start() > position:
            parts.append(text[position:match.start()])
        parts.append(_variable(match))
        position = match.end()
    if position < len(text):
        parts.append(text[position:])
    if text.endswith("%") and not text.endswith("%%"):
        raise ValueError("a variable behind the last %")
    compiled = tuple(parts)

    def render(cmd: Command, facts: LogFacts) -> str:
        return "".join([part if isinstance(part, str) else _text(part[0], part[0].get(cmd, facts, part[1])) for part in compiled])

    return render


def _variable(match: re.Match[str]) -> tuple[Field, str]:
    letter, key, old = match["letter"], match["key"], match["old"]
    if letter is not None:
        if f"%{letter}" in _BY_NAME:
            return _BY_NAME[f"%{letter}"], ""
        raise ValueError(f"a LogFormat variable; %{letter} is none")
    if old is not None:
        return _BY_NAME["%{...}" + old], key
    lowered = "iso8601" if key.lower() == "iso8601" else key
    if "%{" + lowered + "}" in _BY_NAME:
        return _BY_NAME["%{" + lowered + "}"], ""
    family, colon, parameter = key.partition(":")
    for name in ("%{env:KEY}", "%{note:KEY}", "%{time:FORMAT}", "%{var:NAME}"):
        if colon and name.startswith("%{" + family + ":"):
            return _BY_NAME[name], parameter.removeprefix("%{").removesuffix("}") if family == "var" else parameter
    raise ValueError("a LogFormat variable; %{" + key + "} is none")


def _text(field: Field, value: Any) -> str:
    if value is None:
        return field.missing
    if value is True or value is False:
        return "true" if value else "false"
    return printable(str(value))


def render_json(cmd: Command, facts: LogFacts) -> str:
    """One JSON object: every field that applies, under its JSON key; names that are not UTF-8 as escaped surrogates.

    A line that is cut is no JSON, so what would be too long for a log gets shorter texts instead, and says so.
    """
    record: dict[str, Any] = {}
    for field in FIELDS:
        if field.json and not field.json.endswith(":"):
            value = field.get(cmd, facts, "")
            if value is not None:
                record[field.json] = value
    if cmd.name == "CONNECT":
        record["connecting"] = True
    if cmd.name == "EXIT":
        record["disconnecting"] = True
    if facts.notes or cmd.notes:
        record["notes"] = {**facts.notes, **(cmd.notes or {})}
    line = json.dumps(record)
    for most in _CUTS:
        if len(line) < MAX_LINE - _HEAD:
            break
        line = json.dumps({**_shortened(record, most), "truncated": True})
    return line


def _shortened(record: dict[str, Any], most: int) -> dict[str, Any]:
    return {key: _shortened(value, most) if isinstance(value, dict) else value[:most] if isinstance(value, str) else value
            for key, value in record.items()}
