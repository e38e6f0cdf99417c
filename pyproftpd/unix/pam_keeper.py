"""The process that closes a PAM session as root, whatever ended the session that opened it."""

from __future__ import annotations

import contextlib
import os
import signal

from pyproftpd.unix.pam import PamError, PamHandle
from pyproftpd.unix.pam_conversations import silent
from pyproftpd.unix.proctitle import title_setter


class KeptSession:
    """An open PAM session in the hands of its keeper. ``session.store[KeptSession]`` tells that this login has one."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def close(self) -> None:
        """Have it closed now, not at the end of the process."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


def keep_session(handle: PamHandle) -> KeptSession:
    """Leave the open PAM session of ``handle`` to a waiting process that keeps root, and go on without it.

    To be called as root, outside of any chroot, before the session gives root up. The keeper is a child of the session
    that holds one end of a pipe and nothing else of it: when the session is gone, whatever ended it (SIGKILL too), the pipe
    reads as ended and the keeper closes the PAM session. That way round the session keeps its process id, which the
    master and the scoreboard know, and no exit status has to be passed on. The keeper never reads client data.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)
        handle.forget()
        return KeptSession(writing)
    status = 1
    try:
        title_setter()(f"proftpd: keeps the PAM session of {handle.user()}")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        _close_all_but(reading)
        os.chdir("/")
        while os.read(reading, 512):
            pass
        handle.conversation = silent
        with contextlib.suppress(PamError):  # not every stack has credentials to delete
            handle.delete_credentials()
        handle.end()
        status = 0
    finally:
        os._exit(status)


def _close_all_but(kept: int) -> None:
    """Above all the client's connection, which must end with the session; 0 to 2 become /dev/null for the modules."""
    limit = max((int(name) for name in os.listdir("/proc/self/fd")), default=1024) + 1
    os.closerange(3, kept)
    os.closerange(kept + 1, max(limit, kept + 2))
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    if null > 2:
        os.close(null)
