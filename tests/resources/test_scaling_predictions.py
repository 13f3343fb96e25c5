from __future__ import annotations

from typing import Any

import pytest

from clary.resources.scaling import SCALING_POLICY, VARIANT_INSTANCES, Scalable, ScalingPolicy
from clary.resources.scaling_decisions import Bounds
from clary.resources.scaling_forecasts import HOUR_S
from clary.resources.scaling_predictions import Predicted, ahead, effective, metrics_of, next_change
from clary.store.records import Record

NOW = 1000 * HOUR_S
SCALABLE = Scalable(VARIANT_INSTANCES, "endpoint/e/variant/v")


def policy(capacities: list[int], **configuration: Any) -> ScalingPolicy:
    spec = {
        **SCALABLE.members(), "PolicyName": "p", "PolicyType": "PredictiveScaling", "Uuid": "u",
        "PredictiveScalingPolicyConfiguration": {"Mode": "ForecastAndScale", **configuration},
    }  # fmt: skip
    status = {"forecast": {"start": NOW, "loads": [], "capacities": capacities}} if capacities else {}
    return ScalingPolicy.read(
        Record("1", "us-east-1", str(SCALING_POLICY), "n", "u", "", spec, status, "", False, 1, 1, 0.0, 0.0)
    )


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (0, Predicted("p", NOW, 2)),
        (HOUR_S - 301, Predicted("p", NOW, 2)),
        (HOUR_S - 300, Predicted("p", NOW + HOUR_S, 5)),  # five minutes before the hour
        (2 * HOUR_S - 300, None),  # the forecast ends
        (-HOUR_S, None),
    ],
)
def test_what_is_wanted_is_that_of_the_hour_that_is_near_enough(at: int, expected: Predicted | None) -> None:
    assert ahead([policy([2, 5])], Bounds(1, 10), NOW + at) == expected


def test_only_policies_that_scale_want_anything() -> None:
    forecast_only, young = policy([5], Mode="ForecastOnly"), policy([])
    assert ahead([forecast_only, young], Bounds(1, 10), NOW) is None
    assert next_change([forecast_only], NOW) is None
    assert next_change([policy([5], SchedulingBufferTime=60)], NOW) == NOW + HOUR_S - 60


def test_of_several_forecasts_the_largest_counts() -> None:
    found = ahead([policy([2]), policy([4]), policy([3])], Bounds(1, 10), NOW)
    assert found is not None
    assert found.capacity == 4


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({}, Bounds(40, 40)),
        ({"MaxCapacityBreachBehavior": "HonorMaxCapacity"}, Bounds(40, 40)),
        ({"MaxCapacityBreachBehavior": "IncreaseMaxCapacity", "MaxCapacityBuffer": 10}, Bounds(50, 55)),
    ],
)
def test_the_upper_bound_gives_way_if_a_policy_lets_it(configuration: dict[str, Any], expected: Bounds) -> None:
    """The numbers are those of the API reference."""
    policies = [policy([50], **configuration)]
    assert effective(policies, Bounds(1, 40), NOW) == expected
    found = ahead(policies, Bounds(1, 40), NOW)
    assert found is not None
    assert found.capacity == expected.low


def test_how_many_instances_there_were_follows_from_what_they_served() -> None:
    metric = {"MetricDataQueries": [{"Id": "m", "Expression": "1"}]}
    told = {"TargetValue": 9, "CustomizedLoadMetricSpecification": metric}
    parts = {**told, "CustomizedScalingMetricSpecification": metric}
    capacity = metrics_of(policy([], MetricSpecifications=[parts])).capacity
    assert [each.get("Expression") for each in capacity] == [None, None, "served / each"]
    own = {**parts, "CustomizedCapacityMetricSpecification": metric}
    assert metrics_of(policy([], MetricSpecifications=[own])).capacity == metric["MetricDataQueries"]
