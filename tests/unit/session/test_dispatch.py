"""Hooks around commands: order, what a refusal does, what LOG must survive."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from pyproftpd.api.command import Command, LogClass, Phase
from pyproftpd.api.module import Hook, Module
from pyproftpd.errors import PeerError, Refused
from pyproftpd.session.dispatch import Dispatcher, Phases
from pyproftpd.session.loop import SessionEnd


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, text: str) -> None:
        self.lines.append(text)

    def debug(self, level: int, text: str) -> None:
        """Not looked at."""


class Extended:
    """An ExtendedLog that wants WRITE commands."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def wants(self, classes: LogClass, name: str) -> bool:
        return bool(classes & LogClass.WRITE)

    def write(self, cmd: Command, facts: Any) -> None:
        self.written.append(f"{cmd.name} {cmd.errno}")


class Session:
    def __init__(self) -> None:
        self.log, self.extended, self.running = Log(), Extended(), 0
        self.shown: list[str | None] = []

    def show(self, cmd: Command | None) -> None:
        self.shown.append(cmd.name if cmd else None)


def module(name: str, ran: list[str], *rows: tuple[Phase, str]) -> Module:
    def handler(phase: Phase, command: str) -> Any:
        return lambda session, cmd: ran.append(f"{name} {phase.value} {command}")
    return Module(name=name, api=1, hooks=tuple(Hook(phase, command, handler(phase, command)) for phase, command in rows))


def run(dispatcher: Dispatcher, session: Any, cmd: Command, error: BaseException | None = None) -> None:
    with Phases(dispatcher, session, cmd):
        if error is not None:
            raise error


def test_later_modules_first_and_every_command_before_one() -> None:
    ran: list[str] = []
    rows = ((Phase.PRE, "MKD"), (Phase.PRE, "*"), (Phase.POST, "MKD"), (Phase.LOG, "MKD"), (Phase.PRE, "RMD"))
    run(Dispatcher([module("early", ran, *rows), module("late", ran, *rows)]), Session(), Command("MKD"))
    assert ran == ["late pre *", "early pre *", "late pre MKD", "early pre MKD", "late post MKD", "early post MKD",
                   "late log MKD", "early log MKD"]


def test_a_name_that_no_hook_names_meets_only_the_wildcards() -> None:
    ran: list[str] = []
    dispatcher = Dispatcher([module("one", ran, (Phase.LOG, "*"), (Phase.LOG, "STOR"))])
    run(dispatcher, Session(), Command("SITE_X"))
    assert ran == ["one log *"]
    assert Dispatcher([]).plan("ANY").log == ()


@pytest.mark.parametrize(("error", "number"), [
    (Refused("<Limit MKD>", errno.EACCES), errno.EACCES), (OSError(errno.ENOSPC, "full"), errno.ENOSPC),
    (PeerError("nonsense"), errno.ECONNABORTED), (SessionEnd("TimeoutIdle"), errno.ECONNABORTED),
    (ValueError("a fault of ours"), errno.EIO)])
def test_a_failure_in_the_block_runs_the_error_twins_and_goes_on_up(error: BaseException, number: int) -> None:
    ran: list[str] = []
    dispatcher = Dispatcher([module("one", ran, *((phase, "MKD") for phase in Phase))])
    cmd, session = Command("MKD", classes=LogClass.WRITE), Session()
    with pytest.raises(type(error)):
        run(dispatcher, session, cmd, error)
    assert ran == ["one pre MKD", "one post_err MKD", "one log_err MKD"]
    assert (cmd.errno, session.extended.written) == (number, [f"MKD {number}"])
    assert cmd.text


def test_a_refusal_in_pre_stops_the_other_hooks_and_counts_as_the_outcome() -> None:
    ran: list[str] = []

    def refuse(session: Any, cmd: Command) -> None:
        raise Refused("mod_late says no", errno.EPERM)

    late = Module(name="late", api=1, hooks=(Hook(Phase.PRE, "STOR", refuse),))
    dispatcher = Dispatcher([module("one", ran, *((phase, "STOR") for phase in Phase)), late])
    cmd, session, entered = Command("STOR"), Session(), []
    with pytest.raises(Refused), Phases(dispatcher, session, cmd):  # type: ignore[arg-type]
        entered.append(1)
    assert (entered, ran) == ([], ["one post_err STOR", "one log_err STOR"])
    assert (cmd.errno, cmd.reason, session.running) == (errno.EPERM, "mod_late says no", 0)


def test_a_log_that_fails_silences_neither_the_next_log_nor_the_session() -> None:
    ran: list[str] = []

    def fail(session: Any, cmd: Command) -> None:
        raise RuntimeError("disk full")

    late = Module(name="late", api=1, hooks=(Hook(Phase.LOG, "*", fail),))
    session = Session()
    run(Dispatcher([module("one", ran, (Phase.LOG, "*")), late]), session, Command("DELE", classes=LogClass.WRITE))
    assert ran == ["one log *"]
    assert session.log.lines == ["logging of DELE failed: disk full"]
    assert session.extended.written == ["DELE 0"]


def test_a_long_command_is_busy_from_begin_to_finished() -> None:
    ran: list[str] = []
    dispatcher = Dispatcher([module("one", ran, *((phase, "STOR") for phase in Phase))])
    session: Any = Session()
    cmd = Command("STOR")
    dispatcher.begin(session, cmd)
    assert (ran, session.running) == (["one pre STOR"], 1)
    run(dispatcher, session, Command("LIST"))
    assert session.running == 1
    dispatcher.finished(session, cmd)
    assert (ran[1:], session.running, session.shown[-1]) == (["one post STOR", "one log STOR"], 0, None)
