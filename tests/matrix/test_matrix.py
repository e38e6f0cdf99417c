"""One policy on every road: each way to reach a file is tried under each policy directive on one running server.

What is expected stands in ``actions.py`` and here; nothing of it is asked of the server's own tables, which only say which
entry points there are: one without a row fails the first test. (Security F5, F6, F11, P3, A10.10, A10.21; promise 10.)
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from mod_sftp.channel.requests import PROGRAMS
from mod_sftp.scp import protocol
from mod_sftp.sftp import extensions, table
from tests.matrix.actions import ACTIONS, WITHOUT_PATH, Action, Cell
from tests.matrix.ground import BASE, Ground, Policies, content, give, policy_directory, sections
from tests.matrix.road import DENIED, DONE, MISSING, Road
from tests.servers import Server, Site, scratch

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

VERSIONS = (1, 2, 3, 4, 5, 6)
GROUPS = ("READ", "WRITE", "DIRS", "ALL")
LIMITS = tuple(sorted(set().union(*(action.limits for action in ACTIONS)) | {"MLSD", "LOCK", "PASV"}))
#: names of one command, told by the first
ALIASES = {"XMKD": "MKD", "XRMD": "RMD"}
SUBJECT = r"file\.[^/]*$"
OWNER, CREW = "keeper", "crew"
#: bytes that files may have under the policies about sizes; what the actions store and fetch has more
LARGEST = 4

POLICIES: Policies = {
    "free": "",
    "aside": "",
    **{f"limit-{name}": f"<Limit {name}>\nDenyAll\n</Limit>" for name in (*GROUPS, *LIMITS)},
    "allowed": "<Limit ALL>\nAllowUser demo\nDenyAll\n</Limit>",
    "denied-user": "<Limit ALL>\nDenyUser demo\nAllowAll\nOrder deny,allow\n</Limit>",
    "path-deny": f'PathDenyFilter "{SUBJECT}"',
    "path-allow": 'PathAllowFilter "/(other[.][^/]*|inner.dat|[0-9]+)$"',
    "deny-filter": 'DenyFilter "/file[.]"',
    "allow-filter": 'AllowFilter "(/other[.]|^[^/]+$|[0-9]$)"',
    "hide-files": 'HideFiles "^file[.]"',
    "hide-ignored": 'HideFiles "^file[.]"\n<Limit ALL>\nIgnoreHidden on\nAllowAll\n</Limit>',
    "hide-denied": 'HideFiles "^file[.]"\n<Limit ALL>\nDenyAll\n</Limit>',
    "hide-user": f"HideUser {OWNER}",
    "hide-group": f"HideGroup {CREW}",
    "hide-no-access": "HideNoAccess on",
    "no-overwrite": "AllowOverwrite off",
    "no-restart": "AllowStoreRestart off",
    "owned": f"Umask 027 037\nUserOwner {OWNER}\nGroupOwner {CREW}",
    "small-stores": f"MaxStoreFileSize {LARGEST} B",
    "small-retrievals": f"MaxRetrieveFileSize {LARGEST} B",
    "dynamic": "AllowOverride on",
    "dynamic-off": "AllowOverride off",
}


@pytest.fixture(scope="module")
def ground(keys: Path) -> Iterator[Ground]:
    with scratch() as root:
        site = Site(root, keys)
        site.add_account(OWNER)
        site.groups[CREW] = (63900, ())
        server = Server(site)
        try:
            server.start(BASE + sections(site, POLICIES))
            road = Road(server)
            yield Ground(server, road, itertools.count())
            road.close()
        finally:
            server.stop()


def actions(version: int) -> list[Action]:
    return [action for action in ACTIONS if version in action.versions]


def check(ground: Ground, policy: str, version: int, expected: dict[Action, str], rule: str) -> None:
    """Try every action of a version and compare what became of it; who is denied finds ``rule`` in the SFTPLog."""
    faults = []
    log = ground.log()
    for action, wanted in expected.items():
        cell = ground.cell(policy, version)
        prepare(ground.site, policy, cell)
        before = content(cell)
        found = action.run(cell)
        if found != wanted:
            faults.append(f"{action.name}: {found}, not {wanted}")
        if wanted != DONE and not action.opens_first and content(cell) != before:
            faults.append(f"{action.name}: files changed all the same")
        said = log.read()
        if wanted == DENIED and not (f"denied by {rule}" in said and "proftpd.conf:" in said):
            faults.append(f"{action.name}: no '{rule}' in the log: {said!r}")
    assert not faults, f"{policy}, version {version}:\n" + "\n".join(faults)


def prepare(site: Site, policy: str, cell: Cell) -> None:
    """Owners and modes that a hiding rule is about."""
    files = [cell.here / name for name in ("file.dat", "file.sub", "file.full", "file.link")]
    if policy == "hide-user":
        give(files, site.accounts[OWNER].uid, site.accounts["demo"].gid)
    elif policy == "hide-group":
        give(files, site.accounts["demo"].uid, site.groups[CREW][0])
    elif policy == "hide-no-access":
        give(files, 0, 0)
        for path in files[:3]:
            path.chmod(0)


def test_every_entry_point_has_a_row() -> None:
    """Whoever adds a request, an extension or a program must say here what policy means for it."""
    entries = {row.name for row in table.ROWS} | {one.name for one in extensions.EXTENSIONS if one.row is not None}
    entries |= {f"{kind}:{word}" for kind, word in PROGRAMS} | {one.__name__ for one in get_args(protocol.Record)}
    covered = set().union(*(action.entries for action in ACTIONS)) | set(WITHOUT_PATH)
    assert entries - covered == set()
    assert covered - entries == set(), "rows about nothing"
    tried = {(name, version) for action in ACTIONS for name in action.entries for version in action.versions}
    assert {(row.name, version) for row in table.ROWS for version in range(row.since, row.until + 1)} - tried == set()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("policy", ["free", "allowed", "dynamic", "dynamic-off"])
def test_what_nothing_forbids_is_done(ground: Ground, policy: str, version: int) -> None:
    check(ground, policy, version, {action: DONE for action in actions(version)}, "")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("group", GROUPS)
def test_promise_10_limit_by_group_stops_every_road_f6(ground: Ground, group: str, version: int) -> None:
    expected = {action: DENIED if group in action.groups or group == "ALL" else DONE for action in actions(version)}
    check(ground, f"limit-{group}", version, expected, "<Limit ")


@pytest.mark.parametrize("version", (3, 6))
@pytest.mark.parametrize("name", LIMITS)
def test_limit_by_name_stops_what_it_names_and_nothing_else_f6(ground: Ground, name: str, version: int) -> None:
    expected = {action: DENIED if name in action.limits else DONE for action in actions(version)}
    check(ground, f"limit-{name}", version, expected, f"<Limit {ALIASES.get(name, name)}>")


@pytest.mark.parametrize("version", (3, 6))
def test_limit_by_user_stops_every_road(ground: Ground, version: int) -> None:
    check(ground, "denied-user", version, {action: DENIED for action in actions(version)}, "<Limit ALL>")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("policy", "rule"), [("path-deny", "PathDenyFilter"), ("path-allow", "PathAllowFilter")])
def test_path_filters_stop_all_that_names_or_creates_a_path_f5(ground: Ground, policy: str, rule: str, version: int) -> None:
    expected = {action: DENIED if action.filtered else DONE for action in actions(version)}
    check(ground, policy, version, expected, rule)


@pytest.mark.parametrize("version", (3, 6))
@pytest.mark.parametrize(("policy", "rule"), [("deny-filter", "DenyFilter"), ("allow-filter", "AllowFilter")])
def test_command_filters_are_asked_about_every_argument(ground: Ground, policy: str, rule: str, version: int) -> None:
    expected = {action: DENIED if action.named else DONE for action in actions(version)}
    check(ground, policy, version, expected, rule)


@pytest.mark.parametrize("version", VERSIONS)
def test_hidden_names_do_not_exist_for_whoever_looks_f11(ground: Ground, version: int) -> None:
    """Who knows the name may open it all the same; that is what IgnoreHidden is for, as in the real server."""
    expected = {action: action.when_hidden(version) if action.looks else DONE for action in actions(version)}
    check(ground, "hide-files", version, expected, "")


@pytest.mark.parametrize("version", (3, 6))
@pytest.mark.parametrize("policy", ["hide-user", "hide-group", "hide-no-access"])
def test_hidden_owners_do_not_exist_for_whoever_looks_f11(ground: Ground, policy: str, version: int) -> None:
    looking = [action for action in actions(version) if action.looks]
    if policy == "hide-no-access":  # a link may always be read
        looking = [action for action in looking if action.name != "readlink"]
    check(ground, policy, version, {action: action.when_hidden(version) for action in looking}, "")


@pytest.mark.parametrize("version", VERSIONS)
def test_ignore_hidden_hides_from_every_road_f11(ground: Ground, version: int) -> None:
    check(ground, "hide-ignored", version, {action: action.when_hidden(version) for action in actions(version)}, "")


@pytest.mark.parametrize("version", (3, 6))
def test_a_refusal_does_not_tell_of_a_hidden_name_f11(ground: Ground, version: int) -> None:
    of_the_directory = ("list", "scp into the directory", "scp a directory")
    expected = {action: MISSING for action in actions(version)
                if action.name not in of_the_directory and version not in action.foresees}
    check(ground, "hide-denied", version, expected, "")


@pytest.mark.parametrize("version", VERSIONS)
def test_overwrite_off_keeps_files_on_every_road_a10_21(ground: Ground, version: int) -> None:
    expected = {action: DENIED if action.replaces else DONE for action in actions(version)}
    check(ground, "no-overwrite", version, expected, "AllowOverwrite off")


@pytest.mark.parametrize("version", VERSIONS)
def test_store_restart_off_refuses_to_append(ground: Ground, version: int) -> None:
    expected = {action: DENIED if action.name == "open to append" else DONE
                for action in actions(version)}
    check(ground, "no-restart", version, expected, "AllowStoreRestart off")


@pytest.mark.parametrize("version", VERSIONS)
def test_umask_and_owners_of_the_directory_hold_for_all_that_is_made(ground: Ground, version: int) -> None:
    making = [action for action in actions(version) if action.makes]
    assert making
    for action in making:
        assert action.makes is not None
        cell = ground.cell("owned", version)
        assert action.run(cell) == DONE, action.name
        name, mode = action.makes
        info = (cell.here / name).stat()
        umask = 0o037 if stat.S_ISDIR(info.st_mode) else 0o027
        assert (action.name, oct(stat.S_IMODE(info.st_mode))) == (action.name, oct(mode & ~umask))
        assert (info.st_uid, info.st_gid) == (ground.site.accounts[OWNER].uid, ground.site.groups[CREW][0]), action.name


@pytest.mark.parametrize("version", VERSIONS)
def test_no_road_stores_more_than_the_largest_size_f15(ground: Ground, version: int) -> None:
    """Names may be moved about as they are."""
    faults = []
    for action in (one for one in actions(version) if one.limits & {"STOR", "SETSTAT", "SITE_COPY"}):
        cell = ground.cell("small-stores", version)
        before = {path.name: path.stat().st_size for path in cell.here.rglob("*")}
        action.run(cell)
        faults += [f"{action.name}: {path.name} has {path.stat().st_size} bytes" for path in cell.here.rglob("*")
                   if path.is_file() and path.stat().st_size > max(LARGEST, before.get(path.name, 0))]
    assert not faults, faults


@pytest.mark.parametrize("version", VERSIONS)
def test_no_road_fetches_more_than_the_largest_size(ground: Ground, version: int) -> None:
    """Copies and links stay on the server."""
    reading = [action for action in actions(version) if "RETR" in action.limits
               and not {"copy-file", "LINK", "hardlink@openssh.com"}.intersection(action.entries)]
    assert reading
    for action in reading:
        assert action.run(ground.cell("small-retrievals", version)) != DONE, action.name


@pytest.mark.parametrize("version", (3, 6))
@pytest.mark.parametrize(("policy", "wanted"), [("dynamic", DENIED), ("dynamic-off", DONE)])
def test_ftpaccess_of_an_ancestor_holds_on_every_road_f9(ground: Ground, policy: str, wanted: str, version: int) -> None:
    """The file lies above the directory of the request; AllowOverride off makes it void."""
    faults = []
    for action in actions(version):
        cell = ground.cell(policy, version)
        rules = cell.here / ".ftpaccess"
        rules.write_text("<Limit ALL>\nDenyAll\n</Limit>\n")
        below = cell.here / "below"
        below.mkdir()
        for path in [path for path in cell.here.iterdir() if path.name.startswith("file.")]:
            path.rename(below / path.name)
        give([below], ground.site.accounts["demo"].uid, ground.site.accounts["demo"].gid)
        cell.here = below
        if (found := action.run(cell)) != wanted:
            faults.append(f"{action.name}: {found}")
    assert not faults, faults


def test_the_ground_is_what_the_policies_say(ground: Ground) -> None:
    """The matrix would prove nothing if its directories were not there."""
    assert all(policy_directory(ground.site, policy).is_dir() for policy in POLICIES)
    assert len(POLICIES) > 50
