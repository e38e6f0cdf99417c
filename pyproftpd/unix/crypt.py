"""The one door to crypt(3): libxcrypt by ctypes, since Python 3.13 has no ``crypt`` of its own.

Every kind of hash that the installed library knows is accepted ($1$, $5$, $6$, $y$, $gy$, $2b$, $7$, DES...); nothing
here names one but :func:`method`, which only says how two hashes compare in cost.
"""

from __future__ import annotations

import ctypes
import functools
import hmac
import os
import re
from types import MappingProxyType

#: Sonames: libxcrypt with the glibc interface (Debian, Ubuntu), and without it (Fedora).
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")

#: ``struct crypt_data`` is 32768 bytes in libxcrypt and 131232 in old glibc; room for both, aligned by ctypes.
_DATA_SIZE = 262144

#: Longest stored hash that is taken: libxcrypt's own limit of its output is 384 bytes (CRYPT_OUTPUT_SIZE).
MAX_HASH = 384

#: Longest passphrase that libxcrypt hashes (CRYPT_MAX_PASSPHRASE_SIZE, crypt.h).
MAX_PASSPHRASE = 512

#: Stands in where a source holds no hash to imitate; the hash of a random password that nobody knows.
FALLBACK = ("$6$Zk1hGmY8u4xQpWrT$"
            "pK6MLEUqKnHGF9jEb5B7rPkP8cJ3gQwXwXb0jH5q2pS7d2J0mVYzJ4TqkR8nBv1cLxZ6sWfEaDgHhKiNyUo9M/")

#: Prefixes of crypt_gensalt for the names that ftpasswd and demo configurations use.
GENERATED = MappingProxyType(
    {"yescrypt": "$y$", "sha512": "$6$", "sha256": "$5$", "blowfish": "$2b$", "md5": "$1$", "des": ""})

#: CRYPT_GENSALT_OUTPUT_SIZE, crypt.h
_SETTING_SIZE = 192

_METHOD = re.compile(r"\$[0-9a-z]+\$(?:[0-9]{2}\$|rounds=[0-9]+\$|j[^$]+\$|[^$]{1,14}\$(?=[^$]+\$))?")


@functools.cache
def _library() -> ctypes.CDLL:
    """Raises ``OSError``."""
    failure: OSError | None = None
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name, use_errno=True)
        except OSError as error:
            failure = error
    raise OSError(f"no crypt library: {failure}")


def _crypt_r(password: bytes, setting: bytes, data: ctypes.Array[ctypes.c_char]) -> bytes | None:
    """``char *crypt_r(const char *phrase, const char *setting, struct crypt_data *data)``"""
    function = _library().crypt_r
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
    function.restype = ctypes.c_char_p
    return function(password, setting, data)  # type: ignore[no-any-return]


def hashed(password: bytes, setting: str) -> str | None:
    """crypt(3) of a password under the salt and cost of ``setting``; ``None`` when the library knows no such kind.

    The working memory, which holds the password afterwards, is wiped.
    """
    if b"\0" in password or len(password) > MAX_PASSPHRASE or len(setting) > MAX_HASH or "\0" in setting:
        return None
    data = ctypes.create_string_buffer(_DATA_SIZE)
    try:
        result = _crypt_r(password, setting.encode("utf-8", "surrogateescape"), data)
        # A kind that is not known answers "*0" or "*1" (libxcrypt) or nothing at all (glibc).
        return None if result is None or result.startswith(b"*") else result.decode("ascii", "replace")
    finally:
        ctypes.memset(data, 0, _DATA_SIZE)


def verify(password: bytes, stored: str) -> bool:
    """Does the password give this hash? Compared in constant time; an empty or locked hash matches nothing (U9)."""
    if not usable(stored):
        return False
    result = hashed(password, stored)
    return result is not None and hmac.compare_digest(result.encode("utf-8", "replace"),
                                                      stored.encode("utf-8", "replace"))


def usable(stored: str | None) -> bool:
    """Can a password match this field at all? Not when empty, locked (``!``, ``*``) or kept elsewhere (``x``)."""
    return bool(stored) and len(stored or "") >= 13 and (stored or "")[0] not in "!*"


def method(stored: str) -> str:
    """Kind and cost of a hash without its salt: ``$6$``, ``$5$rounds=9999$``, ``$2b$10$``; ``""`` for DES."""
    found = _METHOD.match(stored)
    return found.group() if found else ""


def hash_password(password: str, method: str = "sha512") -> str:
    """A new hash with a random salt and the library's own cost. Raises ``ValueError``."""
    raw = password.encode("utf-8", "surrogateescape")
    if method not in GENERATED:
        raise ValueError(f"unknown kind of hash '{method}', expected one of {', '.join(GENERATED)}")
    if not raw or len(raw) > MAX_PASSPHRASE or b"\0" in raw:
        raise ValueError(f"a password has 1 to {MAX_PASSPHRASE} bytes, none of them 0")
    result = hashed(raw, _new_setting(GENERATED[method]))
    if result is None:
        raise ValueError(f"the crypt library does not make {method} hashes")
    return result


def _new_setting(prefix: str) -> str:
    """crypt_gensalt_rn(3) with bytes of the kernel's own choice."""
    function = _library().crypt_gensalt_rn
    function.argtypes = [ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    function.restype = ctypes.c_char_p
    output = ctypes.create_string_buffer(_SETTING_SIZE)
    random = os.urandom(16)
    setting = function(prefix.encode(), 0, random, len(random), output, _SETTING_SIZE)
    return setting.decode() if setting else "*"
