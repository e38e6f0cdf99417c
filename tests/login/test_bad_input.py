"""What an administrator got wrong, or somebody broke: the login is refused, one line says which rule and which file, and the
server goes on. Never a login with less checking than configured."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.login.methods import METHODS, log_in
from tests.servers import OURS, Server, Site

pytestmark = pytest.mark.root
Start = Callable[..., Server]


@pytest.fixture
def service() -> Iterator[Callable[[str], str]]:
    written: list[Path] = []

    def write(text: str) -> str:
        written.append(Path(f"/etc/pam.d/pyproftpd-bad-{os.getpid()}-{len(written)}"))
        written[-1].write_text(text + "\n")
        return written[-1].name
    yield write
    for path in written:
        path.unlink()


def told(site: Site, before: str, *words: str) -> None:
    """One new line holds all the words."""
    site.wait_for_log("stderr", words[0], since=before)
    lines = [line for line in site.log("stderr")[len(before):].splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, site.log("stderr")


# The user file.


def readable_by_all(path: Path) -> None:
    path.chmod(0o644)


def writable_by_all(path: Path) -> None:
    path.chmod(0o602)


def somebody_elses(path: Path) -> None:
    os.chown(path, 12345, 0)


def gone(path: Path) -> None:
    path.unlink()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def in_an_open_folder(path: Path) -> None:
    path.parent.chmod(0o777)


DAMAGES: dict[Callable[[Path], None], str] = {
    readable_by_all: "world-readable", writable_by_all: "world-writable", somebody_elses: "owned by uid 12345",
    gone: "No such file or directory", a_directory: "not a regular file", in_an_open_folder: "is world-writable"}


@pytest.mark.parametrize(("damage", "method"), [(damage, "publickey") for damage in DAMAGES] + [(gone, "password")],
                         ids=lambda value: getattr(value, "__name__", value))
def test_a_user_file_that_was_broken_while_we_run(site: Site, start: Start, damage: Callable[[Path], None],
                                                  method: str) -> None:
    server = start()
    assert log_in(server, "demo", method)
    before = site.log("stderr")
    damage(site.root / "passwd")
    assert not log_in(server, "demo", method)
    told(site, before, "USER demo (Login failed): cannot use", str(site.root / "passwd"), DAMAGES[damage], "AuthUserFile")
    site.root.chmod(0o755)


@pytest.mark.parametrize("line", ["demo", "demo:x:1", "demo:$5$x:abc:1::/:/bin/sh", "demo:x:-1:0::/:/bin/sh",
                                  "demo:x:4294967295:0::/:/bin/sh", "demo:x:1:1::home:/bin/sh", "\0" * 100, "\xff\xfe"])
def test_a_line_that_is_no_account_is_nobodys(site: Site, start: Start, line: str) -> None:
    site.add_account("other")
    server = start()
    text = f"{line}\n{site.accounts['other'].line}\n"
    site.write_private("passwd", text)
    assert not log_in(server, "demo", "publickey") and log_in(server, "other", "publickey")


#: option -> the start of a server with faulty lines in its account files
@pytest.mark.parametrize("option", ["", "AuthFileOptions SyntaxCheck\n"])
def test_faulty_lines_stop_the_start_where_they_are_asked_about(site: Site, option: str) -> None:
    path = site.configuration(prologue=option)
    site.write_private("passwd", f"{site.accounts['demo'].line}\n# a comment\n\nx:y\nbad:$5$a:abc:1::/tmp:/bin/sh\n")
    site.write_private("group", "demo:x:63000:\nz\n")
    done = subprocess.run([OURS, "-t", "-c", path], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) is bool(option), said
    for fault in (f"{site.root}/passwd:4: not seven fields", f"{site.root}/passwd:5: bad id 'abc'", f"{site.root}/group:2: "):
        assert (fault in said) is bool(option), said


def test_permissions_may_be_left_to_the_administrator(site: Site, start: Start) -> None:
    """AuthFileOptions InsecurePerms before the files."""
    server = start(prologue="AuthFileOptions InsecurePerms\n")
    (site.root / "passwd").chmod(0o666)
    (site.root / "group").chmod(0o666)
    assert log_in(server, "demo", "password")


def test_a_group_file_that_was_broken_while_we_run(site: Site, start: Start) -> None:
    """Groups decide about Limits and jails: without them nobody comes in."""
    server = start()
    before = site.log("stderr")
    (site.root / "group").chmod(0o666)
    assert not log_in(server, "demo", "publickey")
    told(site, before, "USER demo (Login failed)", str(site.root / "group"), "world-writable", "AuthGroupFile")


# Homes and roots.


def test_homes_and_roots_that_cannot_be_entered(site: Site, start: Start) -> None:
    users = {"nohome": "home directory '/nonexistent/nohome' cannot be entered", "filehome": "cannot be entered",
             "closed": "cannot be entered"}
    for name in users:
        site.add_account(name)
    site.accounts["nohome"].home = Path("/nonexistent/nohome")
    (site.root / "file").write_text("")
    site.accounts["filehome"].home = site.root / "file"
    shutil.rmtree(site.accounts["closed"].home)
    site.accounts["closed"].home.mkdir(mode=0o700)
    server = start()
    for user, line in users.items():
        before = site.log("stderr")
        assert not log_in(server, user, "publickey")
        told(site, before, f"USER {user} (Login failed): home directory", line)


def test_a_skeleton_or_home_that_cannot_be_made(site: Site, start: Start) -> None:
    site.accounts["demo"].home = Path("/proc/nothing/here")
    server = start(prologue="CreateHome on\n")
    before = site.log("stderr")
    assert not log_in(server, "demo", "publickey")
    told(site, before, "USER demo (Login failed): CreateHome", "/proc/nothing/here")


def test_first_logins_at_once_share_the_home_that_is_made(site: Site, start: Start) -> None:
    site.add_account("newcomer").home = site.root / "made" / "newcomer"
    server = start(prologue="CreateHome on 700 skel /etc/skel\n")
    with ThreadPoolExecutor(4) as clients:
        assert list(clients.map(lambda number: log_in(server, "newcomer", "publickey"), range(4))) == [True] * 4
    assert os.listdir(site.root / "made") == ["newcomer"]


# PAM.


@pytest.fixture
def system(site: Site) -> tuple[Site, str]:
    """A user file entry whose password is PAM's affair (hash ``x``)."""
    site.add_account("pamela", hash="x")
    return site, "pamela"


