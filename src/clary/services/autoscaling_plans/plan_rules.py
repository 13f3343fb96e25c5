"""The rules of scaling plans. Source: AWS Auto Scaling API reference, ScalingInstruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.scaling import Scalable
from clary.resources.scaling_capacity import endpoint_of
from clary.resources.scaling_metrics import PREDEFINED
from clary.resources.scaling_plans import LOAD_PARTS, predicts

INSTRUCTIONS_MAX = 500
TRACKED_MAX = 10
TAG_FILTERS_MAX = 50
METRIC_PARTS = ("PredefinedScalingMetricSpecification", "CustomizedScalingMetricSpecification")
FORECAST_MEMBERS = (
    "ScheduledActionBufferTime", "PredictiveScalingMaxCapacityBehavior", "PredictiveScalingMaxCapacityBuffer",
    "PredictiveScalingMode",
)  # fmt: skip
ABOVE = "SetMaxCapacityAboveForecastCapacity"


def check_source(source: Mapping[str, Any]) -> None:
    """Raise ValidationError unless a source is a stack or a set of tags."""
    if ("CloudFormationStackARN" in source) is bool(source.get("TagFilters")):
        raise ValidationError("Exactly one of CloudFormationStackARN and TagFilters must be specified.")
    if len(source.get("TagFilters", ())) > TAG_FILTERS_MAX:
        raise ValidationError(f"Up to {TAG_FILTERS_MAX} tag filters can be specified.")


def check_instructions(instructions: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValidationError unless each instruction can be followed, and no two are for one resource."""
    if not 1 <= len(instructions) <= INSTRUCTIONS_MAX:
        raise ValidationError(f"Between 1 and {INSTRUCTIONS_MAX} scaling instructions must be specified.")
    if len({Scalable.of(each) for each in instructions}) < len(instructions):
        raise ValidationError("A resource can have one scaling instruction only.")
    for each in instructions:
        _check(each)


def _check(instruction: Mapping[str, Any]) -> None:
    scalable = Scalable.of(instruction)
    if endpoint_of(scalable) is None or scalable.namespace != instruction["ServiceNamespace"]:
        raise ValidationError(f"The resource cannot be scaled: {scalable.resource}, {scalable.dimension}")
    if not 0 <= instruction["MinCapacity"] <= instruction["MaxCapacity"]:
        raise ValidationError("MinCapacity must be at least 0, and MaxCapacity not below it.")
    tracking = instruction["TargetTrackingConfigurations"]
    if not 1 <= len(tracking) <= TRACKED_MAX:
        raise ValidationError(f"Between 1 and {TRACKED_MAX} target tracking configurations must be specified.")
    for each in tracking:
        _check_tracking(scalable, each)
    _check_forecast(instruction)


def _check_tracking(scalable: Scalable, tracking: Mapping[str, Any]) -> None:
    if sum(name in tracking for name in METRIC_PARTS) != 1:
        raise ValidationError(f"Exactly one of {' and '.join(METRIC_PARTS)} must be specified.")
    if tracking["TargetValue"] <= 0:
        raise ValidationError("TargetValue must be greater than 0.")
    named = tracking.get("PredefinedScalingMetricSpecification")
    if named is not None and named["PredefinedScalingMetricType"] not in PREDEFINED[scalable.dimension]:
        raise ValidationError(
            f"The scaling metric {named['PredefinedScalingMetricType']} cannot be used with {scalable.dimension}."
        )


def _check_forecast(instruction: Mapping[str, Any]) -> None:
    if not predicts(instruction):
        useless = [name for name in FORECAST_MEMBERS if name in instruction]
        if useless:
            raise ValidationError(f"{useless[0]} can only be specified with a load metric.")
        return
    if LOAD_PARTS[0] in instruction:
        raise ValidationError("There are no predefined load metrics for this resource.")
    if instruction["CustomizedLoadMetricSpecification"]["Statistic"] != "Sum":
        raise ValidationError("The only valid statistic of a load metric is Sum.")
    above = instruction.get("PredictiveScalingMaxCapacityBehavior") == ABOVE
    if above is not ("PredictiveScalingMaxCapacityBuffer" in instruction):
        raise ValidationError(f"PredictiveScalingMaxCapacityBuffer is required with {ABOVE}, and only valid there.")
