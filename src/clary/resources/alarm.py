"""The alarm as a noun: what it watches and when, its state, and the kinds of record around it.

A metric alarm watches one series over periods that end at its evaluation; a composite one watches other alarms.
The clock of an account's alarms is one record: it wakes the controller when an alarm was put or set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clary.core.ids import arn
from clary.store.records import Kind, Record

ALARM = Kind("cloudwatch", "alarm")
ALARM_CLOCK = Kind("cloudwatch", "alarm-clock")
ALARM_HISTORY = Kind("cloudwatch", "alarm-history")
ALARM_ACTION = Kind("cloudwatch", "alarm-action")
CLOCK_NAME = "alarms"

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
HIGH_RESOLUTION_S = 10
"""How often alarms on periods under a minute are evaluated."""
LATE_S = 2
"""How long after its end a period's data may come: what the platform emits is stored within a second."""
EXTRA_PERIODS = 2
"""Periods further back that are read too, in case some of the newest have no data."""


class AlarmState(StrEnum):
    """StateValue."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class AlarmType(StrEnum):
    """What an alarm watches."""

    METRIC = "MetricAlarm"
    COMPOSITE = "CompositeAlarm"


ACTIONS = {
    AlarmState.OK: "OKActions",
    AlarmState.ALARM: "AlarmActions",
    AlarmState.INSUFFICIENT_DATA: "InsufficientDataActions",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One period of the series that an alarm watches; a value of None is missing."""

    at: int
    value: float | None
    threshold: float


@dataclass(frozen=True, slots=True)
class Span:
    """The periods that an evaluation looks at, oldest first."""

    start: int
    end: int
    period: int

    def starts(self) -> range:
        """Return the start of each period."""
        return range(self.start, self.end, self.period)


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the user asked for, as the parameters of the API, and what the alarm says."""

    name: str
    uid: str
    account: str
    region: str
    state: AlarmState
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> Alarm:
        """Return the alarm that a record holds."""
        return cls(
            name=record.name,
            uid=record.uid,
            account=record.account,
            region=record.region,
            state=AlarmState(record.state),
            spec=record.spec,
            status=record.status,
            record=record,
        )

    @property
    def arn(self) -> str:
        """The alarm's ARN."""
        return alarm_arn(self.account, self.region, self.name)

    @property
    def type(self) -> AlarmType:
        """What the alarm watches."""
        return AlarmType.COMPOSITE if "AlarmRule" in self.spec else AlarmType.METRIC

    @property
    def period(self) -> int:
        """The length of a period in seconds."""
        return period_of(self.spec)

    @property
    def evaluation_periods(self) -> int:
        """How many datapoints are judged."""
        wanted: int = self.spec["EvaluationPeriods"]
        return wanted

    @property
    def datapoints_to_alarm(self) -> int:
        """How many of those must breach."""
        wanted: int = self.spec.get("DatapointsToAlarm", self.evaluation_periods)
        return wanted

    @property
    def step(self) -> int:
        """How often the alarm is evaluated: by its period, and those of more than a day hourly."""
        if self.period < MINUTE_S:
            return HIGH_RESOLUTION_S
        return HOUR_S if self.period * self.evaluation_periods > DAY_S else MINUTE_S

    def span(self, now: float) -> Span:
        """Return what the newest evaluation looks at; it ends where data can be complete."""
        end = newest_end(now, self.step)
        periods = self.evaluation_periods + EXTRA_PERIODS
        return Span(end - periods * self.period, end, self.period)

    def actions(self) -> Sequence[str]:
        """Return the ARNs of the actions of the alarm's state, none if actions are off."""
        return self.actions_of(self.state)

    def actions_of(self, state: AlarmState) -> Sequence[str]:
        """Return the ARNs of the actions of a state, none if actions are off."""
        if not self.spec.get("ActionsEnabled", True):
            return ()
        wanted: Sequence[str] = self.spec.get(ACTIONS[state], ())
        return wanted


def newest_end(now: float, step: int) -> int:
    """Return the newest boundary of a step that lies so far back that the data before it can be complete."""
    return int(now - LATE_S) // step * step


def alarm_arn(account: str, region: str, name: str) -> str:
    """Return the ARN of an alarm."""
    return arn("cloudwatch", region, account, f"alarm:{name}")


def period_of(spec: Mapping[str, Any]) -> int:
    """Return the period of what an alarm's parameters ask for; all metrics of one have the same."""
    if "Period" in spec:
        period: int = spec["Period"]
        return period
    return max((each["MetricStat"]["Period"] for each in spec["Metrics"] if "MetricStat" in each), default=MINUTE_S)
