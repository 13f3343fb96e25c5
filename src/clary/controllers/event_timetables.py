"""Has what EventBridge Scheduler's schedules name called, each time it is due and within its window."""

from __future__ import annotations

import json
from dataclasses import dataclass

from clary.controllers.event_due import bring_up
from clary.core.clock import Clock
from clary.resources.event_schedules import SCHEDULE, Task
from clary.store.deliveries import Deliveries, Notice
from clary.store.event_positions import EventPositions, Move
from clary.store.records import Record, Records

PREFIX = "schedule/"


@dataclass(frozen=True, slots=True)
class Timetables:
    """Brings each schedule up to now."""

    positions: EventPositions
    deliveries: Deliveries
    clock: Clock
    kind = SCHEDULE

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Store the call that is due, if one is; return in how many seconds the next is."""
        task = Task.read(record)
        if not task.enabled:
            return None

        def call(due: float, move: Move) -> None:
            content = json.dumps({"target": task.target.told, "due": due, "group": task.group}).encode()
            notice = Notice(task.arn, content, {task.arn: None})
            self.deliveries.publish([notice], int(self.clock() * 1000), move.write)

        name = f"{PREFIX}{task.uid}/{int(task.since * 1000)}"
        again = bring_up(self.positions, name, task, self.clock(), call)
        if again is None and task.deleted_after:
            records.remove(record)
        return again
