"""Files of public keys: both formats as tools and administrators write them, and rubbish (security.md A10.19)."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_sftp.crypto.privatekeys import load_private
from mod_sftp.wire import keyblob
from mod_sftp.wire.keyfiles import KeyEntry, KeyFileError, container_of, parse_openssh_container, read_public_keys
from mod_sftp.wire.ssh import mpint, string, u32
from pyproftpd.errors import PeerError

BLOB = string("ssh-ed25519") + string(bytes(range(32)))
TEXT = base64.b64encode(BLOB)
BEGIN, END = b"---- BEGIN SSH2 PUBLIC KEY ----\n", b"---- END SSH2 PUBLIC KEY ----\n"


def only(data: bytes) -> KeyEntry:
    [entry] = read_public_keys(data)
    assert isinstance(entry, KeyEntry), entry
    return entry


def fault(data: bytes) -> str:
    [entry] = read_public_keys(data)
    assert isinstance(entry, KeyFileError), entry
    return str(entry)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa", "dsa"])
def test_what_ssh_keygen_writes(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me@here", "-f", str(path)], check=True,
                   capture_output=True)
    line = Path(f"{path}.pub").read_bytes()
    exported = subprocess.run(["ssh-keygen", "-e", "-f", f"{path}.pub"], check=True, capture_output=True).stdout
    entry, converted = only(line), only(exported)
    assert entry.blob == converted.blob
    assert entry.header("comment") == "me@here"
    assert "converted by" in (converted.header("Comment") or "")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_of_all_systems(end: bytes, last: bool) -> None:
    data = (BEGIN + b"Subject: me\n" + TEXT + b"\n" + END).replace(b"\n", end)
    entry = only(data if last else data[: -len(end)])
    assert (entry.blob, entry.headers, entry.line) == (BLOB, (("subject", "me"),), 1)


def test_headers_continue_and_lose_their_quotes() -> None:
    entry = only(BEGIN + b'Comment: "a long \\\nstory"\nX-FIDO-Touch-Required: true\n' + TEXT + b"\n" + END)
    assert entry.header("comment") == "a long story"
    assert entry.header("x-fido-touch-required") == "true"
    assert entry.header("subject") is None


def test_several_keys_and_a_bad_one_between() -> None:
    good = BEGIN + TEXT[:40] + b"\n" + TEXT[40:] + b"\n" + END
    found = list(read_public_keys(b"# keys\n" + good + BEGIN + b"****\n" + END + b"\nssh-ed25519 " + TEXT + b"\n" + good))
    assert [isinstance(entry, KeyEntry) for entry in found] == [True, False, True, True]
    assert "line 6" in str(found[1])


@pytest.mark.parametrize(("data", "named"), [
    (BEGIN + TEXT + b"\n", "end line"),
    (BEGIN + b"T" * 65 + b": x\n" + TEXT + b"\n" + END, "header"),
    (BEGIN + b"Subject: " + b"x" * 1025 + b"\n" + TEXT + b"\n" + END, "header"),
    (BEGIN + TEXT + b" " * 75 + TEXT + b"\n" + END, "74"),
    (BEGIN + END, "field"),
    (b"ssh-ed25519", "field"),
    (b"ssh-ed25519 ****", "base64"),
    (b"ssh-rsa " + TEXT, "another type"),
    (b"rubbish", "key type"),
    (b'command="unclosed ssh-ed25519 ' + TEXT, "quote"),
    (b',, ssh-ed25519 ' + TEXT, "option"),
    (b"ssh-ed25519 " + b"A" * 200000, "more than"),
])
def test_entries_that_are_refused(data: bytes, named: str) -> None:
    assert named in fault(data)


@pytest.mark.parametrize("length", [1024, 64])
def test_limits_of_headers_are_inclusive(length: int) -> None:
    tag = b"T" * 64 if length == 64 else b"Subject"
    value = b"x" * 1024 if length == 1024 else b"x"
    assert only(BEGIN + tag + b": " + value + b"\n" + TEXT + b"\n" + END).blob == BLOB


def test_openssh_options() -> None:
    options = rb'no-pty,from="10.0.0.0/8,!10.1.2.3",command="echo \"a, b\"",Verify-Required'
    entry = only(options + b" ssh-ed25519 " + TEXT + b" a comment")
    assert entry.header("no-pty") == ""
    assert entry.header("from") == "10.0.0.0/8,!10.1.2.3"
    assert entry.header("command") == 'echo "a, b"'
    assert entry.header("verify-required") == ""
    assert entry.header("comment") == "a comment"


def test_empty_files_hold_nothing() -> None:
    for data in (b"", b"\n\n", b"# comment\n   \n"):
        assert list(read_public_keys(data)) == []


@given(st.binary(max_size=400))
def test_any_file_gives_entries_or_errors(data: bytes) -> None:
    for wrapped in (data, BEGIN + data + b"\n" + END, b"ssh-ed25519 " + data):
        for entry in read_public_keys(wrapped):
            assert isinstance(entry, KeyEntry | KeyFileError)


@given(st.binary(max_size=400), st.booleans())
def test_any_private_key_file_is_refused_with_a_reason(data: bytes, framed: bool) -> None:
    if framed:
        inner = base64.b64encode(b"openssh-key-v1\0" + data)
        data = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + inner + b"\n-----END OPENSSH PRIVATE KEY-----\n"
        with pytest.raises((KeyFileError, PeerError)):
            parse_openssh_container(data)
            load_private(data, b"pass")
    assert container_of(data)
    with pytest.raises(KeyFileError):
        load_private(data, b"pass")


@given(st.binary(max_size=200))
def test_a_private_section_of_rubbish(section: bytes) -> None:
    body = (b"openssh-key-v1\0" + string("none") + string("none") + string(b"") + u32(1) + string(BLOB)
            + string(u32(7) + u32(7) + section))
    data = (b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.b64encode(body)
            + b"\n-----END OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(KeyFileError):
        load_private(data)


@pytest.mark.parametrize("blob", [
    string("ssh-rsa") + mpint(-3) + mpint(5),
    string("ssh-rsa") + mpint(3) + mpint(0),
    string("ssh-ed25519") + string(bytes(31)),
    string("ssh-ed25519") + string(bytes(33)),
    string("ssh-ed25519") + string(bytes(32)) + b"\0",
    string("ecdsa-sha2-nistp256") + string("nistp384") + string(bytes(65)),
    string("no-such-key") + string(b""),
    string("ssh-dss") + mpint(1) * 3,
    string("ssh-rsa") + mpint(3) + u32(1 << 20) + bytes(1 << 20),
    b"",
])
def test_key_blobs_that_are_refused(blob: bytes) -> None:
    with pytest.raises(PeerError):
        keyblob.parse_key(blob)


@given(st.sampled_from(["ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com",
                        "sk-ecdsa-sha2-nistp256@openssh.com", "ssh-ed25519-cert-v01@openssh.com",
                        "rsa-sha2-256-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com", "x"]),
       st.binary(max_size=200))
def test_any_blob_is_parsed_or_refused(name: str, data: bytes) -> None:
    for parse in (keyblob.parse_key, keyblob.parse_certificate):
        try:
            parsed = parse(string(name) + data)
        except PeerError:
            continue
        assert parsed.type == name
