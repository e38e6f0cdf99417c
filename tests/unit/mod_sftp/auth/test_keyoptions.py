"""What is written beside a key: options of sshd(8), headers of RFC 4716."""

from __future__ import annotations

import pytest

from mod_sftp.api import StoredKey
from mod_sftp.auth.keyoptions import Client, expiry, matches_hosts, uses
from mod_sftp.auth.keystores import stored
from mod_sftp.wire.keyfiles import KeyEntry, read_public_keys

KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#: 2026-11-24 12:00:00 UTC
NOON = 1795521600.0
CLIENT = Client("alice", "192.0.2.7", "desk.example.org", NOON)


def line(options: bytes) -> StoredKey:
    entry = next(iter(read_public_keys(options + b" " + KEY + b" a comment, with=words\n")))
    assert isinstance(entry, KeyEntry)
    return stored(entry, "file")


@pytest.mark.parametrize("options", [
    b"restrict", b"no-pty,no-port-forwarding", b'permitopen="host:22",restrict', b'from="192.0.2.0/24"',
    b'from="*.example.org,!evil.example.org"', b'from="192.0.2.?"', b'expiry-time="20261125"',
    b'expiry-time="202611241201Z"', b'environment="A=B,C"', b'command="internal-sftp"', b"No-PTY",
])
def test_options_that_let_the_key_be_used(options: bytes) -> None:
    assert uses(line(options), CLIENT).refusal == ""


@pytest.mark.parametrize(("options", "why"), [
    (b'command="/bin/date"', "command"), (b"future-option", "'future-option' is not known"),
    (b'from="198.51.100.0/24"', "from"), (b'from="*.example.org,!desk.example.org"', "from"), (b'from=""', "from"),
    (b'expiry-time="20261124115959Z"', "expired"), (b'expiry-time="soon"', "expiry-time is not"),
    (b'expiry-time="20261399"', "no date"), (b'restrict,from="10.0.0.1",future', "from"),
    (b'principals=""', "names nobody"),
])
def test_options_that_refuse_the_key(options: bytes, why: str) -> None:
    assert why in uses(line(options), CLIENT).refusal


def test_the_comment_is_no_option() -> None:
    entry = next(iter(read_public_keys(KEY + b" from=nobody future-option\n")))
    assert isinstance(entry, KeyEntry)
    assert uses(stored(entry, "file"), CLIENT).refusal == ""


def test_authority_and_principals() -> None:
    found = uses(line(b'cert-authority,principals="alice,backup"'), CLIENT)
    assert found.authority and found.principals == ("alice", "backup") and not found.refusal


def test_tokens() -> None:
    assert uses(line(b"restrict"), CLIENT).touch
    assert not uses(line(b"no-touch-required"), CLIENT).touch
    assert uses(line(b"verify-required"), CLIENT).verify


def headers(**given: str) -> StoredKey:
    return StoredKey(b"", {name.replace("_", "-"): value for name, value in given.items()}, "file")


def test_subject_binds_only_when_asked() -> None:
    key = headers(Subject="bob", Comment="x", x_unknown="ignored")
    assert uses(key, CLIENT).refusal == ""
    assert "Subject" in uses(key, CLIENT, match_subject=True).refusal
    assert uses(headers(subject="alice"), CLIENT, match_subject=True).refusal == ""


@pytest.mark.parametrize(("value", "touch"), [("true", True), ("no", False), ("FALSE", False)])
def test_fido_headers(value: str, touch: bool) -> None:
    assert uses(headers(x_fido_touch_required=value), CLIENT).touch is touch
    assert uses(headers(x_fido_verify_required=value), CLIENT).verify is touch


def test_a_fido_header_that_says_neither_refuses() -> None:
    assert uses(headers(x_fido_touch_required="perhaps"), CLIENT).refusal


def test_expiry_in_utc() -> None:
    assert expiry("202611241200Z") == NOON


def test_an_ipv6_client_and_brackets_are_literal() -> None:
    client = Client("alice", "2001:db8::1", "[desk]", NOON)
    assert matches_hosts("2001:db8::/32", client)
    assert matches_hosts("[desk]", client)
    assert not matches_hosts("[abc]", Client("alice", "2001:db8::1", "a", NOON))
