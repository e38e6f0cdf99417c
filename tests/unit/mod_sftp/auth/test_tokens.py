"""Security keys: a token played by the test (OpenSSH PROTOCOL.u2f); behaviours.md 90."""

from __future__ import annotations

import base64
import hashlib
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mod_sftp.auth.outcome import Result
from mod_sftp.wire.ssh import string
from tests.unit.mod_sftp.auth.test_publickey import Desk, covered

NAME = "sk-ssh-ed25519@openssh.com"
TOUCHED, VERIFIED = 1, 4


class Token:
    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        point = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.blob = string(NAME) + string(point) + string("ssh:")

    @property
    def line(self) -> str:
        return f"{NAME} {base64.b64encode(self.blob).decode()} token"

    @property
    def block(self) -> str:
        body = base64.b64encode(self.blob).decode()
        return "\n".join(body[at:at + 70] for at in range(0, len(body), 70))

    def sign(self, data: bytes, flags: int) -> bytes:
        said = struct.pack(">BI", flags, 7)
        signed = hashlib.sha256(b"ssh:").digest() + said + hashlib.sha256(data).digest()
        return string(NAME) + string(self._key.sign(signed)) + said


@pytest.fixture
def token() -> Token:
    return Token()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "authorized_keys")


def outcome(desk: Desk, token: Token, flags: int) -> Result:
    return desk.ask(NAME, token.blob, token.sign(covered(NAME, token.blob), flags)).result


@pytest.mark.parametrize(("options", "flags", "result"), [
    ("", TOUCHED, Result.SUCCEEDED), ("", 0, Result.FAILED), ("no-touch-required ", 0, Result.SUCCEEDED),
    ("verify-required ", TOUCHED, Result.FAILED), ("verify-required ", TOUCHED | VERIFIED, Result.SUCCEEDED),
])
def test_options_of_a_line(desk: Desk, token: Token, options: str, flags: int, result: Result) -> None:
    desk.authorise(options + token.line)
    assert outcome(desk, token, flags) is result


@pytest.mark.parametrize(("header", "flags", "result"), [
    ("x-fido-touch-required: false", 0, Result.SUCCEEDED), ("x-fido-touch-required: true", 0, Result.FAILED),
    ("X-FIDO-Verify-Required: true", TOUCHED, Result.FAILED),
    ("x-fido-verify-required: true", TOUCHED | VERIFIED, Result.SUCCEEDED),
])
def test_headers_of_a_block(desk: Desk, token: Token, header: str, flags: int, result: Result) -> None:
    desk.authorise(f"---- BEGIN SSH2 PUBLIC KEY ----\n{header}\n{token.block}\n---- END SSH2 PUBLIC KEY ----\n")
    assert outcome(desk, token, flags) is result


@pytest.mark.parametrize(("option", "flags"), [("FIDOTouchRequired", VERIFIED), ("FIDOVerifyRequired", TOUCHED)])
def test_the_servers_word_is_above_the_keys_own(desk: Desk, token: Token, option: str, flags: int) -> None:
    desk.authorise(f"no-touch-required {token.line}")
    assert outcome(desk, token, flags) is Result.SUCCEEDED
    desk.settings["options"] = frozenset({option})
    assert outcome(desk, token, flags) is Result.FAILED


def test_flags_are_signed(desk: Desk, token: Token) -> None:
    desk.authorise(token.line)
    signature = bytearray(token.sign(covered(NAME, token.blob), 0))
    signature[-5] = TOUCHED
    assert desk.ask(NAME, token.blob, bytes(signature)).result is Result.FAILED
