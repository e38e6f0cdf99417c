"""Where log lines go, and which places are refused."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyproftpd.log import sinks
from pyproftpd.log.conf import LOG_OPTIONS
from pyproftpd.log.sinks import LEVELS, MAX_LINE, UnsafePath, open_sink
from pyproftpd.log.system import ServerLogger
from pyproftpd.log.trace import Trace


def test_lines_are_appended_whole(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    sink = open_sink(str(tmp_path / "log"))
    sink.write("one")
    sink.write("two\nthree")
    sink.close()
    assert (tmp_path / "log").read_text() == "before\none\ntwo three\n"


def test_a_new_log_is_not_readable_by_everybody(tmp_path: Path) -> None:
    open_sink(str(tmp_path / "log")).close()
    assert (tmp_path / "log").stat().st_mode & 0o027 == 0


def test_a_symbolic_link_is_refused_unless_allowed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(UnsafePath, match="AllowLogSymlinks"):
        open_sink(str(tmp_path / "link"))
    assert not (tmp_path / "target").exists()
    open_sink(str(tmp_path / "link"), allow_symlinks=True).close()
    assert (tmp_path / "target").exists()


def test_a_directory_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(UnsafePath, match="writable by everybody"):
        open_sink(str(tmp_path / "open" / "log"))
    assert not (tmp_path / "open" / "log").exists()


@pytest.mark.root
@pytest.mark.parametrize(("owner", "names", "taken"), [(0, 1, True), (4001, 1, False), (0, 2, False)])
def test_in_a_sticky_directory_only_a_log_of_roots_own_is_taken(tmp_path: Path, owner: int, names: int, taken: bool) -> None:
    """Whoever puts a file there beforehand would read what root writes, or choose where it goes."""
    place = tmp_path / "tmp"
    place.mkdir()
    place.chmod(0o1777)
    (place / "log").touch()
    os.chown(place / "log", owner, 0)
    if names == 2:
        os.link(place / "log", tmp_path / "other")
    if taken:
        open_sink(str(place / "log")).close()
    else:
        with pytest.raises(UnsafePath):
            open_sink(str(place / "log"))


def test_a_fifo_that_nobody_reads_is_an_error_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError):
        open_sink(str(tmp_path / "fifo"))


def test_a_fifo_whose_reader_stops_loses_lines_but_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    sink = open_sink(str(tmp_path / "fifo"))
    for _ in range(5000):
        sink.write("x" * 100)
    assert sink.failures > 0
    os.close(reader)


def test_a_line_that_a_disk_took_half_of_spoils_no_other(tmp_path: Path) -> None:
    """The limit on the size of files stands for a disk that fills up."""
    path = tmp_path / "log"
    sink = open_sink(str(path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sink.write("first")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        sink.write("second, which is long")
        sink.write("third")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    sink.write("fourth")
    assert path.read_text() == "first\nseco\nfourth\n" and sink.failures == 2


def test_a_line_is_bounded(tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "log"))
    sink.write("x" * (4 * MAX_LINE))
    assert (tmp_path / "log").stat().st_size == MAX_LINE


def test_an_unknown_syslog_level_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="emerg, alert"):
        open_sink("syslog:loud")


@pytest.fixture
def syslog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A syslog daemon of the test's own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "syslog"))
        listener.settimeout(5)
        monkeypatch.setattr(sinks, "SYSLOG_SOCKET", str(tmp_path / "syslog"))
        yield listener


def test_syslog_gets_priority_name_and_pid(syslog: socket.socket) -> None:
    open_sink("syslog:warn", facility="LOCAL3").write("a line")
    assert syslog.recv(4096).decode() == f"<{19 * 8 + 4}>proftpd[{os.getpid()}]: a line"


def test_a_syslog_that_starts_anew_gets_the_lines_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "syslog")
    monkeypatch.setattr(sinks, "SYSLOG_SOCKET", path)
    sink = open_sink("syslog:info")
    sink.write("before there is one")
    assert sink.failures == 1
    for text in ("first", "second"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(path)
            listener.settimeout(5)
            sink.write(text)
            assert listener.recv(4096).decode().endswith(text)
        os.unlink(path)
    sink.write("lost")
    assert sink.failures == 2


@pytest.mark.root
def test_syslog_is_not_looked_for_in_a_chroot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns the place could put a socket there and read along."""
    jail = tmp_path / "jail"
    jail.mkdir()
    monkeypatch.setattr(sinks, "SYSLOG_SOCKET", "/syslog")
    sink, general = open_sink("syslog:info"), ServerLogger(open_sink("/dev/full"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs:
        theirs.bind(str(jail / "syslog"))
        child = os.fork()
        if not child:
            os.chroot(jail)
            sink.write("secret")
            general.error("secret")
            os._exit(sink.failures)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        with pytest.raises(BlockingIOError):
            theirs.recv(4096, socket.MSG_DONTWAIT)


def test_lines_of_a_general_log_that_cannot_be_written_go_to_syslog(syslog: socket.socket) -> None:
    logger = ServerLogger(open_sink("/dev/full"))
    logger.error("something happened")
    assert "cannot be written" in syslog.recv(4096).decode()
    assert syslog.recv(4096).decode() == f"<{3 * 8 + 3}>proftpd[{os.getpid()}]: something happened"
    logger.notice("and more")
    assert syslog.recv(4096).decode().endswith(": and more")


@pytest.mark.parametrize(("options", "line"), [
    (LOG_OPTIONS - {"Timestamp"}, "HOST proftpd[PID] 192.0.2.1 (192.0.2.9[192.0.2.9]): text"),
    (LOG_OPTIONS - {"Timestamp", "Hostname"}, "proftpd[PID] 192.0.2.1 (192.0.2.9[192.0.2.9]): text"),
    (frozenset[str](), "proftpd[PID]: text")])
def test_what_a_line_of_the_general_log_begins_with(tmp_path: Path, options: frozenset[str], line: str) -> None:
    logger = ServerLogger(open_sink(str(tmp_path / "log")), options=options)
    logger.server, logger.client = "192.0.2.1", "192.0.2.9[192.0.2.9]"
    logger.error("text")
    assert (tmp_path / "log").read_text() == line.replace("PID", str(os.getpid())).replace("HOST", socket.gethostname()) + "\n"


def test_levels_of_the_general_log(tmp_path: Path) -> None:
    logger = ServerLogger(open_sink(str(tmp_path / "log")), level=LEVELS.index("warn"), options=frozenset())
    for write in (logger.error, logger.warning, logger.notice, logger.info):
        write(write.__name__)
    logger.debug(1, "debug")
    assert [line.split(": ")[1] for line in (tmp_path / "log").read_text().splitlines()] == ["error", "warning"]


@pytest.mark.parametrize(("options", "head"), [
    (frozenset[str](), r"\["), (frozenset({"Timestamp"}), r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \["),
    (frozenset({"Timestamp", "TimestampMillis"}), r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[")])
def test_trace_lines_begin_as_trace_options_say(tmp_path: Path, options: frozenset[str], head: str) -> None:
    trace = Trace({"ssh2": (2, 3)}, open_sink(str(tmp_path / "log")), options)
    for level in (1, 2, 3, 4):
        trace("ssh2", level, f"level {level}")
    trace("other", 2, "not asked for")
    assert re.fullmatch(f"{head}{os.getpid()}\\] <ssh2:2>: level 2\n{head}{os.getpid()}\\] <ssh2:3>: level 3\n",
                        (tmp_path / "log").read_text())
