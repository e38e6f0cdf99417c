"""Imports go down only. The table is the plan of the house; docs/architecture.md says what each floor is for."""

from __future__ import annotations

from tests.house.tree import imports, sources

#: longest prefix wins
FLOORS = {
    "pyproftpd": 0, "pyproftpd.errors": 0,
    "pyproftpd.wire": 1, "mod_sftp.wire": 1, "mod_sftp.crypto": 1,
    "pyproftpd.api": 2, "mod_sftp.api": 2,
    "pyproftpd.conf": 3, "pyproftpd.unix": 3, "pyproftpd.log": 3,
    "mod_sftp.conf": 3, "mod_sftp.words": 3, "mod_sftp.quirks": 3, "mod_sftp.log": 3, "mod_sftp.keyring": 3,
    "mod_sftp_pam.conf": 3,
    "pyproftpd.vfs": 4, "mod_sftp.transport": 4,
    "pyproftpd.session": 5,
    "pyproftpd.ftp": 6, "mod_sftp.auth": 6, "mod_sftp.channel": 6, "mod_sftp.sftp": 6, "mod_sftp.scp": 6,
    "pyproftpd.modules": 7, "mod_sftp": 7, "mod_sftp.module": 7, "mod_sftp.driver": 7, "mod_sftp_pam": 7,
    "pyproftpd.daemon": 8,
    "pyproftpd.cli": 9, "pyproftpd.__main__": 9,
}

#: packages of one floor that may see each other, in this direction
NEIGHBOURS = {
    ("mod_sftp.sftp", "mod_sftp.channel"), ("mod_sftp.scp", "mod_sftp.channel"), ("mod_sftp.quirks", "mod_sftp.conf"),
    ("mod_sftp.conf", "mod_sftp.words"), ("mod_sftp.module", "mod_sftp"), ("mod_sftp", "mod_sftp.module"),
    ("mod_sftp.driver", "mod_sftp"), ("mod_sftp", "mod_sftp.driver"), ("mod_sftp.log", "pyproftpd.log"),
    ("mod_sftp.crypto", "mod_sftp.wire"),
}


def room(module: str) -> str:
    """The row of the floor table that a module belongs to."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in FLOORS:
            return ".".join(parts[:length])
    raise AssertionError(f"{module} stands on no floor")


def stands_on(here: str, there: str) -> bool:
    """The SSH modules stand on pyproftpd as a whole; the root of a package belongs to its command line."""
    return (here.startswith("mod_sftp") and there.startswith("pyproftpd")) or FLOORS[here] == 0 or here == "pyproftpd.__main__"


def test_imports_go_down_only() -> None:
    wrong = []
    for module in sources():
        here = room(module)
        for target, line in imports(module):
            there = room(target)
            if here == there:
                continue
            if FLOORS[there] > FLOORS[here]:
                wrong.append(f"{sources()[module]}:{line}: {here} imports {target} of floor {FLOORS[there]}")
            elif FLOORS[there] == FLOORS[here] and (here, there) not in NEIGHBOURS and not stands_on(here, there):
                wrong.append(f"{sources()[module]}:{line}: {here} imports its neighbour {target}")
    assert not wrong, "\n".join(wrong)


def test_pyproftpd_never_imports_the_ssh_modules() -> None:
    wrong = [f"{module}:{line} imports {target}" for module in sources() if module.startswith("pyproftpd")
             for target, line in imports(module) if target.startswith("mod_sftp")]
    assert not wrong, "\n".join(wrong)


def test_mod_sftp_sees_only_its_doors() -> None:
    doors = ("pyproftpd.errors", "pyproftpd.api", "pyproftpd.wire", "pyproftpd.conf.scope", "pyproftpd.conf.conditions",
             "pyproftpd.log", "pyproftpd.unix", "pyproftpd.session", "pyproftpd.vfs")
    wrong = [f"{module}:{line} imports {target}" for module in sources() if module.startswith("mod_sftp.")
             for target, line in imports(module)
             if target.startswith("pyproftpd.") and not target.startswith(doors)]
    assert not wrong, "\n".join(wrong)
