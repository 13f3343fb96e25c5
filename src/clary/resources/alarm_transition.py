"""What a change of an alarm's state writes: the state with its reason, its history, and the actions to be done.

All of it lands in one transaction, so that an action is known before it is done. Nothing here writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from clary.resources.alarm import ALARM_ACTION, ALARM_HISTORY, Alarm, AlarmState, AlarmType
from clary.store.records import Change, Kind

SUMMARY_MAX = 255
HISTORY_DATA_MAX = 4095
REASON_SHOWN_MAX = 1000
SUBJECT_MAX = 100
REGIONS = {"us-east-1": "US East (N. Virginia)"}


@dataclass(frozen=True, slots=True)
class Cause:
    """The state that an alarm goes to, and why; `data` is the reason as JSON, or ''."""

    state: AlarmState
    reason: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A record that is to be made."""

    kind: Kind
    name: str
    spec: Mapping[str, Any]
    attributes: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """What is to be written to the alarm's record, and the records beside it."""

    change: Change
    beside: Sequence[Written]


def transition(alarm: Alarm, cause: Cause, now: float, *, act: bool = True, **status: Any) -> Transition:
    """Return what it takes to bring an alarm into another state; `status` is what else becomes true."""
    previous = {
        "value": alarm.state,
        "reason": alarm.status["reason"],
        "data": alarm.status["data"],
        "timestamp": alarm.status["transitioned"],
    }
    changed = {
        **alarm.status,
        "reason": cause.reason,
        "data": cause.data,
        "updated": now,
        "transitioned": now,
        "previous": previous,
        **status,
    }
    history = Note(alarm, "StateUpdate", f"Alarm updated from {alarm.state} to {cause.state}", _states(alarm, cause))
    actions = actions_for(alarm, cause, now) if act else ()
    return Transition(Change(status=changed, state=cause.state), (history.written(now), *actions))


@dataclass(frozen=True, slots=True)
class Note:
    """An item of an alarm's history."""

    alarm: Alarm
    item: str
    summary: str
    data: Mapping[str, Any]

    def written(self, now: float, mark: str = "") -> Written:
        """Return the record of it; `mark` tells items of one alarm, version and kind apart."""
        version = self.alarm.record.version
        return history_item(
            self.alarm.name, self.alarm.type, self.item, self.summary, self.data, now,
            mark=f"{self.alarm.uid}.{version}.{mark}",
        )  # fmt: skip


def history_item(
    alarm: str, sort: str, item: str, summary: str, data: Mapping[str, Any], now: float, *, mark: str
) -> Written:
    """Return the record of a history item; its name sorts by time."""
    spec = {"alarm": alarm, "type": sort, "item": item, "summary": summary[:SUMMARY_MAX],
            "data": json.dumps(data)[:HISTORY_DATA_MAX], "at": now}  # fmt: skip
    attributes = {"alarm": alarm, "type": sort, "item": item}
    return Written(ALARM_HISTORY, f"{int(now * 1e6):017d}.{item[0]}.{mark}", spec, attributes)


def actions_for(alarm: Alarm, cause: Cause, now: float) -> Iterator[Written]:
    """Give the actions of the state that an alarm goes to; they need the alarm no more."""
    notice = json.dumps(notification(alarm, cause, now))
    for place, action in enumerate(alarm.actions_of(cause.state)):
        spec = {
            "alarm": alarm.name,
            "alarm_arn": alarm.arn,
            "type": alarm.type,
            "action": action,
            "subject": f'{cause.state}: "{alarm.name}" in {_region(alarm)}'[:SUBJECT_MAX],
            "message": notice,
            "at": now,
        }
        name = f"{alarm.uid}.{alarm.record.version}.{int(now * 1e6)}.{place}"
        yield Written(ALARM_ACTION, name, spec, state="Pending")


def notification(alarm: Alarm, cause: Cause, now: float) -> Mapping[str, Any]:
    """Return what CloudWatch tells a topic about a change of state."""
    told = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.spec.get("AlarmDescription"),
        "AWSAccountId": alarm.account,
        "AlarmConfigurationUpdatedTimestamp": _stamp(alarm.status["configured"]),
        "NewStateValue": cause.state,
        "NewStateReason": cause.reason,
        "StateChangeTime": _stamp(now),
        "Region": _region(alarm),
        "AlarmArn": alarm.arn,
        "OldStateValue": alarm.state,
        **{name: alarm.spec.get(name, []) for name in ("OKActions", "AlarmActions", "InsufficientDataActions")},
    }
    if alarm.type is AlarmType.COMPOSITE:
        return {**told, "AlarmRule": alarm.spec["AlarmRule"], "NewStateReasonData": cause.data or None}
    return {**told, "Trigger": _trigger(alarm)}


def _trigger(alarm: Alarm) -> Mapping[str, Any]:
    spec = alarm.spec
    rule = {
        "Period": alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "ComparisonOperator": spec["ComparisonOperator"],
        "Threshold": spec.get("Threshold"),
        "TreatMissingData": spec.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": spec.get("EvaluateLowSampleCountPercentile", ""),
    }
    if "Metrics" in spec:
        return {**rule, "Metrics": spec["Metrics"], "ThresholdMetricId": spec.get("ThresholdMetricId")}
    extended = "ExtendedStatistic" in spec
    return {
        "MetricName": spec["MetricName"],
        "Namespace": spec["Namespace"],
        "StatisticType": "ExtendedStatistic" if extended else "Statistic",
        "Statistic": spec["ExtendedStatistic"] if extended else spec["Statistic"].upper(),
        "Unit": spec.get("Unit"),
        "Dimensions": [{"name": each["Name"], "value": each["Value"]} for each in spec.get("Dimensions", ())],
        **rule,
    }


def _states(alarm: Alarm, cause: Cause) -> Mapping[str, Any]:
    return {
        "version": "1.0",
        "oldState": _state(alarm.state, alarm.status["reason"], alarm.status["data"]),
        "newState": _state(cause.state, cause.reason, cause.data),
    }


def _state(state: AlarmState, reason: str, data: str) -> Mapping[str, Any]:
    told: dict[str, Any] = {"stateValue": state, "stateReason": reason[:REASON_SHOWN_MAX]}
    if data and len(data) <= REASON_SHOWN_MAX:
        told["stateReasonData"] = _parsed(data)
    return told


def _parsed(data: str) -> Any:
    """Return reason data as JSON; what a user set need not be any."""
    try:
        return json.loads(data)
    except ValueError:
        return data


def _region(alarm: Alarm) -> str:
    return REGIONS.get(alarm.region, alarm.region)


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
