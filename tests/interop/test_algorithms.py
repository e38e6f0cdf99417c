"""Every algorithm with every client that has it: a session that moves data both ways (issue: proof of mod_sftp).

One server with a virtual host per algorithm, each of which offers that one alone, so that a client cannot choose another:
this also covers clients that cannot be told what to choose (libssh2 inside curl), and the directives in ``<VirtualHost>``.
"""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import paramiko
import pytest
from asyncssh.compression import get_compression_algs
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_public_key_algs

from tests.machine import free_port
from tests.servers import Server, Site, scratch

LIMIT = 120
USER, PASSWORD = "demo", "secret"
#: no multiple of any block, more than one packet
DATA = bytes(range(251)) * 400 + b"!"

#: kind -> (directive, names); the rows of the table of the C server, ``none`` apart
NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "cipher": ("SFTPCiphers", (
        "chacha20-poly1305@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr", "aes256-gcm@openssh.com",
        "aes128-gcm@openssh.com", "aes256-cbc", "aes192-cbc", "aes128-cbc", "blowfish-ctr", "blowfish-cbc", "cast128-cbc",
        "arcfour256", "arcfour128", "3des-ctr", "3des-cbc")),
    "mac": ("SFTPDigests", (
        "hmac-sha2-256", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512", "hmac-sha2-512-etm@openssh.com", "hmac-sha1",
        "hmac-sha1-etm@openssh.com", "hmac-sha1-96", "hmac-sha1-96-etm@openssh.com", "hmac-md5", "hmac-md5-etm@openssh.com",
        "hmac-md5-96", "hmac-md5-96-etm@openssh.com", "hmac-ripemd160", "umac-64@openssh.com", "umac-64-etm@openssh.com",
        "umac-128@openssh.com", "umac-128-etm@openssh.com")),
    "kex": ("SFTPKeyExchanges", (
        "mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com", "curve448-sha512",
        "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp521", "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp256", "diffie-hellman-group18-sha512", "diffie-hellman-group16-sha512",
        "diffie-hellman-group14-sha256", "diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group14-sha1", "rsa1024-sha1", "rsa2048-sha256", "diffie-hellman-group1-sha1")),
    "hostkey": ("SFTPHostKeys", (
        "ssh-ed448", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512",
        "rsa-sha2-256", "ssh-rsa", "ssh-dss")),
    "compression": ("SFTPCompression", ("zlib", "zlib@openssh.com")),
}
COMPRESSION = {"zlib": "on", "zlib@openssh.com": "delayed"}

#: where the program cannot be asked what it has
PUTTY = frozenset({
    "chacha20-poly1305@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr", "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com", "aes256-cbc", "aes192-cbc", "aes128-cbc", "blowfish-ctr", "blowfish-cbc", "arcfour256",
    "arcfour128", "3des-ctr", "3des-cbc", "hmac-sha2-256", "hmac-sha2-256-etm@openssh.com", "hmac-sha1",
    "hmac-sha1-etm@openssh.com", "hmac-sha1-96", "hmac-sha1-96-etm@openssh.com", "hmac-md5", "hmac-md5-etm@openssh.com",
    "sntrup761x25519-sha512@openssh.com", "curve448-sha512", "curve25519-sha256", "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp521", "ecdh-sha2-nistp384", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1",
    "rsa1024-sha1", "rsa2048-sha256", "diffie-hellman-group1-sha1", "ssh-ed448", "ssh-ed25519", "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ssh-dss", "zlib",
    "zlib@openssh.com"})
LIBSSH2 = frozenset({
    "aes256-ctr", "aes192-ctr", "aes128-ctr", "aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc", "hmac-sha2-256",
    "hmac-sha2-512", "hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96", "hmac-ripemd160", "curve25519-sha256",
    "curve25519-sha256@libssh.org", "ecdh-sha2-nistp521", "ecdh-sha2-nistp384", "ecdh-sha2-nistp256",
    "diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1",
    "diffie-hellman-group1-sha1", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "ssh-rsa", "ssh-dss", "zlib", "zlib@openssh.com"})
DROPBEAR = frozenset({
    "chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha1", "curve25519-sha256",
    "curve25519-sha256@libssh.org", "ecdh-sha2-nistp521", "ecdh-sha2-nistp384", "ecdh-sha2-nistp256",
    "diffie-hellman-group14-sha256", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "rsa-sha2-256", "zlib@openssh.com"})


@functools.cache
def openssh_names() -> frozenset[str]:
    asked = (subprocess.run(["ssh", "-Q", query], capture_output=True, text=True).stdout.split()
             for query in ("cipher", "cipher-auth", "mac", "kex", "HostKeyAlgorithms", "compression"))
    return frozenset(name for names in asked for name in names) | {"zlib@openssh.com"}


