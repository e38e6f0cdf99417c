"""The process title, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

TITLED = """\
import sys
from pyproftpd.unix.proctitle import title_setter
title_setter()("proftpd: a title\\n")
with open("/proc/self/cmdline") as file:
    print(file.read().strip("\\0 "), "logging" in sys.modules)
"""


@pytest.mark.skipif(find_spec("setproctitle") is None, reason="setproctitle is not installed")
def test_a_title_is_shown_without_control_characters_and_without_what_acts_at_each_fork() -> None:
    done = subprocess.run([sys.executable, "-c", TITLED, "x" * 64], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "proftpd: a title? False\n"
