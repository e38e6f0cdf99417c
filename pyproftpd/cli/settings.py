"""What ``proftpd -v``, ``-vv`` and ``-V`` print. Fast: nothing is imported that only a server needs."""

from __future__ import annotations

import glob
import os
import platform
import re
import sys
from importlib.util import find_spec

from pyproftpd import COMPATIBILITY, __version__
from pyproftpd.api.registry import COMPILED_IN
from pyproftpd.cli.arguments import DEFAULT_CONFIGURATION

#: features that stand or fall with an importable module: what -V calls them, and the module
_FEATURES = (
    ("Capabilities support (prctl)", "prctl"),
    ("Controls support", "pyproftpd.daemon.controls"),
    ("FTP support", "pyproftpd.ftp.engine"),
    ("FTPS support", "pyproftpd.modules.tls"),
    ("IPv6 support", "socket"),
    ("Keys with a pass phrase in OpenSSH's format (bcrypt)", "bcrypt"),
    ("Largefile support", "os"),
    ("OpenSSL support (cryptography)", "cryptography"),
    ("PAM support", "pyproftpd.unix.pam"),
    ("Process titles (setproctitle)", "setproctitle"),
    ("Sendfile support", "pyproftpd.ftp.engine"),
    ("SFTP and SCP support", "mod_sftp.module"),
    ("Shadow file support", "ctypes"),
    ("Trace support", "pyproftpd.log.trace"),
    ("xattr support", "os"),
)


def installed(name: str) -> bool:
    """Is there such a module? Nothing is imported but its parents."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def compiled_in() -> list[str]:
    """The modules that every configuration begins with, without importing them."""
    return [name for name in COMPILED_IN if installed(f"pyproftpd.modules.{name}") or installed(f"mod_{name}.module")]


def version() -> str:
    return f"ProFTPD Version {COMPATIBILITY}"


def version_status() -> str:
    from pyproftpd.unix import scoreboard

    lines = [f"ProFTPD Version: {COMPATIBILITY}", f"  pyproftpd Version: {__version__}",
             f"  Scoreboard Version: {scoreboard.VERSION:08d}", "", "Loaded modules:"]
    return "\n".join([*lines, *(f"  mod_{name}.c" for name in reversed(compiled_in()))])


def settings() -> str:
    system = os.uname()
    lines = [
        "Compile-time Settings:",
        f"  Version: {COMPATIBILITY}",
        f"  pyproftpd: {__version__}",
        f"  Python: {platform.python_version()} ({sys.executable})",
        f"  cryptography: {package_version('cryptography')}",
        f"  OpenSSL: {openssl_version()}",
        f"  Platform: {system.sysname.upper()} [{system.sysname} {system.release} {system.machine}]",
        "  OS/Release:",
        *(f"    {line}" for line in _release()),
        "",
        "  Files:",
        *_files(),
        "",
        "  Features:",
        *(f"    {'+' if installed(module) else '-'} {name}" for name, module in _FEATURES),
        "",
        "Compiled-in modules:",
        *(f"  mod_{name}.c" for name in compiled_in()),
    ]
    return "\n".join(lines)


def _files() -> list[str]:
    from pyproftpd.session.conf import DaemonConf

    conf = DaemonConf()
    return ["    Configuration File:", f"      {DEFAULT_CONFIGURATION}", "    Pid File:", f"      {conf.pid_file}",
            "    Scoreboard File:", f"      {conf.scoreboard_file}"]


def _release() -> list[str]:
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            return [line.rstrip() for line in file if line.startswith(("PRETTY_NAME", "VERSION", "ID="))]
    except OSError:
        return []


def package_version(name: str) -> str:
    """From the name of the metadata directory beside the package: importlib.metadata alone would cost 40 ms."""
    spec = find_spec(name)
    if spec is None or not spec.origin:
        return "not installed"
    site = os.path.dirname(os.path.dirname(spec.origin))
    for path in glob.glob(os.path.join(glob.escape(site), f"{name}-*.*-info")):
        if match := re.match(r"[\w.]+?-(.+?)(?:-py\d.*)?\.(?:dist|egg)-info$", os.path.basename(path)):
            return match.group(1)
    return "unknown"


def openssl_version() -> str:
    """The library inside cryptography, which is the one in use; read from its file, since importing it costs 100 ms."""
    spec = find_spec("cryptography")
    if spec is None or not spec.origin:
        return "none"
    pattern = os.path.join(glob.escape(os.path.dirname(spec.origin)), "hazmat", "bindings", "_rust*.so")
    for path in glob.glob(pattern):
        found = _version_inside(path)
        if found:
            return found
    return "system library"


def _version_inside(path: str) -> str:
    import mmap

    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        match = re.search(rb"OpenSSL \d+\.\d+\.\d+[a-z]* +\d{1,2} [A-Z][a-z]{2} \d{4}", data)
        return match.group().decode() if match else ""

