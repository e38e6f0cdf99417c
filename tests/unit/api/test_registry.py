from __future__ import annotations

import pytest

from pyproftpd.api.registry import COMPILED_IN, ELSEWHERE, Registry, loadable
from pyproftpd.errors import ConfigError


def test_the_compiled_in_modules_stand_in_the_real_order() -> None:
    names = tuple(module.name for module in Registry().modules)
    assert names == COMPILED_IN
    assert names[:8] == ("core", "xfer", "rlimit", "auth_unix", "auth_file", "auth", "ls", "log")


def test_a_module_that_is_there_is_no_fault_and_a_new_one_brings_its_sections() -> None:
    registry = Registry()
    assert registry.load("mod_sftp.c") is False
    assert registry.section("ifuser") is None
    assert registry.load("mod_ifsession.c") is True
    assert registry.section("IFUSER") is not None
    assert registry.load("mod_ifsession.c") is False


@pytest.mark.parametrize("name", ["mod_tls.c", "mod_nosuch.c", "sftp", "mod_.c", "mod_../x.c", "mod_os.path.c", ""])
def test_a_module_that_is_not(name: str) -> None:
    with pytest.raises(ConfigError):
        Registry().load(name)


def test_no_directive_is_declared_twice() -> None:
    registry = Registry()
    for name in loadable():
        registry.load(f"mod_{name}.c")
    keywords = [row.directive.keyword.lower() for row in registry.rows()]
    assert len(keywords) == len(set(keywords))
    assert not ELSEWHERE & {module.name for module in registry.modules}
