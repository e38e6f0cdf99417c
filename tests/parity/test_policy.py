"""The matrix of policies on a C proftpd and on ours: the same requests in the same directories, verdicts compared.

Ours may refuse more than the C server, for a reason that stands here, and may say "no such file" of what is hidden. It
never lets anybody do what the C server refuses.
"""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest

from tests.matrix.actions import ACTIONS, Action, Cell
from tests.matrix.ground import BASE, Ground, sections
from tests.matrix.road import DENIED, DONE, MISSING, Road
from tests.matrix.test_matrix import CREW, OWNER, POLICIES, prepare
from tests.servers import Server, Site, scratch

pytestmark = [pytest.mark.root, pytest.mark.real, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

VERSIONS = (3, 6)

FILTERS = ("path-deny", "path-allow")
ARGUMENTS = ("deny-filter", "allow-filter")
LIMITED = ("limit-READ", "limit-WRITE", "limit-ALL", "limit-STAT", "limit-STOR", "limit-RETR", "denied-user")

#: (reason, names of actions by their beginning, policies): what ours refuses and 1.3.8 lets pass
STRICTER: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("path filters are about every request that opens, creates or changes (security F5)",
     ("set ", "lock", "make a link", "link to", "LINK", "check-file", "list", "fl", "fstat", "fsync", "hardlink"), FILTERS),
    ("filters of arguments are asked about each path as it was sent",
     ("open for reading", "lock", "LINK", "link to", "make a link", "check-file", "copy", "hardlink", "listxattr", "fsync",
      "space-available", "statvfs", "fstat", "posix-rename"), ARGUMENTS),
    ("AllowOverwrite is asked on every road (security A10.21)", ("posix-rename over", "rename over", "set size"),
     ("no-overwrite",)),
    ("reading needs RETR, whatever the file was opened for (security F6)", ("read a file", "check-file", "hardlink to",
                                                                           "LINK to here, hard", "copy from"),
     ("limit-RETR", "limit-READ", "limit-DIRS")),
    ("a copy is an upload, to a new name too", ("copy to", "copy over"), (*LIMITED, "limit-SITE_COPY", "limit-COPY")),
    ("COPY is another name of SITE_COPY, LINK of HARDLINK, SYMLINK of LINK", ("copy", "hardlink", "LINK"),
     ("limit-COPY", "limit-LINK", "limit-SYMLINK")),
    ("what looks at a file system or at attributes asks as STAT does", ("space-available", "statvfs", "listxattr", "flistxattr"),
     (*LIMITED, "limit-LISTXATTR", "limit-FLISTXATTR")),
    ("SETSTAT and FSETSTAT are asked by handle as well", ("set ",), ("limit-FSETSTAT", "limit-SETSTAT")),
)

#: actions that 1.3.8 has not, or that end its session
NEWER = ("check-file of draft 9", "copy data", "expand-path", "fgetxattr", "fremovexattr", "fsetxattr", "getxattr", "lsetstat",
         "removexattr", "setxattr", "unlock", "set mode by handle", "scp")


def compared_policies() -> list[str]:
    """All but those about sizes, which 1.3.8 exceeds when it stores and does not ask about when it fetches."""
    return [name for name in POLICIES if not name.startswith(("aside", "small-"))]


def compared(version: int) -> list[Action]:
    return [action for action in ACTIONS if version in action.versions and not action.name.startswith(NEWER)]


def verdicts(keys: Path, *, ours: bool) -> dict[tuple[str, int, str], str]:
    """What becomes of every action under every policy."""
    with scratch() as root:
        site = Site(root, keys)
        site.add_account(OWNER)
        site.groups[CREW] = (63900, ())
        server = Server(site, ours=ours)
        try:
            server.start(BASE + sections(site, POLICIES))
            ground = Ground(server, Road(server), itertools.count())
            found = {}
            for version, policy in itertools.product(VERSIONS, compared_policies()):
                for action in compared(version):
                    cell = ground.cell(policy, version)
                    prepare(site, policy, cell)
                    found[policy, version, action.name] = _run(ground, action, cell)
                if policy in ARGUMENTS:
                    _another_session(ground)
            ground.road.close()
            return found
        finally:
            server.stop()


def _run(ground: Ground, action: Action, cell: Cell) -> str:
    try:
        return action.run(cell)
    except (EOFError, OSError, AssertionError, paramiko.SSHException) as error:
        _another_session(ground)
        return f"session lost: {type(error).__name__}"


def _another_session(ground: Ground) -> None:
    """1.3.8 asks the filters of arguments of the directory of the request before, too."""
    ground.road.close()
    ground.road = Road(ground.server)


@pytest.fixture(scope="module")
def both(keys: Path) -> tuple[dict[tuple[str, int, str], str], dict[tuple[str, int, str], str]]:
    with ThreadPoolExecutor() as pool:
        theirs, mine = pool.map(lambda ours: verdicts(keys, ours=ours), (False, True))
    return theirs, mine


def explained(policy: str, action: str) -> bool:
    return any(action.startswith(names) and policy in policies for _, names, policies in STRICTER)


def test_verdicts_are_those_of_the_real_server(
        both: tuple[dict[tuple[str, int, str], str], dict[tuple[str, int, str], str]]) -> None:
    theirs, mine = both
    assert len(theirs) > 4000
    faults = []
    for (policy, version, action), real in theirs.items():
        ours = mine[policy, version, action]
        if ours == real or real.startswith("session lost"):
            continue
        if ours == MISSING and policy.startswith("hide-"):
            continue  # a hidden name does not exist, neither by STAT nor by a refusal (security F11)
        if real == MISSING and ours == DONE and action == "realpath":
            continue  # and REALPATH answers for names that do not exist
        if real == DONE and ours == DENIED and explained(policy, action):
            continue
        faults.append(f"{action}, {policy}, version {version}: real {real}, ours {ours}")
    assert not faults, "\n".join(faults)


def test_ours_never_allows_what_the_real_server_denies(
        both: tuple[dict[tuple[str, int, str], str], dict[tuple[str, int, str], str]]) -> None:
    theirs, mine = both
    assert [key for key, real in theirs.items() if real == DENIED and mine[key] == DONE] == []


def test_every_difference_is_one(both: tuple[dict[tuple[str, int, str], str], dict[tuple[str, int, str], str]]) -> None:
    """A row of the list that nothing needs any more goes."""
    theirs, mine = both
    for reason, names, policies in STRICTER:
        assert any(real == DONE and mine[key] == DENIED and key[0] in policies and key[2].startswith(names)
                   for key, real in theirs.items()), reason
