"""``make run``: a demo server in the foreground, with its keys, its user and its files in ``var/``.

A second run keeps what the first one made; removing ``var/`` begins anew. ``make run DEMO_PORT=2200`` takes another port.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
USER = "demo"
HOST = "127.0.0.1"
DEFAULT_PORT = "2222"

CONFIGURATION = """\
# Written by `make run`. Remove the directory to begin anew.
ServerName              "pyproftpd demo"
ServerType              standalone
DefaultAddress          {host}
Port                    {port}
{user_and_group}
UseReverseDNS           off
WtmpLog                 off
PidFile                 {var}/proftpd.pid
ScoreboardFile          {var}/proftpd.scoreboard
ControlsEngine          off
DelayEngine             off

SFTPEngine              on
SFTPSecurityProfile     modern
SFTPHostKey             {var}/ssh_host_ed25519_key
SFTPHostKey             {var}/ssh_host_ecdsa_key
SFTPHostKey             {var}/ssh_host_rsa_key
SFTPAuthorizedUserKeys  file:{var}/authorized_keys/%u
SFTPLog                 {var}/log/sftp.log
SystemLog               {var}/log/system.log
TransferLog             {var}/log/xferlog

AuthOrder               mod_auth_file.c
AuthUserFile            {var}/passwd
AuthGroupFile           {var}/group
RequireValidShell       off
UseFtpUsers             off
{default_root}
AllowOverwrite          on
AllowStoreRestart       on
"""


def host_keys() -> None:
    """Fresh keys of the three kinds that every client knows, unencrypted, mode 0600."""
    for name, make in (
        ("ed25519", ed25519.Ed25519PrivateKey.generate),
        ("ecdsa", lambda: ec.generate_private_key(ec.SECP256R1())),
        ("rsa", lambda: rsa.generate_private_key(65537, 3072)),
    ):
        path = VAR / f"ssh_host_{name}_key"
        if not path.exists():
            write_private(path, make().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()))


def demo_user() -> str:
    """Make the user's password, files and home once; returns the password."""
    remembered = VAR / "password"
    if not remembered.exists():
        write_private(remembered, secrets.token_urlsafe(9).encode() + b"\n")
    password = remembered.read_text().strip()
    uid, gid = user_ids()
    home = VAR / "home"
    if not home.exists():
        home.mkdir(mode=0o755)
        (home / "welcome.txt").write_text("Files put here stay here; this is var/home of the pyproftpd tree.\n")
        if os.geteuid() == 0:
            for path in (home, home / "welcome.txt"):
                os.chown(path, uid, gid)
    if not (VAR / "passwd").exists():
        from pyproftpd.unix.crypt import hash_password

        write_private(VAR / "passwd", f"{USER}:{hash_password(password)}:{uid}:{gid}:demo user:{home}:/bin/sh\n".encode())
        write_private(VAR / "group", f"{USER}:x:{gid}:\n".encode())
    return password


def user_ids() -> tuple[int, int]:
    """As root: ids that own nothing on this machine; otherwise one's own, since nobody else's can be taken."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    return 62222, 62222


def write_private(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def configuration() -> tuple[Path, int]:
    """Write the file once; returns it and the port that it says."""
    root = os.geteuid() == 0
    daemon = next((name for name in ("proftpd", "nobody") if known(name)), "nobody")
    path = VAR / "proftpd.conf"
    if root:
        user_and_group = f"User                    {daemon}\nGroup                   {group_of(daemon)}"
        default_root = "DefaultRoot             ~\n"
    else:
        user_and_group = default_root = ""
    if not path.exists():
        port = os.environ.get("DEMO_PORT", DEFAULT_PORT)
        path.write_text(CONFIGURATION.format(
            var=VAR, host=HOST, port=port, user_and_group=user_and_group, default_root=default_root))
    found = re.search(r"^Port\s+(\d+)\s*$", path.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"{path} names no Port; remove it and run make again")
    return path, int(found[1])


def refuse_taken(port: int, path: Path) -> None:
    """Before a password is shown for a server that somebody else is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            sys.exit(f"{HOST}:{port} is not to be had ({error.strerror}): is a demo running already? "
                     f"Another Port can be written into {path}")


def known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def group_of(name: str) -> str:
    return grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name


def main() -> None:
    VAR.mkdir(mode=0o755, exist_ok=True)
    if VAR.stat().st_uid != os.geteuid():
        sys.exit(f"{VAR} was made by another user; remove it to begin anew")
    for name in ("log", "authorized_keys"):
        (VAR / name).mkdir(mode=0o755, exist_ok=True)
    host_keys()
    password = demo_user()
    path, port = configuration()
    refuse_taken(port, path)
    proftpd = shutil.which("proftpd", path=str(Path(sys.executable).parent))
    if proftpd is None:
        sys.exit("proftpd is not in the virtual environment; remove .venv and run make again")
    checked = subprocess.run([proftpd, "-t", "-q", "-c", str(path)], capture_output=True, text=True)
    if checked.returncode:
        sys.exit(checked.stderr or checked.stdout)
    print(f"pyproftpd serves {VAR / 'home'}; logs are in {VAR / 'log'}; Ctrl-C ends it. In another terminal:\n")
    print(f"    sftp -P {port} {USER}@{HOST}\n")
    print(f"password: {password}", flush=True)
    os.execv(proftpd, [proftpd, "-n", "-c", str(path)])


if __name__ == "__main__":
    main()
