"""Who this process is: the only file that changes ids, groups, capabilities or the root directory.

A state machine with four states and no other way to change an id:

==========  ================================  =====================================================
state       real / effective / saved uid      entered by
==========  ================================  =====================================================
MASTER      0 / configured User / 0           ``become_daemon``
CONNECTED   0 / configured User / 0           ``connected`` (after the fork)
LOGGED_IN   0 / user / 0                      ``log_in``
REVOKED     user / user / user                ``revoke``; capabilities only those named
==========  ================================  =====================================================

``with root():`` and ``with user():`` nest and restore in ``finally``. After ``revoke`` there is no way back: the file
tries to become root again and ends the process if that works. A process that was not started as root switches nothing
(``switching`` is False), which is said once.

Groups: the daemon has none besides its own, so that no session can inherit gid 0 (security.md U13).
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from pyproftpd.api.auth import Identity
from pyproftpd.errors import Bug
from pyproftpd.unix import syscalls

try:
    import prctl
except ImportError:  # the extension needs libcap's headers to build; without it no capability is ever kept
    prctl = None

#: sysexits.h EX_SOFTWARE: how a process ends that could still become root
_EX_SOFTWARE = 70

#: each of these is root by another name (capabilities(7))
_NEVER_KEPT = frozenset({"setuid", "setgid", "setpcap", "sys_admin", "sys_ptrace", "sys_module", "setfcap"})


class State(enum.Enum):
    MASTER = "master"
    CONNECTED = "connected"
    LOGGED_IN = "logged in"
    REVOKED = "revoked"


_TRANSITIONS = {
    State.MASTER: frozenset({State.MASTER, State.CONNECTED}),
    State.CONNECTED: frozenset({State.LOGGED_IN}),
    State.LOGGED_IN: frozenset({State.REVOKED}),
    State.REVOKED: frozenset[State](),
}


class Privileges:
    """The ids of this process. ``say`` gets the few lines worth a log; it may be replaced when logs open."""

    __slots__ = ("state", "switching", "_rehearsal", "say", "chroot", "_uid", "_gid", "_as_root", "_keep")

    def __init__(self, say: Callable[[str], None] = lambda text: None, *, switching: bool = True) -> None:
        """``switching`` False: an object for rehearsals, which changes nothing."""
        self.state = State.MASTER
        self.switching = switching and os.getuid() == 0
        self._rehearsal = not switching
        self.say = say
        #: absolute path of the root directory that this process entered, ``""`` for none
        self.chroot = ""
        self._uid, self._gid = os.geteuid(), os.getegid()
        self._as_root = self._uid == 0
        self._keep: frozenset[str] = frozenset()

    def become_daemon(self, uid: int, gid: int, gids: Sequence[int] = ()) -> None:
        """Master: put on the effective ids of ``User`` and ``Group``; may be repeated with others after a reload."""
        self._step(State.MASTER)
        self._wear(uid, gid, gids)
        self._close_memory()

    def connected(self) -> None:
        """Child, first step: from here on the ids belong to one session."""
        self._step(State.CONNECTED)
        self._close_memory()

    def _close_memory(self) -> None:
        """The memory of master and sessions, with the host keys in it, is a file in /proc to whoever has their uid, and the
        clients of a server that was not started as root have it. Source: OpenSSH, sftp-server.
        """
        if not self._rehearsal:
            syscalls.forbid_tracing()

    def log_in(self, identity: Identity) -> None:
        """Become the user, with the user's groups and no others; real and saved uid stay 0."""
        self._step(State.LOGGED_IN)
        self._wear(identity.uid, identity.gid, identity.gids)

    def revoke(self, keep: frozenset[str] = frozenset()) -> None:
        """Give up root for good and prove it.

        ``keep`` names capabilities (``chown``, ``cap_chown``) that ``root()`` may still use; those that lead back to
        root are never kept. A user who *is* root stays root: there is nothing to give up.
        """
        self._step(State.REVOKED)
        if not self.switching:
            return
        if self._uid == 0:
            self.say("RootRevoke has no effect on a session of uid 0")
            return
        self.keep_capabilities(keep)
        os.seteuid(0)
        if prctl is None:
            self._keep = frozenset()
            if keep:
                self.say("python-prctl is missing: no capability is kept")
        else:
            self._limit_bounding_set()
            if self._keep:
                prctl.set_keepcaps(1)
        os.setresgid(self._gid, self._gid, self._gid)
        os.setresuid(self._uid, self._uid, self._uid)
        self._as_root = False
        if prctl is not None:
            self._keep_only(self._keep)
        syscalls.forbid_new_privileges()
        self._prove()

    def keep_capabilities(self, names: frozenset[str]) -> None:
        """Name capabilities that a later ``revoke`` keeps (mod_cap, UserOwner, low ports)."""
        self._keep |= {name.lower().removeprefix("cap_") for name in names} - _NEVER_KEPT

    def enter_root(self, path: str) -> None:
        """chroot(2) into ``path`` and stand at its top."""
        if not self.switching:
            raise PermissionError(f"chroot to {path} needs a server started as root")
        with self.root():
            os.chroot(path)
            os.chdir("/")
        self.chroot = path

    def root(self) -> AbstractContextManager[None]:
        """Effective uid and gid 0 inside the block (REVOKED: the kept capabilities, if any)."""
        return _Worn(self, as_root=True)

    def user(self) -> AbstractContextManager[None]:
        """The ids of this state (daemon or user) inside the block, for work within a ``root`` block."""
        return _Worn(self, as_root=False)

    @contextmanager
    def borrowed(self, uid: int, gid: int, gids: Sequence[int] = ()) -> Iterator[None]:
        """Ids and groups of an account that has not logged in yet, to read its own files as itself (key files).

        Only in CONNECTED; the file system then decides, and a symlink to a file of root is refused by the kernel.
        """
        if not self.switching:
            yield
            return
        if self.state is not State.CONNECTED:
            raise Bug(f"ids are borrowed in state {self.state.value}")
        kept = (self._uid, self._gid, os.getgroups(), self._as_root)
        self._wear(uid, gid, gids)
        try:
            yield
        finally:
            self._wear(kept[0], kept[1], kept[2])
            if kept[3]:
                self._to_root()

    def _step(self, state: State) -> None:
        if state not in _TRANSITIONS[self.state]:
            raise Bug(f"privileges cannot go from {self.state.value} to {state.value}")
        if state is State.MASTER and not self.switching:
            self.say("not started as root: ids are never switched, every session runs as the user of the server")
        self.state = state

    def _wear(self, uid: int, gid: int, gids: Sequence[int]) -> None:
        """Groups, then gid, then effective uid; real and saved uid remain 0."""
        if not self.switching:
            return
        os.seteuid(0)
        self._as_root = True
        os.setgroups(list(gids))
        os.setresgid(0, gid, 0)
        self._uid, self._gid = uid, gid
        self._to_user()

    def _to_root(self) -> None:
        if self._as_root or not self.switching:
            return
        if self.state is State.REVOKED:
            if self._keep:
                prctl.set_caps((list(self._keep), prctl.CAP_EFFECTIVE, True))
        else:
            os.seteuid(0)
            os.setegid(0)
        self._as_root = True

    def _to_user(self) -> None:
        if not self._as_root or not self.switching:
            return
        if self.state is State.REVOKED:
            if self._keep:
                prctl.cap_effective.limit()
        else:
            os.setegid(self._gid)
            os.seteuid(self._uid)
        self._as_root = False

    def _limit_bounding_set(self) -> None:
        """Nothing that this session runs can gain more than it keeps; a container that forbids this has less anyway."""
        kept = {getattr(prctl, "CAP_" + name.upper()) for name in self._keep}
        for capability in prctl.ALL_CAPS:
            if capability in kept:
                continue
            try:
                prctl.capbset_drop(capability)
            except (OSError, ValueError):
                continue

    def _keep_only(self, names: frozenset[str]) -> None:
        """Permitted = ``names``, effective and inheritable = none."""
        kept = {getattr(prctl, "CAP_" + name.upper()) for name in names}
        lost = [capability for capability in prctl.ALL_CAPS if capability not in kept]
        prctl.set_caps((lost, prctl.CAP_PERMITTED, False), (prctl.ALL_CAPS, prctl.CAP_EFFECTIVE, False),
                       (prctl.ALL_CAPS, prctl.CAP_INHERITABLE, False))

    def _prove(self) -> None:
        """Try to become root again; success is a fault that ends the process before it serves anything."""
        attempts: list[tuple[Callable[..., None], tuple[int, ...]]] = [
            (os.seteuid, (0,)), (os.setuid, (0,)), (os.setresuid, (0, 0, 0))]
        if self._gid != 0:
            attempts.append((os.setegid, (0,)))
        for regain, ids in attempts:
            try:
                regain(*ids)
            except OSError:
                continue
            self.say("root could be regained after it was given up; the session ends")
            os._exit(_EX_SOFTWARE)
        if os.getresuid() != (self._uid,) * 3 or os.getresgid() != (self._gid,) * 3:
            self.say(f"ids are {os.getresuid()} {os.getresgid()} in place of {self._uid} {self._gid}; the session ends")
            os._exit(_EX_SOFTWARE)


class _Worn:
    """A block in which one identity is in force; what was before it is put back."""

    __slots__ = ("_privs", "_as_root", "_before")

    def __init__(self, privs: Privileges, *, as_root: bool) -> None:
        self._privs, self._as_root, self._before = privs, as_root, as_root

    def __enter__(self) -> None:
        privs = self._privs
        self._before = privs._as_root
        if self._before is not self._as_root:
            privs._to_root() if self._as_root else privs._to_user()

    def __exit__(self, *_: object) -> None:
        if self._before is not self._as_root:
            self._privs._to_user() if self._as_root else self._privs._to_root()
