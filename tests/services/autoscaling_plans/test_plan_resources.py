"""DescribeScalingPlanResources, GetScalingPlanResourceForecastData."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.services.autoscaling_plans.conftest import TRACK, WHERE

from clary.resources.scaling import Scalable
from clary.resources.scaling_plans import SCALING_PLAN, PlanState
from clary.store.records import Change

NAMED = {"ScalingPlanName": "p", "ScalingPlanVersion": 1}
START = datetime(2026, 3, 11, 12, tzinfo=UTC)


@pytest.fixture
def made(plans: Any, source: Any, predictive: Any) -> Any:
    second = {**predictive, "ResourceId": "endpoint/f/variant/v", "DisableDynamicScaling": True}
    plans("CreateScalingPlan", ScalingPlanName="p", ApplicationSource=source, ScalingInstructions=[predictive, second])
    return plans


def apply(aws: Any, **seen: Any) -> None:
    records = aws.store.records(aws.account, aws.region)
    record = records.find(SCALING_PLAN, "p")
    resources = {Scalable.of(WHERE).name: {"look": 1.0, **seen}}
    records.update(record, Change(state=PlanState.ACTIVE, status={"resources": resources, "applied": 1, "since": 1.0}))


def test_resources_are_told_page_by_page(made: Any, aws: Any, refused: Any) -> None:
    first = made("DescribeScalingPlanResources", **NAMED, MaxResults=1)
    (shown,) = first["ScalingPlanResources"]
    (policy,) = shown.pop("ScalingPolicies")
    assert shown == {**NAMED, **WHERE, "ScalingStatusCode": "Inactive"}
    assert policy.pop("PolicyName").startswith("AutoScaling-p-")
    assert policy == {"PolicyType": "TargetTrackingScaling", "TargetTrackingConfiguration": TRACK}
    second = made("DescribeScalingPlanResources", **NAMED, NextToken=first["NextToken"])
    assert [each["ScalingPolicies"] for each in second["ScalingPlanResources"]] == [[]]
    assert "NextToken" not in second
    with refused("InvalidNextTokenException"):
        made("DescribeScalingPlanResources", **NAMED, NextToken="none")
    apply(aws)
    assert made("DescribeScalingPlanResources", **NAMED)["ScalingPlanResources"][0]["ScalingStatusCode"] == "Active"
    apply(aws, problem="it is gone")
    shown = made("DescribeScalingPlanResources", **NAMED)["ScalingPlanResources"][0]
    assert (shown["ScalingStatusCode"], shown["ScalingStatusMessage"]) == ("PartiallyActive", "it is gone")


@pytest.mark.parametrize(
    ("sort", "values"),
    [
        ("LoadForecast", [10.0, 20.0]),
        ("CapacityForecast", [0.0, 9.0]),
        ("ScheduledActionMinCapacity", [1.0, 4.0]),
        ("ScheduledActionMaxCapacity", [4.0, 4.0]),
    ],
)
def test_a_forecast_is_told_by_the_hour(made: Any, aws: Any, sort: str, values: list[float]) -> None:
    asked = {**NAMED, **WHERE, "ForecastDataType": sort, "StartTime": START, "EndTime": START + timedelta(hours=2)}
    assert made("GetScalingPlanResourceForecastData", **asked) == {"Datapoints": []}
    began = int(START.timestamp())
    apply(aws, forecast={"start": began, "loads": [10.0, 20.0, 30.0], "capacities": [0, 9, 9]})
    points = made("GetScalingPlanResourceForecastData", **asked)["Datapoints"]
    assert [each["Value"] for each in points] == values
    assert [each["Timestamp"] for each in points] == [began, began + 3600]


def test_a_forecast_is_told_of_the_plans_own_resources_and_of_a_week(made: Any, refused: Any) -> None:
    asked = {**NAMED, **WHERE, "ForecastDataType": "LoadForecast", "StartTime": START}
    with refused("ValidationException", "seven days"):
        made("GetScalingPlanResourceForecastData", **asked, EndTime=START + timedelta(days=8))
    with refused("ValidationException", "no resource of"):
        other = {**asked, "ResourceId": "endpoint/g/variant/v", "EndTime": START + timedelta(days=1)}
        made("GetScalingPlanResourceForecastData", **other)
