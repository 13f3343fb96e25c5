"""CreateScalingPlan, DescribeScalingPlans, UpdateScalingPlan, DeleteScalingPlan."""

from __future__ import annotations

from typing import Any

import pytest

from clary.resources.scaling_plans import SCALING_PLAN, PlanState
from clary.store.records import Change

NAMED = {"ScalingPlanName": "p", "ScalingPlanVersion": 1}


def create(plans: Any, source: Any, *instructions: Any, name: str = "p") -> Any:
    told = {"ScalingPlanName": name, "ApplicationSource": source, "ScalingInstructions": list(instructions)}
    return plans("CreateScalingPlan", **told)


def settle(aws: Any, state: PlanState = PlanState.ACTIVE) -> None:
    records = aws.store.records(aws.account, aws.region)
    records.update(records.find(SCALING_PLAN, "p"), Change(state=state))


def test_a_plan_is_made_described_changed_and_deleted(
    plans: Any, aws: Any, source: Any, instruction: Any, predictive: Any
) -> None:
    before = aws.store.clock()
    assert create(plans, source, instruction) == {"ScalingPlanVersion": 1}
    after = aws.store.clock()
    (shown,) = plans("DescribeScalingPlans")["ScalingPlans"]
    assert before <= shown.pop("StatusStartTime") <= shown.pop("CreationTime") <= after
    assert shown == {
        **NAMED, "ApplicationSource": source, "ScalingInstructions": [instruction], "StatusCode": "CreationInProgress",
    }  # fmt: skip
    settle(aws)
    plans("UpdateScalingPlan", **NAMED, ScalingInstructions=[predictive])
    (shown,) = plans("DescribeScalingPlans", ScalingPlanNames=["p"], ScalingPlanVersion=1)["ScalingPlans"]
    assert (shown["StatusCode"], shown["ScalingInstructions"]) == ("UpdateInProgress", [predictive])
    plans("DeleteScalingPlan", **NAMED)
    (shown,) = plans("DescribeScalingPlans", ApplicationSources=[source])["ScalingPlans"]
    assert shown["StatusCode"] == "DeletionInProgress"


def test_what_is_being_done_is_not_changed(plans: Any, source: Any, instruction: Any, refused: Any) -> None:
    create(plans, source, instruction)
    with refused("ConcurrentUpdateException", "CreationInProgress"):
        plans("UpdateScalingPlan", **NAMED, ScalingInstructions=[instruction])


def test_a_name_a_source_and_a_resource_belong_to_one_plan(
    plans: Any, source: Any, instruction: Any, refused: Any
) -> None:
    create(plans, source, instruction)
    other = {"TagFilters": [{"Key": "team", "Values": ["b"]}]}
    elsewhere = {**instruction, "ResourceId": "endpoint/f/variant/v"}
    with refused("ValidationException", "one scaling plan per application source"):
        create(plans, source, elsewhere, name="q")
    with refused("ValidationException", "belongs to another"):
        create(plans, other, instruction, name="q")
    with refused("ValidationException", "already exists"):
        create(plans, other, elsewhere)
    create(plans, other, elsewhere, name="q")
    first = plans("DescribeScalingPlans", MaxResults=1)
    second = plans("DescribeScalingPlans", MaxResults=1, NextToken=first["NextToken"])
    assert [each["ScalingPlanName"] for page in (first, second) for each in page["ScalingPlans"]] == ["p", "q"]
    with refused("InvalidNextTokenException"):
        plans("DescribeScalingPlans", NextToken="none")
    with refused("ValidationException", "cannot specify scaling plan names"):
        plans("DescribeScalingPlans", ScalingPlanNames=["p"], ApplicationSources=[source])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ResourceId": "table/t"}, "cannot be scaled"),
        ({"ServiceNamespace": "ecs"}, "cannot be scaled"),
        ({"MinCapacity": 5}, "MaxCapacity"),
        ({"TargetTrackingConfigurations": []}, "Between 1 and 10"),
        ({"TargetTrackingConfigurations": [{"TargetValue": 1.0}]}, "Exactly one"),
        (
            {
                "TargetTrackingConfigurations": [
                    {
                        "TargetValue": 1.0,
                        "PredefinedScalingMetricSpecification": {
                            "PredefinedScalingMetricType": "ASGAverageCPUUtilization"
                        },
                    }
                ]
            },
            "cannot be used",
        ),
        ({"PredictiveScalingMode": "ForecastOnly"}, "load metric"),
        (
            {"PredefinedLoadMetricSpecification": {"PredefinedLoadMetricType": "ASGTotalCPUUtilization"}},
            "no predefined load metrics",
        ),
        (
            {"CustomizedLoadMetricSpecification": {"MetricName": "m", "Namespace": "N", "Statistic": "Average"}},
            "valid statistic",
        ),
        (
            {
                "CustomizedLoadMetricSpecification": {"MetricName": "m", "Namespace": "N", "Statistic": "Sum"},
                "PredictiveScalingMaxCapacityBuffer": 10,
            },
            "SetMaxCapacityAboveForecastCapacity",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused(
    plans: Any, source: Any, instruction: Any, refused: Any, change: Any, text: str
) -> None:
    with refused("ValidationException", text):
        create(plans, source, {**instruction, **change})


def test_a_source_is_a_stack_or_tags(plans: Any, source: Any, instruction: Any, refused: Any) -> None:
    for wrong in ({}, {**source, "CloudFormationStackARN": "arn:aws:cloudformation:us-east-1:1:stack/s/1"}):
        with refused("ValidationException", "Exactly one"):
            create(plans, wrong, instruction)
    with refused("ValidationException", "one scaling instruction only"):
        create(plans, source, instruction, instruction)


def test_there_is_one_version_of_plans_that_are_there(plans: Any, source: Any, instruction: Any, refused: Any) -> None:
    with refused("ObjectNotFoundException"):
        plans("DeleteScalingPlan", **NAMED)
    create(plans, source, instruction)
    with refused("ValidationException", "version"):
        plans("DeleteScalingPlan", ScalingPlanName="p", ScalingPlanVersion=2)
