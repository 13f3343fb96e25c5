"""`clary logs`: what Clary's own processes wrote, in the order of time. Those of jobs are in CloudWatch Logs."""

from __future__ import annotations

import heapq
import os
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from clary.cli.flags import Argument, Flag, with_settings
from clary.cli.screen import leave
from clary.core.log import older
from clary.core.settings import Settings

FOLLOW_S = 0.2
LINES_MAX = 100_000
EVENT = re.compile(r"\d{4}-\d\d-\d\dT\S+Z ")
ESCAPES = {"\\\\": "\\", "\\n": "\n    ", "\\r": "\r"}

Name = Annotated[str | None, Argument("A process, such as api or gateway-1; without it all of them.", "NAME")]
Follow = Annotated[bool, Flag("Go on with what is written from now on.", short="-f")]
Lines = Annotated[int, Flag("How many to begin with.", short="-n", least=0, most=LINES_MAX)]


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A line of a log; what a process wrote outside its log has the time of the line before it."""

    time: str
    line: str = field(compare=False)

    def unfolded(self) -> list[str]:
        """Return the line as a person reads it, a traceback on lines of its own."""
        return re.sub(r"\\[\\nr]", lambda found: ESCAPES[found[0]], self.line).split("\n")


@with_settings("home")
def logs(settings: Settings, name: Name = None, follow: Follow = False, lines: Lines = 100) -> None:
    """Print what Clary's own processes logged."""
    paths = _paths(settings, name)
    ends = {path: path.stat().st_size for path in paths}
    events = deque(heapq.merge(*(_events(path) for path in paths)), maxlen=lines)
    _print(events)
    while follow:
        _print(sorted(_appended(ends)))
        time.sleep(FOLLOW_S)
        for path in _paths(settings, name):
            ends.setdefault(path, 0)


def log_of(settings: Settings, process: str) -> Path:
    """Return where a process of Clary's logs."""
    return settings.process_logs / f"{process}.log"


def tail(path: Path, count: int) -> list[Event]:
    """Return the last events of a log."""
    return list(deque(_events(path), maxlen=count)) if path.exists() else []


def _paths(settings: Settings, name: str | None) -> list[Path]:
    logs = sorted(path for path in settings.process_logs.glob("*.log") if not path.stem.endswith(".1"))
    if name is None:
        return logs
    if log_of(settings, name) not in logs:
        known = ", ".join(path.stem for path in logs) or "none yet"
        leave(f"There is no log of {name!r} in {settings.process_logs}; there are: {known}.")
    return [log_of(settings, name)]


def _events(path: Path) -> Iterator[Event]:
    at = ""
    for each in (older(path), path):
        if each.exists():
            with open(each, encoding="utf-8", errors="replace") as file:
                for line in file:
                    at = line.partition(" ")[0] if EVENT.match(line) else at
                    yield Event(at, line.rstrip("\n"))


def _appended(ends: dict[Path, int]) -> Iterator[Event]:
    """Give what was written behind these positions, and move them."""
    for path, end in list(ends.items()):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(end if end <= size else 0)
            written = file.read()
        whole = written[: written.rfind(b"\n") + 1]
        ends[path] = (end if end <= size else 0) + len(whole)
        for line in whole.decode(errors="replace").splitlines():
            yield Event(line.partition(" ")[0], line)


def _print(events: deque[Event] | list[Event]) -> None:
    for event in events:
        for line in event.unfolded():
            print(line, flush=True)


COMMANDS = {"logs": logs}
