from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pyproftpd.conf.dynamic import FILE_NAME, MAX_DYNAMIC_FILE, Dynamic
from pyproftpd.vfs.conf import AccessConf, OwnershipConf

from .conftest import Loader


def test_files_of_all_directories_above_count_the_nearest_most(tmp_path: Path, configure: Loader) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / FILE_NAME).write_text("Umask 077\nAllowOverwrite on\n")
    (inner / FILE_NAME).write_text("Umask 007\n<Limit STOR>\nDenyAll\n</Limit>\n")
    warnings: list[str] = []
    dynamic = Dynamic(warnings.append)
    main = configure("Umask 022\n").servers[0]
    scope = dynamic.overlay(main, str(inner))
    assert scope.get(OwnershipConf).umask == (0o007, 0o007)
    assert scope.get(AccessConf).allow_overwrite is True
    assert scope.limits[0][0].names == {"STOR"}
    assert dynamic.overlay(main, str(inner)) is scope
    assert main.get(OwnershipConf).umask == (0o022, 0o022)
    (inner / FILE_NAME).write_text("Umask 027\n\n\n")
    assert dynamic.overlay(main, str(inner)).get(OwnershipConf).umask == (0o027, 0o027)
    assert warnings == []


def test_faults_warn_and_the_rest_counts(tmp_path: Path, configure: Loader) -> None:
    (tmp_path / FILE_NAME).write_text("Port 22\nRootLogin on\nNoSuch 1\nInclude /etc/passwd\nUmask 027\n")
    warnings: list[str] = []
    scope = Dynamic(warnings.append).overlay(configure("").servers[0], str(tmp_path))
    assert scope.get(OwnershipConf).umask == (0o027, 0o027)
    assert len(warnings) == 4


def test_what_cannot_be_read_as_a_file_closes_its_directory(tmp_path: Path, configure: Loader) -> None:
    """A link, a directory, a file that is too large: nobody knows the rules, so nobody gets in, and the log says why."""
    target = tmp_path / "rules"
    target.write_text("Umask 077\n")
    kinds = ("link", "directory", "large")
    for name in kinds:
        (tmp_path / name).mkdir()
    (tmp_path / "link" / ".ftpaccess").symlink_to(target)
    (tmp_path / "directory" / ".ftpaccess").mkdir()
    (tmp_path / "large" / ".ftpaccess").write_text("#" * (MAX_DYNAMIC_FILE + 1))
    warnings: list[str] = []
    dynamic, scope = Dynamic(warnings.append), configure("")
    for name in kinds:
        limits = dynamic.overlay(scope.servers[0], str(tmp_path / name)).limits[0]
        assert [(sorted(limit.names), limit.conf.deny_all) for limit in limits] == [(["ALL"], True)], name
        assert len(warnings) == 1 and f"{name}/.ftpaccess" in warnings.pop()
        dynamic.overlay(scope.servers[0], str(tmp_path / name))
    assert warnings == []
    assert dynamic.overlay(scope.servers[0], str(tmp_path / "absent")) is scope.servers[0]


def test_a_disk_that_cannot_say_what_is_there_closes_the_directory(tmp_path: Path, configure: Loader,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """No disk of a test fails so, hence the call does; promise 9."""
    def failing(path: str, *rest: object) -> int:
        raise OSError(errno.EIO if path.startswith(str(tmp_path)) else errno.ENOENT, "failed")

    warnings: list[str] = []
    scope = configure("").servers[0]
    monkeypatch.setattr(os, "open", failing)
    monkeypatch.setattr(os, "lstat", failing)
    limits = Dynamic(warnings.append).overlay(scope, str(tmp_path)).limits[0]
    assert [limit.conf.deny_all for limit in limits] == [True] and len(warnings) == 1