@functools.cache
def asyncssh_names() -> frozenset[str]:
    found = (*get_encryption_algs(), *get_mac_algs(), *get_kex_algs(), *get_public_key_algs(), *get_compression_algs())
    return frozenset(name.decode() for name in found)


@functools.cache
def paramiko_names() -> frozenset[str]:
    transport = paramiko.Transport
    return frozenset((*transport._preferred_ciphers, *transport._preferred_macs, *transport._preferred_kex,
                      *transport._preferred_keys, *transport._compression_info))


@dataclass(frozen=True)
class Place:
    """Where one algorithm is served, and where its client may put files."""

    server: Server
    port: int
    kind: str
    name: str
    scratch: Path

    @property
    def home(self) -> Path:
        return self.server.site.accounts[USER].home

    @property
    def up(self) -> Path:
        path = self.scratch / "up"
        path.write_bytes(DATA)
        return path

    @property
    def down(self) -> Path:
        return self.scratch / "down"


def run(command: list[str], place: Place, **options: object) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(place.scratch), "LC_ALL": "C.UTF-8", "DROPBEAR_PASSWORD": PASSWORD}
    done = subprocess.run(command, capture_output=True, timeout=LIMIT, env=environment, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:] + place.server.site.log("sftp.log")[-3000:].encode()


def with_openssh(place: Place) -> None:
    option = {"cipher": "Ciphers", "mac": "MACs", "kex": "KexAlgorithms", "hostkey": "HostKeyAlgorithms"}.get(place.kind)
    choice = f"-o{option}={place.name}" if option else "-oCompression=yes"
    run(["sftp", "-F", "/dev/null", "-P", str(place.port), "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null",
         "-oIdentityAgent=none", "-oIdentitiesOnly=yes", f"-oIdentityFile={place.server.site.keys}/client_ed25519", choice,
         "-b", "-", f"{USER}@127.0.0.1"], place, input=f"put {place.up} {place.kind}\nget {place.kind} {place.down}\n".encode())


def with_putty(place: Place) -> None:
    sessions = place.scratch / ".putty" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "all").write_text(
        "Protocol=ssh\nCipher=aes,chacha20,aesgcm,3des,blowfish,arcfour,des,WARN\nHostKey=ed448,ed25519,ecdsa,rsa,dsa,WARN\n"
        "KEX=ntru-curve25519,ecdh,dh-gex-sha1,dh-group14-sha1,rsa,dh-group1-sha1,WARN\n"
        f"Compression={int(place.kind == 'compression')}\n")
    (place.scratch / "batch").write_text(f"put {place.up} {place.kind}\nget {place.kind} {place.down}\n")
    known = [word for path in place.server.site.keys.glob("*.pub") if not path.name.startswith("client_")
             for word in ("-hostkey", fingerprint(path))]
    run(["psftp", "-batch", "-load", "all", "-P", str(place.port), "-l", USER, "-pw", PASSWORD, *known,
         "-b", str(place.scratch / "batch"), "127.0.0.1"], place)


@functools.cache
def fingerprint(path: Path) -> str:
    """As ssh-keygen prints it; ed448, which it does not have, by hand."""
    if path.read_text().startswith("ssh-ed448"):
        import base64
        import hashlib

        blob = base64.b64decode(path.read_text().split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True).stdout.split()[1]


def with_libssh2(place: Place) -> None:
    base = ["curl", "-sS", "-k", "-u", f"{USER}:{PASSWORD}", *(["--compressed-ssh"] if place.kind == "compression" else [])]
    url = f"sftp://127.0.0.1:{place.port}/~/{place.kind}"
    run([*base, "-T", str(place.up), url], place)
    run([*base, "-o", str(place.down), url], place)


def with_dropbear(place: Place) -> None:
    """No SFTP of its own: the old scp protocol, spoken by the test through it. What comes goes into a file: a pipe that is full
    when the channel is closed has dbclient (2022.83) wait for a packet that nobody owes it."""
    base = ["dbclient", "-y", "-y", "-p", str(place.port), f"{USER}@127.0.0.1"]
    run([*base, f"scp -t {place.kind}"], place, input=f"C0644 {len(DATA)} {place.kind}\n".encode() + DATA + b"\0")
    with place.down.open("wb") as came:
        subprocess.run([*base, f"scp -f {place.kind}"], input=b"\0\0\0", stdout=came, timeout=LIMIT,
                       env={"PATH": os.environ["PATH"], "HOME": str(place.scratch), "DROPBEAR_PASSWORD": PASSWORD})
    place.down.write_bytes(place.down.read_bytes().partition(b"\n")[2][:len(DATA)])


def with_asyncssh(place: Place) -> None:
    option = {"cipher": "encryption_algs", "mac": "mac_algs", "kex": "kex_algs", "hostkey": "server_host_key_algs",
              "compression": "compression_algs"}[place.kind]

    async def session() -> None:
        async with asyncssh.connect(
                "127.0.0.1", place.port, username=USER, password=PASSWORD, known_hosts=None, config=None, client_keys=None,
                agent_path=None, **{option: [place.name]}) as connection, connection.start_sftp_client() as sftp:
            await sftp.put(str(place.up), place.kind)
            await sftp.get(place.kind, str(place.down))

    asyncio.run(asyncio.wait_for(session(), LIMIT))


