"""Path bytes and path text.

Bytes that the file system's encoding does not know travel as lone surrogates (PEP 383) and come back unchanged, so a
file whatever its name can be listed, opened and removed. UseEncoding puts a second character set on the wire.
Source: RFC 2640, draft-ietf-secsh-filexfer-13 section 6.
"""

from __future__ import annotations

import codecs
import sys

#: what ``str`` paths are turned into when they reach the kernel; fixed for the life of a process
FILESYSTEM = sys.getfilesystemencoding()


def decode(raw: bytes | bytearray | memoryview) -> str:
    """Path text of bytes from the wire; loses nothing."""
    return str(raw, FILESYSTEM, "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes that :func:`decode` came from."""
    return text.encode(FILESYSTEM, "surrogateescape")


class PathCodec:
    """UseEncoding: names are ``local`` on disk and ``remote`` on the wire.

    A name that cannot be converted goes through byte for byte, as in the real server (mod_lang): refusing it would make
    the file unreachable.
    """

    __slots__ = ("local", "remote")

    def __init__(self, local: str, remote: str) -> None:
        """Raises ``LookupError`` for a character set that is not known."""
        self.local, self.remote = codecs.lookup(local).name, codecs.lookup(remote).name

    def decode(self, raw: bytes | bytearray | memoryview) -> str:
        try:
            return decode(str(raw, self.remote).encode(self.local))
        except UnicodeError:
            return decode(raw)

    def encode(self, text: str) -> bytes:
        raw = encode(text)
        try:
            return raw.decode(self.local).encode(self.remote)
        except UnicodeError:
            return raw
