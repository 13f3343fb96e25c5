"""The alarms of target tracking: one asks for more, one for less; and what any alarm's metric is read with.

Their names follow from the policy, so that putting them again changes nothing. Pure.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clary.resources.alarm import HIGH_RESOLUTION_S, MINUTE_S, newest_end, period_of
from clary.resources.scaling import PolicyType, ScalingPolicy
from clary.resources.scaling_metrics import (
    IN_SHARE,
    Window,
    predefined_of,
    threshold_of,
    timed,
    windows,
)

HIGH, LOW = "AlarmHigh", "AlarmLow"
WATCHED = "watched"


def alarm_name(policy: ScalingPolicy, side: str) -> str:
    """Return the name of one of a policy's alarms."""
    return f"TargetTracking-{policy.scalable.resource}-{side}-{uuid.uuid5(uuid.UUID(policy.uuid), side)}"


def alarm_names(policy: ScalingPolicy) -> list[str]:
    """Return the names of the alarms that a policy makes."""
    if policy.type is not PolicyType.TARGET_TRACKING:
        return []
    sides = (HIGH,) if policy.configuration.get("DisableScaleIn", False) else (HIGH, LOW)
    return [alarm_name(policy, side) for side in sides]


def possible_names(policy: ScalingPolicy) -> list[str]:
    """Return the names of all alarms that a policy may have made in its life."""
    return [alarm_name(policy, side) for side in (HIGH, LOW)]


def unwanted_names(policy: ScalingPolicy) -> list[str]:
    """Return the names of alarms that a policy may have made before it was what it is now."""
    return sorted(set(possible_names(policy)) - set(alarm_names(policy)))


def armed_as(generation: int, profile: str) -> str:
    """Return what tells whether a policy's alarms are those that it wants now."""
    return f"{generation} {profile}"


def alarms_of(policy: ScalingPolicy, profile: str) -> list[dict[str, Any]]:
    """Return the parameters of PutMetricAlarm for each alarm that a policy makes."""
    if policy.type is not PolicyType.TARGET_TRACKING:
        return []
    found = windows(predefined_of(policy.scalable, policy.configuration), profile)
    alarms = [_alarm(policy, HIGH, found.outward), _alarm(policy, LOW, found.inward)]
    wanted = alarm_names(policy)
    return [each for each in alarms if each["AlarmName"] in wanted]


def _alarm(policy: ScalingPolicy, side: str, window: Window) -> dict[str, Any]:
    predefined = predefined_of(policy.scalable, policy.configuration)
    threshold = threshold_of(policy.configuration, predefined, window.period)
    # Nothing is measured of a variant that nobody calls, which is as good a reason to take instances away.
    idle = {"TreatMissingData": "breaching"} if predefined is not None and side == LOW else {}
    return {
        "AlarmName": alarm_name(policy, side),
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        "AlarmActions": [policy.arn],
        "ComparisonOperator": "GreaterThanThreshold" if side == HIGH else "LessThanThreshold",
        "Threshold": threshold if side == HIGH else threshold * IN_SHARE,
        "EvaluationPeriods": window.periods,
        **_watched(policy, window.period),
        **idle,
    }


def _watched(policy: ScalingPolicy, period: int) -> dict[str, Any]:
    predefined = predefined_of(policy.scalable, policy.configuration)
    if predefined is not None:
        return {**predefined.specification(policy.scalable), "Period": period}
    told = policy.configuration["CustomizedMetricSpecification"]
    if "Metrics" not in told:
        return {**told, "Period": period}
    return {"Metrics": timed(told["Metrics"], period)}


def reading(alarm: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return the parameters of GetMetricData for the time that an alarm, as DescribeAlarms tells of it, looks at."""
    period = period_of(alarm)
    end = newest_end(now, HIGH_RESOLUTION_S if period < MINUTE_S else MINUTE_S)
    start = end - period * alarm["EvaluationPeriods"]
    return {
        "MetricDataQueries": alarm.get("Metrics") or [{"Id": WATCHED, "MetricStat": _stat(alarm)}],
        "StartTime": datetime.fromtimestamp(start, UTC),
        "EndTime": datetime.fromtimestamp(end, UTC),
        "ScanBy": "TimestampAscending",
    }


def _stat(alarm: Mapping[str, Any]) -> dict[str, Any]:
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
    return {
        "Metric": metric,
        "Period": alarm["Period"],
        "Stat": alarm.get("Statistic") or alarm["ExtendedStatistic"],
        **({"Unit": alarm["Unit"]} if "Unit" in alarm else {}),
    }
