"""Sends the events of rules that have a schedule, each time it is due.

What was due while nobody led is sent once, late. A schedule moves on in the same transaction as its event is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from clary.controllers.event_sources import Intake
from clary.core.clock import Clock
from clary.resources.event import Event, new_id
from clary.resources.event_rules import RULE, Rule
from clary.resources.schedules import Schedule, parse
from clary.store.event_positions import EventPositions, Move, Moved
from clary.store.records import Record, Records

PREFIX = "rule/"
NEVER_MS = 2**62
"""Where the position of a schedule that has no further time is."""


@dataclass(frozen=True, slots=True)
class Schedules:
    """Brings each rule's schedule up to now."""

    positions: EventPositions
    intake: Intake
    clock: Clock
    kind = RULE

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Send the event that is due, if one is; return in how many seconds the next is."""
        rule = Rule.read(record)
        if not rule.schedule or not rule.enabled:
            return None
        try:
            due_ms = self._moved_on(rule, parse(rule.schedule, start=rule.since))
        except Moved:
            return 0.0
        return None if due_ms == NEVER_MS else max(0.0, due_ms / 1000 - self.clock())

    def _moved_on(self, rule: Rule, schedule: Schedule) -> int:
        """Return when the schedule is due next, after what was due is sent."""
        name = f"{PREFIX}{rule.uid}/{int(rule.since * 1000)}"
        now = self.clock()
        due_ms = self.positions.find(name)
        if due_ms is None:
            due_ms = _in_ms(schedule.next_after(rule.since))
            self.positions.take(Move(name, None, due_ms))
        if due_ms > now * 1000:
            return due_ms
        next_ms = _in_ms(schedule.next_after(now))
        self.intake.send(rule, _event(rule, due_ms / 1000).to_json(), Move(name, due_ms, next_ms))
        return next_ms


def _in_ms(at: float | None) -> int:
    return NEVER_MS if at is None else int(at * 1000)


def _event(rule: Rule, at: float) -> Event:
    return Event(
        id=new_id(),
        source="aws.events",
        detail_type="Scheduled Event",
        account=rule.account,
        region=rule.region,
        at=at,
        detail="{}",
        resources=(rule.arn,),
    )
