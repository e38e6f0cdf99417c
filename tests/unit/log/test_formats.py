"""LogFormat texts against lines that a C proftpd 1.3.8 wrote for the same command."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from pyproftpd.api.auth import Identity
from pyproftpd.api.command import Command, LogClass
from pyproftpd.api.transfer import Direction, TransferRecord
from pyproftpd.log.formats import DEFAULT_FORMAT, compile_format, render_json
from pyproftpd.log.sinks import open_sink

FACTS = SimpleNamespace(
    remote_address="127.0.0.1", remote_port=44866, remote_name="127.0.0.1", local_address="127.0.0.1", local_port=3922,
    connection_class="", user="demo", groups=("demo",), authenticated=True, original_user="demo", server_name="ref",
    server_dns="host", protocol="sftp", bytes_in=2417, bytes_out=3074, end_reason="", cwd="/home/demo", environ={"LANG": "C"},
    notes={"SFTP_KEX_ALGO": "curve25519-sha256"}, chroot="",
    identity=Identity("demo", 1999, 1999, ("demo",), (1999,), "/home/demo", "/bin/sh", "demo"))


def stored() -> Command:
    cmd = Command("STOR", "/home/demo/a.txt", path="/home/demo/a.txt", classes=LogClass.WRITE)
    cmd.real_path, cmd.code, cmd.text = "/home/demo/a.txt", "226", "Transfer complete"
    cmd.transfer = TransferRecord(Direction.UPLOAD, "/home/demo/a.txt", 3, 0.001, True, file_size=3)
    return cmd


@pytest.mark.parametrize(("text", "line"), [
    ("%m|%J|%r", "STOR|/home/demo/a.txt|STOR /home/demo/a.txt"),
    ("%s|%S|%b|%T", "226|Transfer complete|3|0.001"),
    ("%d|%D|%f|%F|%w", "/home/demo||/home/demo/a.txt|/home/demo/a.txt|-"),
    ("%c|%g|%h|%H|%I|%l|%O|%p", "-|demo|127.0.0.1|127.0.0.1|2417|UNKNOWN|3074|3922"),
    ("%u|%U|%v|%a|%A", "demo|demo|ref|127.0.0.1|UNKNOWN"),
    ("%{basename}|%{file-modified}|%{file-offset}|%{file-size}", "a.txt|false|-|3"),
    ("%{gid}|%{uid}|%{protocol}|%{remote-port}", "1999|1999|sftp|44866"),
    ("%{transfer-failure}|%{transfer-millisecs}|%{transfer-port}|%{transfer-status}|%{transfer-type}", "-|1|-|success|binary"),
    ("%{env:LANG}|%{LANG}e|%{env:NONE}|%{note:SFTP_KEX_ALGO}", "C|C||curve25519-sha256"),
    ("100%% of it", "100% of it"),
])
def test_a_finished_upload(text: str, line: str) -> None:
    assert compile_format(text)(stored(), FACTS) == line


def test_the_default_format_has_the_shape_of_the_real_server() -> None:
    assert re.fullmatch(r'127\.0\.0\.1 UNKNOWN demo \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
                        r'"STOR /home/demo/a\.txt" 226 3', compile_format(DEFAULT_FORMAT)(stored(), FACTS))


def test_a_failed_transfer_names_its_reason() -> None:
    cmd = stored()
    cmd.errno = 28
    assert compile_format("%{transfer-status}: %{transfer-failure}")(cmd, FACTS) == "failed: No space left on device"


@pytest.mark.parametrize("text", ["%q", "%{nothing}", "%{nothing:x}", "a%"])
def test_an_unknown_variable_is_an_error_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        compile_format(text)


def test_json_lines_carry_typed_values_and_survive_any_bytes() -> None:
    cmd = stored()
    assert cmd.transfer is not None
    cmd.transfer = cmd.transfer._replace(path="/home/demo/\udcff\n\"x")
    record = json.loads(render_json(cmd, FACTS))
    assert record["uid"] == 1999 and record["file_modified"] is False and record["bytes_sent"] == 3
    assert record["file"] == "/home/demo/\udcff\n\"x"
    assert "transfer_failure" not in record and "connecting" not in record


@pytest.mark.parametrize("char", ["x", "\u00e9", "\udcff", "\U0001f600", "\x01", '"'])
def test_a_json_line_is_whole_however_long_the_names_are(char: str, tmp_path: Path) -> None:
    """Names of PATH_MAX in every field that a client can fill, through the log that it is written to."""
    cmd = stored()
    assert cmd.transfer is not None
    name = "/" + char * 4095
    cmd.transfer = cmd.transfer._replace(path=name, client_path=name, failure=name)
    cmd.path = cmd.path2 = cmd.real_path = cmd.arg = name
    for note in ("mod_xfer.store-path", "mod_core.rnfr-path", "sftp.file-handle"):
        cmd.note(note, name)
    sink = open_sink(str(tmp_path / "log"))
    sink.write(render_json(cmd, FACTS))
    record = json.loads((tmp_path / "log").read_text())
    assert record["truncated"] is True and record["pid"] == os.getpid()
    assert name.startswith(record["file"]) and len(record["file"]) >= 32
