"""Has what EventBridge Scheduler's schedules name called, each time it is due and within its window.

A schedule moves on in the same transaction as its call is stored; what was due while nobody led is called once, late.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from clary.core.clock import Clock
from clary.resources.event_schedules import SCHEDULE, Task
from clary.store.deliveries import Deliveries, Notice
from clary.store.event_positions import EventPositions, Move, Moved
from clary.store.records import Record, Records

PREFIX = "schedule/"
NEVER_MS = 2**62
"""Where the position of a schedule that has no further time is."""


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
        try:
            due_ms = self._moved_on(task)
        except Moved:
            return 0.0
        if due_ms == NEVER_MS:
            if task.deleted_after:
                records.remove(record)
            return None
        return max(0.0, task.called_at(due_ms / 1000) - self.clock())

    def _moved_on(self, task: Task) -> int:
        """Return when the schedule is due next, after the call that was due is stored."""
        name = f"{PREFIX}{task.uid}/{int(task.since * 1000)}"
        now = self.clock()
        due_ms = self.positions.find(name)
        if due_ms is None:
            due_ms = _in_ms(task.first())
            self.positions.take(Move(name, None, due_ms))
        if due_ms == NEVER_MS or task.called_at(due_ms / 1000) > now:
            return due_ms
        next_ms = _in_ms(task.after(max(now, due_ms / 1000)))
        content = json.dumps({"target": task.target.told, "due": due_ms / 1000, "group": task.group}).encode()
        notice = Notice(task.arn, content, {task.arn: None})
        self.deliveries.publish([notice], int(now * 1000), Move(name, due_ms, next_ms).write)
        return next_ms


def _in_ms(at: float | None) -> int:
    return NEVER_MS if at is None else int(at * 1000)
