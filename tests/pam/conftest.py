"""Real PAM: services written into /etc/pam.d for one test, users made by useradd, a session that only PAM needs."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mod_sftp.api import Banner, Prompt
from mod_sftp_pam.conf import SftpPamConf
from pyproftpd.unix.privs import Privileges
from pyproftpd.unix.timers import Timers
from tests import servers
from tests.machine import administer
from tests.servers import Site

MATRIX = next(iter(Path("/usr/lib").glob("*/pam_wrapper/pam_matrix.so")), Path("/nonexistent"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.root)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="writes to /etc/pam.d"))


@pytest.fixture
def service() -> Iterator[Callable[[str], str]]:
    """``service("auth required pam_permit.so")`` -> the name of a PAM service that says so."""
    written: list[Path] = []

    def write(text: str) -> str:
        path = Path("/etc/pam.d") / f"pyproftpd-test-{uuid.uuid4().hex[:12]}"
        path.write_text(text.strip() + "\n")
        written.append(path)
        return path.name

    yield write
    for path in written:
        path.unlink(missing_ok=True)


@pytest.fixture
def matrix(tmp_path: Path) -> Callable[..., str]:
    """The line arguments of pam_matrix for one user: ``matrix("alice", "secret", "name-of-service")``."""
    if not MATRIX.exists():
        pytest.skip("pam_matrix.so is not installed")
    numbers = itertools.count()

    def passdb(user: str, password: str, name: str) -> str:
        path = tmp_path / f"passdb{next(numbers)}"
        path.write_text(f"{user}:{password}:{name}\n")
        return f"{MATRIX} passdb={path}"

    return passdb


@pytest.fixture
def account() -> Iterator[Callable[..., str]]:
    """``account("Secret-1", "-e", "2001-01-01")`` -> a system user with this password, made by useradd."""
    made: list[str] = []

    def make(password: str, *options: str) -> str:
        name = f"pt{uuid.uuid4().hex[:10]}"
        administer("useradd", "-M", "-s", "/bin/sh", *options, name)
        made.append(name)
        administer("chpasswd", data=f"{name}:{password}\n")
        return name

    yield make
    for name in made:
        administer("userdel", "-f", name)


@pytest.fixture(scope="session")
def mixed_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mixed.c, built for this run."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    target = tmp_path_factory.mktemp("pam") / "mixed.so"
    source = Path(__file__).with_name("mixed.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", target, source, "-l:libpam.so.0"], check=True)
    return target


@pytest.fixture
def unix(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose AuthOrder the test writes itself."""
    monkeypatch.setattr(servers, "BASE", servers.BASE.replace("AuthOrder mod_auth_file.c\n", ""))
    configure = Site.configuration
    monkeypatch.setattr(Site, "configuration", lambda self, extra="", *, base=servers.BASE, prologue="": configure(
        self, extra, base=base, prologue=prologue))
    return site


@pytest.fixture
def resident(site: Site, account: Callable[..., str]) -> str:
    """A system user with the password ``Secret-1``, a home in the site, and the test's key."""
    user = account("Secret-1")
    home = site.root / "home" / user
    home.mkdir()
    administer("usermod", "-d", home, user)
    shutil.chown(home, user, user)
    shutil.copy(site.root / "authorized_keys" / "demo", site.root / "authorized_keys" / user)
    return user


class Lines:
    """A server log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, text: str) -> None:
        self.lines.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Settings:
    def __init__(self, conf: SftpPamConf) -> None:
        self._conf = conf

    def get(self, block: type) -> SftpPamConf:
        assert block is SftpPamConf
        return self._conf


class PamSession:
    """What the driver reads of a session; ids and timers are the real ones."""

    remote_name = "client.example"

    def __init__(self, service: str, options: Sequence[str] = ()) -> None:
        self.privs = Privileges()
        self.privs.connected()
        self.timers = Timers()
        self.log = Lines()
        self.banners: list[str] = []
        self.store: dict[type, Any] = {Banner: Banner(self.banners.append)}
        self.environ: dict[str, str] = {}
        self.scope = Settings(SftpPamConf({"service_name": service, "options": frozenset(options)}))


class Client:
    """The far end of ``exchange``: answers by script, keeps what it was asked."""

    def __init__(self, *rounds: Sequence[str]) -> None:
        self._rounds = list(rounds)
        self.seen: list[tuple[str, tuple[Prompt, ...]]] = []

    def __call__(self, name: str, instruction: str, prompts: Sequence[Prompt]) -> list[bytes]:
        self.seen.append((instruction, tuple(prompts)))
        return [answer.encode() for answer in self._rounds.pop(0)]

    @property
    def asked(self) -> list[list[tuple[str, bool]]]:
        return [[(prompt.text, prompt.echo) for prompt in prompts] for _, prompts in self.seen]
