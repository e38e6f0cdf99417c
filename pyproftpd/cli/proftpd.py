"""The ``proftpd`` command: what it prints, and the server that it starts.

Everything that a server alone needs is imported inside the functions, so that ``-v`` and ``-V`` return at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyproftpd.cli import arguments
from pyproftpd.cli.arguments import Arguments, UnknownOption, UsageError
from pyproftpd.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from pyproftpd.daemon.options import Options


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status. No traceback ever reaches the terminal unless -d asks for it."""
    try:
        given = arguments.parse(sys.argv[1:] if words is None else words)
    except UsageError as error:
        print(f"proftpd: {error}", file=sys.stderr)
        if isinstance(error, UnknownOption):
            print(arguments.usage(), file=sys.stderr)
        return 1
    try:
        return _action(given)(given)
    except BrokenPipeError:  # the reader of a long table had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _explain_failure(error, given)


def _action(given: Arguments) -> Callable[[Arguments], int]:
    """The first of these that was asked for."""
    if given.versions:
        return _version
    for name, action in (("help", _help), ("settings", _settings), ("list", _list),
                         ("list-directives", _list_directives), ("configtest", _test), ("explain", _explain),
                         ("status", _status)):
        if name in given.flags:
            return action
    return _describe if "describe" in given.values else _serve


def _explain_failure(error: Exception, given: Arguments) -> int:
    """Faults of the administrator in their own words, one per line; ours by name."""
    from pyproftpd.daemon.world import StartError

    if isinstance(error, ConfigErrors | ConfigError | StartError):
        print(error, file=sys.stderr)
    else:
        print(f"proftpd: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        if given.debug_level:
            traceback.print_exception(error)
    return 1


def _help(given: Arguments) -> int:
    print(arguments.usage())
    return 0


def _version(given: Arguments) -> int:
    from pyproftpd.cli import settings

    print(settings.version() if given.versions == 1 else settings.version_status())
    return 0


def _settings(given: Arguments) -> int:
    from pyproftpd.cli import settings

    print(settings.settings())
    return 0


def _list(given: Arguments) -> int:
    from pyproftpd.cli import settings

    print("Compiled-in modules:")
    for name in settings.compiled_in():
        print(f"  mod_{name}.c")
    return 0


def _list_directives(given: Arguments) -> int:
    from pyproftpd.api.registry import Registry

    for row in sorted(Registry().rows(), key=lambda row: row.directive.keyword.lower()):
        print(f"{row.directive.keyword} (mod_{row.module}.c)")
    return 0


def _describe(given: Arguments) -> int:
    from pyproftpd.conf import describe

    header, rows = describe.table(given.values["describe"])
    for row in (header, *rows):
        print("\t".join(row))
    return 0


def _explain(given: Arguments) -> int:
    from pyproftpd.conf import explain
    from pyproftpd.conf.load import load
    from pyproftpd.log.sinks import StderrSink
    from pyproftpd.log.system import ServerLogger
    from pyproftpd.session.sources import order
    from pyproftpd.vfs import verdicts

    options = _options(given)
    configuration = load(options.path, labels=options.labels, overrides=options.overrides)
    sources = order.build(configuration.servers[0], configuration, None, ServerLogger(StderrSink()))
    path, command = (*given.words, "", "")[:2]
    for line in explain.lines(configuration, user=given.values.get("user", ""), path=path, command=command, people=sources,
                              judge=verdicts.lines):
        print(line)
    return 0


def _test(given: Arguments) -> int:
    """Everything that a start does before it opens anything; a file without a server for us is still a good file."""
    from pyproftpd.daemon.world import examine

    print("Checking syntax of configuration file", flush=True)
    for note in examine(_options(given)):
        if "quiet" not in given:
            print(note, file=sys.stderr)
    print("Syntax check complete.")
    return 0


def _status(given: Arguments) -> int:
    from pyproftpd.conf.load import load
    from pyproftpd.session.conf import DaemonConf
    from pyproftpd.unix.scoreboard import alive

    options = _options(given)
    path = load(options.path, labels=options.labels, overrides=options.overrides).servers[0].get(DaemonConf).pid_file
    try:
        with open(path, encoding="ascii") as file:
            pid = int(file.read(32))
    except (OSError, ValueError):
        print(f"proftpd is not running (no {path})")
        return 1
    running = alive(pid)
    print(f"proftpd is running, process {pid}" if running else f"proftpd is not running (process {pid} has gone)")
    return 0 if running else 1


def _serve(given: Arguments) -> int:
    from pyproftpd.daemon.start import start

    return start(_options(given))


def _options(given: Arguments) -> Options:
    from pyproftpd.conf.load import Overrides
    from pyproftpd.daemon.options import Options

    overrides = Overrides(server_address=given.values.get("serveraddr", ""), check_collisions="nocollision" not in given)
    return Options(
        path=given.config, labels=given.labels, overrides=overrides, debug_level=given.debug_level,
        foreground="nodaemon" in given, quiet="quiet" in given, single="nofork" in given,
        ipv6=given.ipv6)


if __name__ == "__main__":
    sys.exit(main())
