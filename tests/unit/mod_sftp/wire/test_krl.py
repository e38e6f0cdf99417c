"""Key revocation lists that ssh-keygen writes, and rubbish."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_sftp.crypto.certificates import Revocations
from mod_sftp.wire import krl
from mod_sftp.wire.keyblob import parse_certificate
from mod_sftp.wire.keyfiles import KeyEntry, read_public_keys
from mod_sftp.wire.ssh import byte, string, u32

HEADER = krl.MAGIC + u32(1) + bytes(24) + string(b"") + string(b"")

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")


def keygen(*words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)


def blob_of(path: Path) -> bytes:
    [entry] = read_public_keys(path.read_bytes())
    assert isinstance(entry, KeyEntry)
    return entry.blob


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca, and user1 to user3 with certificates of serial 1, 70 and 5000."""
    directory = tmp_path_factory.mktemp("krl")
    keygen("-t", "ed25519", "-N", "", "-f", str(directory / "ca"))
    for number, serial in enumerate((1, 70, 5000), 1):
        path = directory / f"user{number}"
        keygen("-t", "ed25519", "-N", "", "-f", str(path))
        keygen("-s", str(directory / "ca"), "-I", f"id{number}", "-n", "alice", "-z", str(serial), f"{path}.pub")
    return directory


def revoked(keys: Path, specification: str, *, whose: str | None = "ca") -> list[int]:
    """The users whose certificates a list made from ``specification`` takes back."""
    source, made = keys / "specification", keys / "list"
    source.write_text(specification)
    authority = ("-s", str(keys / f"{whose}.pub")) if whose else ()
    keygen("-k", "-f", str(made), *authority, str(source))
    held = Revocations(listed=krl.parse_krl(made.read_bytes()))
    blobs = {number: blob_of(keys / f"user{number}-cert.pub") for number in (1, 2, 3)}
    return [number for number, blob in blobs.items() if held.hold(parse_certificate(blob), blob)]


@pytest.mark.parametrize(("specification", "users"), [
    ("serial: 70\n", [2]),
    ("serial: 1\nserial: 5000\n", [1, 3]),
    ("serial: 50-6000\n", [2, 3]),
    ("".join(f"serial: {number}\n" for number in range(60, 90, 2)), [2]),  # dense: ssh-keygen writes a bitmap
    ("".join(f"serial: {number}\n" for number in range(61, 90, 2)), []),
    ("id: id3\n", [3]),
    ("serial: 2\n", []),
])
def test_certificates_taken_back(keys: Path, specification: str, users: list[int]) -> None:
    assert revoked(keys, specification) == users


def test_another_authority_takes_nothing_back(keys: Path) -> None:
    assert revoked(keys, "serial: 1\n", whose="user1") == []


@pytest.mark.parametrize("prefix", ["key", "sha1", "sha256"])
def test_keys_taken_back(keys: Path, prefix: str) -> None:
    text = (keys / "user2.pub").read_text()
    assert revoked(keys, f"{prefix}: {text}\n", whose=None) == [2]


def test_a_hash_of_ssh_keygen(keys: Path) -> None:
    shown = subprocess.run(["ssh-keygen", "-lf", str(keys / "user1.pub")], capture_output=True, text=True, check=True)
    assert revoked(keys, f"hash: {shown.stdout.split()[1]}\n", whose=None) == [1]


@pytest.mark.parametrize("data", [
    b"", b"SSHKRL", HEADER[:30], krl.MAGIC + u32(2) + HEADER[12:], HEADER + byte(9) + string(b""),
    HEADER + byte(255) + string(string("x") + b"\1" + string(b"")), HEADER + byte(1) + string(string(b"")),
    HEADER + byte(1) + string(string(b"") + string(b"") + byte(0x30) + string(b"")),
])
def test_lists_that_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="list"):
        krl.parse_krl(data)


def test_an_extension_that_is_not_critical_is_passed_over() -> None:
    assert krl.parse_krl(HEADER + byte(255) + string(string("x") + b"\0" + string(b""))).keys == set()


@given(st.binary(max_size=200))
def test_any_data_gives_a_list_or_a_value_error(data: bytes) -> None:
    for tail in (data, byte(1) + string(string(b"") + string(b"") + data)):
        try:
            krl.parse_krl(HEADER + tail)
        except ValueError:
            continue
