"""Uploads: what is on disk while they run and after each way they can end (docs/uploads.md; security.md F14, F15)."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pyproftpd.errors import Refused
from tests.unit.vfs.windows import Window, as_user, request

Make = Callable[..., Window]

HIDDEN = "AllowOverwrite on\nHiddenStores on\n"
OPEN = "AllowOverwrite on\nAllowStoreRestart on\n"


def write(upload: object, offset: int, data: bytes) -> None:
    upload.write_at(offset, memoryview(data))  # type: ignore[attr-defined]


# -- writing ------------------------------------------------------------------------------------------------------------

def test_blocks_in_any_order_with_a_gap(window: Make) -> None:
    here = window()
    upload = here.open("f")
    write(upload, 10, b"end")
    write(upload, 0, b"start")
    assert upload.size == 13
    upload.finish()
    assert (here.root / "f").read_bytes() == b"start\0\0\0\0\0end"
    assert here.records[0].bytes == 8 and here.records[0].file_size == 13 and here.records[0].complete


def test_an_empty_file(window: Make) -> None:
    here = window()
    here.open("f").finish()
    assert (here.root / "f").read_bytes() == b""
    assert here.records[0].complete and here.records[0].bytes == 0


def test_a_sparse_file_far_out(window: Make) -> None:
    here = window()
    upload = here.open("f")
    write(upload, 20 * 2**30, b"x")
    upload.finish()
    info = (here.root / "f").stat()
    assert info.st_size == 20 * 2**30 + 1 and info.st_blocks < 1000


def test_append_ignores_offsets(window: Make) -> None:
    here = window(OPEN)
    here.keep("f", b"old")
    upload = here.open("f", truncate=False, append=True)
    write(upload, 0, b"A")
    write(upload, 0, b"B")
    upload.finish()
    assert (here.root / "f").read_bytes() == b"oldAB"


def test_two_appenders_do_not_lose_blocks(window: Make) -> None:
    here = window(OPEN)
    one, two = (here.open("f", truncate=False, append=True) for _ in range(2))
    for index in range(50):
        write(one, index, b"1" * 100)
        write(two, index, b"2" * 100)
    one.finish()
    two.finish()
    data = (here.root / "f").read_bytes()
    assert data == (b"1" * 100 + b"2" * 100) * 50


def test_resume_keeps_what_was_there(window: Make) -> None:
    here = window(OPEN)
    here.keep("f", b"0123456789")
    upload = here.open("f", truncate=False)
    write(upload, 5, b"AB")
    upload.finish()
    assert (here.root / "f").read_bytes() == b"01234AB789"
    assert here.records[0].offset == 5


def test_a_record_says_that_an_existing_file_changed(window: Make) -> None:
    here = window(OPEN)
    upload = here.open("f")
    upload.finish()
    assert not upload.cmd.modified
    upload = here.open("f")
    upload.finish()
    assert upload.cmd.modified


def test_ending_twice_reports_once(window: Make) -> None:
    here = window()
    upload = here.open("f")
    upload.finish()
    upload.finish()
    upload.abort("late")
    assert len(here.records) == 1 and here.records[0].complete


# -- what may be opened -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("overwrite", "restart", "wanted", "allowed"), [
    ("off", "off", {"truncate": True}, False), ("off", "off", {"truncate": False}, False),
    ("off", "off", {"truncate": False, "append": True}, False), ("off", "on", {"truncate": False, "append": True}, True),
    ("off", "on", {"truncate": True, "append": True}, False), ("off", "on", {"truncate": False}, False),
    ("on", "off", {"truncate": True}, True), ("on", "off", {"truncate": False}, True),
    ("on", "off", {"truncate": False, "append": True}, False), ("on", "on", {"truncate": False, "append": True}, True),
])
def test_existing_files(window: Make, overwrite: str, restart: str, wanted: dict[str, bool], allowed: bool) -> None:
    """The verdicts of proftpd 1.3.8 with mod_sftp, asked by SFTP version 3."""
    here = window(f"AllowOverwrite {overwrite}\nAllowStoreRestart {restart}\n")
    here.keep("f", b"old")
    if allowed:
        here.open("f", **wanted).finish()
        return
    with pytest.raises(Refused) as caught:
        here.open("f", **wanted)
    assert caught.value.errno == errno.EACCES
    assert (here.root / "f").read_bytes() == b"old"


def test_a_file_opened_to_append_cannot_be_cut_under_allow_overwrite_off(window: Make) -> None:
    here = window("AllowStoreRestart on\n")
    here.keep("f", b"old")
    upload = here.open("f", truncate=False, append=True)
    with pytest.raises(Refused):
        upload.truncate(0)
    upload.finish()
    assert (here.root / "f").read_bytes() == b"old"


def test_exclusive_and_missing(window: Make) -> None:
    here = window(OPEN)
    here.keep("f")
    (here.root / "dangling").symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        here.open("f", exclusive=True)
    with pytest.raises(FileExistsError):
        here.open("dangling", exclusive=True)
    with pytest.raises(FileNotFoundError):
        here.open("none", create=False)
    assert not (here.root / "elsewhere").exists()


def test_a_directory_or_a_device_is_no_target(window: Make) -> None:
    here = window(OPEN)
    (here.root / "d").mkdir()
    with pytest.raises(IsADirectoryError):
        here.open("d")
    with pytest.raises(Refused):
        here.open("/dev/null")


def test_a_link_is_written_through_at_its_target(window: Make) -> None:
    here = window(OPEN)
    here.keep("d/f", b"old")
    (here.root / "l").symlink_to("d/f")
    here.put("l", b"new")
    assert (here.root / "d" / "f").read_bytes() == b"new"
    assert (here.root / "l").is_symlink()


def test_a_fifo_does_not_hang(window: Make) -> None:
    here = window(OPEN)
    os.mkfifo(here.root / "p")
    with pytest.raises(OSError) as caught:
        here.open("p", truncate=False)
    assert caught.value.errno == errno.ENXIO
    reader = os.open(here.root / "p", os.O_RDONLY | os.O_NONBLOCK)
    try:
        upload = here.open("p", truncate=False)
        write(upload, 0, b"through")
        with pytest.raises(BlockingIOError):
            for _ in range(100):
                upload.append(memoryview(bytes(4096)))
        assert not upload.failure
        upload.finish()
        assert os.read(reader, 7) == b"through"
    finally:
        os.close(reader)


# -- modes and owners ---------------------------------------------------------------------------------------------------

def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_umask_of_the_place_holds_for_files_and_directories(window: Make) -> None:
    here = window("Umask 027 077\n<Directory {root}/d>\nUmask 007\n</Directory>\n")
    here.view.mkdir(request("MKD", "WRITE"), "d")
    here.put("f", b"")
    here.put("d/f", b"")
    here.view.mkdir(request("MKD", "WRITE"), "d/e")
    assert [mode_of(here.root / name) for name in ("f", "d/f", "d/e")] == [0o640, 0o660, 0o770]


def test_a_mode_that_the_client_names_is_set_as_site_chmod_would(window: Make) -> None:
    here = window("Umask 077\nAllowOverwrite on\n")
    here.put("f", b"", mode=0o664)
    assert mode_of(here.root / "f") == 0o664
    here.put("f", b"", mode=0o600)
    assert mode_of(here.root / "f") == 0o664, "an existing file keeps its mode"


def test_a_mode_needs_what_site_chmod_needs(window: Make) -> None:
    here = window("<Directory {root}>\n<Limit SITE_CHMOD>\nDenyAll\n</Limit>\n</Directory>\n")
    with pytest.raises(Refused):
        here.open("f", mode=0o664)
    assert not (here.root / "f").exists()
    here.put("f", b"")


@pytest.mark.root
def test_owners(window: Make) -> None:
    here = window("<Directory {root}>\nUserOwner bob\nGroupOwner guests\n</Directory>\n")
    here.put("f", b"")
    here.view.mkdir(request("MKD", "WRITE"), "d")
    for name in ("f", "d"):
        info = (here.root / name).stat()
        assert (info.st_uid, info.st_gid) == (4002, 5002)


@pytest.mark.root
def test_u15_owners_are_never_given_to_another_name_of_a_file(window: Make) -> None:
    """A file with a second name may be anybody's: writing to it does not give it away."""
    here = window("AllowOverwrite on\n<Directory {root}>\nUserOwner bob\n</Directory>\n")
    here.keep("theirs")
    os.link(here.root / "theirs", here.root / "mine")
    here.put("mine", b"x")
    assert (here.root / "theirs").stat().st_uid == os.geteuid()


