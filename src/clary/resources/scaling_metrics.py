"""What target tracking watches, and for how long: the predefined metrics, and the windows of both profiles.

Metrics under a minute's resolution are emitted every ten seconds. The fast profile uses that;
the profile of AWS waits as long as target tracking does there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.resources.alarm import HIGH_RESOLUTION_S, MINUTE_S
from clary.resources.scaling import VARIANT, VARIANT_INSTANCES, Scalable
from clary.resources.scaling_decisions import Cooldowns

NAMESPACE = "AWS/SageMaker"
AS_AWS = "aws"
"""The profile, of settings, that waits as long as AWS does."""
IN_SHARE = 0.9
"""Capacity is taken away when the metric stays below this share of the target."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long a metric must be beyond its threshold."""

    period: int
    periods: int

    @property
    def length_s(self) -> int:
        """The whole of it."""
        return self.period * self.periods


@dataclass(frozen=True, slots=True)
class Windows:
    """When to add capacity and when to take it away, and the cooldowns of whoever names none."""

    outward: Window
    inward: Window
    cooldowns: Cooldowns


@dataclass(frozen=True, slots=True)
class Predefined:
    """A metric of SageMaker that a policy may name; `minutely` if its target is meant for a minute."""

    metric: str
    statistic: str
    high_resolution: bool
    minutely: bool = False

    def specification(self, scalable: Scalable) -> dict[str, Any]:
        """Return the metric of a resource, as metrics of one's own are told."""
        return {
            "Namespace": NAMESPACE,
            "MetricName": self.metric,
            "Dimensions": dimensions_of(scalable),
            "Statistic": self.statistic,
        }


VARIANT_METRICS: Mapping[str, Predefined] = {
    "SageMakerVariantInvocationsPerInstance": Predefined(
        "InvocationsPerInstance", "Sum", high_resolution=False, minutely=True
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": Predefined(
        "ConcurrentRequestsPerModel", "Average", high_resolution=True
    ),
}
PREDEFINED: Mapping[str, Mapping[str, Predefined]] = {VARIANT_INSTANCES: VARIANT_METRICS}
"""By dimension and PredefinedMetricType."""

_FAST = Cooldowns(out_s=30, in_s=120)
_FAST_SECONDS = Windows(Window(HIGH_RESOLUTION_S, 1), Window(HIGH_RESOLUTION_S, 12), _FAST)
_FAST_MINUTES = Windows(Window(MINUTE_S, 1), Window(MINUTE_S, 2), _FAST)
_AWS_SECONDS = Windows(Window(HIGH_RESOLUTION_S, 3), Window(HIGH_RESOLUTION_S, 90), Cooldowns())
_AWS_MINUTES = Windows(Window(MINUTE_S, 3), Window(MINUTE_S, 15), Cooldowns())


def windows(predefined: Predefined | None, profile: str) -> Windows:
    """Return how long a predefined metric, or one of the customer's, must be beyond its thresholds."""
    if profile == AS_AWS:
        return _AWS_SECONDS if predefined is not None and predefined.high_resolution else _AWS_MINUTES
    return _FAST_SECONDS if predefined is not None else _FAST_MINUTES


def predefined_of(scalable: Scalable, configuration: Mapping[str, Any]) -> Predefined | None:
    """Return the predefined metric that a target tracking configuration names, None if it brings its own."""
    named = configuration.get("PredefinedMetricSpecification")
    return None if named is None else PREDEFINED[scalable.dimension][named["PredefinedMetricType"]]


def dimensions_of(scalable: Scalable) -> list[dict[str, str]]:
    """Return the dimensions that SageMaker's metrics of a variant have."""
    found = VARIANT.fullmatch(scalable.resource)
    assert found is not None, "the resource was looked at when the target was registered"
    return [{"Name": "EndpointName", "Value": found[1]}, {"Name": "VariantName", "Value": found[2]}]


def threshold_of(configuration: Mapping[str, Any], predefined: Predefined | None, period: int) -> float:
    """Return the target value for periods of a length: what is counted in a minute is less in ten seconds."""
    target = float(configuration["TargetValue"])
    return target * period / MINUTE_S if predefined is not None and predefined.minutely else target


def timed(queries: Sequence[Mapping[str, Any]], period: int) -> list[dict[str, Any]]:
    """Return metric queries, which in scaling policies have no period, with one."""
    return [
        {**each, "MetricStat": {**each["MetricStat"], "Period": period}} if "MetricStat" in each else dict(each)
        for each in queries
    ]
