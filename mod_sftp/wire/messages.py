"""Message numbers, disconnect reasons and channel-open failures of SSH2 (RFC 4250 4.1 to 4.3, RFC 8308).

Numbers 30 to 49 and 60 to 79 belong to the method in use and repeat; IntEnum keeps the first name of a number as its
printable one and the others as aliases.
"""

from __future__ import annotations

from enum import IntEnum


class Msg(IntEnum):
    """SSH_MSG_* numbers."""

    DISCONNECT = 1
    IGNORE = 2
    UNIMPLEMENTED = 3
    DEBUG = 4
    SERVICE_REQUEST = 5
    SERVICE_ACCEPT = 6
    EXT_INFO = 7  # RFC 8308
    NEWCOMPRESS = 8  # RFC 8308

    KEXINIT = 20
    NEWKEYS = 21

    # RFC 4253 8
    KEXDH_INIT = 30
    KEXDH_REPLY = 31
    # RFC 5656 4, RFC 8731, RFC 9941 and the ML-KEM hybrid
    KEX_ECDH_INIT = 30
    KEX_ECDH_REPLY = 31
    # RFC 4419 5
    KEX_DH_GEX_REQUEST_OLD = 30
    KEX_DH_GEX_GROUP = 31
    KEX_DH_GEX_INIT = 32
    KEX_DH_GEX_REPLY = 33
    KEX_DH_GEX_REQUEST = 34
    # RFC 4432 4
    KEXRSA_PUBKEY = 30
    KEXRSA_SECRET = 31
    KEXRSA_DONE = 32

    USERAUTH_REQUEST = 50
    USERAUTH_FAILURE = 51
    USERAUTH_SUCCESS = 52
    USERAUTH_BANNER = 53
    USERAUTH_PK_OK = 60
    USERAUTH_PASSWD_CHANGEREQ = 60
    USERAUTH_INFO_REQUEST = 60  # RFC 4256
    USERAUTH_INFO_RESPONSE = 61

    GLOBAL_REQUEST = 80
    REQUEST_SUCCESS = 81
    REQUEST_FAILURE = 82
    CHANNEL_OPEN = 90
    CHANNEL_OPEN_CONFIRMATION = 91
    CHANNEL_OPEN_FAILURE = 92
    CHANNEL_WINDOW_ADJUST = 93
    CHANNEL_DATA = 94
    CHANNEL_EXTENDED_DATA = 95
    CHANNEL_EOF = 96
    CHANNEL_CLOSE = 97
    CHANNEL_REQUEST = 98
    CHANNEL_SUCCESS = 99
    CHANNEL_FAILURE = 100

    PING = 192  # ping@openssh.com
    PONG = 193


class Disconnect(IntEnum):
    """Reason codes of SSH_MSG_DISCONNECT (RFC 4250 4.2.2)."""

    HOST_NOT_ALLOWED_TO_CONNECT = 1
    PROTOCOL_ERROR = 2
    KEY_EXCHANGE_FAILED = 3
    RESERVED = 4
    MAC_ERROR = 5
    COMPRESSION_ERROR = 6
    SERVICE_NOT_AVAILABLE = 7
    PROTOCOL_VERSION_NOT_SUPPORTED = 8
    HOST_KEY_NOT_VERIFIABLE = 9
    CONNECTION_LOST = 10
    BY_APPLICATION = 11
    TOO_MANY_CONNECTIONS = 12
    AUTH_CANCELLED_BY_USER = 13
    NO_MORE_AUTH_METHODS_AVAILABLE = 14
    ILLEGAL_USER_NAME = 15


class OpenFailure(IntEnum):
    """Reason codes of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4250 4.3)."""

    ADMINISTRATIVELY_PROHIBITED = 1
    CONNECT_FAILED = 2
    UNKNOWN_CHANNEL_TYPE = 3
    RESOURCE_SHORTAGE = 4


#: Data type code of extended data: standard error (RFC 4250 4.4).
EXTENDED_DATA_STDERR = 1


def packet_name(kind: int) -> str:
    """``SSH_MSG_USER_AUTH_REQUEST (50)``: the name in the spelling of the real server's trace, and the number."""
    try:
        name = Msg(kind).name
    except ValueError:
        return f"unknown ({kind})"
    return f"SSH_MSG_{name.replace('USERAUTH', 'USER_AUTH').replace('KEXDH', 'KEX_DH')} ({kind})"
