"""Tells event buses what happened to resources: every change of state in the outbox becomes an event, in order.

The position in the outbox moves with what an event led to, and only from where it was seen: a crash at any time
neither loses a change nor tells one twice, nor does a second controller, so that no lease is needed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from clary.access.principal import Principal
from clary.core.ids import Arn
from clary.resources.event import Arrival
from clary.resources.event_rules import DEFAULT_BUS, Rule
from clary.resources.event_sources import SHAPES, Happened, event_of
from clary.store.event_positions import Move, Moved
from clary.store.outbox import Transition
from clary.store.store import Store

log = logging.getLogger(__name__)

IDLE_S = 30.0
FAILED_S = 5.0
POSITION = "outbox"


class Intake(Protocol):
    """Takes events in; see services.events.intake."""

    def take(self, arrivals: Sequence[Arrival], move: Move) -> None:
        """Take events in, and let their source move on; raises Moved if that was somewhere else."""

    def send(self, rule: Rule, event: str, move: Move) -> None:
        """Send an event to the targets of one rule; raises Moved if that was done already."""

    def forward(self, event: str, destination: Arn, sender: Principal, hops: int) -> None:
        """Pass an event on to another bus, or raise a ServiceError."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Follows the outbox."""

    store: Store
    intake: Intake

    def run(self, stop: threading.Event) -> None:
        """Follow until told to stop; idle, it writes nothing."""
        with self.store.bell.listen("events") as ear, ThreadPoolExecutor(1, "event sources") as pool:
            while not stop.is_set():
                error = pool.submit(self.step).exception()
                if error is None:
                    ear.wait(IDLE_S)
                else:
                    log.error("events could not be taken in; again in %.0f s", FAILED_S, exc_info=error)
                    stop.wait(FAILED_S)

    def step(self) -> None:
        """Take in what is new."""
        while behind := self._behind():
            with suppress(Moved):
                self.take(*behind)

    def take(self, seen: int | None, transitions: Sequence[Transition]) -> None:
        """Take changes in that lie behind a position, or raise Moved."""
        arrivals = [each for transition in transitions for each in self._arrivals(transition)]
        self.intake.take(arrivals, Move(POSITION, seen, transitions[-1].seq))

    def _behind(self) -> tuple[int | None, list[Transition]] | None:
        seen = self.store.event_positions.find(POSITION)
        transitions = self.store.outbox.since(seen or 0)
        return (seen, transitions) if transitions else None

    def _arrivals(self, transition: Transition) -> Iterator[Arrival]:
        if transition.kind not in SHAPES:
            return
        records = self.store.records(transition.account, transition.region)
        record = records.find_uid(transition.uid)
        event = event_of(Happened.read(transition, record, records.attributes(transition.uid)))
        if event is not None:
            yield Arrival(transition.account, transition.region, DEFAULT_BUS, event.to_json())
