"""Predictive scaling: what a policy's forecast wants of its target now, and when that changes. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from clary.resources.scaling import PolicyType, Scalable, ScalingPolicy
from clary.resources.scaling_decisions import Bounds
from clary.resources.scaling_forecasts import HOUR_S
from clary.resources.scaling_metrics import NAMESPACE, dimensions_of

SCALES = "ForecastAndScale"
EXCEEDS = "IncreaseMaxCapacity"
BUFFER_S = 300


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metric queries: what the load of a resource is, what a unit of capacity has of it, and how many units there are.

    `target` is the value that the second one is to have.
    """

    load: Sequence[Mapping[str, Any]]
    scaling: Sequence[Mapping[str, Any]]
    capacity: Sequence[Mapping[str, Any]]
    target: float


@dataclass(frozen=True, slots=True)
class Predicted:
    """The capacity that a policy's forecast wants in an hour."""

    policy: str
    hour: int
    capacity: int

    def to_json(self) -> dict[str, Any]:
        """Return it as a record stores it."""
        return asdict(self)


def ahead(policies: Sequence[ScalingPolicy], bounds: Bounds, now: float) -> Predicted | None:
    """Return what the forecasts want for the hour that is near enough, the most if there are several."""
    wanted = [each for policy in policies if (each := _ahead(policy, now)) is not None]
    most = max(wanted, key=lambda each: (each.capacity, each.policy), default=None)
    return most and replace(most, capacity=effective(policies, bounds, now).low)


def next_change(policies: Sequence[ScalingPolicy], now: float) -> float | None:
    """Return when the next hour is near enough to scale for it."""
    hours = [_hour(policy, now) + HOUR_S - buffer_s(policy) for policy in _scaling(policies)]
    return min(hours, default=None)


def buffer_s(policy: ScalingPolicy) -> int:
    """Return how long before an hour the capacity for it is made."""
    told: int = policy.configuration.get("SchedulingBufferTime", BUFFER_S)
    return told


def effective(policies: Sequence[ScalingPolicy], bounds: Bounds, now: float) -> Bounds:
    """Return the bounds that hold now: no less than is forecast, and as far above that as policies allow."""
    wanted = [(policy, each.capacity) for policy in policies if (each := _ahead(policy, now)) is not None]
    high = max([bounds.high, *(_high(policy, capacity) for policy, capacity in wanted)])
    return Bounds(max([bounds.low, *(min(high, capacity) for _, capacity in wanted)]), high)


def _high(policy: ScalingPolicy, capacity: int) -> int:
    if policy.configuration.get("MaxCapacityBreachBehavior") != EXCEEDS:
        return 0
    return math.ceil(capacity * (100 + policy.configuration["MaxCapacityBuffer"]) / 100)


def metrics_of(policy: ScalingPolicy) -> Metrics:
    """Return what a predictive policy forecasts by."""
    told = policy.configuration["MetricSpecifications"][0]
    capacity = told.get("CustomizedCapacityMetricSpecification")
    return Metrics(
        load=told["CustomizedLoadMetricSpecification"]["MetricDataQueries"],
        scaling=told["CustomizedScalingMetricSpecification"]["MetricDataQueries"],
        capacity=instances(policy.scalable) if capacity is None else capacity["MetricDataQueries"],
        target=float(told["TargetValue"]),
    )


def instances(scalable: Scalable) -> list[dict[str, Any]]:
    """Return queries for how many instances a variant had: what all served, by what each one served."""

    def counted(name: str, metric: str) -> dict[str, Any]:
        watched = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions_of(scalable)}
        return {"Id": name, "MetricStat": {"Metric": watched, "Stat": "Sum"}, "ReturnData": False}

    return [
        counted("served", "Invocations"),
        counted("each", "InvocationsPerInstance"),
        {"Id": "instances", "Expression": "served / each"},
    ]


def _scaling(policies: Sequence[ScalingPolicy]) -> Iterator[ScalingPolicy]:
    for policy in policies:
        if policy.type is PolicyType.PREDICTIVE and policy.configuration.get("Mode") == SCALES:
            yield policy


def _hour(policy: ScalingPolicy, now: float) -> int:
    """Return the hour whose capacity is due: that of now, or the next one if it is near enough."""
    return int(now + buffer_s(policy)) // HOUR_S * HOUR_S


def _ahead(policy: ScalingPolicy, now: float) -> Predicted | None:
    told = policy.record.status.get("forecast")
    if told is None or not list(_scaling([policy])):
        return None
    hour = _hour(policy, now)
    place = (hour - told["start"]) // HOUR_S
    if not 0 <= place < len(told["capacities"]):
        return None
    return Predicted(policy.name, hour, told["capacities"][place])
