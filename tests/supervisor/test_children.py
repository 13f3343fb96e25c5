from __future__ import annotations

import os
from pathlib import Path

from clary.core.settings import load
from clary.supervisor import children
from clary.supervisor.children import BACKOFF_FIRST_S, BACKOFF_MAX_S, SETTLED_S, Child


def test_a_child_that_dies_young_waits_longer_each_time_up_to_a_limit():
    child, now, delays = Child("api", lambda: None), 100.0, []
    for pid in range(1, 12):
        child = child.running(pid, now).ended(now + 0.01)
        delays.append(child.delay_s)
        now = child.due
    assert delays[:3] == [BACKOFF_FIRST_S, 2 * BACKOFF_FIRST_S, 4 * BACKOFF_FIRST_S]
    assert delays[-1] == BACKOFF_MAX_S
    assert (child.restarts, child.pid) == (11, None)


def test_a_child_that_had_settled_is_replaced_at_once_and_its_past_is_forgotten():
    young = Child("api", lambda: None).running(1, 0.0).ended(0.1).running(2, 1.0).ended(1.1)
    settled = young.running(3, 2.0).ended(2.0 + SETTLED_S)
    assert (settled.due, settled.delay_s) == (2.0 + SETTLED_S, 0.0)
    assert settled.running(4, 20.0).ended(20.1).delay_s == BACKOFF_FIRST_S


def test_what_ends_a_child_stands_in_its_log_on_one_line(home: Path):
    settings = load({"home": home}, {})
    settings.process_logs.mkdir()

    def fail() -> None:
        raise ValueError("first line\nsecond line")

    _, status = os.waitpid(children.fork("toy", fail, settings), 0)
    assert os.waitstatus_to_exitcode(status) == 1
    (line,) = (settings.process_logs / "toy.log").read_text().splitlines()
    assert " CRITICAL toy clary.supervisor.children toy ends: first line\\nsecond line\\nTraceback" in line


def test_a_child_has_no_keyboard_and_keeps_what_it_prints(home: Path):
    settings = load({"home": home}, {})
    settings.process_logs.mkdir()

    def talk() -> None:
        os.write(1, os.readlink("/proc/self/fd/0").encode())
        os.write(2, b" is its keyboard")

    os.waitpid(children.fork("toy", talk, settings), 0)
    assert (settings.process_logs / "toy.log").read_text() == "/dev/null is its keyboard"
