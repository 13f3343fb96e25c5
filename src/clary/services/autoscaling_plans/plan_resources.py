"""The resources of scaling plans: how far each is scaled by its plan, and what is forecast of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.core.errors import ServiceError, ValidationError
from clary.resources.scaling import Scalable
from clary.resources.scaling_forecasts import DAY_S, HOUR_S
from clary.resources.scaling_plans import Instruction, ScalingPlan, bounds_for, policies_for, schedules
from clary.services.autoscaling_plans.plans import PAGE, VERSION, find_plan
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import BadToken, place_of, token_of

SPAN_MAX_S = 7 * DAY_S
TRACKED = "TargetTrackingScaling"


class PlanResources(Operations):
    """DescribeScalingPlanResources and GetScalingPlanResourceForecastData."""

    @operation("DescribeScalingPlanResources")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a page of a plan's resources."""
        plan = ScalingPlan.read(find_plan(call.store.records, request))
        limit = request.get("MaxResults", PAGE)
        if not 1 <= limit <= PAGE:
            raise ValidationError(f"MaxResults must be between 1 and {PAGE}.")
        query = {"plan": plan.uid, "generation": plan.record.generation}
        first = _place(query, request.get("NextToken", ""))
        shown = [_shown(plan, each) for each in plan.instructions[first : first + limit]]
        more = first + limit < len(plan.instructions)
        return {"ScalingPlanResources": shown, **({"NextToken": token_of(query, [first + limit])} if more else {})}

    @operation("GetScalingPlanResourceForecastData")
    def forecast(self, call: Call, request: Params) -> Result:
        """Return what is forecast of a resource by the hour, the part within a time."""
        plan = ScalingPlan.read(find_plan(call.store.records, request))
        instruction = _instruction(plan, Scalable.of(request))
        start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
        if not 0 < end - start <= SPAN_MAX_S:
            raise ValidationError("The end time must be after the start time, by seven days at most.")
        told = plan.seen(instruction).get("forecast")
        values = {} if told is None else _values(request["ForecastDataType"], instruction, told)
        return {"Datapoints": [{"Timestamp": at, "Value": each} for at, each in values.items() if start <= at < end]}


def _place(query: Mapping[str, Any], token: str) -> int:
    if not token:
        return 0
    try:
        return int(place_of(query, token)[0])
    except BadToken:
        text = "The next token supplied was invalid."
        raise ServiceError(text, code="InvalidNextTokenException", status=400) from None


def _instruction(plan: ScalingPlan, scalable: Scalable) -> Instruction:
    for each in plan.instructions:
        if Scalable.of(each) == scalable:
            return each
    raise ValidationError(f"{scalable.resource} is no resource of the scaling plan {plan.name}.")


def _values(sort: str, instruction: Instruction, told: Mapping[str, Any]) -> dict[int, float]:
    """Return a forecast's values by when their hours begin."""
    hours = range(told["start"], told["start"] + HOUR_S * len(told["loads"]), HOUR_S)
    match sort:
        case "LoadForecast":
            return dict(zip(hours, told["loads"], strict=True))
        case "CapacityForecast":
            return dict(zip(hours, map(float, told["capacities"]), strict=True))
        case _ if not schedules(instruction):
            return {}
        case _:
            side = "MinCapacity" if sort == "ScheduledActionMinCapacity" else "MaxCapacity"
            bounds = (float(bounds_for(instruction, each)[side]) for each in told["capacities"])
            return dict(zip(hours, bounds, strict=True))


def _shown(plan: ScalingPlan, instruction: Instruction) -> dict[str, Any]:
    seen = plan.seen(instruction)
    applied = plan.applied and "look" in seen
    state = "Inactive" if not applied else "PartiallyActive" if "problem" in seen else "Active"
    return {
        "ScalingPlanName": plan.name,
        "ScalingPlanVersion": VERSION,
        **Scalable.of(instruction).members(),
        "ScalingPolicies": [
            {"PolicyName": name, "PolicyType": TRACKED, "TargetTrackingConfiguration": configuration}
            for name, configuration in zip(
                policies_for(plan, instruction), instruction["TargetTrackingConfigurations"], strict=False
            )
        ],
        "ScalingStatusCode": state,
        **({"ScalingStatusMessage": seen["problem"]} if "problem" in seen else {}),
    }
