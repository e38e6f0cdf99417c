"""crypt(3): hashes made by others (openssl passwd, perl's crypt, the bcrypt package) and what must never match."""

from __future__ import annotations

import pytest

from pyproftpd.session.sources import decoy
from pyproftpd.unix import crypt

PASSWORD = b"correct horse"

HASHES = {
    "des": "abhfCpXqd4GrI",
    "bsdi": "_J9..abcdtIvPUrZYa6w",
    "md5": "$1$abcdefgh$y6iHhJNbuC0xpbk0w9pm80",
    "sha256": "$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB",
    "sha256 with rounds": "$5$rounds=5000$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
    "sha512": ("$6$abcdefgh$yIZAF3gQPvtKZO/9qOJKffAKKbtS3ef3qmwyugk4uWVjX8YZf/"
               "GV3A8SkFxEPY0T56CcilGrHKLffBsp6dLMG."),
    "bcrypt": "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "bcrypt a": "$2a$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "yescrypt": "$y$j9T$abcdefghijklmnop$0Hi8KsZH/hAMRN9Bam6ce3nmi5QAIz3R/KeaXG/c7p9",
    "gost-yescrypt": "$gy$j9T$abcdefghijklmnop$OoCZc5LoOgQrpI9itgWeephZAERGDeOFMt6RAJyjSP3",
    "scrypt": "$7$CU..../....abcdefgh$zsdaqwx89mPOv8.UAUJOC7yCeca1WUSV.qqzsN2U1JA",
    "sha1": "$sha1$4000$abcd$E8Itk7vXeYT77juu2cTUXYYQZD2l",
}


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES.keys())
def test_every_kind_of_hash_knows_its_password(stored: str) -> None:
    assert crypt.verify(PASSWORD, stored)
    assert not crypt.verify(b"wrong horse", stored)
    assert not crypt.verify(b"", stored)


@pytest.mark.parametrize("stored", ["", "x", "*", "!", "!!", "!" + HASHES["sha512"], "*" + HASHES["md5"], "*0", "*1",
                                    "$apr1$25kvR6z3$9SbJcOnSM0hx.fvhqbOBh.", "$zz$abc$def", "plain password text",
                                    "$6$" + "a" * 500])
@pytest.mark.parametrize("password", [b"", b"x", b"*", b"*0", PASSWORD, b"plain password text"])
def test_an_unusable_field_matches_no_password(stored: str, password: bytes) -> None:
    """security.md U9: neither an empty field nor a lock nor an unknown kind is a password."""
    assert not crypt.verify(password, stored)


def test_a_nul_does_not_cut_the_password() -> None:
    assert not crypt.verify(PASSWORD + b"\0anything", HASHES["sha512"])


def test_a_password_beyond_the_limit_of_the_library_is_refused() -> None:
    assert not crypt.verify(b"x" * (crypt.MAX_PASSPHRASE + 1), HASHES["sha512"])


@pytest.mark.parametrize("method", sorted(crypt.GENERATED))
def test_new_hashes_are_salted_and_match(method: str) -> None:
    first, second = crypt.hash_password("hemligt", method), crypt.hash_password("hemligt", method)
    assert first != second
    assert crypt.verify(b"hemligt", first) and not crypt.verify(b"hemlig", first)


@pytest.mark.parametrize(("password", "method"), [("", "sha512"), ("a\0b", "sha512"), ("a", "rot13"), ("a" * 513, "sha512")])
def test_passwords_that_cannot_be_hashed_are_an_error(password: str, method: str) -> None:
    with pytest.raises(ValueError):
        crypt.hash_password(password, method)


def test_the_decoy_costs_what_most_hashes_of_the_source_cost() -> None:
    """security.md U3: a ghost in a file of yescrypt hashes must not answer at the speed of DES."""
    stored = [HASHES["des"], "!", "", HASHES["yescrypt"], HASHES["yescrypt"]]
    assert decoy.typical(stored) == HASHES["yescrypt"]
    assert crypt.usable(decoy.typical([]))


def test_the_password_of_the_decoy_opens_nothing() -> None:
    assert not decoy.matches(PASSWORD, None, HASHES["sha512"])
    assert not decoy.matches(PASSWORD, "!locked", HASHES["sha512"])
    assert decoy.matches(PASSWORD, HASHES["sha512"], HASHES["des"])
