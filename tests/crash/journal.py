"""What clients were told, written down by themselves: the oracle of every crash."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

ABSENT = None
Name = tuple[str, str]  # a kind of thing, and its own name


@dataclass(frozen=True)
class Cause:
    """What may make an invocation fail, and for how long."""

    kinds: tuple[str, ...]
    within_s: float


@dataclass(frozen=True)
class Trouble:
    """An invocation that was not answered 200, from when to when it took, and how it ended."""

    began: float
    ended: float
    outcome: str


@dataclass
class Job:
    """A training job that was asked for."""

    name: str
    kind: str
    answer: str  # what its model must hold; "" where only its being there is known


@dataclass
class Journal:
    """Acknowledged things, jobs, invocations and kills; every method may be called from any thread.

    A thing has one writer. It may hold what was acknowledged last, or anything that its writer asked for since
    and heard nothing of; None stands for absence.
    """

    may_hold: dict[Name, set[str | None]] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)  # jobs whose keeper was killed before an end was written
    hit: set[str] = field(default_factory=set)  # jobs whose program was killed, if it had not ended yet
    kills: list[tuple[float, str]] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)  # of the supervisor
    answers: Counter[str] = field(default_factory=Counter)  # of invocations: "200", error codes, "broken"
    troubles: list[Trouble] = field(default_factory=list)  # invocations that were not answered 200
    acknowledged_count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, thing: Name, value: str | None) -> None:
        """Note that a thing may hold this from now on."""
        with self._lock:
            self.may_hold.setdefault(thing, {ABSENT}).add(value)

    def acknowledged(self, thing: Name, value: str | None) -> None:
        """Note that a thing holds this, and nothing else."""
        with self._lock:
            self.may_hold[thing] = {value}
            self.acknowledged_count += 1

    def things(self, kind: str) -> dict[str, set[str | None]]:
        """Return what the things of a kind may hold, by name."""
        with self._lock:
            return {name: set(values) for (of, name), values in self.may_hold.items() if of == kind}

    def asked_for(self, job: Job) -> None:
        """Note a training job that may have been made."""
        with self._lock:
            self.jobs[job.name] = job

    def killed(self, what: str) -> None:
        """Note a kill, before it is done."""
        with self._lock:
            self.kills.append((time.monotonic(), what))

    def came_back(self) -> None:
        """Note that the supervisor that was killed has a successor, and that it answers."""
        with self._lock:
            self.returns.append(time.monotonic())

    def answered(self, outcome: str, began: float) -> None:
        """Note how an invocation ended that was begun at a time."""
        with self._lock:
            self.answers[outcome] += 1
            if outcome != "200":
                self.troubles.append(Trouble(began, time.monotonic(), outcome))

    def unexplained(self, causes: dict[str, Cause]) -> list[Trouble]:
        """Return the troubles that nothing explains: no kill that may cause them came meanwhile or shortly before."""
        return [each for each in self.outside_outages() if not self._follows(each, causes[each.outcome])]

    def outside_outages(self) -> list[Trouble]:
        """Return the troubles but for those from a supervisor's death until its successor answered."""
        died = [at for at, what in self.kills if what == "supervisor"]
        outages = list(zip(died, self.returns, strict=True))
        return [
            each for each in self.troubles
            if not any(began <= each.ended and each.began <= ended for began, ended in outages)
        ]  # fmt: skip

    def _follows(self, trouble: Trouble, cause: Cause) -> bool:
        return any(
            trouble.began - cause.within_s <= when <= trouble.ended for when, what in self.kills if what in cause.kinds
        )

    def count(self) -> dict[str, int]:
        """Return how often each kind of process was killed."""
        return dict(Counter(what for _, what in self.kills))
