"""How the process back end sees an instance's state from its folder, signals it, and brings it to an end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path
from typing import Any, Final

from clary.compute import limits
from clary.compute.backend import State
from clary.compute.folders import Folder, open_process, process_started
from clary.core.errors import ComputeError

FIRST_PID_INSIDE: Final = "2"  # bubblewrap's own reaper is 1
BEGIN_S: Final = 30.0
GENTLE_S: Final = 10.0
HARD_S: Final = 30.0
POLL_S: Final = 0.005
STOPPED: Final = {
    "exit_code": 128 + signal.SIGKILL,
    "signal": int(signal.SIGKILL),
    "out_of_memory": False,
    "error": "The instance was stopped before it began.",
    "started_at": None,
}


def state(folder: Folder) -> State | None:
    """Return where the instance stands, or None if no keeper ever claimed it."""
    if os.path.exists(folder / "exit.json"):
        return State.EXITED
    had_begun = begun(folder)  # asked first: a keeper that comes only now is none that is gone
    if folder.kept():
        return State.RUNNING if os.path.exists(folder / "program.json") else State.STARTING
    if not had_begun:
        return None
    # The keeper may have written its last file between the first question and the last.
    return State.EXITED if os.path.exists(folder / "exit.json") else State.LOST


def begun(folder: Folder) -> bool:
    """Say whether there ever was a keeper."""
    return folder.read("keeper.json") is not None


def signal_program(folder: Folder, number: int) -> None:
    """Signal the first process inside; wait a little for it where the instance is just starting."""
    deadline = time.monotonic() + BEGIN_S
    while state(folder) in (State.STARTING, State.RUNNING):
        pid = _program(folder)
        if pid is not None:
            _send(pid, number)
            return
        if time.monotonic() > deadline:
            raise ComputeError(f"The program of {folder.path} did not begin within {BEGIN_S:.0f} s.")
        time.sleep(POLL_S)


def _program(folder: Folder) -> int | None:
    """Return a pidfd of the user's program, or None while there is none."""
    first, plan = folder.read("program.json"), folder.read("instance.json")
    if first is None or plan is None:
        return None
    reaper = open_process(first["pid"], first["started"])
    if reaper is None or not plan["sandboxed"]:
        return reaper
    try:
        for pid in _children(first["pid"]):
            if _pid_inside(pid) == FIRST_PID_INSIDE:
                return open_process(pid, process_started(pid))
    finally:
        os.close(reaper)
    return None


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _pid_inside(pid: int) -> str | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((line.split()[-1] for line in lines if line.startswith("NSpid:")), None)


def _send(process: int, number: int) -> None:
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, number)
    finally:
        os.close(process)


def stop(folder: Folder) -> None:
    """Bring an instance to its end and clear what is left; return when nothing of it is there any more."""
    if not os.path.exists(folder.path):
        return
    lock = folder.claim()
    if lock is not None:  # nobody kept it, and nobody ever will
        folder.write("exit.json", STOPPED | {"ended_at": time.time()})
        os.close(lock)
    ended_by_us = _end_keeper(folder)
    _end_program(folder.read("program.json"))
    _clear(folder)
    if ended_by_us and not os.path.exists(folder / "exit.json"):  # it had not come to hearing signals yet
        folder.write("exit.json", STOPPED | {"ended_at": time.time()})


def kill(folder: Folder) -> bool:
    """Kill the keeper, which takes its instance along, as if the machine had failed; say whether there was one."""
    process = _keeper(folder)
    if process is None:
        return False
    _send(process, signal.SIGKILL)
    return True


def _keeper(folder: Folder) -> int | None:
    """Return a pidfd of the keeper, None if there is none; one that has just come is waited for until it says who."""
    deadline = time.monotonic() + BEGIN_S
    while folder.kept():
        keeper = folder.read("keeper.json")
        if keeper is not None:
            return open_process(keeper["pid"], keeper["started"])
        if time.monotonic() > deadline:
            raise ComputeError(f"The keeper of {folder.path} does not say who it is.")
        time.sleep(POLL_S)
    return None


def _end_keeper(folder: Folder) -> bool:
    """Ask the keeper to end its instance and write down the end; kill it if it does not. Say whether there was one."""
    process = _keeper(folder)
    if process is None:
        return False
    try:
        for number, patience_s in ((signal.SIGTERM, GENTLE_S), (signal.SIGKILL, HARD_S)):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if _ended(process, patience_s):
                return True
    finally:
        os.close(process)
    raise ComputeError(f"The keeper of {folder.path} does not die.")


def _end_program(program: dict[str, Any] | None) -> None:
    """Kill what a dead keeper left: with the first process inside goes its whole process namespace."""
    process = open_process(program["pid"], program["started"]) if program else None
    if process is None:
        return
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        if not _ended(process, HARD_S):
            raise ComputeError("A program does not die; it may be waiting for a disk.")
    finally:
        os.close(process)


def _ended(process: int, patience_s: float) -> bool:
    waiting = select.poll()
    waiting.register(process, select.POLLIN)
    return bool(waiting.poll(patience_s * 1000))


def _clear(folder: Folder) -> None:
    groups = (folder.read("instance.json") or {}).get("cgroups", [])
    deadline = time.monotonic() + HARD_S
    while not limits.kill_groups(groups):
        if time.monotonic() > deadline:
            raise ComputeError(f"The control groups of {folder.path} do not become empty.")
        time.sleep(POLL_S)
    for name in ("serve.sock", "egress.sock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(folder / name)
