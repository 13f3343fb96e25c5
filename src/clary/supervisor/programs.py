"""What the supervisor runs: the programs, each in a process of its own, given to it by the top floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clary.core.settings import Settings
from clary.supervisor.listeners import Listeners


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one Clary; each but `prepare` blocks until its process gets SIGTERM.

    `prepare` runs to its end before the others begin. What the programs need is imported before the supervisor forks,
    so that all share its memory; importing it must start no thread and open no database.
    """

    prepare: Callable[[Settings], None]
    gateway: Callable[[Settings, Listeners, str], None]
    api: Callable[[Settings, Listeners], None]
    controller: Callable[[Settings], None]
    agent: Callable[[Settings], None]
