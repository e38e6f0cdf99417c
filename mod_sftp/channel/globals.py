"""Global requests: host key rotation, and a polite no to everything else (OpenSSH PROTOCOL 2.5; behaviours 45 and 64)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mod_sftp.crypto.hostkeys import Signer
from mod_sftp.wire.messages import Msg
from mod_sftp.wire.ssh import Reader, boolean, string

if TYPE_CHECKING:
    from mod_sftp.channel.mux import Mux

ANNOUNCE = "hostkeys-00@openssh.com"
PROVE = "hostkeys-prove-00@openssh.com"
#: for an RSA key that the exchange did not use
RSA_PROOF = "rsa-sha2-512"


def announce_host_keys(mux: Mux) -> None:
    """Tell all our keys, so that a client can learn the next one before the old one goes."""
    if "NoHostkeyRotation" in mux.conf.options or not mux.overrides.hostkeys:
        return
    blobs = [string(key.blob) for key in mux.transport.exchange.terms.host_keys]
    mux.transport.send(Msg.GLOBAL_REQUEST, string(ANNOUNCE), boolean(False), *blobs)


def answer_global(mux: Mux, kind: str, reader: Reader) -> bytes | None:
    """The body of REQUEST_SUCCESS, or ``None`` for REQUEST_FAILURE."""
    if kind != PROVE or "NoHostkeyRotation" in mux.conf.options:
        if not kind.startswith("keepalive@"):  # comes every few seconds
            mux.log.line(f"client sent GLOBAL_REQUEST for '{kind}', denying")
        return None
    return _prove(mux, reader)


def _prove(mux: Mux, reader: Reader) -> bytes | None:
    """Sign for each of our keys asked for, none twice: signatures are dear (security.md T20). One wrong key refuses all."""
    exchange = mux.transport.exchange
    keys = {key.blob: key for key in exchange.terms.host_keys}
    proofs: list[bytes] = []
    while reader.left:
        blob = reader.bytes()
        key = keys.pop(blob, None)
        if key is None:
            mux.log.line("client asks for proof of a host key that is unknown or was proved already, refusing")
            return None
        data = string(PROVE) + string(exchange.session_id) + string(blob)
        proofs.append(string(key.sign(_proof_algorithm(mux, key), data)))
    return b"".join(proofs) if proofs else None


def _proof_algorithm(mux: Mux, key: Signer) -> str:
    """RSA keys sign by the algorithm of the exchange, if that was one of theirs (OpenSSH PROTOCOL 2.5)."""
    negotiated = mux.transport.negotiated
    if negotiated is not None and negotiated.host_key in key.algorithms:
        return negotiated.host_key
    return RSA_PROOF if RSA_PROOF in key.algorithms else key.algorithms[0]
