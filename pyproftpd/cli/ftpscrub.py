"""``ftpscrub``: remove from the scoreboard what processes left there that ended without a word."""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Sequence

from pyproftpd.cli.arguments import DEFAULT_CONFIGURATION
from pyproftpd.cli.ftpwho import configured_path
from pyproftpd.unix.scoreboard import Scoreboard

_USAGE = """\
usage: ftpscrub [options]
  -c, --config
    specify full path to proftpd configuration file
  -f, --file
    specify full path to scoreboard file
  -h, --help
    display ftpscrub usage
  -v, --verbose
    say which scoreboard file is scrubbed"""


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit status, 0 or 1."""
    try:
        options, rest = getopt.gnu_getopt(list(sys.argv[1:] if words is None else words), "c:f:hv",
                                          ["config=", "file=", "help", "verbose"])
        if rest:
            raise getopt.GetoptError(f"unknown parameter: {rest[0]}")
    except getopt.GetoptError as error:
        print(f"ftpscrub: {error}\n{_USAGE}", file=sys.stderr)
        return 1
    given = {option.lstrip("-")[0]: value for option, value in options}
    if "h" in given:
        print(_USAGE)
        return 0
    path = given.get("f") or configured_path(given.get("c", DEFAULT_CONFIGURATION))
    if "v" in given:
        print(f"scrubbing ScoreboardFile {path}")
    try:
        board = Scoreboard.attach(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        print(f"{path}: {reason}\n(Perhaps you need to specify the ScoreboardFile with -f, or with -c a configuration\n"
              " that names it?)", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    board.scrub()
    board.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
