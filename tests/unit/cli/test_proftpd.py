"""The command lines as users type them. Expected texts and statuses are those of the real binaries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / program, *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("option", ["-v", "--version"])
def test_the_version_line(option: str) -> None:
    result = run("proftpd", option)
    assert (result.returncode, result.stdout, result.stderr) == (0, "ProFTPD Version 1.3.10rc5\n", "")


@pytest.mark.parametrize("option", ["-vv", "--version-status"])
def test_the_long_version_names_the_modules(option: str) -> None:
    result = run("proftpd", option)
    assert result.stdout.startswith("ProFTPD Version: 1.3.10rc5")
    assert "Scoreboard Version: " in result.stdout
    assert "  mod_core.c" in result.stdout.splitlines()


def test_settings_name_what_runs_inside() -> None:
    result = run("proftpd", "-V")
    assert result.returncode == 0
    for text in ("Version: 1.3.10rc5", "pyproftpd: ", "Python: ", "cryptography: ", "OpenSSL: ", "Configuration File:",
                 "/etc/proftpd/proftpd.conf", "Features:", "+ SFTP and SCP support"):
        assert text in result.stdout


def test_settings_import_neither_cryptography_nor_the_transport() -> None:
    done = subprocess.run([sys.executable, "-c", "import sys\nfrom pyproftpd.cli.proftpd import main\nmain(['-V'])\n"
                           "print([name for name in sys.modules if name.startswith(('cryptography', 'mod_sftp.transport'))])"],
                          capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_list_of_modules_is_in_the_order_of_the_real_server() -> None:
    lines = run("proftpd", "-l").stdout.split()
    order = [f"mod_{name}.c" for name in ("core", "xfer", "rlimit", "auth_unix", "auth_file", "auth", "ls", "log")]
    assert [line for line in lines if line in order] == order
    assert "mod_sftp.c" in lines


def test_help_goes_to_stdout_and_faults_to_stderr() -> None:
    assert run("proftpd", "-h").stdout.startswith("usage: proftpd [options]")
    for words in (["-Z"], ["--nope"], ["-c"]):
        result = run("proftpd", *words)
        assert (result.returncode, result.stdout) == (1, ""), words
        assert result.stderr.startswith(f"proftpd: option {words[0]} ") and "usage: proftpd" in result.stderr


@pytest.mark.parametrize(("words", "said"), [
    (["extra"], "unknown parameter: 'extra'"), (["-c", "relative.conf", "-t"], "-c requires an absolute path"),
    (["-p", "2"], "-p requires Boolean (0|1) parameter"), (["-d", "11"], "-d requires a level from 0 to 10"),
    (["-u", "x"], "-u belongs to --explain")])
def test_a_wrong_value_is_one_line(words: list[str], said: str) -> None:
    result = run("proftpd", *words)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"proftpd: {said}\n")


def test_a_missing_file_is_one_line() -> None:
    result = run("proftpd", "-t", "-c", "/nonexistent/proftpd.conf")
    assert result.returncode == 1
    assert "/nonexistent/proftpd.conf" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("table", ["directives", "algorithms", "sftp", "logformat", "commands"])
def test_tables_have_rows_as_long_as_their_header(table: str) -> None:
    lines = run("proftpd", "--describe", table).stdout.splitlines()
    assert len(lines) > 20
    assert {line.count("\t") for line in lines} == {lines[0].count("\t")}


def test_an_unknown_table_names_the_known_ones() -> None:
    result = run("proftpd", "--describe", "nonsense")
    assert (result.returncode, "directives" in result.stderr) == (1, True)
