"""Kills processes of a running Clary, chosen and timed by a seeded random generator."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.crash.journal import Journal
from tests.crash.machine import Kept, Machine, send, stopped
from tests.e2e.conftest import eventually

PATIENCE_S = 20.0


@dataclass
class Chaos:
    """Kills by weight; what it is about to kill it writes down first."""

    machine: Machine
    journal: Journal
    chance: random.Random
    weights: Mapping[str, float]
    pause_s: tuple[float, float]
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, kills: int, deadline_s: float) -> int:
        """Kill so often, or until the time is over; return how many died."""
        ends = time.monotonic() + deadline_s
        died = 0
        while died < kills and time.monotonic() < ends and not self.stop.is_set():
            died += self.kill(self.chance.choices(list(self.weights), list(self.weights.values()))[0])
            self.stop.wait(self.chance.uniform(*self.pause_s))
        return died

    def kill(self, kind: str) -> bool:
        """Kill a process of a kind; say whether there was one."""
        doers: dict[str, Callable[[], bool]] = {
            "supervisor": self._supervisor,
            "keeper": lambda: self._instance(self._keeper),
            "program": lambda: self._instance(self._program),
        }
        return doers.get(kind, lambda: self._child(kind))()

    def _child(self, kind: str) -> bool:
        living = {name: pid for name, pid in self.machine.pids().items() if name.partition("-")[0] == kind}
        if not living:
            return False
        self.journal.killed(kind)
        return send(living[self.chance.choice(sorted(living))], signal.SIGKILL)

    def _supervisor(self) -> bool:
        """Kill the supervisor, and start it again."""
        self.journal.killed("supervisor")
        supervisor = self.machine.pid("supervisor")
        send(supervisor, signal.SIGKILL)
        eventually(lambda: not self.machine.owns(supervisor), PATIENCE_S)
        done = self.machine.up()
        assert done.returncode == 0, done.stderr
        self.journal.came_back()
        return True

    def _instance(self, kill: Callable[[Kept], bool]) -> bool:
        living = self.machine.kept()
        return bool(living) and kill(self.chance.choice(living))

    def _keeper(self, victim: Kept) -> bool:
        """Kill a keeper; it stands still while is looked whether it had written down its instance's end."""
        if not send(victim.keeper, signal.SIGSTOP):
            return False
        eventually(lambda: stopped(victim.keeper), PATIENCE_S)
        ended = victim.ended
        self.journal.killed("keeper")
        if not send(victim.keeper, signal.SIGKILL):  # it was over, and its instance cleared away, before it stood still
            return False
        if victim.job and not ended:
            self.journal.lost.add(victim.job)
        return True

    def _program(self, victim: Kept) -> bool:
        program = victim.program()
        if program is None:
            return False
        if victim.job:
            self.journal.hit.add(victim.job)
        self.journal.killed("program")
        return send(program, signal.SIGKILL)
