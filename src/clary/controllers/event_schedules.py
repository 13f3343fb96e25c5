"""Sends the events of rules that have a schedule, each time it is due."""

from __future__ import annotations

from dataclasses import dataclass

from clary.controllers.event_due import bring_up
from clary.controllers.event_sources import Intake
from clary.core.clock import Clock
from clary.resources.event import Event, new_id
from clary.resources.event_rules import RULE, Rule
from clary.resources.schedules import Schedule, parse
from clary.store.event_positions import EventPositions, Move
from clary.store.records import Record, Records

PREFIX = "rule/"


@dataclass(frozen=True, slots=True)
class Times:
    """When a rule is due; see controllers.event_due."""

    schedule: Schedule
    since: float

    def first(self) -> float | None:
        """Return when it is due for the first time: a rate after one period."""
        return self.schedule.next_after(self.since)

    def after(self, at: float) -> float | None:
        """Return when it is due next after a time."""
        return self.schedule.next_after(at)

    def called_at(self, due: float) -> float:
        """Return when its event is sent: just then."""
        return due


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

        def send(due: float, move: Move) -> None:
            self.intake.send(rule, _event(rule, due).to_json(), move)

        times = Times(parse(rule.schedule, start=rule.since), rule.since)
        return bring_up(self.positions, f"{PREFIX}{rule.uid}/{int(rule.since * 1000)}", times, self.clock(), send)


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
