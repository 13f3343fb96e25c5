"""Brings archived events to their bus again, some at a time, in the order they came.

How far a replay got moves with the events it led to: a crash neither leaves one out nor replays one twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clary.controllers.event_sources import Intake
from clary.core.clock import Clock
from clary.core.ids import Arn
from clary.resources.event import Arrival
from clary.resources.event_rules import REPLAY, ReplayState
from clary.store.event_archives import Archived, EventArchives
from clary.store.event_positions import EventPositions, Move, Moved
from clary.store.records import Change, Record, Records

PREFIX = "replay/"
BATCH_MAX = 100


@dataclass(frozen=True, slots=True)
class Replays:
    """Brings each replay to its end."""

    archives: EventArchives
    positions: EventPositions
    intake: Intake
    clock: Clock
    kind = REPLAY

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take the next step of a replay; return 0 while there is another."""
        match ReplayState(record.state):
            case ReplayState.STARTING:
                records.update(record, Change(state=ReplayState.RUNNING))
            case ReplayState.RUNNING if records.find_uid(record.spec["archive"]) is None:
                self._end(record, records, ReplayState.FAILED, reason="The archive was deleted.")
            case ReplayState.RUNNING:
                return self._run(record, records)
            case ReplayState.CANCELLING:
                self._end(record, records, ReplayState.CANCELLED)
            case _:
                pass
        return None

    def _run(self, record: Record, records: Records) -> float | None:
        spec, name = record.spec, f"{PREFIX}{record.uid}"
        seen = self.positions.find(name)
        span_ms = int(spec["EventStartTime"] * 1000), int(spec["EventEndTime"] * 1000)
        events = self.archives.read(spec["archive"], seen or 0, span_ms, BATCH_MAX)
        if not events:
            self._end(record, records, ReplayState.COMPLETED)
            return None
        try:
            self.intake.take(_arrivals(record, events), Move(name, seen, events[-1].id))
        except Moved:
            return 0.0
        records.update(record, Change(status={**record.status, "last": events[-1].at_ms / 1000}))
        return 0.0

    def _end(self, record: Record, records: Records, state: ReplayState, **status: Any) -> None:
        records.update(record, Change(state=state, status={**record.status, **status, "ended": self.clock()}))


def _arrivals(replay: Record, events: Sequence[Archived]) -> list[Arrival]:
    destination = replay.spec["Destination"]
    arn = Arn.parse(destination["Arn"])
    assert arn is not None, "a destination was checked when the replay was asked for"
    bus, only = arn.resource.removeprefix("event-bus/"), frozenset(destination.get("FilterArns", ()))
    return [
        Arrival(arn.account, arn.region, bus, _named(each.event, replay.name), rules=only, replayed=True)
        for each in events
    ]


def _named(event: str, replay: str) -> str:
    """Return an event that bears the name of its replay, and is otherwise as it was."""
    return f'{{"replay-name":{json.dumps(replay)},{event[1:]}'
