"""Every command has a manual page that names all of its options, and the page of the configuration is current."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pyproftpd.cli import arguments, ftpasswd, ftpdctl, ftpscrub, ftpshut, ftptop, ftpwho
from pyproftpd.conf import manual

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "etc" / "man"


def commands() -> list[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return [line.split("=")[0].strip() for line in setup["options.entry_points"]["console_scripts"].strip().splitlines()]


@pytest.mark.parametrize("name", commands())
def test_every_command_has_a_page(name: str) -> None:
    (page,) = PAGES.glob(f"{name}.[18]")
    assert f".SH NAME\n{name} \\- " in page.read_text()


@pytest.mark.parametrize(("page", "usage"), [
    ("proftpd.8", arguments.usage()), ("ftpdctl.8", ftpdctl._USAGE), ("ftpshut.8", ftpshut._USAGE + " -h"),
    ("ftpscrub.8", ftpscrub._USAGE), ("ftptop.1", ftptop._USAGE), ("ftpasswd.1", ftpasswd._USAGE),
    ("ftpwho.1", ftpwho.usage("ftpwho", ftpwho._OPTIONS))])
def test_every_option_is_on_the_page(page: str, usage: str) -> None:
    text = re.sub(r"\\f[BIRP]", "", (PAGES / page).read_text().replace("\\-", "-"))
    options = set(re.findall(r"(?<![\w-])--?[a-zA-Z0-9][a-z0-9-]*", usage))
    assert len(options) > 2
    grouped = "".join(re.findall(r"\[ -([A-Za-z]+) \]", text))
    missing = [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", text) and option[1:] not in grouped]
    assert missing == []


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.iterdir()))
def test_the_formatter_has_no_complaint(page: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(PAGES / page)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_of_the_configuration_is_current() -> None:
    written = (PAGES / "proftpd.conf.5").read_text()
    assert written == "\n".join(manual.page()) + "\n", "python -m pyproftpd.conf.manual > etc/man/proftpd.conf.5"
