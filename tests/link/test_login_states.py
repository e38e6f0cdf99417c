"""A whole server, and messages in the wrong state of a login (security.md T15, T19, T20)."""

from __future__ import annotations

import pytest

from tests.link.client import string, take_string, u32
from tests.link.live import Live
from tests.servers import Server

#: of the transport or its key exchange; tests/link/test_states.py has them
TRANSPORT = frozenset({1, 2, 3, 4, 7, *range(20, 50)})


@pytest.mark.parametrize("number", sorted(set(range(1, 256)) - TRANSPORT - {5}))
def test_T19_before_the_service_is_requested(server: Server, number: int) -> None:
    with Live(server.port) as live:
        live.exchange_keys().client.send(number, bytes(40))
        reasons = [reason for reason, _ in live.ended()]
        assert reasons == [2]


@pytest.mark.parametrize("number", sorted(set(range(1, 256)) - TRANSPORT - {5, 50}))
def test_T19_before_login(server: Server, number: int) -> None:
    """CHANNEL_OPEN, GLOBAL_REQUEST, USERAUTH_SUCCESS from a client and all the others end the session."""
    with Live(server.port) as live:
        live.request_service().client.send(number, bytes(40))
        assert [reason for reason, _ in live.ended()] == [2]
        assert live.client.messages == []


def test_T19_after_login_only_what_is_known_acts(server: Server) -> None:
    """Every other number is answered UNIMPLEMENTED, late authentication is ignored, and the session goes on."""
    answered = {80, *range(90, 101), 81, 82, 192}
    with Live(server.port) as live:
        live.log_in()
        assert live.alive()
        for number in sorted(set(range(8, 256)) - TRANSPORT - answered):
            live.client.own.clear()
            sequence = live.client.seq_out
            live.client.send(number, bytes(40))
            assert live.alive(), f"message {number} ended the session"
            expected = [] if number in range(50, 80) else [(3, u32(sequence))]
            assert [one for one in live.client.own if one[0] == 3] == expected


def test_T19_second_service_request_after_login(server: Server) -> None:
    with Live(server.port) as live:
        live.log_in().client.send(5, string("ssh-connection"))
        assert [reason for reason, _ in live.ended()] == [2]


@pytest.mark.parametrize("number", [91, 92])
def test_T19_answers_to_channels_that_we_never_open(server: Server, number: int) -> None:
    with Live(server.port) as live:
        live.log_in().client.send(number, u32(0) * 4)
        assert live.alive()


def test_ping_is_answered_after_login(server: Server) -> None:
    with Live(server.port) as live:
        live.log_in().client.send(192, string("hello"))
        assert live.until(193) == string("hello")


def prove(live: Live, blobs: list[bytes]) -> list[bytes] | None:
    live.client.messages.clear()
    live.client.send(80, string("hostkeys-prove-00@openssh.com"), b"\x01", b"".join(map(string, blobs)))
    assert live.pump(lambda: any(kind in (81, 82) for kind, _ in live.client.messages))
    kind, payload = next(one for one in live.client.messages if one[0] in (81, 82))
    if kind == 82:
        return None
    proofs, at = [], 0
    while at < len(payload):
        proof, at = take_string(payload, at)
        proofs.append(proof)
    return proofs


def announced(live: Live) -> list[bytes]:
    payload = live.until(80)
    name, at = take_string(payload)
    assert name == b"hostkeys-00@openssh.com" and payload[at] == 0
    blobs, at = [], at + 1
    while at < len(payload):
        blob, at = take_string(payload, at)
        blobs.append(blob)
    return blobs


def test_T20_host_keys_are_announced_and_proved_after_login(server: Server) -> None:
    from tests.link.client import verify

    with Live(server.port) as live:
        blobs = announced(live.log_in())
        assert len(blobs) == 3
        proofs = prove(live, blobs)
        assert proofs is not None and len(proofs) == 3
        for blob, proof in zip(blobs, proofs, strict=True):
            kind = take_string(blob)[0].decode()
            algorithm = "rsa-sha2-512" if kind == "ssh-rsa" else kind
            verify(algorithm, blob, proof,
                   string("hostkeys-prove-00@openssh.com") + string(live.client.session_id) + string(blob))


def test_T20_only_own_keys_and_each_once(server: Server) -> None:
    with Live(server.port) as live:
        blobs = announced(live.log_in())
        assert prove(live, blobs[:1]) is not None
        assert prove(live, blobs + blobs[:1]) is None
        assert prove(live, [*blobs, b"unknown"]) is None
        assert prove(live, []) is None


def test_T20_not_before_login(server: Server) -> None:
    with Live(server.port) as live:
        live.request_service().client.send(80, string("hostkeys-prove-00@openssh.com"), b"\x01")
        assert [reason for reason, _ in live.ended()] == [2]
        assert live.client.messages == []
