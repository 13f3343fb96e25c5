"""Limits on an instance: control groups where this machine lets us make them, else rlimits and the agent's watchdog.

Both generations of control groups are known. Groups are made below our own, so that limits on Clary itself hold for
its instances too; a group's path is a function of the instance, so that whoever comes after a crash finds it.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

CPU_PERIOD_US: Final = 100_000
V1_CONTROLLERS: Final = ("memory", "cpu", "cpuacct", "pids")
V2_NEEDED: Final = ("memory", "pids")
V2_WANTED: Final = ("cpu", *V2_NEEDED)
PARENT: Final = "clary"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Where groups can be made: of version 1 a folder a controller, of version 2 one folder; none of version 0."""

    version: int
    parents: Mapping[str, Path]

    def groups(self, name: str) -> dict[str, Path]:
        """Return the group's folder for each controller."""
        return {controller: parent / PARENT / name for controller, parent in self.parents.items()}


NO_GROUPS: Final = Hierarchy(0, {})


def find_hierarchy(mounts: Path = Path("/proc/self/mounts"), own: Path = Path("/proc/self/cgroup")) -> Hierarchy:
    """Find out what this process may make groups in, by trying."""
    try:
        places = {tuple(line.split(":", 2)[1:]) for line in own.read_text().splitlines()}
        mounted = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return NO_GROUPS
    ours = {controller: path.strip("/") for controllers, path in places for controller in controllers.split(",")}
    first = _version_1([(Path(m[1]), m[3].split(",")) for m in mounted if m[2] == "cgroup"], ours)
    if first.version:
        return first
    return _version_2([Path(m[1]) for m in mounted if m[2] == "cgroup2"], ours.get("", ""))


def _version_1(mounted: list[tuple[Path, list[str]]], ours: Mapping[str, str]) -> Hierarchy:
    parents: dict[str, Path] = {}
    for controller in V1_CONTROLLERS:
        for mount, options in mounted:
            if controller in options:
                place = mount / ours.get(controller, "")
                parents[controller] = place if place.is_dir() else mount
    usable = {controller: parent for controller, parent in parents.items() if _makes(parent / PARENT)}
    return Hierarchy(1, usable) if "memory" in usable else NO_GROUPS


def _version_2(mounts: list[Path], own: str) -> Hierarchy:
    """Look upwards from our own group for one that may hand its controllers on.

    A group with processes in it may not, the root apart, so that it is a parent of ours in general.
    """
    for mount in mounts:
        place = mount / own
        candidates = [parent for parent in (place, *place.parents) if parent.is_relative_to(mount)]
        for parent in candidates:
            if _hands_on(parent) and _makes(parent / PARENT) and _hands_on(parent / PARENT) and _takes(parent / PARENT):
                return Hierarchy(2, {"all": parent})
    return NO_GROUPS


def _makes(group: Path) -> bool:
    try:
        group.mkdir(exist_ok=True)
    except OSError:
        return False
    return os.access(group, os.W_OK)


