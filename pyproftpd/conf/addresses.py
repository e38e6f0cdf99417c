"""What a VirtualHost or DefaultAddress names, as numeric addresses: an address, a host name, or a network device."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

_SIOCGIFADDR = 0x8915
#: length of a device name in the kernel's request, its terminator included
_IFNAMSIZ = 16


def resolve(name: str) -> tuple[str, ...]:
    """Raises ``ValueError`` for a name that stands for nothing."""
    try:
        return (str(ipaddress.ip_address(name.strip("[]"))),)
    except ValueError:
        pass
    device = _device(name)
    if device:
        return (device,)
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ValueError(f"an address, a host name or a network device, which '{name}' is not") from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _device(name: str) -> str:
    """The IPv4 address of a network device, ``""`` when there is none of that name."""
    if len(name) >= _IFNAMSIZ or name not in (device for _, device in socket.if_nameindex()):
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()))
        except OSError:
            return ""
    return socket.inet_ntoa(answer[20:24])
