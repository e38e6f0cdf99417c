"""Where the passphrases of encrypted host keys come from: ``SFTPPassPhraseProvider``, or the terminal at start."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

#: Seconds a provider may take before it gets SIGTERM, and then before SIGKILL (real server).
PROVIDER_SECONDS, TERM_SECONDS = 10.0, 2.0
#: The longest passphrase.
MAX_PASSPHRASE = 1024


class Passphrases:
    """Asks once per file and remembers for the server's start; ``server`` is its "name:port".

    A remembered passphrase that turned out wrong is asked for again. Python cannot lock or wipe memory: what a restart
    needs again is asked again, nothing is kept (:meth:`forget`).
    """

    def __init__(
        self,
        server: str,
        provider: str | None = None,
        *,
        interactive: bool = True,
        say: Callable[[str], object] = lambda text: None,
        seconds: float = PROVIDER_SECONDS,
    ) -> None:
        self._server, self._provider, self._interactive, self._say = server, provider, interactive, say
        self._seconds = seconds
        self._asked: set[str] = set()

    def __call__(self, path: str) -> bytes | None:
        """The passphrase for a key file, None when there is nobody left to ask."""
        again = path in self._asked
        self._asked.add(path)
        if self._provider is not None:
            # a program says the same every time
            return None if again else run_provider(self._provider, self._server, path, self._say, self._seconds)
        if self._interactive:
            return ask_terminal(self._server, path, again=again)
        return None


def run_provider(
    program: str,
    server: str,
    path: str,
    say: Callable[[str], object] = lambda text: None,
    seconds: float = PROVIDER_SECONDS,
) -> bytes | None:
    """The first line that ``program server path`` writes, or None with a line in the log."""
    import subprocess  # large, and most servers never need it

    try:
        process = subprocess.Popen(
            [program, server, path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            start_new_session=True,
        )
    except OSError as error:
        say(f"SFTPPassPhraseProvider '{program}': {error.strerror}")
        return None
    with process:
        assert process.stdout is not None
        output = _read_until(process.stdout.fileno(), time.monotonic() + seconds)
        if output is None:
            say(f"SFTPPassPhraseProvider '{program}' took more than {seconds:g} seconds, ending it")
        _end(process, patient=output is not None)
    if output is None:
        return None
    if process.returncode != 0:
        say(f"SFTPPassPhraseProvider '{program}' failed (status {process.returncode})")
        return None
    line = output.split(b"\n", 1)[0].rstrip(b"\r")
    return line or None


def _read_until(fd: int, deadline: float) -> bytes | None:
    """What comes until the end of the stream; None when the deadline comes first."""
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                return None
            part = os.read(fd, MAX_PASSPHRASE)
            output += part
            if not part or len(output) >= MAX_PASSPHRASE:
                return bytes(output[:MAX_PASSPHRASE])


def _end(process: subprocess.Popen[bytes], *, patient: bool) -> None:
    """Waits for the program; one that does not end is told to, then made to."""
    from subprocess import TimeoutExpired

    for signal in (None, process.terminate, process.kill):
        if signal is None and not patient:
            continue
        if signal is not None:
            signal()
        try:
            process.wait(TERM_SECONDS)
            return
        except TimeoutExpired:
            continue
    process.wait()


def ask_terminal(server: str, path: str, *, again: bool = False) -> bytes | None:
    """Asks on the controlling terminal without echo; None without one, or for an empty answer."""
    import getpass

    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(fd, "w", closefd=True) as terminal:
        if again:
            terminal.write("Wrong passphrase.\n")
        terminal.write(f"Host key {path} of server {server} is encrypted.\n")
        terminal.flush()
        try:
            answer = getpass.getpass("Passphrase: ", terminal)
        except (EOFError, KeyboardInterrupt):
            return None
    return answer.encode("utf-8", "surrogateescape") or None