def _hands_on(group: Path) -> bool:
    """Make a group's controllers available to its children."""
    for controller in V2_WANTED:
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue
    try:
        enabled = (group / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False
    return all(controller in enabled for controller in V2_NEEDED)


def _takes(group: Path) -> bool:
    """Say whether a process of ours may move into a child of this group, by moving one there."""
    child = group / "try"
    try:
        child.mkdir(exist_ok=True)
        command = ["/bin/sh", "-c", 'echo 0 > "$0"', str(child / "cgroup.procs")]
        mover = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - the path is our own
        child.rmdir()
    except OSError:
        return False
    return mover.returncode == 0


def settings(hierarchy: Hierarchy, *, vcpus: float, memory_bytes: int, processes_max: int) -> dict[str, dict[str, str]]:
    """Return, for each controller's group, what to write into which of its files, in this order."""
    quota = str(max(1000, int(vcpus * CPU_PERIOD_US)))
    memory, processes = str(memory_bytes), str(processes_max)
    if hierarchy.version == 2:
        files = {"memory.max": memory, "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": processes}
        return {"all": files | {"cpu.max": f"{quota} {CPU_PERIOD_US}"}}
    first = {
        "memory": {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory},
        "cpu": {"cpu.cfs_period_us": str(CPU_PERIOD_US), "cpu.cfs_quota_us": quota},
        "cpuacct": {},
        "pids": {"pids.max": processes},
    }
    return {controller: files for controller, files in first.items() if controller in hierarchy.parents}


def hold_together(hierarchy: Hierarchy, memory_bytes: int) -> None:
    """Hold all instances of this machine together to so much memory: what they want beyond it costs one of them.

    Without it the kernel would look for memory among Clary's own processes, and everybody else's.
    """
    name = {1: "memory.limit_in_bytes", 2: "memory.max"}.get(hierarchy.version)
    if name is None:
        return
    parent = hierarchy.parents["memory" if hierarchy.version == 1 else "all"] / PARENT
    try:
        (parent / name).write_text(str(memory_bytes))
    except OSError:
        log.warning("instances together are not held to %d bytes: %s cannot be written", memory_bytes, parent / name)


def make_groups(groups: Mapping[str, Mapping[str, str]]) -> None:
    """Make groups, given as path → file → value; may be called again. Files that a kernel lacks are passed over."""
    for path, files in groups.items():
        Path(path).mkdir(parents=True, exist_ok=True)
        for name, value in files.items():
            try:
                Path(path, name).write_text(value)
            except OSError:
                if name in ("memory.limit_in_bytes", "memory.max"):
                    raise


def kill_groups(groups: Iterator[str] | list[str]) -> bool:
    """Kill every process in the groups and remove them; return False while something is left."""
    gone = True
    for path in groups:
        for pid in _members(path):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.rmdir(path)
        except FileNotFoundError:
            continue
        except OSError:
            gone = False
    return gone


def _members(path: str) -> list[int]:
    try:
        return [int(pid) for pid in Path(path, "cgroup.procs").read_text().split()]
    except OSError:
        return []


def out_of_memory_file(hierarchy: Hierarchy, name: str) -> str | None:
    """Return the file whose line `oom_kill` counts the processes that were killed for want of memory."""
    groups = hierarchy.groups(name)
    match hierarchy.version:
        case 1:
            return str(groups["memory"] / "memory.oom_control")
        case 2:
            return str(groups["all"] / "memory.events")
        case _:
            return None


def group_usage(groups: list[str]) -> tuple[float, int] | None:
    """Return CPU seconds and bytes of memory of a live instance's groups, or None without groups."""
    cpu: float | None = None
    memory: int | None = None
    for path in groups:
        files = {
            name: _number(Path(path, name))
            for name in ("cpuacct.usage", "memory.usage_in_bytes", "memory.current", "cpu.stat")
        }
        if files["cpuacct.usage"] is not None:
            cpu = files["cpuacct.usage"] / 1e9
        if files["cpu.stat"] is not None:
            cpu = files["cpu.stat"] / 1e6
        memory = files["memory.usage_in_bytes"] or files["memory.current"] or memory
    return None if cpu is None or memory is None else (cpu, memory)


def _number(path: Path) -> int | None:
    """Return a file's first number, which of version 2's cpu.stat is `usage_usec`; version 1's has none."""
    try:
        words = path.read_text().split()
    except OSError:
        return None
    if words[:1] == ["usage_usec"]:
        return int(words[1])
    return int(words[0]) if words and words[0].isdecimal() else None


def rlimits(*, disk_bytes: int, processes_max: int) -> dict[str, int]:
    """Return the rlimits of every instance, by their names in `resource`."""
    return {"RLIMIT_FSIZE": disk_bytes, "RLIMIT_NPROC": processes_max, "RLIMIT_CORE": 0}


def tree_usage(root: int) -> tuple[float, int]:
    """Return CPU seconds and resident bytes of a process and all below it: what can be known without groups."""
    cpu, memory, waiting = 0.0, 0, [root]
    while waiting:
        pid = waiting.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            waiting += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            continue
        cpu += sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")
        memory += int(fields[21]) * resource.getpagesize()
    return cpu, memory


def describe(hierarchy: Hierarchy) -> list[str]:
    """Return a sentence for each kind of limit."""
    disk = "Disk: each file by RLIMIT_FSIZE, the sum by the agent's watchdog; /tmp and /dev/shm by their size."
    if not hierarchy.version:
        return [
            "Memory: the agent's watchdog only, since no control group can be made here.",
            "CPU: not limited, since no control group can be made here.",
            "Processes: RLIMIT_NPROC.",
            disk,
        ]
    kind = f"control groups, version {hierarchy.version}"
    has = hierarchy.parents.keys()
    return [
        f"Memory: {kind}.",
        f"CPU: {kind}." if has & {"cpu", "all"} else "CPU: not limited.",
        f"Processes: {kind}, and RLIMIT_NPROC." if has & {"pids", "all"} else "Processes: RLIMIT_NPROC.",
        disk,
    ]