def with_paramiko(place: Place) -> None:
    transport = paramiko.Transport(("127.0.0.1", place.port))
    try:
        options = transport.get_security_options()
        field = {"cipher": "ciphers", "mac": "digests", "kex": "kex", "hostkey": "key_types", "compression": "compression"}
        setattr(options, field[place.kind], (place.name,))
        transport.connect(username=USER, password=PASSWORD)
        sftp = paramiko.SFTPClient.from_transport(transport)
        assert sftp is not None
        sftp.put(str(place.up), place.kind)
        sftp.get(place.kind, str(place.down))
    finally:
        transport.close()


#: client -> (program or None, what it has, how it is run)
CLIENTS: dict[str, tuple[str | None, Callable[[], frozenset[str]], Callable[[Place], None]]] = {
    "openssh": ("sftp", openssh_names, with_openssh),
    "putty": ("psftp", lambda: PUTTY, with_putty),
    "libssh2": ("curl", lambda: LIBSSH2, with_libssh2),
    "dropbear": ("dbclient", lambda: DROPBEAR, with_dropbear),
    "asyncssh": (None, asyncssh_names, with_asyncssh),
    "paramiko": (None, paramiko_names, with_paramiko),
}
CASES = [pytest.param(client, kind, name, id=f"{client}-{name}")
         for client, (program, has, _) in CLIENTS.items() if program is None or shutil.which(program)
         for kind, (_, names) in NAMES.items() for name in names if name in has()]


def make_host_keys(directory: Path) -> None:
    """The kinds that the common fixture does not make."""
    for name, words in (("p384", ["-t", "ecdsa", "-b", "384"]), ("p521", ["-t", "ecdsa", "-b", "521"]), ("dsa", ["-t", "dsa"])):
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "", *words, "-f", directory / f"host_{name}"], check=name != "dsa")
    path = directory / "host_ed448"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed448", "-out", path], check=True)
    path.chmod(0o600)
    public = asyncssh.read_private_key(str(path)).export_public_key("openssh").decode()
    path.with_suffix(".pub").write_text(public)


@pytest.fixture(scope="module")
def offered(keys: Path) -> Iterator[tuple[Server, dict[str, int]]]:
    """A server with a port per algorithm."""
    with scratch() as directory, scratch() as own:
        for path in keys.iterdir():
            shutil.copy2(path, own)
        own.chmod(0o755)
        make_host_keys(own)
        server = Server(Site(directory, own))
        names = {name: (kind, free_port()) for kind, (_, some) in NAMES.items() for name in some}
        try:
            server.start(configuration(directory, own, names))
            yield server, {name: port for name, (_, port) in names.items()}
        finally:
            server.stop()


def configuration(root: Path, keys: Path, names: dict[str, tuple[str, int]]) -> str:
    lines = ["<Global>", "AuthOrder mod_auth_file.c", f"AuthUserFile {root}/passwd", f"AuthGroupFile {root}/group",
             "RequireValidShell off", "AllowOverwrite on", "SFTPEngine on", f"SFTPLog {root}/log/sftp.log",
             f"SFTPAuthorizedUserKeys file:{root}/authorized_keys/%u"]
    lines += [f"SFTPHostKey {path.with_suffix('')}" for path in sorted(keys.glob("*.pub")) if not path.name.startswith("client_")]
    lines.append("</Global>")
    for name, (kind, port) in names.items():
        # a MAC has no say beside a cipher that authenticates by itself
        base = "SFTPCiphers aes128-ctr\n" if kind == "mac" else ""
        lines.append(f"<VirtualHost 127.0.0.1>\nPort {port}\nServerName {kind}\n{base}"
                     f"{NAMES[kind][0]} {COMPRESSION.get(name, name)}\n</VirtualHost>")
    return "\n".join(lines) + "\n"


@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
@pytest.mark.parametrize(("client", "kind", "name"), CASES)
def test_data_both_ways(offered: tuple[Server, dict[str, int]], tmp_path: Path, client: str, kind: str, name: str) -> None:
    server, ports = offered
    place = Place(server, ports[name], kind, name, tmp_path)
    CLIENTS[client][2](place)
    assert (place.home / kind).read_bytes() == DATA
    assert place.down.read_bytes() == DATA
    assert f": {name}\n" in server.site.log("sftp.log")


def test_every_algorithm_has_a_client() -> None:
    """What no client here speaks is proved by published vectors alone; it must be a known few."""
    spoken = {case.values[2] for case in CASES}
    assert {name for _, names in NAMES.values() for name in names} - spoken == set()
