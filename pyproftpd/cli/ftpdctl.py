"""``ftpdctl``: an action for the running daemon, through its controls socket. Words and wordings of the real tool."""

from __future__ import annotations

import contextlib
import getopt
import os
import socket
import sys
from collections.abc import Sequence

from pyproftpd.modules.ctrls import ControlsConf
from pyproftpd.wire import controls as wire

_USAGE = """\
usage: ftpdctl [options] action [...]
  -h\tdisplays this message
  -s\tspecify an alternate local socket
  -v\tdisplays more verbose information
"""
#: a master answers within one turn of its loop; one that reloads a large configuration takes seconds
_TIMEOUT = 60.0
_READ = 65536


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0, 1 where there is no answer, else the negated status of the reply."""
    try:
        options, action = getopt.getopt(list(sys.argv[1:] if words is None else words), "hs:v")
    except getopt.GetoptError as error:
        return _complain(f"unknown option: {error.opt}" if "recognized" in error.msg else str(error))
    given = dict(options)
    if "-h" in given:
        print(_USAGE)
        return 0
    path = given.get("-s", ControlsConf().socket)
    if not path.startswith("/"):
        return _complain("alternate socket path must be an absolute path")
    if not action or not action[0]:
        return _complain("missing required action")
    return _ask(path, action, verbose="-v" in given)


def _ask(path: str, action: Sequence[str], *, verbose: bool) -> int:
    if verbose:
        for word in action:
            print(f'ftpdctl: adding "{word}" to reqargv')
        print(f"ftpdctl: contacting server using '{path}'")
    try:
        status, lines = request(path, action)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        return _complain(f"error contacting server using '{path}': {reason}")
    except wire.Malformed as error:
        return _complain(f"error receiving response: {error}")
    for line in lines:
        print(f"ftpdctl: {line}")
    return min(255, abs(status))


def request(path: str, action: Sequence[str]) -> tuple[int, list[str]]:
    """Send an action and wait for its reply. Raises ``OSError``, ``Malformed``."""
    received = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)
        sock.settimeout(_TIMEOUT)
        with contextlib.suppress(BrokenPipeError):  # whom ControlsSocketACL refuses is told so before anything is read
            sock.sendall(wire.encode(0, action))
        while (message := wire.decode(received, wire.REPLY)) is None:
            data = sock.recv(_READ)
            if not data:
                raise wire.Malformed("the server closed the connection")
            received += data
    return message


def _complain(text: str) -> int:
    print(f"ftpdctl: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
