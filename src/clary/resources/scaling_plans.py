"""Scaling plans of AWS Auto Scaling: what each of their instructions makes of Application Auto Scaling. Pure.

Policies and scheduled actions are named after the plan and what they are for: making them again changes nothing.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from clary.resources.scaling import Scalable
from clary.resources.scaling_forecasts import HOUR_S
from clary.resources.scaling_metrics import PREDEFINED
from clary.resources.scaling_predictions import SCALES, Metrics, instances
from clary.store.records import Kind, Record

SCALING_PLAN = Kind("autoscaling-plans", "scaling-plan")
PREFIX = "AutoScaling-"
LOAD_PARTS = ("PredefinedLoadMetricSpecification", "CustomizedLoadMetricSpecification")
TRACKING_KEPT = ("TargetValue", "DisableScaleIn", "ScaleOutCooldown", "ScaleInCooldown")
BUFFER_S = 300
ALMOST = 1e-9
Instruction = Mapping[str, Any]


class PlanState(StrEnum):
    """ScalingPlanStatusCode, the part that Clary's plans go through."""

    CREATING = "CreationInProgress"
    UPDATING = "UpdateInProgress"
    DELETING = "DeletionInProgress"
    ACTIVE = "Active"
    PROBLEMS = "ActiveWithProblems"


@dataclass(frozen=True, slots=True)
class ScalingPlan:
    """A scaling plan, and what was seen of each resource when it was last applied."""

    name: str
    uid: str
    instructions: Sequence[Instruction]
    resources: Mapping[str, Mapping[str, Any]]
    applied: bool
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> ScalingPlan:
        """Return the plan that a record holds."""
        return cls(
            name=record.name,
            uid=record.uid,
            instructions=record.spec["ScalingInstructions"],
            resources=record.status.get("resources", {}),
            applied=record.status.get("applied") == record.generation,
            record=record,
        )

    def seen(self, instruction: Instruction) -> Mapping[str, Any]:
        """Return what is known of an instruction's resource."""
        return self.resources.get(Scalable.of(instruction).name, {})

    def prefix(self) -> str:
        """Return what the names of all that the plan makes begin with."""
        return f"{PREFIX}{self.name}-{self.uid}-"


def policies_for(plan: ScalingPlan, instruction: Instruction) -> dict[str, dict[str, Any]]:
    """Return the configurations of the policies that an instruction makes, by their names."""
    if instruction.get("DisableDynamicScaling", False):
        return {}
    configurations = map(tracked, instruction["TargetTrackingConfigurations"])
    return {f"{plan.prefix()}{_mark(each)}": each for each in configurations}


def _mark(configuration: Mapping[str, Any]) -> str:
    metric = {name: value for name, value in configuration.items() if name.endswith("Specification")}
    return str(uuid.uuid5(uuid.NAMESPACE_OID, repr(sorted(metric.items()))))


def tracked(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan's target tracking as Application Auto Scaling has it."""
    told = {name: configuration[name] for name in TRACKING_KEPT if name in configuration}
    if "CustomizedScalingMetricSpecification" in configuration:
        return {**told, "CustomizedMetricSpecification": configuration["CustomizedScalingMetricSpecification"]}
    named = configuration["PredefinedScalingMetricSpecification"]
    return {**told, "PredefinedMetricSpecification": {"PredefinedMetricType": named["PredefinedScalingMetricType"]}}


def predicts(instruction: Instruction) -> bool:
    """Tell whether an instruction forecasts."""
    return any(name in instruction for name in LOAD_PARTS)


def schedules(instruction: Instruction) -> bool:
    """Tell whether an instruction scales by its forecast."""
    return predicts(instruction) and instruction.get("PredictiveScalingMode", SCALES) == SCALES


def metrics_for(instruction: Instruction) -> Metrics:
    """Return what an instruction forecasts by: its load, and the first metric that it tracks."""
    scalable = Scalable.of(instruction)
    tracking = instruction["TargetTrackingConfigurations"][0]
    return Metrics(
        load=_query(instruction["CustomizedLoadMetricSpecification"]),
        scaling=_query(_scaling_metric(scalable, tracking)),
        capacity=instances(scalable),
        target=float(tracking["TargetValue"]),
    )


def _scaling_metric(scalable: Scalable, tracking: Mapping[str, Any]) -> Mapping[str, Any]:
    if "CustomizedScalingMetricSpecification" in tracking:
        own: Mapping[str, Any] = tracking["CustomizedScalingMetricSpecification"]
        return own
    named = tracking["PredefinedScalingMetricSpecification"]["PredefinedScalingMetricType"]
    return PREDEFINED[scalable.dimension][named].specification(scalable)


def _query(metric: Mapping[str, Any]) -> list[dict[str, Any]]:
    watched = {name: metric[name] for name in ("Namespace", "MetricName", "Dimensions") if name in metric}
    unit = {"Unit": metric["Unit"]} if "Unit" in metric else {}
    return [{"Id": "m", "MetricStat": {"Metric": watched, "Stat": metric["Statistic"], **unit}}]


def bounds_for(instruction: Instruction, capacity: int) -> dict[str, int]:
    """Return the capacities that a scheduled action sets for a forecast one."""
    low, high = instruction["MinCapacity"], instruction["MaxCapacity"]
    match instruction.get("PredictiveScalingMaxCapacityBehavior"):
        case "SetMaxCapacityToForecastCapacity":
            high = max(high, capacity)
        case "SetMaxCapacityAboveForecastCapacity":
            buffer = instruction.get("PredictiveScalingMaxCapacityBuffer", 0)
            high = max(high, math.ceil(capacity * (100 + buffer) / 100 - ALMOST))
        case _:
            pass
    return {"MinCapacity": max(low, min(high, capacity)), "MaxCapacity": high}


def actions_for(
    plan: ScalingPlan, instruction: Instruction, told: Mapping[str, Any], now: float
) -> dict[str, dict[str, Any]]:
    """Return the scheduled actions that a forecast wants from now on, by their names."""
    if not schedules(instruction):
        return {}
    hours = (told["start"] + HOUR_S * place for place in range(len(told["capacities"])))
    return {
        f"{plan.prefix()}{hour}": {
            "Schedule": f"at({datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S})",
            "ScalableTargetAction": bounds_for(instruction, capacity),
        }
        for hour, capacity in zip(hours, told["capacities"], strict=True)
        if (at := hour - instruction.get("ScheduledActionBufferTime", BUFFER_S)) > now
    }
