"""HUP swaps whole worlds or nothing; TERM ends everything within a limit."""

from __future__ import annotations

import os
import signal
import socket
import threading

from tests.daemon.master import Master, alive
from tests.machine import free_port
from tests.waiting import wait_until


def test_hup_takes_a_new_configuration_and_keeps_the_sessions(master: Master) -> None:
    master.start()
    old = master.connect()
    assert old.ask("server") == "main"
    master.path.write_text(master.path.read_text().replace('"main"', '"second"'))
    master.signal(signal.SIGHUP)
    master.wait_for_log("configuration reloaded")
    assert master.connect().ask("server") == "second"
    assert old.ask("server") == "main"


def test_hup_with_a_broken_file_keeps_the_old_world_and_says_why(master: Master) -> None:
    master.start()
    old = master.connect()
    assert old.served()
    good = master.path.read_text()
    master.path.write_text(good + "NoSuchDirective on\nMaxInstances many\n")
    master.signal(signal.SIGHUP)
    log = master.wait_for_log("configuration not changed")
    lines = len(good.splitlines())
    assert f"{master.path}:{lines + 1}:" in log and f"{master.path}:{lines + 2}:" in log
    assert old.served()
    assert master.connect().served()


def test_hup_with_a_port_that_cannot_be_had_keeps_the_old_one(master: Master) -> None:
    master.start()
    taken = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        master.path.write_text(master.path.read_text().replace(f"Port {master.port}", f"Port {taken}"))
        master.signal(signal.SIGHUP)
        master.wait_for_log("configuration not changed")
    assert master.connect().served()


def test_hup_moves_to_another_port(master: Master) -> None:
    master.start()
    new = free_port()
    master.path.write_text(master.path.read_text().replace(f"Port {master.port}", f"Port {new}"))
    master.signal(signal.SIGHUP)
    wait_until(lambda: master.serves(new), "the new port")
    wait_until(lambda: not master.serves(), "the end of the old port")


def test_hup_names_what_only_a_start_changes(master: Master) -> None:
    master.start()
    path, text = master.path, master.path.read_text()
    path.write_text(f"{text}ScoreboardFile {master.root}/other\nServerType inetd\n")
    number = len(text.splitlines())
    master.signal(signal.SIGHUP)
    log = master.wait_for_log("configuration reloaded")
    assert f"{path}:{number + 1}: ScoreboardFile has its effect when the server is started anew" in log
    assert f"{path}:{number + 2}: ServerType has its effect when the server is started anew" in log
    assert master.serves()
    assert not (master.root / "other").exists()


def test_no_connection_is_lost_while_the_configuration_is_read_again(master: Master) -> None:
    master.start()
    stop = threading.Event()

    def reload() -> None:
        while not stop.wait(0.05):
            master.signal(signal.SIGHUP)

    thread = threading.Thread(target=reload)
    thread.start()
    try:
        served = 0
        while served < 60 or master.log().count("configuration reloaded") < 3:
            client = master.connect()
            assert client.served()
            client.close()
            served += 1
    finally:
        stop.set()
        thread.join()


def test_term_ends_sessions_and_master_and_takes_the_pid_file(master: Master) -> None:
    master.start()
    clients = [master.connect() for _ in range(3)]
    assert all(client.served() for client in clients)
    children = master.children()
    assert master.stop() == 0
    assert not any(alive(pid) for pid in children)
    assert not (master.root / "pid").exists()
    assert "ProFTPD killed (signal 15)" in master.log()
    assert "standalone mode SHUTDOWN" in master.log()


def test_a_session_that_ignores_term_is_killed_after_the_limit(master: Master) -> None:
    master.start()
    client = master.connect()
    assert client.ask("deaf") == "deaf"
    (pid,) = master.children()
    assert master.stop() == 0
    assert not alive(pid)


def test_usr1_ends_an_idle_session_and_not_the_master(master: Master) -> None:
    master.start()
    client = master.connect()
    assert client.served()
    (pid,) = master.children()
    master.signal(signal.SIGUSR1)
    os.kill(pid, signal.SIGUSR1)
    assert client.read() == ""
    assert master.connect().served()


def test_hup_means_nothing_to_a_session(master: Master) -> None:
    master.start()
    client = master.connect()
    assert client.served()
    (pid,) = master.children()
    os.kill(pid, signal.SIGHUP)
    assert client.served()
