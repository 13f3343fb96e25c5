from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from clary.compute.backend import Instance
from clary.compute.process import ProcessBackend
from clary.supervisor import lock, state

ALL = {"agent", "api", "controller", "gateway-1"}


def status_of(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/")
    status = connection.getresponse().status
    connection.close()
    return status


def hearing(home: Path) -> set[str]:
    """Return who would hear SIGTERM by now, or has chosen not to."""
    return {each.name.removeprefix("hears-") for each in home.glob("hears-*")}


def gone(pid: int) -> bool:
    return lock.started_ticks(pid) is None


def test_clary_answers_once_the_supervisor_says_so(start):
    toy = start()
    port = toy.wait_until_ready()
    assert status_of(port) == 403
    told = state.read(toy.settings)
    assert (told.pid, told.port, told.url) == (toy.process.pid, port, f"http://127.0.0.1:{port}")
    assert set(toy.children) == ALL
    assert lock.holder(toy.settings) == lock.Holder(toy.process.pid, alive=True)


def test_a_port_that_is_asked_for_is_the_one_that_answers(start, free_port):
    assert start(free_port).wait_until_ready() == free_port


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_killed_process_is_started_again(start, eventually, name):
    toy = start()
    toy.wait_until_ready()
    before = toy.children
    os.kill(before[name], signal.SIGKILL)
    eventually(lambda: toy.restarts(name) == 1)
    after = toy.children
    assert after.pop(name) != before.pop(name)
    assert after == before
    log = (toy.settings.process_logs / "supervisor.log").read_text()
    assert f"{name} ended (SIGKILL); starting it again" in log


def test_the_port_never_refuses_while_its_process_is_killed_and_started_again(start, eventually):
    toy = start()
    port = toy.wait_until_ready()
    refused, stop = [], threading.Event()

    def knock() -> None:
        while not stop.is_set():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=20).close()
            except OSError as error:
                refused.append(error)

    knocking = threading.Thread(target=knock)
    knocking.start()
    for kills in range(1, 4):
        os.kill(toy.children["gateway-1"], signal.SIGKILL)
        eventually(lambda kills=kills: toy.restarts("gateway-1") == kills)
    stop.set()
    knocking.join()
    assert refused == []
    assert status_of(port) == 403


def test_a_killed_supervisor_takes_its_processes_along_and_the_next_has_the_same_port(start, eventually, free_port):
    toy = start(free_port)
    toy.wait_until_ready()
    pids = list(toy.children.values())
    toy.signal(signal.SIGKILL)
    toy.end()
    again = start(free_port)
    assert again.wait_until_ready() == free_port
    eventually(lambda: all(gone(pid) for pid in pids))
    assert status_of(free_port) == 403


def test_a_home_has_one_supervisor(start):
    toy = start()
    toy.wait_until_ready()
    second = start()
    assert second.said() == f"HomeTaken: pid {toy.process.pid}\n"
    assert second.end() == 1


def test_of_several_that_start_at_once_one_runs(start, eventually):
    toys = [start() for _ in range(4)]
    eventually(lambda: sum(toy.process.poll() is not None for toy in toys) == 3)
    (winner,) = (toy for toy in toys if toy.process.poll() is None)
    assert status_of(winner.wait_until_ready()) == 403
    assert all("HomeTaken" in toy.said() for toy in toys if toy is not winner)


def test_sigterm_ends_the_data_plane_first_and_leaves_nothing(start, eventually, home: Path):
    toy = start()
    port = toy.wait_until_ready()
    eventually(lambda: hearing(home) == ALL)
    pids = list(toy.children.values())
    toy.signal(signal.SIGTERM)
    assert toy.end() == 0
    assert all(gone(pid) for pid in pids)
    ended = (home / "ended").read_text().split()
    assert set(ended[:2]) == {"api", "gateway-1"}
    assert ended[2:] == ["controller", "agent"]
    assert state.read(toy.settings) is None
    assert lock.holder(toy.settings) is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_second_signal_cuts_short_the_wait_for_a_process_that_does_not_hear(start, eventually, home: Path):
    (home / "deaf").touch()
    toy = start()
    toy.wait_until_ready()
    eventually(lambda: hearing(home) == ALL)
    deaf = toy.children["controller"]
    toy.signal(signal.SIGTERM)
    eventually((home / "told-controller").exists)
    toy.signal(signal.SIGTERM)
    assert toy.end() == 0
    assert gone(deaf)
    assert (home / "ended").read_text().split()[-1] == "agent"


def test_a_home_that_cannot_be_opened_is_told_and_nothing_stays(start, home: Path):
    (home / "unreadable").touch()
    toy = start()
    assert toy.said() == "DidNotStart: Clary cannot open its home.\n"
    assert toy.end() == 1
    assert "the database is not readable" in (toy.settings.process_logs / "prepare.log").read_text()
    assert lock.holder(toy.settings) is None


def test_a_process_that_dies_at_its_start_is_tried_again_later_and_later(start, eventually, home: Path):
    (home / "broken").touch()
    toy = start()
    toy.wait_until_ready()
    eventually(lambda: toy.restarts("api") >= 3)
    assert "ValueError: no such table: records" in (toy.settings.process_logs / "api.log").read_text()
    (home / "broken").unlink()
    eventually(lambda: "api" in hearing(home))


def test_a_port_that_is_taken_is_named(start):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        toy = start(port)
        assert f"Port {port} on 127.0.0.1 is taken by another program" in toy.said()


def test_instances_outlive_a_killed_supervisor_and_end_with_the_next(start, home: Path):
    toy = start()
    toy.wait_until_ready()
    opt_ml = home / "ml"
    opt_ml.mkdir()
    backend = ProcessBackend(toy.settings.instances)
    backend.start(
        Instance(
            name="sleeper", command=("/bin/sleep", "600"), environment={}, opt_ml=opt_ml,
            vcpus=1, memory_bytes=2**26, disk_bytes=2**26,
        )
    )  # fmt: skip
    toy.signal(signal.SIGKILL)
    toy.end()
    assert not backend.observe("sleeper").ended
    again = start()
    again.wait_until_ready()
    assert not backend.observe("sleeper").ended
    again.signal(signal.SIGTERM)
    assert again.end() == 0
    assert backend.names() == []


def test_ctrl_c_reaches_the_supervisor_alone(start):
    toy = start()
    toy.wait_until_ready()
    assert {os.getpgid(pid) for pid in toy.children.values()} == set(toy.children.values())
    toy.signal(signal.SIGINT)
    assert toy.end() == 0
