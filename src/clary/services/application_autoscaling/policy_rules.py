"""The rules of policies' configurations, in AWS's words.

Sources: Application Auto Scaling API reference; its user guide on step scaling and on target tracking policies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.scaling import CONFIGURATIONS, PolicyType, Scalable, ScalingPolicy
from clary.resources.scaling_metrics import PREDEFINED
from clary.resources.scaling_predictions import EXCEEDS

STEPS_MAX = 20
ONE_METRIC = ("MetricName", "Namespace", "Statistic")
METRIC_PARTS = ("PredefinedMetricSpecification", "CustomizedMetricSpecification")
FORECAST_PARTS = ("CustomizedLoadMetricSpecification", "CustomizedScalingMetricSpecification")
Configuration = Mapping[str, Any]


def check_configuration(scalable: Scalable, spec: Mapping[str, Any]) -> None:
    """Raise ValidationError unless a policy can do what it says."""
    sort = PolicyType(spec["PolicyType"])
    configuration = spec[CONFIGURATIONS[sort]]
    match sort:
        case PolicyType.STEP:
            _check_steps(configuration)
        case PolicyType.TARGET_TRACKING:
            _check_tracking(scalable, configuration)
        case PolicyType.PREDICTIVE:
            _check_prediction(configuration)


def check_unique(spec: Mapping[str, Any], others: Sequence[ScalingPolicy]) -> None:
    """Raise ValidationError if another policy of the target tracks the same metric, or forecasts too."""
    if spec["PolicyType"] == PolicyType.PREDICTIVE and any(each.type is PolicyType.PREDICTIVE for each in others):
        raise ValidationError("Only one PredictiveScaling policy for a scalable target is allowed.")
    if spec["PolicyType"] != PolicyType.TARGET_TRACKING:
        return
    mine = _metric(spec[CONFIGURATIONS[PolicyType.TARGET_TRACKING]])
    tracking = (each for each in others if each.type is PolicyType.TARGET_TRACKING)
    if any(_metric(each.configuration) == mine for each in tracking):
        raise ValidationError("Only one TargetTrackingScaling policy for a given metric specification is allowed.")


def _metric(configuration: Configuration) -> list[Any]:
    return [configuration.get(name) for name in METRIC_PARTS]


def _check_tracking(scalable: Scalable, configuration: Configuration) -> None:
    told = [name for name in METRIC_PARTS if name in configuration]
    if len(told) != 1:
        raise ValidationError(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified."
        )
    if configuration["TargetValue"] <= 0:
        raise ValidationError("TargetValue must be greater than 0.")
    if "PredefinedMetricSpecification" in configuration:
        name = configuration["PredefinedMetricSpecification"]["PredefinedMetricType"]
        if name not in PREDEFINED.get(scalable.dimension, {}):
            raise ValidationError(f"The predefined metric {name} cannot be used with {scalable.dimension}.")
    else:
        _check_customized(configuration["CustomizedMetricSpecification"])
    _check_waits(configuration, "ScaleOutCooldown", "ScaleInCooldown")


def _check_customized(metric: Configuration) -> None:
    given = [name for name in ONE_METRIC if name in metric]
    if "Metrics" in metric:
        if given:
            raise ValidationError(f"Metrics and {given[0]} cannot both be specified.")
        if sum(each.get("ReturnData", True) for each in metric["Metrics"]) != 1:
            raise ValidationError("Exactly one element of the metrics list should return data.")
    elif len(given) < len(ONE_METRIC):
        raise ValidationError("MetricName, Namespace and Statistic must be specified, or Metrics.")


def _check_waits(configuration: Configuration, *names: str) -> None:
    for name in names:
        if configuration.get(name, 0) < 0:
            raise ValidationError(f"{name} must be greater than or equal to 0.")


def _check_steps(configuration: Configuration) -> None:
    steps = configuration.get("StepAdjustments", ())
    if "AdjustmentType" not in configuration or not steps:
        raise ValidationError("AdjustmentType and at least one StepAdjustment are required for a StepScaling policy.")
    if len(steps) > STEPS_MAX:
        raise ValidationError(f"A policy can have up to {STEPS_MAX} step adjustments.")
    _check_intervals(sorted(map(_interval, steps)))
    if configuration["AdjustmentType"] == "ExactCapacity" and any(each["ScalingAdjustment"] < 0 for each in steps):
        raise ValidationError("ScalingAdjustment must be non-negative for ExactCapacity.")
    if "MinAdjustmentMagnitude" in configuration and configuration["AdjustmentType"] != "PercentChangeInCapacity":
        raise ValidationError("MinAdjustmentMagnitude can only be specified with PercentChangeInCapacity.")
    _check_waits(configuration, "Cooldown", "MinAdjustmentMagnitude")


def _interval(step: Configuration) -> tuple[float, float]:
    low = step.get("MetricIntervalLowerBound", -math.inf)
    high = step.get("MetricIntervalUpperBound", math.inf)
    if low >= high:
        raise ValidationError("The upper bound of a step adjustment must be greater than its lower bound.")
    return low, high


def _check_intervals(intervals: Sequence[tuple[float, float]]) -> None:
    for (_, high), (low, _) in pairwise(intervals):
        if low < high:
            raise ValidationError("StepAdjustment intervals can't overlap.")
        if low > high:
            raise ValidationError("StepAdjustment intervals can't have gaps between them.")
    lowest, highest = intervals[0][0], intervals[-1][1]
    if lowest < 0 and lowest != -math.inf:
        raise ValidationError("There must be a step adjustment with an unspecified lower bound "
                              "when one step adjustment has a negative lower bound.")  # fmt: skip
    if highest > 0 and highest != math.inf:
        raise ValidationError("There must be a step adjustment with an unspecified upper bound "
                              "when one step adjustment has a positive upper bound.")  # fmt: skip


def _check_prediction(configuration: Configuration) -> None:
    metrics = configuration["MetricSpecifications"]
    if len(metrics) != 1:
        raise ValidationError("Exactly one metric specification is supported.")
    if any(name.startswith("Predefined") for name in metrics[0]):
        raise ValidationError("There are no predefined metrics of predictive scaling for this resource.")
    if any(name not in metrics[0] for name in FORECAST_PARTS):
        raise ValidationError(f"{' and '.join(FORECAST_PARTS)} must be specified.")
    if metrics[0]["TargetValue"] <= 0:
        raise ValidationError("TargetValue must be greater than 0.")
    exceeds = configuration.get("MaxCapacityBreachBehavior") == EXCEEDS
    if exceeds is not ("MaxCapacityBuffer" in configuration):
        raise ValidationError(f"MaxCapacityBuffer is required if MaxCapacityBreachBehavior is {EXCEEDS}, "
                              "and cannot be used otherwise.")  # fmt: skip