def test_an_owner_that_does_not_exist_is_logged_and_the_file_stays(window: Make) -> None:
    here = window("<Directory {root}>\nUserOwner nosuchuser\n</Directory>\n")
    here.put("f", b"x")
    assert (here.root / "f").read_bytes() == b"x"
    assert any("nosuchuser" in line for line in here.log.lines)


# -- limits -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("append", [False, True])
def test_f15_max_store_file_size_is_never_exceeded(window: Make, append: bool) -> None:
    here = window(OPEN + "MaxStoreFileSize 1 KB\n")
    upload = here.open("f", truncate=not append, append=append)
    write(upload, 0, b"x" * 1000)
    for offset, count in ((1000, 25),) if append else ((1000, 25), (1024, 1), (2**40, 1)):
        with pytest.raises(Refused) as caught:
            write(upload, offset, b"y" * count)
        assert caught.value.errno == errno.EFBIG and "MaxStoreFileSize" in caught.value.rule
        assert (here.root / "f").stat().st_size == 1000
    with pytest.raises(Refused):
        upload.truncate(1025)
    upload.finish()
    assert (here.root / "f").stat().st_size == 1000
    assert not here.records[0].complete


def test_the_limit_counts_what_was_there_before(window: Make) -> None:
    here = window(OPEN + "MaxStoreFileSize 1 KB\n")
    here.keep("f", b"x" * 1020)
    upload = here.open("f", truncate=False, append=True)
    with pytest.raises(Refused):
        write(upload, 0, b"12345")
    write(upload, 0, b"1234")
    assert (here.root / "f").stat().st_size == 1024


