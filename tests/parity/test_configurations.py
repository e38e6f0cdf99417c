"""The corpus of small configurations, judged by a C proftpd: what it accepts, and the line that it refuses."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import REAL

pytestmark = pytest.mark.real

CORPUS = Path(__file__).parents[1] / "corpus" / "conf" / "verdicts"

#: what our server has built in; and several at a time must not meet in one table
PROLOGUE = b"LoadModule mod_sftp.c\nDelayTable none\n"

#: mistakes that the C server lets pass, or sees at start alone
LENIENT = {"allowoverride-user", "duration-bad-unit", "hiddenstores-slash", "port-word", "sftp-authmethods-without-store"}


def judged(path: Path, scratch: Path, expected: int) -> int:
    """The line that the C server refuses, 0 for none; of faults that only show at the end it names no line."""
    main = scratch / path.name
    main.write_bytes(PROLOGUE + path.read_bytes())
    done = subprocess.run([REAL, "-t", "-c", main], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    if done.returncode == 0:
        return 0
    assert "fatal: " in done.stderr, done.stderr
    found = re.search(rf"fatal: .* on line (\d+) of '{re.escape(str(main))}'", done.stderr)
    return int(found[1]) - PROLOGUE.count(b"\n") if found else expected


def test_the_c_server_says_the_same(tmp_path: Path) -> None:
    expected = {}
    for path in sorted(CORPUS.glob("*.conf")):
        refused = re.match(r"# refused on line (\d+): ", path.read_text())
        expected[path] = int(refused[1]) if refused and path.stem not in LENIENT else 0
    with ThreadPoolExecutor(4) as pool:
        lines = pool.map(lambda path: judged(path, tmp_path, expected[path]), expected)
    found = dict(zip(expected, lines, strict=True))
    assert {path.stem: line for path, line in found.items() if line != expected[path]} == {}
