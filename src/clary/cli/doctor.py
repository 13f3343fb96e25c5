"""`clary doctor`: what this machine lacks for running Clary, and how to get it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from clary.cli.flags import with_settings
from clary.cli.screen import FAILED, table
from clary.core.settings import Settings
from clary.supervisor import lock, state
from clary.supervisor.listeners import CannotListen, listen_on_port

GIB = 2**30
DISK_BYTES_WANTED = 5 * GIB
MEMORY_BYTES_WANTED = 2 * GIB
RUNTIME = (("numpy",), ("pandas",), ("scipy",), ("scikit-learn",), ("xgboost-cpu", "xgboost"))
"""What the built-in runtimes import; alternatives side by side."""


class Health(StrEnum):
    """How a check came out; what is `missing` keeps jobs or Clary itself from running."""

    OK = "ok"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it is, and, unless all is well, what to do."""

    subject: str
    health: Health
    told: str


@with_settings("home", "host", "port")
def doctor(settings: Settings) -> None:
    """Look for what is missing on this machine; the exit status is 1 if jobs cannot run."""
    found = list(examine(settings))
    table(
        ("check", "health", "what was found, and what to do"),
        [(each.subject, each.health, each.told) for each in found],
    )
    missing = sum(each.health is Health.MISSING for each in found)
    print(
        f"\n{missing} things are missing."
        if missing > 1
        else "\nOne thing is missing."
        if missing
        else "\nJobs can run here."
    )
    if missing:
        raise SystemExit(FAILED)


def examine(settings: Settings) -> Iterator[Finding]:
    """Check everything."""
    yield _python()
    yield from _sandbox()
    yield from _limits(settings)
    yield _runtime()
    yield _port(settings)
    yield _disk(settings)
    yield _memory()


def _python() -> Finding:
    return Finding("python", Health.OK, f"{sys.version.split()[0]} ({sys.executable})")


def _sandbox() -> Iterator[Finding]:
    from clary.compute import probe

    problems = probe.missing()
    if not any(problem.fatal for problem in problems):
        yield Finding("sandbox", Health.OK, f"bubblewrap works ({probe.find_bwrap()})")
    for problem in problems:
        health = Health.MISSING if problem.fatal else Health.LIMITED
        yield Finding("sandbox" if problem.fatal else "limits", health, f"{problem.what} {problem.mend}")


def _limits(settings: Settings) -> Iterator[Finding]:
    from clary.compute import limits

    for sentence in limits.describe(limits.find_hierarchy()):
        yield Finding("limits", Health.OK, sentence)


def _runtime() -> Finding:
    lacking = [names[0] for names in RUNTIME if not any(_installed(name) for name in names)]
    if lacking:
        return Finding("runtimes", Health.MISSING, f"Lacks {', '.join(lacking)}. Run: pip install 'clary[runtime]'")
    return Finding("runtimes", Health.OK, "XGBoost and scikit-learn, for training and serving")


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _port(settings: Settings) -> Finding:
    known = state.read(settings)
    if known is not None and lock.holder(settings) is not None:
        return Finding("port", Health.OK, f"Clary itself answers at {known.url}")
    try:
        listen_on_port(settings.host, settings.port).close()
    except CannotListen as error:
        return Finding("port", Health.MISSING, str(error))
    return Finding(
        "port", Health.OK, f"{settings.port} on {settings.host} is free" if settings.port else "any that is free"
    )


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Finding("disk", Health.MISSING, f"{place} may not be written to. Choose another home with --home.")
    told = f"{free / GIB:.1f} GiB free for {settings.home}"
    if free < DISK_BYTES_WANTED:
        return Finding("disk", Health.LIMITED, f"{told}; jobs may want more. Free some, or choose another --home.")
    return Finding("disk", Health.OK, told)


def _memory() -> Finding:
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    told = f"{available / GIB:.1f} GiB available"
    if available < MEMORY_BYTES_WANTED:
        return Finding("memory", Health.LIMITED, f"{told}; larger instance types will wait for room.")
    return Finding("memory", Health.OK, told)


COMMANDS = {"doctor": doctor}
