"""A Clary that may be killed: its processes and its instances by name, and whatever of it is left on the machine."""

from __future__ import annotations

import json
import os
import signal
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Clary, eventually

REAPER_CHILD = "2"  # bubblewrap's own first process is 1 inside
LOG_CHARACTERS = 2000
CONTROL_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Kept:
    """An instance: its folder, its keeper, and whose it is."""

    name: str
    folder: Path
    keeper: int
    job: str  # the training job's name; "" for an endpoint's instance

    @property
    def ended(self) -> bool:
        """Say whether its end is written down."""
        return (self.folder / "exit.json").exists()

    def program(self) -> int | None:
        """Return the process of the user's own program, which is the second one inside."""
        first = read(self.folder / "program.json")
        return next((pid for pid in children(first["pid"]) if inside(pid) == REAPER_CHILD), None) if first else None


@dataclass
class Machine(Clary):
    """A Clary on a port of its own, started again on the same one."""

    port: str = "0"

    def start(self) -> None:
        done = self.up()
        assert done.returncode == 0, done.stderr
        told = json.loads(self.command("env", "--json").stdout)
        self.environment = {name: value for name, value in told.items() if value is not None}

    def up(self, *flags: str) -> Any:
        """Run `clary up --detach`, and return how that ended."""
        return self.command("up", "--detach", "--port", self.port, *flags)

    def pids(self) -> dict[str, int]:
        """Return the processes of Clary itself that live, by name."""
        told = read(self.home / "run/supervisor.json") or {"pid": None, "children": ()}
        known = {"supervisor": told["pid"], **{each["name"]: each["pid"] for each in told["children"]}}
        return {name: pid for name, pid in known.items() if pid and self.owns(pid)}

    def pid(self, name: str) -> int:
        """Return the process of this name, as soon as it lives."""
        return eventually(lambda: self.pids().get(name), 30)

    def owns(self, pid: int) -> bool:
        """Say whether a process is this Clary's, so that a pid used again is never killed."""
        return str(self.home) in command_line(pid)

    def kept(self) -> list[Kept]:
        """Return the instances whose keepers live."""
        return [each for folder in self.folders() if (each := self._kept(folder))]

    def folders(self) -> list[Path]:
        """Return the folders of instances."""
        return [each for each in (self.home / "i").glob("*") if not each.name.startswith(".")]

    def _kept(self, folder: Path) -> Kept | None:
        keeper, plan = read(folder / "keeper.json"), read(folder / "instance.json")
        if keeper is None or plan is None or not self.owns(keeper["pid"]):
            return None
        return Kept(folder.name, folder, keeper["pid"], plan["environment"].get("TRAINING_JOB_NAME", ""))

    def left(self) -> dict[str, list[str]]:
        """Return what is on this machine that nothing running and nothing stored accounts for."""
        own = set(self.pids().values())
        return {
            "processes": [line for pid, line in self.processes().items() if pid not in own],
            "instances": [str(path) for path in (self.home / "i").iterdir() if path.name != ".lock"],
            "work": [str(path) for path in self._files("work")],
            "control groups": [str(path) for path in self.groups()],
            "bells": [name for name in self._names("run/bells") if not self._is_own(name.rpartition(".")[2])],
            "counters": self._names("run/counters")[len([name for name in self.pids() if "gateway" in name]) :],
        }

    def logs(self) -> str:
        """Return the ends of the logs of Clary's own processes."""
        files = sorted((self.home / "log").glob("*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-LOG_CHARACTERS:]}" for path in files)

    def blobs(self) -> list[Path]:
        """Return the files of objects."""
        return self._files("blobs")

    def groups(self) -> Iterator[Path]:
        """Give the control groups of this Clary's instances."""
        prefix = f"{zlib.crc32(os.fsencode(self.home / 'i')):08x}-"
        for folder, names, _ in os.walk(CONTROL_GROUPS):
            yield from (Path(folder, name) for name in names if name.startswith(prefix))

    def _is_own(self, pid: str) -> bool:
        return int(pid) in self.pids().values()

    def _files(self, folder: str) -> list[Path]:
        """Return the files below a folder; what is removed meanwhile is passed over."""
        return [
            path for at, _, names in os.walk(self.home / folder) for name in names if (path := Path(at, name)).is_file()
        ]

    def _names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.home / folder).glob("*") if path.suffix != ".sent")


def read(path: Path) -> Any:
    """Return a JSON file's content; None while it is absent or half there."""
    try:
        return json.loads(path.read_bytes() or b"null")
    except (FileNotFoundError, ValueError):
        return None


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def inside(pid: int) -> str:
    """Return the process id that a process has in its own namespace."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split()[-1] for line in lines if line.startswith("NSpid:")), "")


def send(pid: int, number: signal.Signals) -> bool:
    """Signal a process; say whether it was still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def stopped(pid: int) -> bool:
    """Say whether a process stands still, each of its threads."""
    try:
        states = {_state(thread) for thread in Path(f"/proc/{pid}/task").iterdir()}
    except OSError:
        return True
    return states <= {"T", "t", ""}


def _state(thread: Path) -> str:
    """Return a thread's state, nothing once it is gone."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
