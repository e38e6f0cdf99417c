"""The authentication service over the wire: security.md U1, U8, T5, T19; behaviours.md 70 to 99."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from tests.clients.rawauth import METHOD, REQUEST, SUCCESS, Ended, RawAuth, connect, failure, text
from tests.servers import PASSWORD, Server, Site

Start = Callable[..., Server]
BOTH = ["publickey", "password"]


@pytest.fixture
def ed25519(keys: Path) -> paramiko.PKey:
    return paramiko.Ed25519Key.from_private_key_file(str(keys / "client_ed25519"))


@pytest.fixture
def stranger() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


def quiet(extra: str = "") -> str:
    """Without PAM, so that each method list is that of the test."""
    return f"SFTPPAMEngine off\n{extra}\n"


def test_none_gives_the_list(start: Start) -> None:
    with connect(start(quiet())) as client:
        assert failure(client.request("demo", "none")) == (BOTH, False)


def test_password_and_key_log_in(start: Start, ed25519: paramiko.PKey) -> None:
    server = start(quiet())
    with connect(server) as client:
        assert client.password("demo", PASSWORD) == bytes((SUCCESS,))
    with connect(server) as client:
        assert client.query("demo", "ssh-ed25519", ed25519.asbytes()) == (
            bytes((METHOD,)) + text("ssh-ed25519") + text(ed25519.asbytes()))
        assert client.key("demo", ed25519) == bytes((SUCCESS,))


def test_u1_answers_to_probes_do_not_tell_who_exists(start: Start, site: Site, stranger: paramiko.PKey) -> None:
    site.add_account("root", uid=0)
    server = start(quiet())
    answers = []
    for user in ("demo", "ghost", "root"):
        with connect(server) as client:
            answers.append((client.query(user, "ecdsa-sha2-nistp256", stranger.asbytes()),
                            client.key(user, stranger), client.password(user, "wrong")))
    assert answers[0] == answers[1] == answers[2]
    assert failure(answers[0][0]) == (BOTH, False)


@pytest.mark.parametrize("limit", [1, 3])
def test_u8_exactly_so_many_failures(start: Start, stranger: paramiko.PKey, limit: int) -> None:
    server = start(quiet(f"MaxLoginAttempts {limit}"))
    with connect(server) as client:
        for _ in range(5):
            assert failure(client.request("demo", "none"))
            assert failure(client.query("demo", "ecdsa-sha2-nistp256", stranger.asbytes()))
        for _ in range(limit):
            assert failure(client.password("demo", "wrong")) == (BOTH, False)
        with pytest.raises(Ended) as ended:
            client.password("demo", PASSWORD)
        assert ended.value.reason == 11
    server.site.wait_for_log("sftp.log", f"Maximum login attempts ({limit}) exceeded, refusing connection for user 'demo'")


def test_six_attempts_where_nothing_is_said(start: Start) -> None:
    with connect(start(quiet())) as client:
        for _ in range(6):
            assert failure(client.password("demo", "wrong"))
        with pytest.raises(Ended):
            client.password("demo", PASSWORD)


def test_questions_are_not_free_for_ever(start: Start) -> None:
    with connect(start(quiet())) as client:
        for _ in range(200):
            client.request("demo", "none")
        with pytest.raises(Ended):
            client.request("demo", "none")


def test_a_method_that_is_not_offered_counts(start: Start) -> None:
    with connect(start(quiet("SFTPAuthMethods publickey\nMaxLoginAttempts 2"))) as client:
        assert failure(client.password("demo", PASSWORD)) == (["publickey"], False)
        assert failure(client.request("demo", "gssapi-with-mic", text("x")))
        with pytest.raises(Ended):
            client.receive()


def test_a_chain_tells_partial_success_after_a_link_only(start: Start, ed25519: paramiko.PKey) -> None:
    with connect(start(quiet("SFTPAuthMethods publickey+password"))) as client:
        assert failure(client.request("demo", "none")) == (["publickey"], False)
        assert failure(client.password("demo", PASSWORD)) == (["publickey"], False)
        assert failure(client.key("demo", ed25519)) == (["password"], True)
        assert failure(client.password("demo", "wrong")) == (["password"], False)
        assert client.password("demo", PASSWORD) == bytes((SUCCESS,))


def test_two_links_of_keys_need_two_keys(start: Start, site: Site, keys: Path, ed25519: paramiko.PKey) -> None:
    with (site.root / "authorized_keys" / "demo").open("a") as store:
        store.write((keys / "client_rsa.pub").read_text())
    rsa = paramiko.RSAKey.from_private_key_file(str(keys / "client_rsa"))
    with connect(start(quiet("SFTPAuthMethods publickey+publickey"))) as client:
        assert failure(client.key("demo", ed25519)) == (["publickey"], True)
        assert failure(client.key("demo", ed25519)) == (["publickey"], False)
        assert client.key("demo", rsa, "rsa-sha2-512") == bytes((SUCCESS,))


def test_a_changed_name_ends_the_session(start: Start) -> None:
    server = start(quiet())
    with connect(server) as client:
        client.password("demo", "wrong")
        with pytest.raises(Ended) as ended:
            client.password("other", "wrong")
        assert ended.value.reason == 2
    server.site.wait_for_log(
        "sftp.log", "client used different user name 'other' in USERAUTH_REQUEST (was 'demo'), disconnecting")


@pytest.mark.parametrize("service", ["ssh-userauth", "nonsense", ""])
def test_another_service_ends_the_session(start: Start, service: str) -> None:
    with connect(start(quiet())) as client, pytest.raises(Ended):
        client.request("demo", "none", service=service)


@pytest.mark.parametrize("name", [b"", b"x" * 257, b"de\0mo"])
def test_impossible_names_end_the_session(start: Start, name: bytes) -> None:
    with connect(start(quiet())) as client, pytest.raises(Ended):
        client.request(name, "none")


@pytest.mark.parametrize("name", [b"\xff\xfe", "ü".encode(), b"a b'\"; --", b"../../etc/passwd", b"%u", b"~"])
def test_odd_names_are_ghosts(start: Start, name: bytes, ed25519: paramiko.PKey) -> None:
    with connect(start(quiet())) as client:
        query = b"\0" + text("ssh-ed25519") + text(ed25519.asbytes())
        assert failure(client.request(name, "publickey", query)) == (BOTH, False)
        assert failure(client.request(name, "password", b"\0" + text(PASSWORD))) == (BOTH, False)


def test_a_service_may_be_asked_for_again_but_only_this_one(start: Start) -> None:
    with connect(start(quiet())) as client:
        assert client.service()[0] == 6
        with pytest.raises(Ended) as ended:
            client.service("ssh-connection")
        assert ended.value.reason == 7


def test_no_request_before_the_service(start: Start) -> None:
    client = RawAuth(start(quiet()))
    with pytest.raises(Ended):
        client.password("demo", PASSWORD)
    client.transport.close()


@pytest.mark.parametrize("number", [SUCCESS, 51, 53, 60, 61, 79])
def test_t19_the_servers_own_messages_end_the_session(start: Start, number: int) -> None:
    with connect(start(quiet())) as client:
        client.send(bytes((number,)))
        with pytest.raises(Ended):
            client.receive()


def test_t16_a_request_cut_anywhere_never_lets_in(start: Start) -> None:
    server = start(quiet())
    whole = text("demo") + text("ssh-connection") + text("password") + b"\0" + text(PASSWORD)
    for size in range(0, len(whole), 5):
        with connect(server) as client:
            client.send(bytes((REQUEST,)), whole[:size])
            with pytest.raises(Ended):
                client.receive()


def test_a_long_password_is_a_wrong_one(start: Start) -> None:
    with connect(start(quiet())) as client:
        assert failure(client.password("demo", "x" * 100_000)) == (BOTH, False)


def test_a_change_of_password_is_a_failure(start: Start) -> None:
    with connect(start(quiet())) as client:
        assert failure(client.request("demo", "password", b"\x01" + text(PASSWORD) + text("new"))) == (BOTH, False)


def test_a_login_that_the_rules_refuse_looks_like_a_wrong_password(start: Start) -> None:
    server = start(quiet("<Limit LOGIN>\nDenyUser demo\n</Limit>"))
    with connect(server) as client:
        assert client.password("demo", PASSWORD) == client.password("demo", "wrong")
    assert "login of user 'demo' refused" in server.site.log("sftp.log")


def test_commands_in_the_log_are_those_of_the_real_server(start: Start, site: Site, ed25519: paramiko.PKey) -> None:
    log = site.root / "log" / "auth.log"
    server = start(quiet(f'LogFormat auth "%m %J %s %S [%{{note:mod_sftp.nonfatal-attempt}}] '
                         f'[%{{note:SFTP_USER_AUTH_METHOD}}]"\nExtendedLog {log} AUTH auth'))
    with connect(server) as client:
        client.password("demo", "wrong")
        client.key("demo", ed25519)
    site.wait_for_log("auth.log", "logged in")
    assert log.read_text().splitlines()[1:6] == [
        "USER demo 331 Password required for demo [] [-]".replace("[-]", "[]"),
        "PASS (hidden) 530 Login incorrect. [password] [password]",
        "USERAUTH_REQUEST demo password - - [] [password]",
        "USER demo 331 Password required for demo [] [password]",
        "PASS (hidden) 230 User demo logged in [] [publickey]",
    ]


def test_no_password_in_any_log(start: Start, site: Site) -> None:
    with connect(start(quiet("Trace DEFAULT:20\nTraceLog " + str(site.root / "log" / "trace.log")))) as client:
        client.password("demo", "Very-Secret-Guess")
        client.password("demo", PASSWORD)
    site.wait_for_log("sftp.log", "authenticated via 'password' method")
    for path in (site.root / "log").iterdir():
        assert "Very-Secret-Guess" not in path.read_text(errors="replace")


def test_the_banner_comes_before_the_first_answer(start: Start, site: Site) -> None:
    (site.root / "banner").write_text("welcome to %V\n")
    server = start(quiet(f"SFTPDisplayBanner {site.root}/banner"))
    with connect(server) as client:
        client.send(bytes((REQUEST,)), text("demo"), text("ssh-connection"), text("none"))
        assert client.receive(banners=True) == b"\x35" + text("welcome to test server\n") + text("")
        assert failure(client.receive())


@pytest.mark.root
def test_a_store_of_somebody_else_lets_nobody_in(start: Start, site: Site, ed25519: paramiko.PKey) -> None:
    """A10.22"""
    os.chown(site.root / "authorized_keys" / "demo", 12345, 12345)
    with connect(start(quiet())) as client:
        assert failure(client.key("demo", ed25519))
    assert "belongs to uid 12345" in site.log("sftp.log")
