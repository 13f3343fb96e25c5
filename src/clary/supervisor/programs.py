"""What the supervisor runs: the programs, each in a process of its own, given to it by the top floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clary.core.settings import Settings
from clary.supervisor.listeners import Listeners


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one Clary, each behind what imports it; all but `prepare` block until their process gets SIGTERM.

    `prepare` has run to its end before the others begin. The supervisor imports a program before it forks it, so that
    all share the memory of what they import; importing it must start no thread and open no database.
    """

    prepare: Callable[[], Callable[[Settings], None]]
    gateway: Callable[[], Callable[[Settings, Listeners, str], None]]
    api: Callable[[], Callable[[Settings, Listeners], None]]
    controller: Callable[[], Callable[[Settings], None]]
    agent: Callable[[], Callable[[Settings], None]]
