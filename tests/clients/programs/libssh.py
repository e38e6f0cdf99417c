"""libssh by ctypes: libssh.py PORT KEY; logs in with an RSA key by ``ssh-rsa``, makes and reads a link, renames."""

from __future__ import annotations

import ctypes
import sys

# enum ssh_options_e of libssh 0.9 and 0.10
HOST, PORT, USER, KNOWNHOSTS, GLOBAL_KNOWNHOSTS, ACCEPTED, PROCESS_CONFIG = 0, 1, 4, 8, 35, 37, 38
AUTH_SUCCESS = 0

lib = ctypes.CDLL("libssh.so.4")
for name in ("ssh_new", "sftp_new", "sftp_readlink", "sftp_opendir", "sftp_readdir", "ssh_get_error"):
    getattr(lib, name).restype = ctypes.c_void_p


def must(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.cast(lib.ssh_get_error(session), ctypes.c_char_p).value
        raise SystemExit(f"{what}: {result} {error!r}")


session = ctypes.c_void_p(lib.ssh_new())
no = ctypes.c_int(0)
must(lib.ssh_options_set(session, PROCESS_CONFIG, ctypes.byref(no)), "config")
must(lib.ssh_options_set(session, HOST, b"127.0.0.1"), "host")
port = ctypes.c_int(int(sys.argv[1]))
must(lib.ssh_options_set(session, PORT, ctypes.byref(port)), "port")
must(lib.ssh_options_set(session, USER, b"demo"), "user")
must(lib.ssh_options_set(session, ACCEPTED, b"ssh-rsa"), "accepted")
must(lib.ssh_connect(session), "connect")
key = ctypes.c_void_p()
must(lib.ssh_pki_import_privkey_file(sys.argv[2].encode(), None, None, None, ctypes.byref(key)), "key")
must(lib.ssh_userauth_publickey(session, None, key) - AUTH_SUCCESS, "login")
print("logged in")
sftp = ctypes.c_void_p(lib.sftp_new(session))
must(lib.sftp_init(sftp), "init")
must(lib.sftp_symlink(sftp, b"target", b"link"), "symlink")  # target, then the new name
text = ctypes.cast(lib.sftp_readlink(sftp, b"link"), ctypes.c_char_p).value
print("link", (text or b"").decode())
must(lib.sftp_mkdir(sftp, b"d", 0o700), "mkdir")
must(lib.sftp_rename(sftp, b"d", b"e"), "rename")
must(lib.sftp_rmdir(sftp, b"e"), "rmdir")
print("done")
