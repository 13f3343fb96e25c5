"""What processes cost, as the operating system counts it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CPUCLOCK_SCHED = 2
"""clock_getcpuclockid(3): the kernel's own number of a process's CPU clock is `~pid << 3 | 2`."""
PR_SET_CHILD_SUBREAPER = 36
END_S = 20.0


def family(root: int) -> list[int]:
    """Return a process and all its descendants."""
    parents = {pid: parent_of(pid) for pid in map(int, filter(str.isdigit, os.listdir("/proc")))}
    found = [root]
    for each in found:
        found += [pid for pid, parent in parents.items() if parent == each]
    return found


def parent_of(pid: int) -> int:
    """Return a process's parent, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def clocks_s(pids: Iterable[int]) -> dict[int, float]:
    """Return the CPU seconds of each process that still runs, user and system, to the nanosecond."""
    found = {}
    for pid in pids:
        with suppress(OSError):  # it is gone
            found[pid] = time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
    return found


def spent_s(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """Return what processes took between two looks at their clocks; one that is new since took all it has."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def pss_mib(pids: Iterable[int]) -> float:
    """Return the memory of processes, what is shared divided among those that share it."""
    return sum(map(_pss_kib, pids)) / 1024


def adopt_orphans() -> None:
    """Make the calling process the parent of its descendants whose own parents end, so that none leaves its family."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextmanager
def awake(pids: Iterable[int]) -> Iterator[None]:
    """Let processes go on for a while, and halt them again."""
    pids = tuple(pids)
    send(signal.SIGCONT, pids)
    try:
        yield
    finally:
        send(signal.SIGSTOP, pids)


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to processes, as far as they still run."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and those of its family that outlive it."""
    whole = family(process.pid)
    process.terminate()
    send(signal.SIGCONT, whole)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    send(signal.SIGKILL, whole[1:])


def _pss_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
