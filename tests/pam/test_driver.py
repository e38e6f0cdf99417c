"""Keyboard-interactive through real PAM stacks: security.md U2, U6; behaviours.md 101 to 109."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mod_sftp.api import Abandoned
from mod_sftp_pam.driver import PamDriver
from pyproftpd.api.auth import Account, Verdict
from pyproftpd.unix.pam_keeper import KeptSession
from tests.machine import administer
from tests.pam.conftest import Client, PamSession
from tests.waiting import wait_until

Service = Callable[[str], str]
ALICE = Account(name="alice", uid=1000, gid=1000, home="/home/alice", shell="/bin/sh")


def as_account(name: str) -> Account:
    return Account(name=name, uid=4242, gid=4242, home="/", shell="/bin/sh")


@pytest.fixture
def run() -> Iterator[Callable[..., Verdict]]:
    """Authenticate through the driver; a PAM session that it opened is closed at the end of the test."""
    sessions: list[PamSession] = []

    def authenticate(session: PamSession, client: Client, user: str = "alice",
                     account: Account | None = ALICE) -> Verdict:
        sessions.append(session)
        return PamDriver().authenticate(session, user, account, client)

    yield authenticate
    for session in sessions:
        kept = session.store.get(KeptSession)
        if kept is not None:
            kept.close()


def test_one_prompt_of_pam_unix_lets_the_owner_in(service: Service, account: Callable[..., str],
                                                  run: Callable[..., Verdict]) -> None:
    name = service("auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_permit.so")
    user = account("Secret-1")
    client = Client(["Secret-1"])
    assert run(PamSession(name), client, user, as_account(user)) is Verdict.OK
    assert client.asked == [[("Password: ", False)]]


def test_a_wrong_password_is_refused_and_not_logged(service: Service, account: Callable[..., str],
                                                    run: Callable[..., Verdict]) -> None:
    session = PamSession(service("auth required pam_unix.so nodelay\naccount required pam_unix.so"))
    user = account("Secret-1")
    assert run(session, Client(["wrong-guess"]), user, as_account(user)) is Verdict.BAD_PASSWORD
    assert session.log.lines == [f"mod_sftp_pam/0.3: PAM authentication error (7) for user '{user}': "
                                 "Authentication failure"]


def test_u2_a_ghost_is_asked_what_a_user_is_asked(service: Service, account: Callable[..., str],
                                                  run: Callable[..., Verdict]) -> None:
    name = service("auth required pam_unix.so nodelay\naccount required pam_unix.so")
    user = account("Secret-1")
    real, ghost = Client(["wrong"]), Client(["wrong"])
    assert run(PamSession(name), real, user, as_account(user)) is not Verdict.OK
    assert run(PamSession(name), ghost, "nosuchuser", None) is not Verdict.OK
    assert real.asked == ghost.asked == [[("Password: ", False)]]


def test_a_ghost_that_pam_lets_in_stays_out_and_opens_no_session(service: Service, tmp_path: Path,
                                                                 run: Callable[..., Verdict]) -> None:
    log = tmp_path / "session"
    name = service(recording(tmp_path, log))
    assert run(PamSession(name), Client(), "nosuchuser", None) is Verdict.NO_USER
    assert not log.exists()


def test_u6_text_between_questions_moves_no_answer(service: Service, mixed_module: Path,
                                                   run: Callable[..., Verdict]) -> None:
    name = service(f"auth required {mixed_module}\naccount required pam_permit.so\nsession required pam_permit.so")
    session, client = PamSession(name), Client(["secret", "public"])
    assert run(session, client) is Verdict.OK
    assert client.seen[0][0] == "please answer"
    assert client.asked == [[("hidden: ", False), ("shown: ", True)]]
    assert "something is odd" in session.log.text
    assert "secret" not in session.log.text and "public" not in session.log.text


def test_u6_answers_in_the_wrong_order_are_wrong(service: Service, mixed_module: Path,
                                                 run: Callable[..., Verdict]) -> None:
    name = service(f"auth required {mixed_module}\naccount required pam_permit.so")
    assert run(PamSession(name), Client(["public", "secret"])) is Verdict.BAD_PASSWORD


def test_two_stacked_modules_make_two_rounds(service: Service, matrix: Callable[..., str],
                                             mixed_module: Path, run: Callable[..., Verdict]) -> None:
    name = service(f"auth required {mixed_module}\nauth required pam_matrix\naccount required pam_permit.so\n"
                   "session required pam_permit.so")
    path = Path("/etc/pam.d") / name
    path.write_text(path.read_text().replace("pam_matrix", matrix("alice", "second", name) + " echo"))
    client = Client(["secret", "public"], ["second"])
    assert run(PamSession(name), client) is Verdict.OK
    assert [[echo for _, echo in prompts] for prompts in client.asked] == [[False, True], [True]]


def test_no_info_messages_when_they_are_switched_off(service: Service, mixed_module: Path,
                                                     run: Callable[..., Verdict]) -> None:
    name = service(f"auth required {mixed_module}\naccount required pam_permit.so\nsession required pam_permit.so")
    client = Client(["secret", "public"])
    assert run(PamSession(name, ["NoInfoMsgs"]), client) is Verdict.OK
    assert client.seen[0][0] == ""


def test_an_expired_password_is_changed_in_the_conversation(service: Service, account: Callable[..., str],
                                                            run: Callable[..., Verdict]) -> None:
    name = service("auth required pam_unix.so nodelay\naccount required pam_unix.so\npassword required pam_unix.so\n"
                   "session required pam_permit.so")
    user = account("Secret-1")
    administer("chage", "-d", "0", user)
    client = Client(["Secret-1"], ["Secret-1"], ["Other-pass-22"], ["Other-pass-22"])
    assert run(PamSession(name), client, user, as_account(user)) is Verdict.OK
    assert run(PamSession(name), Client(["Secret-1"]), user, as_account(user)) is Verdict.BAD_PASSWORD
    assert run(PamSession(name), Client(["Other-pass-22"]), user, as_account(user)) is Verdict.OK


def test_whoever_does_not_change_an_expired_password_stays_out(service: Service, account: Callable[..., str],
                                                               run: Callable[..., Verdict]) -> None:
    name = service("auth required pam_unix.so nodelay\naccount required pam_unix.so\npassword required pam_unix.so")
    user = account("Secret-1")
    administer("chage", "-d", "0", user)
    client = Client(["Secret-1"], ["not-the-old-one"])
    assert run(PamSession(name), client, user, as_account(user)) is not Verdict.OK


def test_an_expired_account_is_refused(service: Service, account: Callable[..., str],
                                       run: Callable[..., Verdict]) -> None:
    session = PamSession(service("auth required pam_unix.so nodelay\naccount required pam_unix.so"))
    user = account("Secret-1", "-e", "2001-01-01")
    assert run(session, Client(["Secret-1"]), user, as_account(user)) is Verdict.ACCOUNT_EXPIRED
    assert f"PAM account error (13) for user '{user}'" in session.log.text


def test_an_abandoned_conversation_unwinds(service: Service, mixed_module: Path,
                                           run: Callable[..., Verdict]) -> None:
    name = service(f"auth required {mixed_module}\naccount required pam_permit.so")

    def leave(*_: object) -> list[bytes]:
        raise Abandoned

    with pytest.raises(Abandoned):
        run(PamSession(name), leave)
    assert run(PamSession(name), Client(["secret", "public"])) is Verdict.OK


@pytest.mark.parametrize("answer", ["x" * 512, "x" * (1024 * 1024), "nul\0inside"])
def test_answers_that_pam_cannot_hold_are_refused(service: Service, mixed_module: Path, answer: str,
                                                  run: Callable[..., Verdict]) -> None:
    name = service(f"auth required {mixed_module}\naccount required pam_permit.so")
    assert run(PamSession(name), Client([answer, "public"])) is Verdict.REFUSED


def test_a_service_that_does_not_exist_refuses(run: Callable[..., Verdict]) -> None:
    session = PamSession("pyproftpd-no-such-service")
    client = Client()
    assert run(session, client) is Verdict.REFUSED
    assert client.seen == []
    assert "PAM service 'pyproftpd-no-such-service' has no file in /etc/pam.d" in session.log.text


def test_a_module_that_does_not_exist_refuses(service: Service, run: Callable[..., Verdict]) -> None:
    session = PamSession(service("auth required pam_no_such_module.so\naccount required pam_permit.so"))
    assert run(session, Client()) is Verdict.REFUSED


def test_a_name_longer_than_the_system_knows_is_declined(run: Callable[..., Verdict]) -> None:
    assert run(PamSession("sshd"), Client(), "x" * 300, None) is Verdict.DECLINED


def test_items_and_environment_pass_both_ways(service: Service, tmp_path: Path, run: Callable[..., Verdict]) -> None:
    (tmp_path / "env").write_text("FROM_PAM=yes\n")
    log = tmp_path / "session"
    name = service(recording(tmp_path, log, f"session required pam_env.so readenv=1 envfile={tmp_path}/env"))
    session = PamSession(name)
    assert run(session, Client()) is Verdict.OK
    assert session.environ["FROM_PAM"] == "yes"
    assert wait_for(log, 1) == [f"open_session alice alice client.example /dev/ftpd{os.getpid()} uid=0"]


def test_no_terminal_with_notty(service: Service, tmp_path: Path, run: Callable[..., Verdict]) -> None:
    log = tmp_path / "session"
    name = service(recording(tmp_path, log))
    assert run(PamSession(name, ["NoTTY"]), Client()) is Verdict.OK
    assert wait_for(log, 1) == ["open_session alice alice client.example  uid=0"]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, 0])
def test_the_session_is_closed_as_root_whatever_ended_it(service: Service, tmp_path: Path, ending: int) -> None:
    """U5: opened and closed exactly once, also when the session gave up root and was killed."""
    log = tmp_path / "session"
    name = service(recording(tmp_path, log))
    child = os.fork()
    if child == 0:
        verdict = PamDriver().authenticate(PamSession(name), "alice", ALICE, Client())
        os.setresuid(65534, 65534, 65534)
        if ending:
            os.kill(os.getpid(), ending)
        os._exit(0 if verdict is Verdict.OK else 1)
    os.waitpid(child, 0)
    lines = wait_for(log, 2)
    assert [line.split()[0] for line in lines] == ["open_session", "close_session"]
    assert all(line.endswith("uid=0") for line in lines)


def test_a_module_that_sleeps_does_not_outlive_the_login_time(service: Service, tmp_path: Path) -> None:
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 30\n")
    sleeper.chmod(0o755)
    name = service(f"auth required pam_exec.so {sleeper}\naccount required pam_permit.so")
    child = os.fork()
    if child == 0:
        session = PamSession(name)
        session.timers.add("TimeoutLogin", 0.5, lambda: None)
        PamDriver().authenticate(session, "alice", ALICE, Client())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM


def test_failed_logins_leave_nothing_open(service: Service, mixed_module: Path) -> None:
    """U6: handles and descriptors are given back."""
    session = PamSession(service(f"auth required {mixed_module}\naccount required pam_permit.so"))
    driver = PamDriver()

    def fail(times: int) -> int:
        for _ in range(times):
            assert driver.authenticate(session, "alice", ALICE, Client(["no", "no"])) is Verdict.BAD_PASSWORD
        return len(os.listdir("/proc/self/fd"))

    before = fail(3)
    assert fail(40) <= before  # connections of earlier tests may end meanwhile


def recording(directory: Path, log: Path, *rows: str) -> str:
    """A service that lets everybody in, with further rows; each opening and closing of a session is a line of the log."""
    path = directory / "record"
    path.write_text("#!/bin/sh\n"
                    f'echo "$PAM_TYPE $PAM_USER $PAM_RUSER $PAM_RHOST $PAM_TTY uid=$(id -u)" >> {log}\n')
    path.chmod(0o755)
    return "\n".join(("auth required pam_permit.so", "account required pam_permit.so", *rows,
                      f"session required pam_exec.so {path}"))


def wait_for(log: Path, count: int) -> list[str]:
    """The lines of a log once it has ``count``, which another process writes."""
    def lines() -> list[str]:
        return log.read_text().splitlines() if log.exists() else []
    wait_until(lambda: len(lines()) >= count, lambda: f"{count} lines in {log}: {lines()}")
    return lines()
