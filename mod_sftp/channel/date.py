"""``ssh host date``: prints the server's time. Source: real server (behaviour 120)."""

from __future__ import annotations

import time
from typing import Any

from mod_sftp.channel.channel import Channel


class DateProgram:
    """Done as soon as it runs."""

    def feed(self, view: memoryview) -> None:
        """Takes no input."""

    def eof(self) -> None:
        """Has ended before."""

    def ready(self) -> None:
        """Has nothing more to say."""

    def close(self, failure: str) -> None:
        """Holds nothing."""


def open_program(session: Any, channel: Channel, words: list[str]) -> DateProgram:
    """``-u`` is GMT, every other word is ignored."""
    moment = time.gmtime() if "-u" in words[1:] else time.localtime()
    channel.write(time.strftime("%a %b %d %H:%M:%S %Z %Y\n", moment).encode())
    channel.finish(0)
    return DateProgram()
