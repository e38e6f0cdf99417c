"""How much memory a session of the server takes, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path

from tests.servers import Server
from tests.waiting import wait_until

MIB = 1 << 20


class Memory:
    """Growth of the largest resident size of one session since ``Memory(server)``. Needs the session to be there."""

    def __init__(self, server: Server) -> None:
        self.pid = wait_until(server.sessions, "a session")[-1]
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        self._before = self._peak()

    def _peak(self) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(text.partition("VmHWM:")[2].split()[0]) * 1024

    def grown(self) -> int:
        return self._peak() - self._before
