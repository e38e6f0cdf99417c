"""How much memory a session of the server takes, as the kernel counts it."""

from __future__ import annotations

import time
from pathlib import Path

from tests.servers import Server

MIB = 1 << 20


class Memory:
    """Growth of the largest resident size of one session since ``Memory(server)``. Needs the session to be there."""

    def __init__(self, server: Server, limit: float = 5.0) -> None:
        end = time.monotonic() + limit
        while not (sessions := server.sessions()):
            assert time.monotonic() < end, "no session"
            time.sleep(0.02)
        self.pid = sessions[-1]
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        self._before = self._peak()

    def _peak(self) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(text.partition("VmHWM:")[2].split()[0]) * 1024

    def grown(self) -> int:
        return self._peak() - self._before
