"""Forecasts of predictive scaling policies."""

from __future__ import annotations

from clary.core.errors import ValidationError
from clary.resources.scaling import SCALING_POLICY, PolicyType, ScalingPolicy
from clary.resources.scaling_forecasts import DAY_S, HOUR_S
from clary.services.application_autoscaling.faults import not_found
from clary.services.application_autoscaling.lookups import scalable_of
from clary.services.operation import Call, Operations, Params, Result, operation

SPAN_MAX_S = 30 * DAY_S


class Forecasts(Operations):
    """GetPredictiveScalingForecast."""

    @operation("GetPredictiveScalingForecast")
    def get(self, call: Call, request: Params) -> Result:
        """Return the newest forecast of a policy, the part of it within a time."""
        scalable = scalable_of(request)
        found = call.store.records.find(SCALING_POLICY, scalable.child(request["PolicyName"]))
        if found is None or found.deleting or found.spec["PolicyType"] != PolicyType.PREDICTIVE:
            raise ValidationError(not_found("predictive scaling policy", scalable).message)
        start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
        if not 0 < end - start <= SPAN_MAX_S:
            raise ValidationError("EndTime must be after StartTime, by 30 days at most.")
        told = found.status.get("forecast")
        if told is None:
            raise ValidationError("There is no forecast yet: it needs 24 hours of data of each metric at least.")
        hours = [told["start"] + HOUR_S * place for place in range(len(told["loads"]))]
        within = [place for place, hour in enumerate(hours) if start <= hour < end]
        at = [hours[place] for place in within]
        metrics = ScalingPolicy.read(found).configuration["MetricSpecifications"][0]
        load = {"Timestamps": at, "Values": [told["loads"][each] for each in within], "MetricSpecification": metrics}
        capacity = {"Timestamps": at, "Values": [float(told["capacities"][each]) for each in within]}
        return {"LoadForecast": [load], "CapacityForecast": capacity, "UpdateTime": told["made"]}
