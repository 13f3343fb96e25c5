"""What Clary costs while nobody calls it and no endpoint runs: memory (PSS) and processor of all its processes.

python benchmarks/idle.py --seconds 60
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from support.running import clary

SETTLE_S = 10.0
MEMORY_GOAL_MB = 350
CPU_GOAL_PERCENT = 1.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Return a process's memory, what it shares divided among those that share it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """Return a process's CPU seconds, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def wakes(pid: int) -> int:
    """Return how often a process's threads have gone to sleep of themselves."""
    statuses = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(line.split()[1]) for text in statuses for line in text.splitlines() if line.startswith("voluntary"))


def main() -> None:
    """Measure and print a line a process, and the sums beside their goals."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    with clary() as running:
        pids = running.pids()
        running.client("sagemaker").list_endpoints()
        time.sleep(SETTLE_S)
        cpu_before = {name: cpu_s(pid) for name, pid in pids.items()}
        wakes_before = {name: wakes(pid) for name, pid in pids.items()}
        time.sleep(seconds)
        memory = {name: pss_mb(pid) for name, pid in pids.items()}
        cpu = {name: 100 * (cpu_s(pid) - cpu_before[name]) / seconds for name, pid in pids.items()}
        woken = {name: (wakes(pid) - wakes_before[name]) / seconds for name, pid in pids.items()}
    print(f"{'process':12} {'PSS MB':>8} {'CPU % of a core':>16} {'wakes a second':>16}")
    for name in pids:
        print(f"{name:12} {memory[name]:8.1f} {cpu[name]:16.2f} {woken[name]:16.1f}")
    print(f"{'all':12} {sum(memory.values()):8.1f} {sum(cpu.values()):16.2f} {sum(woken.values()):16.1f}")
    print(f"{'goal: below':12} {MEMORY_GOAL_MB:8.1f} {CPU_GOAL_PERCENT:16.2f}")


if __name__ == "__main__":
    main()