def test_admission_of_transfers_is_asked_before_a_file_is_made(window: Make) -> None:
    asked: list[str] = []

    def admit(scope: object, name: str) -> None:
        asked.append(name)
        raise Refused("MaxTransfersPerUser")

    here = window(OPEN, admit_transfer=admit)
    with pytest.raises(Refused):
        here.open("f")
    assert asked == ["STOR"] and not (here.root / "f").exists()


# -- hidden uploads -----------------------------------------------------------------------------------------------------

def test_the_final_name_appears_whole(window: Make) -> None:
    here = window(HIDDEN)
    here.keep("f", b"old")
    upload = here.open("f")
    write(upload, 0, b"new")
    assert set(os.listdir(here.root)) == {"f", ".in.f."} and (here.root / "f").read_bytes() == b"old"
    upload.finish()
    assert os.listdir(here.root) == ["f"] and (here.root / "f").read_bytes() == b"new"
    assert here.records[0].path == f"{here.root}/f"


def test_prefix_and_suffix(window: Make) -> None:
    here = window("HiddenStores .up- .tmp\n")
    upload = here.open("f")
    assert os.listdir(here.root) == [".up-f.tmp"]
    upload.finish()
    assert os.listdir(here.root) == ["f"]


def test_two_uploads_of_one_name_do_not_mix(window: Make) -> None:
    here = window(HIDDEN)
    one, two = here.open("f"), here.open("f")
    write(one, 0, b"1111")
    write(two, 0, b"22")
    one.finish()
    assert (here.root / "f").read_bytes() == b"1111"
    two.finish()
    assert (here.root / "f").read_bytes() == b"22" and os.listdir(here.root) == ["f"]


def test_a_long_name_gets_a_random_hidden_one(window: Make) -> None:
    here = window(HIDDEN)
    name = "n" * 254
    upload = here.open(name)
    assert all(hidden.startswith(".in.") and len(hidden) < 100 for hidden in os.listdir(here.root))
    upload.finish()
    assert os.listdir(here.root) == [name]


def test_what_a_dead_session_left_is_replaced(window: Make) -> None:
    here = window(HIDDEN)
    here.keep(".in.f.", b"left over")
    upload = here.open("f")
    assert os.listdir(here.root) == [".in.f."]
    write(upload, 0, b"new")
    upload.finish()
    assert (here.root / "f").read_bytes() == b"new" and os.listdir(here.root) == ["f"]


