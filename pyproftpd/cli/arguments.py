"""The options of ``proftpd``: one row each, from which parsing and the usage text are made. Source: proftpd(8)."""

from __future__ import annotations

import getopt
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_CONFIGURATION = "/etc/proftpd/proftpd.conf"


@dataclass(frozen=True, slots=True)
class Row:
    """``letter`` may be empty; ``argument`` names what follows, ``""`` for nothing."""

    letter: str
    name: str
    argument: str
    doc: str


ROWS = (
    Row("h", "help", "", "Display proftpd usage"),
    Row("N", "nocollision", "", "Disable address/port collision checking"),
    Row("n", "nodaemon", "", "Disable background daemon mode (and send all output to stderr)"),
    Row("q", "quiet", "", "Don't send output to stderr when running with -n or --nodaemon"),
    Row("d", "debug", "level", "Set debugging level (0-10, 10 = most debugging)"),
    Row("D", "define", "definition", "Set arbitrary IfDefine definition"),
    Row("c", "config", "config-file", "Specify alternate configuration file"),
    Row("p", "persistent", "0|1", "Historic: the value is checked and has no effect"),
    Row("l", "list", "", "List all compiled-in modules"),
    Row("L", "list-directives", "", "List all directives with the module that owns each"),
    Row("S", "serveraddr", "address", "Specify IP address for server config"),
    Row("s", "status", "", "Say whether the server of this configuration runs; exit status 0 or 1"),
    Row("t", "configtest", "", "Test the syntax of the specified config"),
    Row("V", "settings", "", "Print settings and features and exit"),
    Row("v", "version", "", "Print version number and exit (-vv: extended version information)"),
    Row("", "version-status", "", "Print extended version information and exit"),
    Row("X", "nofork", "", "Non-forking debug mode; exits after one session"),
    Row("4", "ipv4", "", "Support IPv4 connections only"),
    Row("6", "ipv6", "", "Support IPv6 connections"),
    Row("", "describe", "table", "Print a table of this program: directives, algorithms, sftp, logformat, commands"),
    Row("", "explain", "", "Print the settings in force; for a path (and a command) behind the options, what decides"),
    Row("u", "user", "user", "With --explain: as they are for this user"),
)


class UsageError(Exception):
    """The command line is wrong; the text says how."""


class UnknownOption(UsageError):
    """The known ones may be of help."""


@dataclass(slots=True)
class Arguments:
    """The command line as values."""

    flags: set[str]
    values: dict[str, str]
    labels: frozenset[str]
    versions: int
    words: list[str]

    def __contains__(self, name: str) -> bool:
        return name in self.flags

    @property
    def config(self) -> str:
        return self.values.get("config", DEFAULT_CONFIGURATION)

    @property
    def debug_level(self) -> int | None:
        return int(self.values["debug"]) if "debug" in self.values else None

    @property
    def ipv6(self) -> bool | None:
        return True if "ipv6" in self.flags else False if "ipv4" in self.flags else None


def parse(words: Sequence[str]) -> Arguments:
    """Read a command line. Raises ``UsageError``."""
    letters = "".join(row.letter + (":" if row.argument else "") for row in ROWS if row.letter)
    names = [row.name + ("=" if row.argument else "") for row in ROWS]
    by_option = {f"-{row.letter}": row for row in ROWS if row.letter} | {f"--{row.name}": row for row in ROWS}
    try:
        options, rest = getopt.gnu_getopt(list(words), letters, names)
    except getopt.GetoptError as error:
        raise UnknownOption(str(error)) from None
    found = Arguments(set(), {}, frozenset(), 0, rest)
    for option, value in options:
        row = by_option[option]
        if row.name == "define":
            found.labels |= {value}
        elif row.argument:
            found.values[row.name] = value
        else:
            found.flags.add(row.name)
        found.versions += row.name == "version"
    _check(found)
    return found


def _check(found: Arguments) -> None:
    if found.words and not ("explain" in found and len(found.words) <= 2):
        raise UsageError(f"unknown parameter: '{found.words[0]}'")
    if "version-status" in found:
        found.versions = 2
    if not found.config.startswith("/"):
        raise UsageError("-c requires an absolute path")
    if found.values.get("persistent", "0") not in ("0", "1"):
        raise UsageError("-p requires Boolean (0|1) parameter")
    level = found.values.get("debug", "0")
    if not (level.isdigit() and int(level) <= 10):
        raise UsageError("-d requires a level from 0 to 10")
    if "user" in found.values and "explain" not in found:
        raise UsageError("-u belongs to --explain")


def usage() -> str:
    lines = ["usage: proftpd [options]"]
    for row in ROWS:
        names = f"-{row.letter}" + (f" [{row.argument}]" if row.argument else "") + f", --{row.name}" if row.letter else (
            f"--{row.name}" + (f" [{row.argument}]" if row.argument else ""))
        lines += [f" {names}", f"     {row.doc}"]
    return "\n".join(lines)