def services(name: str) -> str:
    return f"AuthPAMConfig {name}\nSFTPPAMServiceName {name}\nAuthPAMSession on\n"


@pytest.fixture
def mixed_order(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import servers

    base = servers.BASE.replace("AuthOrder mod_auth_file.c", "AuthOrder mod_auth_pam.c mod_auth_file.c")
    configure = Site.configuration
    monkeypatch.setattr(Site, "configuration", lambda self, extra="", *, base=base, prologue="": configure(
        self, extra, base=base, prologue=prologue))


#: what is wrong with the service -> what the line says besides the service's name
SERVICES = {
    None: "has no file in /etc/pam.d",
    "auth required pam_no_such_module.so\naccount required pam_no_such_module.so": "Module is unknown",
    "nonsense": "",
    "auth required pam_debug.so auth=service_err\naccount required pam_debug.so acct=service_err": "Error in service module",
    "auth required pam_debug.so auth=authinfo_unavail\naccount required pam_debug.so acct=system_err": "",
    "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_debug.so open_session=session_err": "",
}


@pytest.mark.parametrize("text", SERVICES, ids=lambda text: (text or "missing").split("\n")[0])
def test_a_pam_service_that_is_wrong(system: tuple[Site, str], start: Start, service: Callable[[str], str],
                                     mixed_order: None, text: str | None) -> None:
    site, user = system
    name = "pyproftpd-no-such-service" if text is None else service(text)
    server = start(services(name))
    for method in METHODS:
        before = site.log("stderr")
        assert not log_in(server, user, method), method
        if method == "keyboard-interactive":
            told(site, before, f"for user '{user}': {SERVICES[text] if text else ''}", "PAM ")
        else:
            told(site, before, f"USER {user} (Login failed): ", SERVICES[text], name)
    assert log_in(server, "demo", "password"), "an account that PAM has nothing to do with"


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    target = tmp_path_factory.mktemp("pam") / "crash.so"
    source = Path(__file__).parents[1] / "pam" / "crash.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", target, source, "-l:libpam.so.0"], check=True)
    return target


@pytest.mark.parametrize("phase", ["auth", "account", "session"])
def test_a_pam_module_that_crashes_takes_one_session(system: tuple[Site, str], start: Start, mixed_order: None, phase: str,
                                                     service: Callable[[str], str], crashing: Path) -> None:
    site, user = system
    lines = [f"{kind} required {crashing if kind == phase else 'pam_permit.so'}" for kind in ("auth", "account", "session")]
    server = start(services(service("\n".join(lines))))
    for method in METHODS if phase != "auth" else ("password", "keyboard-interactive"):
        assert not log_in(server, user, method)
    site.wait_for_log("stderr", "ended by signal 6")
    assert log_in(server, "demo", "password")


# Names.

NAMES = ("x' OR '1'='1", "demo\\", "demo\n", "demo\r\nUSER root: Login successful.", "%u", "~", "../demo", "demo:x", "-demo",
         b"\xff\xfe", "demo ", "DEMO", "d\u00e9mo", "*", "${HOME}", "$(id)")


def test_u17_names_are_data(site: Site, start: Start) -> None:
    """Nobody is found by them, nothing of them becomes a line of the log or a path."""
    server = start("AuthAliasOnly off\n")
    for name in NAMES:
        assert not log_in(server, name, "password") and not log_in(server, name, "publickey"), name  # type: ignore[arg-type]
    assert log_in(server, "demo", "password")
    lines = site.log("stderr").splitlines()
    assert not any(line.startswith("USER") for line in lines)
    assert sum("Login successful" in line for line in lines if "no such user" not in line) == 1
