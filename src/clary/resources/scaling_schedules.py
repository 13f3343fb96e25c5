"""Scheduled actions: when one is due next, and the bounds that it gives its target. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clary.resources.scaling import scaling_arn
from clary.resources.scaling_decisions import Bounds
from clary.resources.schedules import UTC_NAME, Schedule, newest_up_to, parse
from clary.store.records import Record

JUST_BEFORE_S = 1e-3


@dataclass(frozen=True, slots=True)
class ScheduledAction:
    """A scheduled action: its schedule, the times it has between, and what it fired for last."""

    name: str
    schedule: Schedule
    since: float
    until: float
    wanted: Mapping[str, int]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> ScheduledAction:
        """Return the action that a record holds."""
        spec = record.spec
        put: float = spec["Since"]
        started = max(put, spec.get("StartTime", put) - JUST_BEFORE_S)
        return cls(
            name=spec["ScheduledActionName"],
            schedule=schedule_of(spec, put),
            since=max(started, record.status.get("fired", started)),
            until=spec.get("EndTime", math.inf),
            wanted=spec["ScalableTargetAction"],
            record=record,
        )

    @property
    def arn(self) -> str:
        """The action's ARN."""
        return scaling_arn(self.record, "scheduledAction", "scheduledActionName", self.name)

    def due(self, now: float) -> float | None:
        """Return the newest time that has come and was not fired for; older ones that were missed are passed over."""
        return newest_up_to(self.schedule, self.since, min(now, self.until))

    def next(self) -> float | None:
        """Return when it is due next, None if never again."""
        at = self.schedule.next_after(self.since)
        return None if at is None or at > self.until else at

    def bounds(self, present: Bounds) -> Bounds:
        """Return the bounds that a target has afterwards; one that is set moves the other if they would cross."""
        low = self.wanted.get("MinCapacity", present.low)
        high = self.wanted.get("MaxCapacity", present.high)
        if low > high:
            return Bounds(low, low) if "MinCapacity" in self.wanted else Bounds(high, high)
        return Bounds(low, high)


def schedule_of(spec: Mapping[str, Any], since: float) -> Schedule:
    """Return the schedule of an action that was put at a time, or raise BadSchedule."""
    return parse(spec["Schedule"], spec.get("Timezone", UTC_NAME), start=spec.get("StartTime", since))
