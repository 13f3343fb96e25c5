"""A controller that was stopped past its lease finds that another leads, and changes nothing any more."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.crash.machine import Machine, send, stopped
from tests.e2e.conftest import eventually

LEASE_S = 10
PROLONGED_S = 3600.0
TRAIN = "#!/bin/sh\necho done > /opt/ml/model/it\n"
CONTROLLER = """
import sys
from clary.core.settings import load
from clary.processes.controller import controller
controller(load({"home": sys.argv[1]}))
"""


@contextmanager
def second_controller(machine: Machine) -> Iterator[subprocess.Popen[bytes]]:
    """Run one more controller on the same home, by hand."""
    with subprocess.Popen([sys.executable, "-c", CONTROLLER, str(machine.home)]) as process:
        try:
            yield process
        finally:
            send(process.pid, signal.SIGCONT)
            process.terminate()
            process.wait(30)


@contextmanager
def still(machine: Machine, pid: int) -> Iterator[None]:
    """Have a process stand still, but not in the middle of a write: SQLite has all other writers wait for that."""
    eventually(lambda: stands_still(pid) and not writes(machine, pid), 10)
    try:
        yield
    finally:
        send(pid, signal.SIGCONT)


def stands_still(pid: int) -> bool:
    send(pid, signal.SIGCONT)
    send(pid, signal.SIGSTOP)
    eventually(lambda: stopped(pid), 10)
    return True


def writes(machine: Machine, pid: int) -> bool:
    """Say whether a process has, or waits for, the turn to write that the writers of a database take."""
    inodes = {str(lock.stat().st_ino) for lock in machine.home.glob("db/*.lock")}
    locks = [line.split()[-4:-2] for line in Path("/proc/locks").read_text().splitlines()]
    return any(holder == str(pid) and file.rpartition(":")[2] in inodes for holder, file in locks)


def leader(machine: Machine) -> int:
    return int(rows(machine, "select holder from lease where name = 'controller'")[0][0].rpartition(":")[2])


def prolong(machine: Machine, holder: int) -> None:
    """Have a lease not run out, if it is still this process's: what comes after is due to nobody's being slow."""
    with closing(sqlite3.connect(f"{machine.home}/db/records.db", timeout=30)) as database, database:
        mine = (time.time() + PROLONGED_S, f"%:{holder}")
        database.execute("update lease set expires = ? where name = 'controller' and holder like ?", mine)


def rows(machine: Machine, query: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{machine.home}/db/records.db?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


@pytest.fixture
def image(machine: Machine, account) -> str:
    return account.image(machine.home / "image", train=TRAIN)


def test_what_a_controller_writes_after_its_lease_was_lost_does_not_land(machine, account, image, chance):
    first = machine.pid("controller")
    eventually(lambda: leader(machine) == first)
    before = [account.train(f"before-{number}", image) for number in range(3)]
    time.sleep(chance.uniform(0, 0.05))  # stop it at a moment that nobody chose
    with second_controller(machine) as second:
        with still(machine, first):
            eventually(lambda: leader(machine) == second.pid, 3 * LEASE_S)
            assert all(account.completed(each) for each in before)
            eventually(lambda: not rows(machine, "select 1 from record where kind = 'clary/instance'"))
            with still(machine, second.pid):
                prolong(machine, second.pid)
                assert leader(machine) == second.pid
                account.train("after", image)
                known = rows(machine, "select * from record order by uid")
                send(first, signal.SIGCONT)
                said = machine.home / "log/controller.log"
                eventually(lambda: "another controller leads now" in said.read_text(), LEASE_S)
                assert leader(machine) == second.pid
                assert rows(machine, "select * from record order by uid") == known
                assert machine.kept() == []
        assert account.completed("after")
        assert account.log_of_job("after") == []
    for name in before:
        assert account("sagemaker").describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Completed"


def test_a_controller_that_ends_gives_its_lease_to_the_next_at_once(machine, account, image):
    first = machine.pid("controller")
    eventually(lambda: leader(machine) == first, 3 * LEASE_S)
    account.completed(account.train("before", image))  # which makes role, bucket and clients
    with still(machine, first):
        prolong(machine, first)
        send(first, signal.SIGKILL)
    account.completed(account.train("next", image))
    assert leader(machine) == machine.pid("controller") != first
