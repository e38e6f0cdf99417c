"""Rules that a reader cannot check by eye in every file: doors to outside packages, who changes ids, names that say nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, parsed, sources

#: outside package -> the modules (or packages) that may import it
DOORS = {
    "cryptography": ("mod_sftp.crypto",),
    "bcrypt": ("mod_sftp.crypto",),
    "pam": ("pyproftpd.unix.pam",),
    "prctl": ("pyproftpd.unix.privs",),
    "setproctitle": ("pyproftpd.unix.proctitle",),
    "psutil": (),
    "ctypes": ("pyproftpd.unix.pam", "pyproftpd.unix.syscalls", "pyproftpd.unix.crypt", "pyproftpd.unix.immortal",
               "pyproftpd.unix.layout", "mod_sftp.crypto.umac"),
}

ID_CHANGES = re.compile(r"\bos\.(set(?:e|re|res)?[ug]id|setgroups|initgroups|chroot)\b")
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "misc", "base", "manager", "managers", "stuff"}
CATCH_ALL = {"pyproftpd.daemon.child", "pyproftpd.daemon.master", "pyproftpd.daemon.rehearsal",
             "pyproftpd.session.dispatch", "pyproftpd.cli",
             "pyproftpd.unix.pam"}  # there an exception waits until libpam has returned, and is raised again

#: who may ask what time it is: logs and records, and what is meant by the calendar (ageing, certificates, a planned shutdown).
#: Everything that waits counts by the monotonic clock.
CALENDAR = {
    "pyproftpd.log.lines", "pyproftpd.log.fields", "pyproftpd.log.xferlog", "pyproftpd.unix.scoreboard", "pyproftpd.unix.wtmp",
    "pyproftpd.daemon.child", "pyproftpd.daemon.steering", "pyproftpd.modules.ctrls_admin", "pyproftpd.cli.ftpwho",
    "pyproftpd.vfs.view", "mod_sftp.channel.date",
    "pyproftpd.session.sources.auth_unix", "mod_sftp.auth.publickey", "mod_sftp.auth.hostbased",
    "pyproftpd.daemon.closing", "pyproftpd.session.shutmsg", "pyproftpd.cli.ftpshut"}

#: a file longer than this has a second duty that nobody has named yet
LONGEST_FILE = 520


@pytest.mark.parametrize("package", DOORS)
def test_outside_packages_come_through_one_door(package: str) -> None:
    wrong = []
    for module, path in sources().items():
        if module.startswith(DOORS[package]) and DOORS[package]:
            continue
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
                [] if node.level else [node.module or ""])
            wrong += [f"{path}:{node.lineno}" for name in names if name.split(".")[0] == package]
    assert not wrong, "\n".join(wrong)


def test_ids_change_in_one_file() -> None:
    wrong = [f"{path}:{number}: {line.strip()}" for module, path in sources().items() if module != "pyproftpd.unix.privs"
             for number, line in enumerate(path.read_text().splitlines(), 1) if ID_CHANGES.search(line)]
    assert not wrong, "\n".join(wrong)


def used(path: Path, package: str) -> Iterator[tuple[str, int]]:
    """(attribute of an imported package, line) of one file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == package:
            yield node.attr, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            yield from ((alias.name, node.lineno) for alias in node.names)


def test_M5_waiting_is_counted_by_the_clock_that_nobody_sets() -> None:
    wrong = [f"{path}:{line}: {package}.{name}" for module, path in sources().items() if module not in CALENDAR
             for package in ("time", "datetime") for name, line in used(path, package)
             if name in ("time", "time_ns", "now", "utcnow", "today", "clock_gettime")]
    assert not wrong, "\n".join(wrong)


def test_A10_16_no_predictable_random_numbers() -> None:
    wrong = [f"{path}:{line}: random.{name}" for module, path in sources().items() for name, line in used(path, "random")
             if name not in ("SystemRandom", "Random")]
    assert not wrong, "\n".join(wrong)
    made = [f"{path}:{node.lineno}" for path in sources().values() for node in ast.walk(parsed(path))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("random.Random", "Random")]
    assert not made, "\n".join(made)


def test_names_say_what_a_file_is() -> None:
    assert [path for path in sources().values() if path.stem in EMPTY_NAMES] == []


def test_catch_alls_stand_where_they_can_be_answered() -> None:
    wrong = []
    for module, path in sources().items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))):
                cleans_up = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
                if not cleans_up and not module.startswith(tuple(CATCH_ALL)):
                    wrong.append(f"{path}:{node.lineno}")
    assert not wrong, "\n".join(wrong)


def test_every_module_and_public_name_has_a_docstring_where_it_is_not_plain() -> None:
    wrong = [str(path) for path in sources().values() if path.stat().st_size and not ast.get_docstring(parsed(path))]
    assert not wrong, "\n".join(wrong)


def test_files_have_one_duty() -> None:
    long = {str(path): count for path in [*sources().values(), *(ROOT / "tests").rglob("*.py")]
            if (count := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long, long


def test_nothing_is_left_for_later_in_a_comment() -> None:
    wrong = [f"{path}:{number}" for path in sources().values()
             for number, line in enumerate(path.read_text().splitlines(), 1) if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)]
    assert not wrong, "\n".join(wrong)
