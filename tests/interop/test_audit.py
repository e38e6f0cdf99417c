"""ssh-audit (PyPI) against the shipped configuration's algorithms: nothing that docs/algorithms.md does not explain."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mod_sftp.crypto import names
from tests.servers import OURS, Server, Site, wait_for_port

ROOT = Path(__file__).parents[2]
AUDIT = Path(sys.executable).parent / "ssh-audit"
HANDBOOK = ROOT / "docs" / "algorithms.md"
#: a word of ssh-audit's finding -> the note that speaks of it
NOTES = {"elliptic": 1, "random number": 1, "SHA-1": 2, "64-bit tag": 3, "encrypt-and-MAC": 4, "post-quantum": 9}


def audit(server: Server) -> set[tuple[str, str]]:
    """(algorithm, finding) of every failure and warning."""
    done = subprocess.run([AUDIT, "--skip-rate-test", "-j", f"127.0.0.1:{server.port}"], capture_output=True, text=True,
                          timeout=90)
    report = json.loads(done.stdout)
    assert not report["cves"]
    return {(row["algorithm"], text) for kind in ("kex", "key", "enc", "mac") for row in report[kind]
            for level in ("fail", "warn") for text in row.get("notes", {}).get(level, ())}


@pytest.fixture
def site_of_today(site: Site) -> Site:
    """Its RSA host key has the size that ssh-keygen makes; those of the other tests are small, for speed."""
    site.host_keys = ()
    for kind in ("ed25519", "ecdsa"):
        shutil.copy(site.keys / f"ssh_host_{kind}_key", site.root)
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", site.root / "ssh_host_rsa_key"], check=True)
    return site


@pytest.fixture
def shipped(site_of_today: Site) -> Iterator[Server]:
    """The configuration that is shipped, word for word but for its places."""
    site = site_of_today
    text = (ROOT / "etc" / "proftpd.conf").read_text()
    for place, ours in (("2222", str(site.port)), ("/run/", f"{site.root}/"), ("/var/log/proftpd/", f"{site.root}/log/"),
                        ("/etc/ssh/", f"{site.root}/"), ("/etc/proftpd/conf.d/", f"{site.root}/none/")):
        assert place in text
        text = text.replace(place, ours)
    path = site.root / "shipped.conf"
    path.write_text(f"DefaultAddress 127.0.0.1\n{text}")
    server = Server(site)
    server.process = subprocess.Popen([OURS, "-n", "-c", path], stdin=subprocess.DEVNULL)
    try:
        wait_for_port(site.port, server.process)
        yield server
    finally:
        server.stop()


def explained() -> set[tuple[str, int]]:
    """(algorithm, note) of the table of notes."""
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", HANDBOOK.read_text(), re.M)
    return {(name, int(number)) for number, algorithms in rows for name in re.findall(r"`([^`]+)`", algorithms)}


@pytest.mark.root
@pytest.mark.skipif(not AUDIT.exists(), reason="ssh-audit is not installed")
def test_T13_every_finding_of_the_modern_profile_is_explained(shipped: Server) -> None:
    """In the configuration that is shipped."""
    findings = audit(shipped)
    noted = {(name, note) for name, text in findings for word, note in NOTES.items() if word in text}
    assert {name for name, text in findings if not any(word in text for word in NOTES)} == set()
    assert noted <= explained()
    assert not [text for _, text in findings if "SHA-1" not in text and ("broken" in text or "CBC" in text)]


@pytest.mark.skipif(not AUDIT.exists(), reason="ssh-audit is not installed")
def test_the_lists_of_the_handbook_have_no_finding(start: Callable[..., Server], site_of_today: Site) -> None:
    lists = HANDBOOK.read_text().rsplit("```", 2)[1]
    assert lists.count("SFTP") == 4
    keys = "".join(f"SFTPHostKey {site_of_today.root}/ssh_host_{kind}_key\n" for kind in ("ed25519", "ecdsa", "rsa"))
    assert audit(start(keys + lists)) == set()


def test_shipped_configurations_say_modern() -> None:
    for path in [*ROOT.glob("etc/**/*.conf"), ROOT / "packaging" / "demo.py"]:
        text = path.read_text()
        if "SFTPEngine" in text:
            assert "SFTPSecurityProfile" in text and re.search(r"SFTPSecurityProfile\s+modern", text), path


@pytest.mark.parametrize("kind", names.KINDS)
def test_the_handbook_has_every_row(kind: str) -> None:
    """Place in either profile, FIPS and weakness as the table of the code has them."""
    rows = {row[0]: row[1:] for row in re.findall(
        r"^\| `([^`]+)` \| (\d+|-) \| (\d+|-) \| (yes|no) \| (weak|) \|", section(kind), re.M)}
    place = 0
    assert list(rows) == list(names.known(kind))
    for name in names.known(kind):
        row = names.policy(kind, name)
        place += row.default
        assert rows[name] == (str(place) if row.default else "-", str(row.modern or "-"), "yes" if row.fips else "no",
                              "weak" if row.weak else "")


def section(kind: str) -> str:
    directive = {"cipher": "SFTPCiphers", "mac": "SFTPDigests", "kex": "SFTPKeyExchanges", "hostkey": "SFTPHostKeys",
                 "pubkey": "SFTPAuthPublicKeys", "compression": "SFTPCompression"}[kind]
    return HANDBOOK.read_text().split(f"(`{directive}`)", 1)[1].split("\n## ", 1)[0]
