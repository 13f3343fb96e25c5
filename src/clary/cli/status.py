"""`clary status`: what runs, since when, and how much memory it takes."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from clary.cli.flags import Flag, with_settings
from clary.cli.screen import FAILED, duration, megabytes, table
from clary.core.settings import Settings
from clary.supervisor import lock, state

Json = Annotated[bool, Flag("Print the figures as JSON; times in seconds, memory in bytes.", "--json")]
PSS = "Pss:"
KIB = 1024


@dataclass(frozen=True, slots=True)
class Process:
    """One of Clary's own processes; `memory_bytes` is its share (PSS), None where it cannot be read."""

    name: str
    state: str
    pid: int | None
    memory_bytes: int | None
    uptime_s: float
    restarts: int


@dataclass(frozen=True, slots=True)
class InstanceState:
    """An instance that the process back end knows."""

    name: str
    state: str
    uptime_s: float | None
    memory_bytes: int


@with_settings("home")
def status(settings: Settings, as_json: Json = False) -> None:
    """Tell what runs; the exit status is 1 if Clary does not."""
    told = _told(settings, time.time())
    if as_json:
        print(json.dumps(told, indent=1, default=asdict))
    else:
        _print(settings, told)
    if told["state"] != "running":
        raise SystemExit(FAILED)


def _told(settings: Settings, now: float) -> dict[str, Any]:
    holder, known = lock.holder(settings), state.read(settings)
    answers = holder is not None and holder.alive and known is not None
    return {
        "state": "running" if answers else "stopped" if holder is None else "starting or stopping",
        "home": str(settings.home),
        "url": known.url if answers and known else None,
        "version": known.version if answers and known else None,
        "uptime_s": round(now - known.started_at, 1) if answers and known else None,
        "processes": _processes(known, now) if answers and known else [],
        "instances": _instances(settings, now),
    }


def _processes(known: state.State, now: float) -> list[Process]:
    supervisor = state.ChildState("supervisor", known.pid, known.started_at, 0)
    return [
        Process(
            name=each.name,
            state="running" if each.pid else "waiting",
            pid=each.pid,
            memory_bytes=_pss(each.pid) if each.pid else None,
            uptime_s=round(now - each.started_at, 1) if each.pid else 0.0,
            restarts=each.restarts,
        )
        for each in (supervisor, *known.children)
    ]


def _pss(pid: int) -> int | None:
    """Return a process's memory, with what it shares divided among those that share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith(PSS)), None)


def _instances(settings: Settings, now: float) -> list[InstanceState]:
    if not settings.instances.is_dir():
        return []
    from clary.compute.process import ProcessBackend

    backend = ProcessBackend(settings.instances)
    seen = [(name, backend.observe(name), backend.usage(name)) for name in backend.names()]
    return [
        InstanceState(
            name=name,
            state=str(observed.state) if observed else "starting",
            uptime_s=round(now - observed.started_at, 1) if observed and observed.started_at else None,
            memory_bytes=usage.memory_bytes if usage else 0,
        )
        for name, observed, usage in seen
    ]


def _print(settings: Settings, told: dict[str, Any]) -> None:
    processes: list[Process] = told["processes"]
    if told["state"] == "running":
        memory = sum(each.memory_bytes or 0 for each in processes)
        print(f"Clary {told['version']} answers at {told['url']} (home {settings.home}).")
        print(f"Up for {duration(told['uptime_s'])}, in {megabytes(memory)} of memory.\n")
        table(("process", "state", "pid", "memory", "uptime", "restarts"), [_process_row(each) for each in processes])
    else:
        running = "is not running" if told["state"] == "stopped" else "does not answer yet, or no longer"
        print(f"Clary {running} (home {settings.home}).")
    instances: list[InstanceState] = told["instances"]
    if instances:
        print("\nInstances of jobs and endpoints:\n")
        table(("instance", "state", "memory", "uptime"), [_instance_row(each) for each in instances])


def _process_row(each: Process) -> tuple[str, ...]:
    memory = "" if each.memory_bytes is None else megabytes(each.memory_bytes)
    return each.name, each.state, str(each.pid or ""), memory, duration(each.uptime_s), str(each.restarts)


def _instance_row(each: InstanceState) -> tuple[str, ...]:
    uptime = "" if each.uptime_s is None else duration(each.uptime_s)
    return each.name, each.state, megabytes(each.memory_bytes), uptime


COMMANDS = {"status": status}
