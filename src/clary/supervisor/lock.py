"""One supervisor a home: a lock that its process and all its children hold, so that generations never overlap."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from clary.core.settings import Settings

FILE = "supervisor.lock"
PATIENCE_S = 3.0
"""How long the children of a supervisor that was killed may take to follow it."""
RETRY_S = 0.01


@dataclass(frozen=True, slots=True)
class Holder:
    """The supervisor that holds a home; `alive` is False while only its children, who follow it, are left."""

    pid: int
    alive: bool


class HomeTaken(Exception):
    """Another supervisor holds the home."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(f"pid {holder.pid}")
        self.holder = holder


def take(settings: Settings) -> int:
    """Return the descriptor that holds the home until its last copy is closed, or raise HomeTaken."""
    settings.home.parent.mkdir(parents=True, exist_ok=True)
    for folder in (settings.home, settings.run):
        folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(settings.run / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + PATIENCE_S
    while not _locked(descriptor, fcntl.LOCK_EX):
        holder = _holder(settings.run / FILE)
        if (holder.alive and holder.pid) or time.monotonic() > deadline:
            os.close(descriptor)
            raise HomeTaken(holder)
        time.sleep(RETRY_S)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "ticks": started_ticks(os.getpid())}).encode(), 0)
    return descriptor


def holder(settings: Settings) -> Holder | None:
    """Return who holds the home, or None if nobody does."""
    try:
        descriptor = os.open(settings.run / FILE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _locked(descriptor, fcntl.LOCK_SH) else _holder(settings.run / FILE)
    finally:
        os.close(descriptor)


def started_ticks(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot, or None if it is gone; pids are used again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> Holder:
    try:
        told = json.loads(path.read_text())
    except ValueError:  # it has the lock and is about to write this, or does but look who has it
        return Holder(0, alive=True)
    ticks = started_ticks(told["pid"])
    return Holder(told["pid"], alive=ticks is not None and ticks == told["ticks"])
