"""Schedules of EventBridge Scheduler as nouns: when each is due, and what it then calls.

EventBridge Scheduler user guide, «Schedule types» and «Flexible time windows».
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clary.core.ids import arn
from clary.resources.event_rules import DISABLED, Target
from clary.resources.schedules import At, Rate, Schedule, parse
from clary.store.records import Kind, Record

SCHEDULE = Kind("scheduler", "schedule")
SCHEDULE_GROUP = Kind("scheduler", "schedule-group")
DEFAULT_GROUP = "default"
DELETE = "DELETE"
MOMENT_S = 0.001
"""The grain of times: what is due at a time is due after the moment before it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be called, and when."""

    name: str
    group: str
    uid: str
    account: str
    region: str
    enabled: bool
    since: float  # when it was made or changed
    end: float | None
    window_s: float
    deleted_after: bool  # the last call
    target: Target
    schedule: Schedule = field(repr=False)
    start: float = 0.0  # nothing is called before

    @classmethod
    def read(cls, record: Record) -> Task:
        """Return what a record holds."""
        spec, (group, _, name) = record.spec, record.name.partition("/")
        start = max(spec["since"], spec.get("StartDate", 0.0))
        return cls(
            name=name,
            group=group,
            uid=record.uid,
            account=record.account,
            region=record.region,
            enabled=spec["State"] != DISABLED,
            since=spec["since"],
            end=spec.get("EndDate"),
            window_s=spec["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0) * 60.0,
            deleted_after=spec["ActionAfterCompletion"] == DELETE,
            target=Target.read({"Id": name, **spec["Target"]}),
            schedule=parse(spec["ScheduleExpression"], spec["ScheduleExpressionTimezone"], start=start),
            start=start,
        )

    @property
    def arn(self) -> str:
        """The schedule's ARN."""
        return schedule_arn(self.account, self.region, self.group, self.name)

    def first(self) -> float | None:
        """Return when it is due for the first time: a rate at its very start."""
        if isinstance(self.schedule, Rate):
            return self._in_time(self.start)
        if isinstance(self.schedule, At):
            return self.schedule.next_after(self.since - MOMENT_S)
        return self._in_time(self.schedule.next_after(self.start - MOMENT_S))

    def after(self, at: float) -> float | None:
        """Return when it is due next after a time."""
        return self._in_time(self.schedule.next_after(at))

    def called_at(self, due: float) -> float:
        """Return when within its window it is called: at one time for all who ask, and spread over the window."""
        told = hashlib.sha256(f"{self.uid} {due}".encode()).digest()
        return due + self.window_s * int.from_bytes(told[:4]) / 2**32

    def _in_time(self, at: float | None) -> float | None:
        return None if at is None or (self.end is not None and at > self.end) else at


def schedule_arn(account: str, region: str, group: str, name: str) -> str:
    """Return the ARN of a schedule."""
    return arn("scheduler", region, account, f"schedule/{group}/{name}")


def group_arn(account: str, region: str, name: str) -> str:
    """Return the ARN of a group of schedules."""
    return arn("scheduler", region, account, f"schedule-group/{name}")


@dataclass(frozen=True, slots=True)
class Action:
    """An operation of an AWS service, as a universal target names it."""

    service: str
    operation: str


def action_of(target: Mapping[str, Any]) -> Action | None:
    """Return the operation that `arn:aws:scheduler:::aws-sdk:sqs:sendMessage` names; None if it is another ARN."""
    parts = str(target["Arn"]).split(":")
    if parts[2:6] != ["scheduler", "", "", "aws-sdk"] or len(parts) != 8:
        return None
    service, operation = parts[6:]
    return Action(service, operation[:1].upper() + operation[1:])
