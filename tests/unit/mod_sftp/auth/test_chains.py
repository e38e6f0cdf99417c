"""Chains of methods: behaviours.md 70 to 73, security.md U8."""

from __future__ import annotations

from mod_sftp.auth.chains import Progress, parse


def progress(*words: str) -> Progress:
    return Progress(parse(words))


def test_single_methods_finish_at_once() -> None:
    way = progress("publickey", "password")
    assert way.offered() == ("publickey", "password")
    assert way.succeed("password")


def test_only_the_first_open_link_is_offered() -> None:
    way = progress("publickey+password", "hostbased")
    assert way.offered() == ("publickey", "hostbased")
    assert not way.succeed("publickey")
    assert way.offered() == ("password", "hostbased")
    assert way.succeed("password")


def test_a_method_that_two_chains_begin_with_is_offered_once() -> None:
    way = progress("publickey+password", "publickey+keyboard-interactive")
    assert way.offered() == ("publickey",)
    assert not way.succeed("publickey")
    assert way.offered() == ("password", "keyboard-interactive")


def test_success_out_of_turn_is_no_success() -> None:
    way = progress("publickey+password")
    assert not way.succeed("password")
    assert way.offered() == ("publickey",)


def test_what_a_link_used_is_remembered() -> None:
    way = progress("publickey+publickey")
    assert not way.succeed("publickey", "fingerprint-1")
    assert way.used == {"fingerprint-1"}
    assert way.succeed("publickey", "fingerprint-2")


def test_restart_opens_every_link_again() -> None:
    way = progress("password")
    assert way.succeed("password", "proof")
    way.restart()
    assert way.offered() == ("password",)
    assert way.used == set()


def test_a_withdrawn_method_takes_its_chains_along() -> None:
    way = progress("publickey+password", "publickey", "password")
    way.withdraw("password")
    assert way.offered() == ("publickey",)
    assert way.succeed("publickey")


def test_none_is_never_offered() -> None:
    assert progress("none", "password").offered() == ("password",)