def test_what_a_living_session_writes_is_left_alone(window: Make) -> None:
    here = window(HIDDEN)
    other = os.open(here.keep(".in.f.", b"theirs"), os.O_WRONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        here.open("f").finish()
    finally:
        os.close(other)
    assert (here.root / ".in.f.").read_bytes() == b"theirs"


def test_a_link_planted_under_the_hidden_name_is_not_followed(window: Make) -> None:
    here = window(HIDDEN)
    victim = here.keep("victim", b"safe")
    (here.root / ".in.f.").symlink_to("victim")
    here.put("f", b"data")
    assert victim.read_bytes() == b"safe" and (here.root / "f").read_bytes() == b"data"


def test_a_file_put_in_place_of_the_hidden_one_is_not_given_the_name(window: Make) -> None:
    here = window(HIDDEN)
    upload = here.open("f")
    (here.root / ".in.f.").unlink()
    here.keep(".in.f.", b"planted")
    with pytest.raises(OSError):
        upload.finish()
    assert not (here.root / "f").exists() and not here.records[0].complete


def test_without_allow_overwrite_a_name_that_appears_meanwhile_stays(window: Make) -> None:
    here = window("HiddenStores on\n")
    upload = here.open("f")
    write(upload, 0, b"mine")
    here.keep("f", b"theirs")
    with pytest.raises(FileExistsError):
        upload.finish()
    assert (here.root / "f").read_bytes() == b"theirs" and os.listdir(here.root) == ["f"]


def test_appending_and_resuming_are_refused(window: Make) -> None:
    here = window(HIDDEN + "AllowStoreRestart on\n")
    here.keep("f", b"old")
    for wanted in ({"truncate": False}, {"truncate": False, "append": True}):
        with pytest.raises(Refused) as caught:
            here.open("f", **wanted)
        assert "HiddenStores" in caught.value.rule
    assert (here.root / "f").read_bytes() == b"old"


@pytest.mark.root
def test_a_file_that_one_may_not_write_is_not_replaced_either(window: Make) -> None:
    here = window(HIDDEN)
    here.root.chmod(0o777)
    here.keep("f", b"old").chmod(0o444)
    with as_user(4001), pytest.raises(PermissionError):
        here.open("f")
    assert os.listdir(here.root) == ["f"]


# -- the table of ends --------------------------------------------------------------------------------------------------

ENDS = [
    # hidden, delete, before, what stays of {final, temporary}
    ("on", None, None, set()), ("on", "on", None, set()), ("on", "off", None, {".in.f."}),
    ("on", None, b"old", {"f"}), ("on", "off", b"old", {"f", ".in.f."}),
    ("off", None, None, {"f"}), ("off", "off", None, {"f"}), ("off", "on", None, set()),
    ("off", "on", b"old", set()), ("off", "off", b"old", {"f"}),
]


def terms(hidden: str, delete: str | None) -> str:
    return OPEN + f"HiddenStores {hidden}\n" + (f"DeleteAbortedStores {delete}\n" if delete else "")


@pytest.mark.parametrize(("hidden", "delete", "before", "left"), ENDS)
def test_an_aborted_upload(window: Make, hidden: str, delete: str | None, before: bytes | None, left: set[str]) -> None:
    here = window(terms(hidden, delete))
    if before is not None:
        here.keep("f", before)
    upload = here.open("f")
    write(upload, 0, b"part")
    upload.abort("client went away")
    assert set(os.listdir(here.root)) == left
    if hidden == "on" and before is not None:
        assert (here.root / "f").read_bytes() == before
    record = here.records[0]
    assert not record.complete and record.bytes == 4 and record.failure == "client went away"


@pytest.mark.parametrize("wanted", [{"truncate": False}, {"truncate": False, "append": True}])
def test_what_was_somebody_s_before_is_never_deleted(window: Make, wanted: dict[str, bool]) -> None:
    here = window(terms("off", "on"))
    here.keep("f", b"precious")
    upload = here.open("f", **wanted)
    write(upload, 8, b"part")
    upload.abort()
    assert (here.root / "f").read_bytes().startswith(b"precious")


@pytest.mark.parametrize(("hidden", "delete", "before", "left"), ENDS)
def test_a_close_after_a_failed_write(window: Make, hidden: str, delete: str | None, before: bytes | None,
                                      left: set[str]) -> None:
    here = window(terms(hidden, delete) + "MaxStoreFileSize 10 B\n")
    if before is not None:
        here.keep("f", before)
    upload = here.open("f")
    write(upload, 0, b"part")
    with pytest.raises(Refused):
        write(upload, 4, b"too much data")
    if hidden == "on" or delete == "on":
        with pytest.raises(OSError):
            upload.finish()
    else:
        upload.finish()
    assert set(os.listdir(here.root)) == left
    assert not here.records[0].complete and "MaxStoreFileSize" in here.records[0].failure


@pytest.mark.root
@pytest.mark.parametrize("hidden", ["on", "off"])
def test_a_full_disk_is_told_by_the_write_that_met_it(window: Make, root: Path, hidden: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(root)], check=True)
    try:
        here = window(terms(hidden, None))
        upload = here.open("f")
        with pytest.raises(OSError) as caught:
            for index in range(20):
                write(upload, index * 8192, b"x" * 8192)
        assert caught.value.errno == errno.ENOSPC
        if hidden == "on":
            with pytest.raises(OSError):
                upload.finish()
            assert os.listdir(root) == []
        else:
            upload.finish()
        assert not here.records[0].complete
    finally:
        subprocess.run(["umount", str(root)], check=True)


# -- durability ---------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from tests.unit.vfs.windows import Window
here = Window(Path(sys.argv[1]), sys.argv[2])
here.put("f", b"data")
"""


@pytest.mark.parametrize(("level", "calls"), [
    ("none", ["rename"]), ("data", ["fdatasync", "rename"]), ("full", ["fsync", "rename", "fsync"])])
def test_promise_1_syncs_come_in_order(root: Path, level: str, calls: list[str]) -> None:
    trace = root.parent / "trace"
    done = subprocess.run(
        ["strace", "-f", "-o", str(trace), "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", sys.executable, "-c", SCRIPT,
         str(root), f"AllowOverwrite on\nHiddenStores on\nUploadDurability {level}\n"],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=120)
    if "ptrace" in done.stderr.lower():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    seen = [line.split()[1].split("(")[0].removesuffix("at2").removesuffix("at") for line in trace.read_text().splitlines()
            if "(" in line and str(root.parent) + "/root.conf" not in line and ".pyc" not in line]
    assert seen == calls
