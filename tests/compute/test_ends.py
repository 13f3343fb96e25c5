"""What is seen and ended of an instance whose keeper comes, or is held up, at the worst moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clary.compute import ends, process
from clary.compute.backend import State
from clary.compute.folders import Folder
from clary.compute.process import ProcessBackend

SOURCE = Path(__file__).parents[2] / "src"
HESITANT = f"""
import os, sys, time
sys.path.append({str(SOURCE)!r})
from clary.compute.folders import Folder
write = os.write
def hesitate(*arguments):
    print("locked", flush=True)
    time.sleep(0.3)  # long enough for a stop that does not wait to be over
    return write(*arguments)
os.write = hesitate
assert Folder(sys.argv[1]).claim() is not None
time.sleep(1000)
"""
LATE = f"""
import os, sys
from contextlib import suppress
sys.path.append({str(SOURCE)!r})
from clary.compute.keeper.life import begin
from clary.compute.keeper.program import Program
read = Program.read_status
def read_late(program):
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, program._pid, os.WEXITED | os.WNOWAIT)
    return read(program)
Program.read_status = read_late
begin(sys.argv[1])
"""


@pytest.fixture
def way() -> str:
    """Keepers that behave as they are told to here."""
    return "executed"


@pytest.fixture
def prepared(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Return the folder of an instance whose keeper has not come yet."""
    with monkeypatch.context() as patch:
        patch.setattr(ProcessBackend, "_begin", lambda *_: None)
        lab.start("a", "pass")
    return Folder(str(lab.folder / "i/a"))


def test_a_keeper_that_comes_while_one_looks_is_not_taken_for_one_that_is_gone(
    prepared: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks: list[int | None] = []
    kept = Folder.kept

    def answer_and_come(folder: Folder) -> bool:
        answer = kept(folder)
        locks.append(folder.claim())
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "kept", answer_and_come)
        before = ends.state(prepared)
    (lock,) = locks
    assert lock is not None
    with open(lock):
        assert (before, ends.state(prepared)) == (None, State.STARTING)
    assert ends.state(prepared) is State.LOST


def test_a_keeper_that_has_not_said_yet_who_it_is_is_ended_too(lab: Any, prepared: Folder) -> None:
    with subprocess.Popen([sys.executable, "-c", HESITANT, prepared.path], stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "locked\n"
        lab.backend.stop("a")
        ended = keeper.poll()
        keeper.kill()
    assert ended == -signal.SIGTERM


def test_a_program_that_is_over_before_its_keeper_hears_of_its_beginning_has_begun(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = lab.folder / "late.py"
    keeper.write_text(LATE)
    monkeypatch.setattr(process, "KEEPER", str(keeper))
    seen = lab.run("a", "pass")
    assert seen.exit_code == 0
    assert seen.started_at is not None
    assert seen.started_at <= seen.ended_at
