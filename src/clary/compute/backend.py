"""The seam between the agent and whatever runs users' programs.

A back end starts, observes and stops *instances* by name. It remembers nothing: everything it tells was read from the
world, so an agent that was killed at any instruction finds its instances again. The caller chooses the names, as a
function of its record; a name is used once, and a retry gets another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


class State(StrEnum):
    """Where an instance stands."""

    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"  # its keeper died and took it along: the result is unknown


@dataclass(frozen=True, slots=True)
class Instance:
    """What to run, complete.

    `opt_ml` becomes /opt/ml, and as root its files are given to the instance's own user: it must hold no hard link
    to a file that somebody else relies on. `credentials` are the first ones (ECS's form); `Backend.give_credentials`
    renews them. Where `serves`, connections to `Observed.serve_socket` lead to 127.0.0.1:8080 inside, or straight to
    the program once it listens on the Unix socket that its variable CLARY_SERVE_SOCKET names. `labels` tell people
    whose it is, and where. `preload` are modules that the program will import; a back end may have them at hand where
    the command is `python3 -m` or `-c` of `python`.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    opt_ml: Path
    vcpus: float
    memory_bytes: int
    disk_bytes: int
    python: Path | None = None  # an interpreter's prefix; a virtual environment brings its base along
    readable: tuple[Path, ...] = ()  # further read-only paths, visible where they are
    host_name: str = "algo-1"
    processes_max: int = 4096
    shm_bytes: int = 64 * 2**20
    isolated: bool = False  # EnableNetworkIsolation: neither API nor credentials
    serves: bool = False
    egress: bool = False  # may reach the internet through the back end's proxy (HTTPS_PROXY)
    credentials: Mapping[str, str] | None = field(default=None, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What an instance looks like now; times are Unix seconds.

    A program that a signal killed has both `signal` and the shell's exit code (128 + signal). `error` says why an
    instance ended before its program began. `log` is there from the start and its offsets never change; what lies in a
    hole at its head (lseek with SEEK_DATA passes over it) was dropped.
    """

    name: str
    state: State
    exit_code: int | None
    signal: int | None
    out_of_memory: bool
    started_at: float | None
    ended_at: float | None
    serve_socket: Path | None
    log: Path
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Say whether nothing of it will ever run again."""
        return self.state in (State.EXITED, State.LOST)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an instance has used: CPU so far, memory and disk (/opt/ml and the log) now."""

    cpu_s: float
    memory_bytes: int
    disk_bytes: int


class Backend(Protocol):
    """Runs instances; every method may be called again after a crash."""

    def start(self, instance: Instance) -> None:
        """Start an instance; do nothing where its name was started before, whatever became of it.

        Raises ComputeError, permanent where trying again cannot help.
        """

    def observe(self, name: str) -> Observed | None:
        """Return what an instance looks like now, or None if it was never started or is forgotten."""

    def names(self) -> list[str]:
        """Return the names of all instances that are not forgotten, sorted."""

    def labels(self, name: str) -> Mapping[str, str]:
        """Return what an instance was labelled with; nothing if there is none of that name."""

    def give_credentials(self, name: str, credentials: Mapping[str, str]) -> None:
        """Replace the role credentials that the instance is answered with from now on."""

    def signal(self, name: str, signal: int) -> None:
        """Send a signal to the user's program; nothing happens if it is gone."""

    def stop(self, name: str) -> None:
        """Kill everything of an instance and return when it is really gone."""

    def kill(self, name: str) -> bool:
        """Have an instance fail as if its machine had; say whether it ran. Nothing is cleared up; nobody is told."""

    def remove(self, name: str) -> None:
        """Forget an instance and its files (not its /opt/ml); raises ComputeError while it runs."""

    def usage(self, name: str) -> Usage | None:
        """Return what an instance uses, or None if there is none of that name."""

    def close(self) -> None:
        """Give back the memory that only makes starts quick; what runs goes on running, and more may be started."""

    def describe_limits(self) -> list[str]:
        """Return one sentence for each kind of limit: what enforces it here."""
