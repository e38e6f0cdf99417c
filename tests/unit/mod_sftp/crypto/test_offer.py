"""What is offered, to whom: the lists of the real server and of OpenSSH 10, and what weakens them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mod_sftp.crypto import names, offer, umac
from mod_sftp.crypto.algorithms import SIGNATURES
from mod_sftp.crypto.ciphers import CIPHERS
from mod_sftp.crypto.exchanges import KEXES
from mod_sftp.crypto.macs import MACS

#: What mod_sftp 1.3.10rc5 sends in its KEXINIT, in its order.
COMPAT = {
    "cipher": "chacha20-poly1305@openssh.com aes256-ctr aes192-ctr aes128-ctr aes256-gcm@openssh.com "
    "aes128-gcm@openssh.com aes256-cbc aes192-cbc aes128-cbc cast128-cbc 3des-ctr 3des-cbc",
    "mac": "hmac-sha2-256 hmac-sha2-256-etm@openssh.com hmac-sha2-512 hmac-sha2-512-etm@openssh.com hmac-sha1 "
    "hmac-sha1-etm@openssh.com hmac-sha1-96 hmac-sha1-96-etm@openssh.com umac-64@openssh.com "
    "umac-64-etm@openssh.com umac-128@openssh.com umac-128-etm@openssh.com",
    "kex": "mlkem768x25519-sha256 sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com curve448-sha512 "
    "curve25519-sha256 curve25519-sha256@libssh.org ecdh-sha2-nistp521 ecdh-sha2-nistp384 ecdh-sha2-nistp256 "
    "diffie-hellman-group18-sha512 diffie-hellman-group16-sha512 diffie-hellman-group14-sha256 "
    "diffie-hellman-group-exchange-sha256 diffie-hellman-group-exchange-sha1 diffie-hellman-group14-sha1 rsa1024-sha1",
    "hostkey": "ssh-ed448 ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 rsa-sha2-512 "
    "rsa-sha2-256 ssh-rsa ssh-dss",
}

#: What sshd of OpenSSH 10.0 offers without configuration (myproposal.h).
MODERN = {
    "cipher": "chacha20-poly1305@openssh.com aes128-gcm@openssh.com aes256-gcm@openssh.com aes128-ctr aes192-ctr "
    "aes256-ctr",
    "mac": "umac-64-etm@openssh.com umac-128-etm@openssh.com hmac-sha2-256-etm@openssh.com "
    "hmac-sha2-512-etm@openssh.com hmac-sha1-etm@openssh.com umac-64@openssh.com umac-128@openssh.com hmac-sha2-256 "
    "hmac-sha2-512 hmac-sha1",
    "kex": "mlkem768x25519-sha256 sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com curve25519-sha256 "
    "curve25519-sha256@libssh.org ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521",
}


@pytest.mark.parametrize(("kind", "wanted"), COMPAT.items())
def test_default_lists(kind: str, wanted: str) -> None:
    assert names.selection(kind) == tuple(wanted.split())


@pytest.mark.parametrize(("kind", "wanted"), MODERN.items())
def test_T13_modern_lists(kind: str, wanted: str) -> None:
    assert names.selection(kind, profile="modern") == tuple(wanted.split())


def test_T13_modern_keys_have_no_broken_algorithm() -> None:
    for kind in ("hostkey", "pubkey"):
        assert not {"ssh-rsa", "ssh-dss"} & set(names.selection(kind, profile="modern"))


def test_every_name_has_its_machinery_and_the_other_way_round() -> None:
    for kind, rows in (("cipher", CIPHERS), ("mac", MACS), ("kex", KEXES)):
        assert {row.name for row in rows} == set(names.known(kind))
        assert len(rows) == len(names.known(kind))
    signatures = {row.name for row in SIGNATURES}
    assert set(names.known("pubkey")) == signatures
    assert set(names.known("hostkey")) <= signatures


def test_a_configured_list_is_kept_in_its_order() -> None:
    words = ("hmac-md5", "hmac-sha2-256", "hmac-md5", "none")
    assert offer.offer("mac", words) == ("hmac-md5", "hmac-sha2-256", "none")


def test_fips_drops_what_the_table_drops() -> None:
    wanted = offer.offer("cipher", ("arcfour256", "blowfish-cbc", "cast128-cbc", "aes128-ctr"), fips=True)
    assert wanted == ("aes128-ctr",)
    assert not [name for name in offer.offer("mac", fips=True) if name.startswith("umac")]


def test_group1_only_when_asked_for() -> None:
    assert offer.WEAK_KEX not in offer.offer("kex")
    assert offer.offer("kex", weak_dh=True)[-1] == offer.WEAK_KEX
    assert offer.offer("kex", (offer.WEAK_KEX,)) == (offer.WEAK_KEX,)


def test_the_weak_ones_are_named() -> None:
    assert offer.weak("cipher", ["aes128-ctr", "3des-cbc"]) == ("3des-cbc",)
    assert offer.weak("kex", names.selection("kex", profile="modern")) == ()


def test_a_start_says_what_is_weak_and_only_then() -> None:
    lists = {"cipher": (), "kex": ("curve25519-sha256",)}
    [line] = [line for line in offer.remarks(lists) if "weak" in line]
    assert "3des-cbc" in line and "curve25519" not in line
    assert not [line for line in offer.remarks(lists, profile="modern") if "weak" in line]


def test_what_the_library_lacks_is_named_and_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(umac, "_library", lambda: None)
    monkeypatch.setattr(offer, "offer", offer.offer.__wrapped__)  # what was found out with the library does not count
    assert not [name for name in offer.offer("mac") if name.startswith("umac")]
    assert "umac-64@openssh.com" in offer.remarks({"mac": ()})[0]
    assert offer.offer("mac", ("umac-64@openssh.com",)) == ("umac-64@openssh.com",)


def test_T7_delayed_compression_is_the_only_form_offered() -> None:
    assert offer.compressions("delayed") == ("zlib@openssh.com", "none")
    assert offer.compressions("on") == ("zlib", "none")
    assert offer.compressions("off") == ("none",)


def test_server_sig_algs() -> None:
    accepted = offer.offer("pubkey")
    shown = offer.server_sig_algs((), accepted)
    assert shown[:4] == ("ssh-ed448", "ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512")
    assert not [name for name in shown if "sk-" in name or "-cert-" in name]
    configured = ("sk-ssh-ed25519@openssh.com",)
    assert offer.server_sig_algs(configured, offer.offer("pubkey", configured)) == configured


def test_names_cost_no_cryptography() -> None:
    """The configuration checker imports them in every ``proftpd -t``."""
    code = "import sys, mod_sftp.crypto.names; print([m for m in sys.modules if m.startswith('cryptography')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "[]", run.stderr
