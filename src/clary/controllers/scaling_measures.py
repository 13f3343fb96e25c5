"""What the metric of an alarm is now, and the capacity that a policy wants for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clary.controllers.scaling_clients import Client
from clary.core.errors import ResourceNotFound
from clary.resources.alarm import AlarmState, period_of
from clary.resources.scaling import PolicyType, ScalingPolicy
from clary.resources.scaling_alarms import LOW, alarm_name, alarm_names, reading
from clary.resources.scaling_decisions import COOLDOWN_S, Cooldowns, Wish, stepping, tracking
from clary.resources.scaling_metrics import predefined_of, threshold_of, windows


@dataclass(frozen=True, slots=True)
class Measured:
    """An alarm as DescribeAlarms tells of it, and the values that it looks at, oldest first."""

    alarm: dict[str, Any]
    values: Sequence[float]

    def shrinks(self, policy: ScalingPolicy) -> bool:
        """Tell whether this is the alarm of a target tracking policy that asks for less."""
        tracks = policy.type is PolicyType.TARGET_TRACKING
        return tracks and self.alarm["AlarmName"] == alarm_name(policy, LOW)


def measure(cloudwatch: Client, alarm: str, now: float) -> Measured:
    """Return what an alarm looks at now, which may be another time than the one that it rang for first."""
    found = cloudwatch("DescribeAlarms", AlarmNames=[alarm])["MetricAlarms"]
    if not found:
        raise ResourceNotFound(f"There is no metric alarm {alarm}.")
    results = cloudwatch("GetMetricData", **reading(found[0], now))["MetricDataResults"]
    return Measured(found[0], results[0]["Values"] if results else ())


def wish_of(policy: ScalingPolicy, measured: Measured, profile: str, now: float) -> tuple[Wish, Cooldowns] | None:
    """Return what a policy wants and how long it waits between, None if it wants nothing for these values."""
    if policy.type is PolicyType.STEP:
        return _steps(policy, measured)
    if policy.type is PolicyType.TARGET_TRACKING:
        return _tracking(policy, measured, profile, now)
    return None


def ready_to_shrink(cloudwatch: Client, policy: ScalingPolicy, policies: Sequence[ScalingPolicy]) -> bool:
    """Tell whether all other policies that track a target, and take capacity away, would do so as well."""
    lows = {alarm_name(each, LOW) for each in policies if each.uuid != policy.uuid} & {
        name for each in policies for name in alarm_names(each)
    }
    if not lows:
        return True
    told = cloudwatch("DescribeAlarms", AlarmNames=sorted(lows), StateValue=AlarmState.ALARM)["MetricAlarms"]
    return lows <= {each["AlarmName"] for each in told}


def _steps(policy: ScalingPolicy, measured: Measured) -> tuple[Wish, Cooldowns] | None:
    configuration, alarm = policy.configuration, measured.alarm
    value = _together(measured.values, configuration.get("MetricAggregationType", "Average"))
    # An alarm that was set by hand breaches its threshold, though nothing was measured.
    breach = 0.0 if value is None else value - alarm.get("Threshold", value)
    wish = stepping(configuration, breach, above=alarm["ComparisonOperator"].startswith("Greater"))
    cooldown = configuration.get("Cooldown", COOLDOWN_S)
    return None if wish is None else (wish, Cooldowns(cooldown, cooldown))


def _together(values: Sequence[float], aggregation: str) -> float | None:
    if not values:
        return None
    match aggregation:
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)
        case _:
            return sum(values) / len(values)


def _tracking(policy: ScalingPolicy, measured: Measured, profile: str, now: float) -> tuple[Wish, Cooldowns] | None:
    predefined = predefined_of(policy.scalable, policy.configuration)
    found = windows(predefined, profile)
    shrinks = measured.shrinks(policy)
    if not measured.values:
        # Silence counts as no load where the alarm says so, but only once there was time to hear anything.
        waited = now - policy.record.spec["Put"] >= found.inward.length_s
        if not shrinks or measured.alarm.get("TreatMissingData") != "breaching" or not waited:
            return None
    # More is made for the newest value; less only for what the highest of the whole time allows.
    value = max(measured.values, default=0.0) if shrinks else measured.values[-1]
    threshold = threshold_of(policy.configuration, predefined, period_of(measured.alarm))
    given, usual = policy.configuration, found.cooldowns
    cooldowns = Cooldowns(given.get("ScaleOutCooldown", usual.out_s), given.get("ScaleInCooldown", usual.in_s))
    return tracking(value, threshold, shrinks=shrinks), cooldowns
