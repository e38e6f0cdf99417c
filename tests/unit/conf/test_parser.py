"""Every fault of a configuration is told, with its file and line (security.md M7)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pyproftpd.conf.load import load
from pyproftpd.errors import ConfigErrors
from pyproftpd.session.conf import ServerConf, TimeoutConf

from .conftest import Loader

Faults = Callable[[str], list[str]]


def test_every_fault_is_told_not_the_first(faults: Faults) -> None:
    said = faults("TimeoutIdle soon\nNoSuch 1\n<Directory /srv>\nPort 22\n</Directory>\nUmask 9\n")
    assert said == ["1: TimeoutIdle cannot be 'soon'", "2: unknown directive 'NoSuch'",
                    "4: Port is not allowed in <Directory /srv>", "6: Umask cannot be '9'"]


def test_a_fault_says_what_would_be_right(configure: Loader) -> None:
    with pytest.raises(ConfigErrors) as raised:
        configure("SFTPChiphers aes256-ctr\nSFTPCiphers aes256-crt\nServerType inted\n")
    text = str(raised.value)
    assert "did you mean 'SFTPCiphers'?" in text
    assert "did you mean 'aes256-ctr'?" in text
    assert "one of standalone inetd" in text


@pytest.mark.parametrize("name", ["tls", "ban", "quotatab", "sql"])
def test_a_module_that_only_the_c_server_has(configure: Loader, name: str) -> None:
    with pytest.raises(ConfigErrors, match="comment the line out") as raised:
        configure(f"LoadModule mod_{name}.c\n<IfModule mod_{name}.c>\nAnything here\n</IfModule>\n")
    assert len(raised.value.errors) == 1


def test_sections_of_a_module_that_is_not_loaded(configure: Loader) -> None:
    with pytest.raises(ConfigErrors, match="LoadModule mod_ifsession.c") as raised:
        configure("<IfUser bob>\n  AllowOverwrite on\n</IfUser>\n")
    assert len(raised.value.errors) == 1


def test_labels_from_the_command_line_and_from_define(configure: Loader) -> None:
    text = ("<IfDefine GIVEN>\nPort 2201\nDefine MORE\n</IfDefine>\n<IfDefine MORE>\nTimeoutIdle 7\n</IfDefine>\n"
            "<IfDefine !MORE>\nTimeoutIdle 8\n</IfDefine>\n")
    main = configure(text, labels=frozenset({"GIVEN"})).servers[0]
    assert main.get(ServerConf).port == 2201
    assert main.get(TimeoutConf).timeout_idle == 7
    assert configure(text).servers[0].get(TimeoutConf).timeout_idle == 8


def test_setenv_is_seen_by_later_lines(configure: Loader) -> None:
    main = configure("SetEnv PORT_OF_OURS 2299\nPort %{env:PORT_OF_OURS}\n").servers[0]
    assert main.get(ServerConf).port == 2299


def test_faults_of_an_included_file_name_it(tmp_path: Path, configure: Loader) -> None:
    (tmp_path / "inner.conf").write_text("TimeoutIdle 5\nUmask x\n")
    with pytest.raises(ConfigErrors) as raised:
        configure(f"Include {tmp_path}/inner.conf\n")
    assert str(raised.value.errors[0].where) == f"{tmp_path}/inner.conf:2"


def test_include_stays_in_the_section_that_it_stands_in(tmp_path: Path, faults: Faults) -> None:
    (tmp_path / "inner.conf").write_text("Port 22\n")
    assert faults(f"<Directory /srv>\nInclude {tmp_path}/inner.conf\n</Directory>\n") == [
        "1: Port is not allowed in <Directory /srv>"]


def test_a_file_that_includes_itself(tmp_path: Path, faults: Faults) -> None:
    assert "includes itself" in faults(f"Include {tmp_path}/proftpd.conf\n")[0]


def test_a_missing_include_is_a_warning(configure: Loader) -> None:
    assert any("/no/such/file" in warning for warning in configure("Include /no/such/file\n").warnings)


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="No such file"):
        load(str(tmp_path / "absent.conf"))


def test_bytes_that_are_no_text_are_refused_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "proftpd.conf"
    path.write_bytes(b"\xff\xfe\x00Port 22\n")
    with pytest.raises(ConfigErrors, match="not ASCII"):
        load(str(path))


def test_a_directive_of_a_module_that_only_the_c_server_has(configure: Loader) -> None:
    with pytest.raises(ConfigErrors, match="mod_quotatab.c knows such directives"):
        configure("QuotaEngine on\n")


def test_an_anonymous_section_of_an_sftp_server_is_nothing_to_warn_of(configure: Loader) -> None:
    warnings = configure("SFTPEngine on\n<Anonymous /srv>\nUser nobody\n</Anonymous>\n").warnings
    assert [line for line in warnings if "Anonymous" in line] == []


def test_a_key_store_that_nobody_built_in_provides_is_named(configure: Loader) -> None:
    warnings = configure("SFTPEngine on\nSFTPAuthorizedUserKeys file:~/a fiel:~/b\n").warnings
    (said,) = [line for line in warnings if "key store" in line]
    assert said.endswith(":2: key store fiel:~/b: only file: is built in, so a module that was loaded must provide fiel:")


def test_what_has_no_effect_is_one_line_with_its_places(tmp_path: Path, configure: Loader) -> None:
    (tmp_path / "more.conf").write_text("PassivePorts 49152 65534\n")
    warnings = configure("FSCachePolicy off\nUmask 022\n<Global>\nDeferWelcome on\nDeferWelcome off\n</Global>\n"
                         f"Include {tmp_path}/more.conf\n").warnings
    assert [line for line in warnings if "accepted" in line] == [
        f"{tmp_path}/proftpd.conf: accepted, but without effect: FSCachePolicy (line 1); of FTP alone, which is not served: "
        f"DeferWelcome (line 4), PassivePorts ({tmp_path}/more.conf:1)"]


def test_faults_stand_in_the_order_of_the_lines_whoever_found_them(faults: Faults) -> None:
    said = faults("<Directory relative>\n</Directory>\nNoSuch 1\n<VirtualHost no.such.host.invalid>\n</VirtualHost>\nPort x\n")
    assert [line.partition(":")[0] for line in said] == ["1", "3", "4", "6"]


def test_a_fifo_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigErrors, match="is not a regular file"):
        load(str(tmp_path / "fifo"))
