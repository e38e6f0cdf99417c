"""Rules that a reader cannot check by eye in every file: doors to outside packages, who changes ids, names that say nothing."""

from __future__ import annotations

import ast
import re

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
    "ctypes": ("pyproftpd.unix.pam", "pyproftpd.unix.syscalls", "pyproftpd.unix.crypt", "mod_sftp.crypto.umac"),
}

ID_CHANGES = re.compile(r"\bos\.(set(?:e|re|res)?[ug]id|setgroups|initgroups|chroot)\b")
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "misc", "base", "manager", "managers", "stuff"}
CATCH_ALL = {"pyproftpd.daemon.child", "pyproftpd.daemon.master", "pyproftpd.daemon.rehearsal",
             "pyproftpd.session.dispatch", "pyproftpd.cli",
             "pyproftpd.unix.pam"}  # there an exception waits until libpam has returned, and is raised again

#: a file longer than this has a second duty that nobody has named yet
LONGEST_FILE = 520


@pytest.mark.parametrize("package", DOORS)
def test_outside_packages_come_through_one_door(package: str) -> None:
    wrong = []
    for module, path in sources().items():
        if module.startswith(DOORS[package]) and DOORS[package]:
            continue
        for node in ast.walk(parsed(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
                [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else [])
            wrong += [f"{path}:{node.lineno}" for name in names if name.split(".")[0] == package]
    assert not wrong, "\n".join(wrong)


def test_ids_change_in_one_file() -> None:
    wrong = [f"{path}:{number}: {line.strip()}" for module, path in sources().items() if module != "pyproftpd.unix.privs"
             for number, line in enumerate(path.read_text().splitlines(), 1) if ID_CHANGES.search(line)]
    assert not wrong, "\n".join(wrong)


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
